"""What an API in production used in a past window, from CloudWatch's metrics of it: an Activity to price like a run's.

Metrics have no billed duration and no INIT. Of n invocations whose durations add up to D ms

    billed = D + n / 2 ms        each is rounded up to 1 ms: between D and D + n
    INIT   = unknown

For the days whose logs were read, both are what the REPORT lines say; for the days before, INIT is taken at these days'
rate an invocation. A metric without a datapoint counted nothing: CloudWatch then writes none. What is not on the bill,
and by how much the rest may be off, is said (`window_notes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally, floats
from costmodel.errors import InsufficientDataError
from costmodel.metering import GIB, HTTP_UNIT_BYTES, billed_ms, gb_s
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.window_notes import ROUNDED_MS, missing, notes
from loadgen.measurements.production import (
    Asked,
    Dimensions,
    Production,
    alias_dimensions,
    api_dimensions,
    dimensions_text,
    function_dimensions,
    group_dimensions,
    route_dimensions,
)

if TYPE_CHECKING:
    import pandas as pd

    from loadgen.deployment import ApiKind



@dataclass(frozen=True)
class Sums:
    """Sums of a metrics frame's datapoints over the window, by series."""

    values: Mapping[tuple[str, str, str], float]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Sums:
        """Of all rows of the frame."""
        sums: Any = frame.groupby(["dimensions", "metric", "statistic"])["value"].sum()
        return cls({series: float(value) for series, value in sums.items()})

    def __call__(self, dimensions: Dimensions, metric: str, statistic: str = "Sum") -> float:
        """0 where there is no datapoint."""
        return self.values.get((dimensions_text(dimensions), metric, statistic), 0.0)


def observed_window(production: Production) -> Activity:
    """What the window's APIs and functions used. Raises RunError when not all was read, InsufficientDataError when there
    is nothing in it."""
    asked, frame = production.asked, production.metrics()
    if frame.empty:
        names = ", ".join(f"{api.name} ({api.id}/{api.stage})" for api in asked.target.apis.values())
        raise InsufficientDataError(
            f"{production.path}: CloudWatch has no datapoint of {names} in {asked.target.region} from "
            f"{asked.start:%Y-%m-%d %H:%M} to {asked.end:%Y-%m-%d %H:%M} UTC: check the target's account, Region and stage, "
            "or read a window with traffic (`loadgen metrics --days --end`)")
    window = Window(asked, frame, production.invocations(), production.inits(), production.reading.partial)
    tallies: list[Tally] = []
    for kind in asked.configurations:
        tallies += window.api_tallies(kind)
    for name in asked.functions:
        tallies += window.function_tallies(name)
    tallies += window.log_tallies()
    return Activity(asked.target.region, asked.hours, tuple(tallies), "measured", tuple(missing(window)),
                    tuple(notes(window)))


class Window:
    """A window's frames, and what follows from them API by API and function by function."""

    def __init__(self, asked: Asked, frame: pd.DataFrame, invocations: pd.DataFrame, inits: pd.DataFrame,
                 partial: bool) -> None:
        self.asked, self.frame, self.partial = asked, frame, partial
        self.sums = Sums.of(frame)
        before = frame["at"] < asked.logs_from
        self.before, self.within = Sums.of(frame[before]), Sums.of(frame[~before])
        self.invocations = invocations
        cold = invocations.loc[invocations["init_ms"].notna(), "environment"]
        self.inits = inits[~inits["environment"].isin(cold)]

    # APIs

    def api_tallies(self, kind: ApiKind) -> Iterator[Tally]:
        """By route where the stage tells it; what no route explains has none."""
        api = self.asked.target.api(kind)
        left = dict.fromkeys(("requests", "cache_hits", "response_bytes"), 0.0)
        left.update(self.counted(api_dimensions(api)))
        if kind in self.asked.by_route:
            for route in self.asked.target.deployment.routes(kind):
                counted = self.counted(route_dimensions(api, route))
                if counted["requests"]:
                    left = {name: max(left[name] - counted[name], 0.0) for name in left}
                    yield _route_tally(kind, route.name, counted)
        if left["requests"]:
            yield _route_tally(kind, "", left)
        cache_gb = self.asked.configurations[kind].api.cache_gb
        if cache_gb is not None:
            yield CacheTally(kind, cache_gb, self.asked.hours)

    def counted(self, dimensions: Dimensions) -> dict[str, float]:
        """Requests, cache hits and bytes of an API or a route."""
        return {"requests": self.sums(dimensions, "Count"), "cache_hits": self.sums(dimensions, "CacheHitCount"),
                "response_bytes": self.sums(dimensions, "DataProcessed")}

    # Functions

    def function_tallies(self, name: str) -> Iterator[Tally]:
        """A function's invocations by all its triggers together (metrics do not tell them apart), and its provisioned
        concurrency."""
        settings, dimensions = self.asked.functions[name], self.dimensions(name)
        rows = self.invocations[self.invocations["function"] == name]
        logged = _Logged.of(rows, self.inits[self.inits["function"] == name], settings.memory_mb)
        ran = self.sums(dimensions, "Invocations")
        unlogged = self.unlogged(name)
        mean_ms = self.mean_ms(dimensions)
        unlogged_ms = unlogged * (mean_ms + ROUNDED_MS) if mean_ms else 0.0
        provisioned = self._provisioned_share(name)
        init_ms = logged.init_ms_each * unlogged * (1 - provisioned)
        on_demand_gb_s = gb_s(unlogged_ms * (1 - provisioned) + init_ms, settings.memory_mb)
        if ran or self.sums(dimensions, "Throttles"):
            yield FunctionTally(
                name, "", settings.architecture, settings.memory_mb, invocations=ran,
                throttled=self.sums(dimensions, "Throttles"),
                cold_starts=logged.cold_starts + logged.cold_share * unlogged * (1 - provisioned),
                gb_s=logged.gb_s + on_demand_gb_s,
                init_gb_s=logged.init_gb_s + gb_s(init_ms, settings.memory_mb),
                provisioned_gb_s=logged.provisioned_gb_s + gb_s(unlogged_ms * provisioned, settings.memory_mb),
                log_bytes=self._log_bytes(name))
        environments = self.provisioned(name)
        if environments.any():
            kept = float(environments.mean())
            yield ProvisionedTally.kept(name, settings.architecture, settings.memory_mb, kept, self.asked.hours)

    def unlogged(self, name: str) -> float:
        """Invocations of which no REPORT line was read: before the logs' days, or lost in them."""
        dimensions = self.dimensions(name)
        return self.before(dimensions, "Invocations") + self.lost(name)

    def lost(self, name: str) -> float:
        """Invocations in the logs' days without a REPORT line that tells what was billed."""
        reported = self.invocations[self.invocations["function"] == name]["billed_ms"].notna().sum()
        return max(self.within(self.dimensions(name), "Invocations") - float(reported), 0.0)

    def dimensions(self, name: str) -> Dimensions:
        """Of all that a function does."""
        return function_dimensions(self.asked.target.functions[name].name)

    def mean_ms(self, dimensions: Dimensions) -> float:
        """Of the days before the logs', or of all; 0 where no duration was published, which `missing` says."""
        for sums in (self.before, self.sums):
            if count := sums(dimensions, "Duration", "SampleCount"):
                return sums(dimensions, "Duration") / count
        return 0.0

    def _alias(self, name: str) -> Dimensions | None:
        alias = self.asked.target.deployment.functions[name].alias
        return None if alias is None else alias_dimensions(self.asked.target.functions[name].name, alias)

    def _provisioned_share(self, name: str) -> float:
        """Of the invocations without a REPORT line, those in provisioned environments."""
        alias, ran = self._alias(name), self.before(self.dimensions(name), "Invocations")
        sums = self.before if ran else self.sums
        ran = ran or sums(self.dimensions(name), "Invocations")
        return min(sums(alias, "ProvisionedConcurrencyInvocations") / ran, 1.0) if alias and ran else 0.0

    def provisioned(self, name: str) -> pd.Series[float]:
        """Environments allocated in each period: executions over utilisation where something ran on them, elsewhere as
        in the period before; as configured now where nothing ever did."""
        import pandas as pd

        asked = self.asked
        periods = pd.date_range(asked.start, asked.end, freq=f"{asked.period_s}s", inclusive="left")
        used = self.allocated(name).reindex(periods).ffill().bfill()
        return used.fillna(float(asked.functions[name].provisioned)).astype(float)

    def allocated(self, name: str) -> pd.Series[float]:
        """What the metrics tell of it, by period; idle ones are not in it."""
        alias = self._alias(name)
        own = self.frame[self.frame["dimensions"] == dimensions_text(alias or ())]
        busy, share = (own[own["metric"] == f"Provisioned{metric}"].set_index("at")["value"].astype(float)
                       for metric in ("ConcurrentExecutions", "ConcurrencyUtilization"))
        return (busy / share[share > 0]).dropna().round()

    # Logs

    def log_tallies(self) -> Iterator[Tally]:
        """Log groups that are not one function's alone: the APIs' access logs, and what functions share."""
        for group, source in self.groups().items():
            ingested = self.sums(group_dimensions(group), "IncomingBytes")
            if ingested and (source == "vended" or not self._owner(group)):
                yield LogsTally(resource=group, source="lambda" if source == "lambda" else "vended",
                                ingested_gb=ingested / GIB)

    def groups(self) -> dict[str, str]:
        """Every log group, and who writes to it. Access logs are taken as vended: HTTP APIs deliver theirs so, and up to
        the first tier's end a REST API's cost the same."""
        target = self.asked.target
        groups = {api.log_group: "vended" for api in target.apis.values() if api.log_group}
        return groups | {function.log_group: "lambda" for function in target.functions.values()}

    def _owner(self, group: str) -> str | None:
        """The only function that writes to a group."""
        names = [name for name, function in self.asked.target.functions.items() if function.log_group == group]
        return names[0] if len(names) == 1 else None

    def _log_bytes(self, name: str) -> float:
        group = self.asked.target.functions[name].log_group
        return self.sums(group_dimensions(group), "IncomingBytes") if self._owner(group) == name else 0.0


@dataclass(frozen=True)
class _Logged:
    """What REPORT lines say of a function. `init_ms_each`, `cold_share`: of an on-demand invocation."""

    gb_s: float
    init_gb_s: float
    provisioned_gb_s: float
    cold_starts: float
    cold_share: float
    init_ms_each: float

    @classmethod
    def of(cls, rows: pd.DataFrame, inits: pd.DataFrame, memory_mb: int) -> _Logged:
        """Of a function's invocations and its initialisations apart."""
        billed, init, provisioned = floats(rows["billed_ms"]), floats(rows["init_ms"]), _is_provisioned(rows)
        ran_gb_s = gb_s(np.nan_to_num(billed), np.nan_to_num(floats(rows["memory_mb"]), nan=float(memory_mb)))
        init_ms = np.where(np.isnan(init), 0.0, np.maximum(billed - billed_ms(floats(rows["duration_ms"])), 0.0))
        apart_ms, apart_provisioned = np.nan_to_num(billed_ms(floats(inits["init_ms"]))), _is_provisioned(inits)
        on_demand_init_ms = float(np.nansum(init_ms[~provisioned]) + apart_ms[~apart_provisioned].sum())
        cold = float((rows["init_ms"].notna() | rows["restore_ms"].notna()).sum())
        on_demand = max(float((~provisioned).sum()), 1.0)
        return cls(
            gb_s=float(ran_gb_s[~provisioned].sum()) + gb_s(float(apart_ms[~apart_provisioned].sum()), memory_mb),
            init_gb_s=gb_s(on_demand_init_ms, memory_mb),
            provisioned_gb_s=float(ran_gb_s[provisioned].sum()) + gb_s(float(apart_ms[apart_provisioned].sum()), memory_mb),
            cold_starts=cold, cold_share=cold / on_demand, init_ms_each=on_demand_init_ms / on_demand)


def _route_tally(kind: ApiKind, route: str, counted: Mapping[str, float]) -> RouteTally:
    units = max(counted["requests"], counted["response_bytes"] / HTTP_UNIT_BYTES) if kind == "http" else 0.0
    return RouteTally(kind, route, requests=counted["requests"], units=units, cache_hits=counted["cache_hits"],
                      response_bytes=counted["response_bytes"])


def _is_provisioned(rows: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((rows["initialization"] == "provisioned").fillna(False), np.bool_)
