"""Runs -> PerformanceModel. Reading apart (`observe`), the fit is pure: frames in, model out.

What counts: invocations that ended well, by function, memory and architecture. What was throttled never ran; what
failed or timed out says nothing of how long success takes: its share is counted, not fitted. An invocation with an
init is an environment's first; an environment of provisioned concurrency reports none, so all of its count as warm.

    overhead [ms] = client latency - init - duration, of answered requests that reached Lambda

Runs of one model differ in configuration; their deployment is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution, Floats
from costmodel.performance.duration import FEWEST_FIRST, DurationModel
from costmodel.performance.init import InitModel
from costmodel.performance.lifetime import Lifetime, default_lifetime
from costmodel.performance.model import FunctionModel, PerformanceModel
from costmodel.performance.priors import duration_ratio
from costmodel.performance.replay import Window
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes, independent_number
from costmodel.performance.survival import NOT_SEEN, fit_lifetime
from loadgen.configuration import Configuration
from loadgen.deployment import ApiKind, Architecture, Deployment, Function
from loadgen.errors import RunError
from loadgen.measurements.production import Production
from loadgen.measurements.run import Run
from loadgen.quotas import Quotas

if TYPE_CHECKING:
    import pandas as pd

FEWEST_WARM = 20
"""Warm invocations that a memory size needs before it counts as measured."""
SHORTEST_WINDOW_S = 3600.0
"""A shorter run sees no environment end of age or idleness."""
_DEFAULT_LAW = "environment lifetime is not fitted (too few environments were seen to go), it is a default: {origin}"
_PARTLY_FITTED_LAW = "environment lifetime is {origin}"


@dataclass(frozen=True)
class Observation:
    """One run as the fit sees it: `joined` has a row a request, `inits` those that no invocation reported."""

    name: str
    deployment: Deployment
    configuration: Configuration
    quotas: Quotas
    joined: pd.DataFrame
    invocations: pd.DataFrame
    inits: pd.DataFrame


def fit(runs: Sequence[Run | Path | str], *, lifetime: Lifetime | None = None) -> PerformanceModel:
    """The model of what these runs measured. `lifetime=None`: the latest default.

    Raises InsufficientDataError, with what is needed, when a run was saturated, too little ended well, or the runs are
    of different deployments; RunError when a directory is no collected run, or its values are impossible.
    """
    observations = [observe(run if isinstance(run, Run) else Run(Path(run))) for run in runs]
    return fit_observations(observations, lifetime=lifetime)


def observe(run: Run) -> Observation:
    """Read a run. Raises InsufficientDataError when the load generator could not keep up."""
    from loadgen.measurements.joined import join

    finished, intent = run.finished, run.intent
    if finished is not None and finished.saturated:
        raise InsufficientDataError(
            f"{run.path}: saturated: the load generator could not keep up, its latencies are not the target's: "
            "run it again with more processes or a lower rate", run=run.path)
    return Observation(run.path.name, intent.target.deployment, intent.configuration, intent.quotas,
                       join(run).frame, run.frame("invocations"), _read_inits(run))


def fit_observations(observations: Sequence[Observation], *, lifetime: Lifetime | None = None) -> PerformanceModel:
    """The pure part of `fit`; the same errors."""
    if not observations:
        raise InsufficientDataError("no run was given: fit needs at least one collected run")
    _refuse_mixed(observations)
    deployment = observations[0].deployment
    invocations, inits, requests = _invocations(observations), _inits(observations), _requests(observations)
    _refuse_impossible(invocations, inits)
    invoked = [function for name, function in deployment.functions.items() if (invocations["function"] == name).any()]
    if not invoked:
        raise InsufficientDataError("no invocation in any run: check that the runs were collected (`loadgen collect`) "
                                    "and that not every request was throttled")
    law = lifetime or _lifetime(observations)
    notes = _lifetime_notes(law)
    functions = {function.name: _fit_function(function, invocations, inits, requests, notes) for function in invoked}
    configurations = tuple(dict.fromkeys(observation.configuration for observation in observations))
    overheads = _overheads(requests)
    return PerformanceModel(
        deployment, observations[-1].quotas, functions, overheads, law, configurations, tuple(notes))


def window_lifetime(window: Production) -> Lifetime:
    """The law that a production window shows, from the invocations of its last `log_days`; of each function since its
    last change, which replaced every environment.

    Raises InsufficientDataError when its logs were not read, they do not tell environments apart, or too few of these
    were seen to go; RunError when it is no window, or its reading was stopped.
    """
    asked, read_at, invocations = window.asked, window.reading.ended_at, window.invocations()
    if invocations.empty:
        raise InsufficientDataError(f"{window.path}: no invocation was in what was read on {read_at:%Y-%m-%d}: read a "
                                    "window with the functions' logs, `loadgen metrics --log-days 7`")
    changed = invocations["function"].map({name: asked.changed.get(name, asked.start) for name in set(invocations["function"])})
    lately = invocations[invocations["ended_at"] >= changed]
    _refuse_without_environments(lately, str(window.path))
    return fit_lifetime(list(_windows(lately)), label=f"production, {asked.logs_from:%Y-%m-%d} to {asked.end:%Y-%m-%d}")


def _refuse_without_environments(invocations: pd.DataFrame, where: str) -> None:
    """Raises InsufficientDataError for what the lifetime is seen by, when no invocation has it."""
    needed = (
        (_on_demand, "invocations ran in an environment on demand: those of SnapStart and provisioned concurrency follow other rules"),
        (_identified, "invocations on demand has the id of its environment: without it they cannot be told apart"),
        (_timed, "invocations with the id of their environment has a duration_ms: without it pauses have no beginning"),
    )
    for has, what in needed:
        left = invocations[has(invocations)]
        if left.empty and not invocations.empty:
            raise InsufficientDataError(f"{where}: environment lifetime: none of {len(invocations)} {what}: "
                                        "give another window, or none to keep the default law")
        invocations = left


def _lifetime_notes(law: Lifetime) -> list[str]:
    """What is to be known of a law that is not fitted, or not in all of its rules."""
    if not law.origin.startswith("fitted to"):
        return [_DEFAULT_LAW.format(origin=law.origin)]
    return [_PARTLY_FITTED_LAW.format(origin=law.origin)] if NOT_SEEN in law.origin else []


def _lifetime(observations: Sequence[Observation]) -> Lifetime:
    """The law that long runs show by themselves, else the default."""
    windows = [window for observation in observations for window in _windows(observation.invocations)]
    try:
        return fit_lifetime(windows)
    except InsufficientDataError:
        return default_lifetime()


def _windows(invocations: pd.DataFrame) -> Iterator[Window]:
    """Invocations over time by function and version, where it ran for hours and its environments are known."""
    import pandas as pd

    busy_s = (invocations["duration_ms"].fillna(0.0) + invocations["init_ms"].fillna(0.0)).astype("float64") / 1000
    begun = (invocations["ended_at"] - pd.to_timedelta(busy_s, unit="s")).astype(invocations["started_at"].dtype)
    started = invocations["started_at"].fillna(begun)
    frame = invocations.assign(busy_s=busy_s, started_at=started, version=invocations["version"].fillna("$LATEST"))
    known = frame[_on_demand(frame) & _identified(frame)]
    for _, rows in known.sort_values("started_at").groupby(["function", "version"]):
        start_s = (rows["started_at"] - rows["started_at"].iloc[0]).dt.total_seconds().to_numpy(dtype=np.float64)
        if start_s[-1] >= SHORTEST_WINDOW_S:
            environment = np.asarray(rows["environment"].astype("category").cat.codes, dtype=np.int64)
            yield Window(start_s, rows["busy_s"].to_numpy(dtype=np.float64), environment)


def _on_demand(invocations: pd.DataFrame) -> pd.Series[bool]:
    """Whether the environment was neither provisioned nor restored by SnapStart; records that do not say count as on demand."""
    return invocations["initialization"].fillna("on-demand") == "on-demand"


def _identified(invocations: pd.DataFrame) -> pd.Series[bool]:
    return invocations["environment"].notna()


def _timed(invocations: pd.DataFrame) -> pd.Series[bool]:
    return invocations["duration_ms"].notna()


def _fit_function(function: Function, invocations: pd.DataFrame, inits: pd.DataFrame, requests: pd.DataFrame,
                  notes: list[str]) -> FunctionModel:
    """One function's model; `notes` gains a sentence for every size that is left out."""
    own = invocations[invocations["function"] == function.name]
    well = own[own["outcome"] == "ok"]
    if well.empty:
        raise InsufficientDataError(f"{function.name}: all {len(own)} invocations failed: mend it and run again",
                                    function=function.name)
    ended = well[well["duration_ms"].notna()]
    warm, first = ended[~ended["first"]], ended[ended["first"]]
    sizes = _sizes(function.name, warm, notes)
    answered = requests[(requests["function"] == function.name) & requests["duration_ms"].notna()]
    return FunctionModel(
        name=function.name,
        duration=DurationModel(function.name, sizes, duration_ratio(function.runtime), _first(first, sizes)),
        init=InitModel.fitted(function, _inits_ms(own[own["first"]], inits[inits["function"] == function.name]),
                              list(_floats(own["restore_ms"]))),
        error_share=float((own["outcome"] != "ok").mean()),
        response_bytes=_mean(answered["response_bytes"]),
        log_bytes=_mean(warm["log_bytes"]),
        cold_log_bytes=_mean(first["log_bytes"]),
        max_memory_mb=None if own["max_memory_mb"].isna().all() else int(own["max_memory_mb"].max()),
    )


def _sizes(function: str, warm: pd.DataFrame, notes: list[str]) -> Mapping[Architecture, MeasuredSizes]:
    """The measured sizes by architecture, each with its curve."""
    found: dict[Architecture, list[MeasuredSize]] = {}
    short = []
    for architecture, memory_mb, rows in _by_size(warm):
        if not rows["duration_ms"].any():
            raise InsufficientDataError(f"{function}: all {len(rows)} durations at {memory_mb} MB {architecture} are 0 ms: "
                                        "nothing to fit: measure that size again", function=function)
        if len(rows) < FEWEST_WARM:
            short.append(f"{function}: {len(rows)} warm invocations at {memory_mb} MB {architecture}")
        else:
            found.setdefault(architecture, []).append(_size(memory_mb, rows))
    if not found:
        seen = "; ".join(short) or f"{function}: no warm invocation"
        raise InsufficientDataError(f"{seen}: {FEWEST_WARM} at one memory size are needed: run longer or faster",
                                    function=function)
    notes += [f"{sentence}, of {FEWEST_WARM} needed: left out" for sentence in short]
    return {architecture: MeasuredSizes.fitted(sizes, architecture) for architecture, sizes in found.items()}


def _size(memory_mb: int, rows: pd.DataFrame) -> MeasuredSize:
    """One size; in the order of time, neighbours that are alike count as fewer."""
    durations = _floats(rows.sort_values("started_at", kind="stable")["duration_ms"])
    used = rows["max_memory_mb"]
    return MeasuredSize(memory_mb, len(rows), Distribution.from_samples(durations), independent_number(durations),
                        None if used.isna().all() else int(used.max()))


def _first(first: pd.DataFrame, sizes: Mapping[Architecture, MeasuredSizes]) -> Distribution | None:
    """First invocations' durations over the mean warm one at their size; None: too few to tell."""
    relative: list[float] = []
    for architecture, memory_mb, rows in _by_size(first):
        size = sizes[architecture].measured(memory_mb) if architecture in sizes else None
        if size is not None and size.warm.mean:
            relative += [duration_ms / size.warm.mean for duration_ms in _floats(rows["duration_ms"])]
    return Distribution.from_samples(relative) if len(relative) >= FEWEST_FIRST else None


def _inits_ms(first: pd.DataFrame, apart: pd.DataFrame) -> dict[Architecture, list[float]]:
    """Init durations by architecture: of first invocations, and of environments that logged theirs apart."""
    import pandas as pd

    both = pd.concat([first[["architecture", "init_ms"]], apart[["architecture", "init_ms"]]])
    return {name: list(_floats(both.loc[both["architecture"] == name, "init_ms"])) for name in get_args(Architecture)}


def _overheads(requests: pd.DataFrame) -> dict[ApiKind, Distribution]:
    """By API kind, of answered requests that reached Lambda: client latency less init and duration [ms]."""
    reached = requests[(requests["outcome"] == "ok") & requests["duration_ms"].notna() & requests["latency_ms"].notna()]
    overhead = reached["latency_ms"] - reached["duration_ms"] - reached["init_ms"].fillna(0.0)
    return {kind: Distribution.from_samples(_floats(values)) for kind, values in overhead.groupby(reached["kind"])}


def _refuse_mixed(observations: Sequence[Observation]) -> None:
    """Runs of one model are of one deployment: the same code behind the same routes."""
    first = observations[0]
    for other in observations[1:]:
        if _identity(other.deployment) != _identity(first.deployment):
            raise InsufficientDataError(f"{first.name} and {other.name} are runs of different deployments: "
                                        "fit each deployment's runs apart")


def _refuse_impossible(*frames: pd.DataFrame) -> None:
    """Raises RunError for a time that is negative or endless, or a memory size of 0 MB or less: damaged rows."""
    for frame in frames:
        for column, least in (("duration_ms", 0), ("init_ms", 0), ("restore_ms", 0), ("memory_mb", 1)):
            if column in frame:
                values = frame[column].dropna().astype("float64")
                wrong = values[~((values >= least) & (values < np.inf))]
                if not wrong.empty:
                    raise RunError(f"{frame.loc[wrong.index[0], 'function']}: {column}={wrong.iloc[0]:g} in {len(wrong)} rows of "
                                   f"the runs: {least} or more is possible: collect again (`loadgen collect`)")


def _identity(deployment: Deployment) -> tuple[object, ...]:
    """What of a deployment a Configuration does not set."""
    functions = {name: (f.runtime, f.handler, f.package, f.code_uri) for name, f in deployment.functions.items()}
    return functions, {(route.api, route.name, route.function) for route in deployment.triggers}


def _invocations(observations: Sequence[Observation]) -> pd.DataFrame:
    """All invocations; `first`: the environment's first, with its init or, with SnapStart, its restore."""
    import pandas as pd

    frame = pd.concat([_on_architecture(o.invocations, o) for o in observations], ignore_index=True)
    return frame.assign(first=(frame["init_ms"].notna() & _on_demand(frame)) | frame["restore_ms"].notna())


def _inits(observations: Sequence[Observation]) -> pd.DataFrame:
    """Initialisations that ended well and that no invocation reported."""
    import pandas as pd

    frame = pd.concat([_on_architecture(o.inits, o) for o in observations], ignore_index=True)
    return frame[(frame["outcome"].fillna("ok") == "ok") & frame["init_ms"].notna()]


def _requests(observations: Sequence[Observation]) -> pd.DataFrame:
    """All requests of the load phase, with the API's kind."""
    import pandas as pd

    return pd.concat([o.joined[o.joined["phase"] != "warm"].assign(kind=o.configuration.api.kind) for o in observations],
                     ignore_index=True)


def _on_architecture(frame: pd.DataFrame, observation: Observation) -> pd.DataFrame:
    """The frame with the architecture that its function had: text REPORT lines do not say it."""
    declared = {name: function.architecture for name, function in observation.deployment.functions.items()}
    configured = {name: settings.architecture for name, settings in observation.configuration.functions.items()}
    known = frame["function"].map(declared | configured)
    logged = frame.get("architecture", known)
    return frame.assign(architecture=logged.fillna(known))


def _read_inits(run: Run) -> pd.DataFrame:
    """The frame of separate inits; without one, an empty one."""
    from loadgen.measurements.frames import INITS, to_pandas

    return run.frame("inits") if run.shards("inits") else to_pandas(INITS.arrow.empty_table())


def _by_size(frame: pd.DataFrame) -> Iterator[tuple[Architecture, int, pd.DataFrame]]:
    """The rows of each architecture and memory size."""
    for key, rows in frame.groupby(["architecture", "memory_mb"]):
        architecture, memory_mb = cast(tuple[Architecture, int], key)
        yield architecture, int(memory_mb), rows


def _floats(values: pd.Series[float]) -> Floats:
    return np.asarray(values.dropna(), dtype=np.float64)


def _mean(values: pd.Series[float]) -> float | None:
    return None if values.isna().all() else float(values.mean())
