"""What `predict`, `compare`, `optimise` and `report` have in common: which configurations, under which workload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from loadgen.terminal import listed, progress

if TYPE_CHECKING:
    from costmodel.performance.model import PerformanceModel
    from costmodel.planning.plan import Comparison
    from costmodel.workload import Workload
    from loadgen.configuration import Configuration
    from loadgen.deployment import ApiKind, Architecture

Model = Annotated[Path, typer.Argument(help="A model that `costmodel fit` wrote.")]
FromRun = Annotated[Path, typer.Option("--run", help="The run whose traffic is the month's, and today's setting.")]
Apis = Annotated[str | None, typer.Option("--api", help="API kinds, as rest,http; else today's.")]
Memories = Annotated[str | None, typer.Option("--memory", help="Memory sizes [MB], as 256,512; else the template's.")]
Architectures = Annotated[str | None, typer.Option("--architecture", help="As x86_64,arm64; else the template's.")]
Provisioned = Annotated[str, typer.Option("--provisioned", help="Provisioned concurrency, as 0,2.")]
Caches = Annotated[str, typer.Option("--cache", help="Cache sizes [GB], as none,0.5; only for REST.")]
Requests = Annotated[float | None, typer.Option("--requests-per-month", help="Else the run's traffic without a pause.")]
Seed = Annotated[int, typer.Option(help="Of the simulated arrivals.")]
Replications = Annotated[int, typer.Option(min=1, help="Simulations of each configuration.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def compared(model: Path, run: Path, *, api: str | None, memory: str | None, architecture: str | None, provisioned: str,
             cache: str, requests_per_month: float | None, seed: int, replications: int, quiet: bool) -> Comparison:
    """The comparison that the options ask for."""
    from costmodel.planning.comparison import compare
    from costmodel.pricing.price_book import PriceBook

    asked = read_question(model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned,
                          cache=cache, requests_per_month=requests_per_month)
    with progress(quiet=quiet) as say:
        return compare(asked.model, asked.workload, asked.configurations, PriceBook.load(asked.region),
                       today=asked.today, seed=seed, replications=replications, progress=say)


@dataclass(frozen=True)
class Question:
    """What the options name: which configurations, by which model, under which traffic."""

    model: PerformanceModel
    workload: Workload
    configurations: list[Configuration]
    today: Configuration
    region: str


def read_question(model: Path, run: Path, *, api: str | None, memory: str | None, architecture: str | None,
                  provisioned: str, cache: str, requests_per_month: float | None) -> Question:
    """Read the model, the run and the options. Raises InputError that names the option."""
    from costmodel.performance.model import PerformanceModel
    from costmodel.workload import Workload
    from loadgen.configuration import grid
    from loadgen.measurements.run import Run

    fitted, source = PerformanceModel.load(model), Run(run)
    today = source.intent.configuration
    configurations = grid(
        fitted.deployment,
        api=listed("--api", None if api is None else [api], _api_kind) or (today.api.kind,),
        memory_mb=listed("--memory", None if memory is None else [memory], int),
        architecture=listed("--architecture", None if architecture is None else [architecture], _architecture),
        provisioned=listed("--provisioned", [provisioned], int) or (0,),
        cache_gb=listed("--cache", [cache], _cache_gb) or (None,),
    )
    workload = Workload.from_run(source).scaled(requests_per_month)
    return Question(fitted, workload, configurations, today, source.intent.target.region)


def _api_kind(word: str) -> ApiKind:
    if word not in ("rest", "http"):
        raise ValueError(f"{word!r} is neither rest nor http")
    return cast("ApiKind", word)


def _architecture(word: str) -> Architecture:
    if word not in ("x86_64", "arm64"):
        raise ValueError(f"{word!r} is neither x86_64 nor arm64")
    return cast("Architecture", word)


def _cache_gb(word: str) -> float | None:
    return None if word == "none" else float(word)
