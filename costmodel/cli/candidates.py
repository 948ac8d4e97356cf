"""What `predict`, `compare`, `optimise` and `report` have in common: which configurations, under which workload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from costmodel.errors import InputError
from loadgen.terminal import listed, progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from costmodel.performance.model import PerformanceModel
    from costmodel.planning.plan import Comparison
    from costmodel.workload import Workload
    from loadgen.configuration import Configuration
    from loadgen.deployment import ApiKind, Architecture, Deployment

Model = Annotated[Path, typer.Argument(help="A model that `costmodel fit` wrote.")]
FromRun = Annotated[Path, typer.Option("--run", help="The run, or the window that `loadgen metrics` read, whose traffic "
                                       "is the month's and whose setting is today's.")]
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
        found = compare(asked.model, asked.workload, asked.configurations, PriceBook.load(asked.region),
                        today=asked.today, seed=seed, replications=replications, progress=say)
    return replace(found, assumptions=(*asked.left_out, *found.assumptions))


@dataclass(frozen=True)
class Question:
    """What the options name: which configurations, by which model, under which traffic."""

    model: PerformanceModel
    workload: Workload
    configurations: list[Configuration]
    today: Configuration
    region: str
    left_out: tuple[str, ...] = ()
    """What was asked for and no configuration has, each a sentence with the reason."""


def read_question(model: Path, run: Path, *, api: str | None, memory: str | None, architecture: str | None,
                  provisioned: str, cache: str, requests_per_month: float | None) -> Question:
    """Read the model, the run and the options. Raises InputError that names the option."""
    from costmodel.performance.model import PerformanceModel
    from loadgen.configuration import grid

    fitted = PerformanceModel.load(model)
    month, today, region = read_month(run)
    apis = listed("--api", None if api is None else [api], _api_kind) or (today.api.kind,)
    environments = listed("--provisioned", [provisioned], int) or (0,)
    caches_gb = listed("--cache", [cache], _cache_gb) or (None,)
    if any(caches_gb) and "rest" not in apis:
        raise InputError(f"--cache = {cache!r}: only a REST API has a cache: add rest to --api, or leave it out")
    configurations = grid(
        fitted.deployment, api=apis, provisioned=environments, cache_gb=caches_gb,
        memory_mb=listed("--memory", None if memory is None else [memory], int),
        architecture=listed("--architecture", None if architecture is None else [architecture], _architecture),
    )
    workload = month if requests_per_month is None else month.scaled(requests_per_month)
    left_out = tuple(_left_out(fitted.deployment, apis, environments, caches_gb))
    return Question(fitted, workload, configurations, today, region, left_out)


def read_month(source: Path) -> tuple[Workload, Configuration, str]:
    """The month that a run's or a window's traffic makes, the configuration that it met, and its Region."""
    from costmodel.production import read_traffic
    from costmodel.workload import Workload
    from loadgen.measurements.production import Production
    from loadgen.measurements.run import Run

    production = Production(source)
    if production.exists:
        found = read_traffic(production)
        return found.workload(), found.configuration, production.asked.target.region
    run = Run(source)
    return Workload.from_run(run).scaled(), run.intent.configuration, run.intent.target.region


def _left_out(deployment: Deployment, apis: Iterable[ApiKind], environments: Iterable[int],
              caches_gb: Iterable[float | None]) -> Iterator[str]:
    """What AWS does not give, as `grid` leaves it out."""
    if any(caches_gb) and "http" in apis:
        yield "An HTTP API has no cache: the sizes of --cache are of the REST API's configurations alone."
    most = max(environments)
    for name, function in deployment.functions.items():
        if most and function.alias is None:
            yield f"{name} has no alias, hence no provisioned concurrency: it stays at 0."
        elif most and function.snap_start:
            yield f"{name} has SnapStart, which excludes provisioned concurrency: it stays at 0."
        elif function.reserved is not None and most > function.reserved:
            yield f"{name} has {function.reserved} reserved: configurations with more provisioned than that are left out."


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
