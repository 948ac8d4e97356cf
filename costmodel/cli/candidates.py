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
    from loadgen.measurements.run import Run

Model = Annotated[Path, typer.Argument(help="A model that `costmodel fit` wrote.")]
FromRun = Annotated[Path, typer.Option("--run", help="The run, or the window that `loadgen metrics` read, whose traffic "
                                       "is the month's and whose setting is today's.")]
Apis = Annotated[str | None, typer.Option("--api", help="API kinds, as rest,http; else today's.")]
Memories = Annotated[str | None, typer.Option("--memory", help="Memory sizes [MB], as 256,512; else today's.")]
Architectures = Annotated[str | None, typer.Option("--architecture", help="As x86_64,arm64; else today's.")]
Provisioned = Annotated[str | None, typer.Option("--provisioned", help="Provisioned concurrency, as 0,2; else today's.")]
Caches = Annotated[str | None, typer.Option("--cache", help="Cache sizes [GB], as none,0.5; only for REST; else today's.")]
Requests = Annotated[float | None, typer.Option("--requests-per-month", help="Else the run's traffic without a pause.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the simulated arrivals.")]
Replications = Annotated[int, typer.Option(min=1, help="Simulations of each configuration.")]
MOST_WHOLE_HOURS_REQUESTS = 5_000_000
"""Requests of a window's period, about, whose hours are simulated in full."""
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def compared(model: Path, run: Path, *, api: str | None, memory: str | None, architecture: str | None,
             provisioned: str | None, cache: str | None, requests_per_month: float | None, seed: int, replications: int,
             quiet: bool) -> Comparison:
    """The comparison that the options ask for."""
    from costmodel.planning.comparison import compare
    from costmodel.pricing.price_book import PriceBook

    with progress(quiet=quiet) as say:
        say(f"reading {run}")
        asked = read_question(model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned,
                              cache=cache, requests_per_month=requests_per_month)
        say(f"predicting {len({asked.today, *asked.configurations})} configurations")
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
                  provisioned: str | None, cache: str | None, requests_per_month: float | None,
                  whole_hours: bool = False) -> Question:
    """Read the model, the run and the options; what no option sets is as today. Raises InputError that names the option."""
    from costmodel.performance.model import PerformanceModel
    from loadgen.configuration import grid

    fitted = PerformanceModel.load(model)
    month, today, region, notes = read_month(run, whole_hours=whole_hours)
    refuse_other_deployment(fitted.deployment, today, run)
    deployment = _deployed(fitted.deployment, today)
    apis = listed("--api", _given(api), _api_kind) or (today.api.kind,)
    environments = listed("--provisioned", _given(provisioned), int)
    caches_gb = listed("--cache", _given(cache), _cache_gb)
    if any(caches_gb) and "rest" not in apis:
        raise InputError(f"--cache = {cache!r}: only a REST API has a cache: add rest to --api, or leave it out")
    memories_mb = listed("--memory", _given(memory), int)
    processors = listed("--architecture", _given(architecture), _architecture)
    cached = caches_gb or (today.api.cache_gb,)
    found = [each for kind in apis for each in grid(
        deployment, api=(kind,), memory_mb=memories_mb, architecture=processors, provisioned=environments or (0,),
        cache_gb=cached if kind == "rest" else (None,))]
    configurations = [_as_today(each, today, provisioned=not environments) for each in found]
    if not configurations:
        raise InputError(f"--provisioned = {provisioned!r}: more than the functions' reserved concurrency: give less")
    workload = month if requests_per_month is None else month.scaled(requests_per_month)
    left_out = (*_left_out(deployment, apis, environments, caches_gb), *notes)
    return Question(fitted, workload, configurations, today, region, left_out)


def read_month(source: Path, *, whole_hours: bool = False) -> tuple[Workload, Configuration, str, tuple[str, ...]]:
    """The month that a run's or a window's traffic makes, the configuration that it met, its Region, and what a reader must
    know of how it ended. `whole_hours`: a window's hours are not shortened, unless they hold too many requests."""
    from costmodel.production import read_traffic
    from costmodel.traffic import MOST_REQUESTS
    from costmodel.workload import Workload
    from loadgen.measurements.production import Production
    from loadgen.measurements.run import Run

    production = Production(source)
    if not production.exists:
        run = Run(source)
        return Workload.from_run(run).scaled(), run.intent.configuration, run.intent.target.region, tuple(_ending(run))
    found = read_traffic(production)
    month = found.workload(MOST_WHOLE_HOURS_REQUESTS if whole_hours else MOST_REQUESTS)
    return month, found.configuration, production.asked.target.region, ()


def refuse_other_deployment(deployment: Deployment, configuration: Configuration, source: Path) -> None:
    """Raises InputError for a run, or a window, whose functions are not those that the model knows."""
    from loadgen.configuration import declared

    theirs, ours = set(configuration.functions), set(declared(deployment, configuration.api.kind).functions)
    if theirs != ours:
        names = ", ".join(sorted(theirs)) or "none"
        raise InputError(f"{source}: of another deployment than the model's (its functions: {names}; the model's: "
                         f"{', '.join(sorted(ours)) or 'none'}): fit a model to runs of this one")


def _ending(run: Run) -> Iterator[str]:
    finished = run.finished
    if finished is None or not finished.complete:
        why = "the run has not finished, or was killed" if finished is None else f"the run ended early ({finished.reason})"
        yield f"{run.path}: {why}: its traffic is that until its last request."
    if finished is not None and finished.saturated:
        yield (f"{run.path}: saturated: the load generator could not keep up; its arrivals are taken as scheduled, and none "
               "of its latencies.")


def _deployed(deployment: Deployment, today: Configuration) -> Deployment:
    """As if the template declared what is set today: what no option changes stays as it is."""
    functions = {name: replace(deployment.functions[name], memory_mb=each.memory_mb, architecture=each.architecture,
                               reserved=each.reserved, snap_start=each.snap_start) for name, each in today.functions.items()}
    apis = {name: replace(each, throttle_rps=today.api.throttle_rps, throttle_burst=today.api.throttle_burst,
                          cache_ttl_s=today.api.cache_ttl_s) for name, each in deployment.apis.items()}
    return replace(deployment, functions={**deployment.functions, **functions}, apis=apis)


def _as_today(configuration: Configuration, today: Configuration, *, provisioned: bool) -> Configuration:
    """With today's limits of routes, log levels and, where no option sets it, provisioned concurrency."""
    from loadgen.configuration import RouteSettings

    own, same_kind = configuration.api.routes, configuration.api.kind == today.api.kind
    routes = today.api.routes if same_kind else {**own, **{
        name: replace(each, cached=own.get(name, RouteSettings()).cached) for name, each in today.api.routes.items()}}
    functions = {}
    for name, settings in configuration.functions.items():
        now = today.functions.get(name, settings)
        functions[name] = replace(settings, log_level=now.log_level,
                                  provisioned=now.provisioned if provisioned else settings.provisioned)
    return replace(configuration.with_api(routes=routes), functions=functions)


def _given(text: str | None) -> list[str] | None:
    return None if text is None else [text]


def simulated(seed: int, replications: int) -> str:
    """Where the intervals come from."""
    if replications == 1:
        return f"Simulated once (seed {seed}): what chance does to the figures is not known; give more --replications."
    return f"Simulated {replications} times (seed {seed}): the 90 % intervals hold chance, and what durations may be off."


def _left_out(deployment: Deployment, apis: Iterable[ApiKind], environments: Iterable[int],
              caches_gb: Iterable[float | None]) -> Iterator[str]:
    """What AWS does not give, as `grid` leaves it out."""
    if any(caches_gb) and "http" in apis:
        yield "An HTTP API has no cache: the sizes of --cache are of the REST API's configurations alone."
    most = max(environments, default=0)
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
