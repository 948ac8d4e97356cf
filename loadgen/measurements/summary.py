"""What a run measured: percentiles overall and by route, rates, outcomes, cold starts, throttles, and the SLO's verdict.

Of the phase `load` alone; warm-up is sent and billed, not judged. Latency counts from the scheduled arrival, response
time from the sending; both are over answered requests (ok or http_error), and exact (nearest rank): the values of one
column are kept, 8 bytes each, while the rows stream by. Shares are of all arrivals, the cold share of the invocations.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from loadgen.measurements.joined import Trail
from loadgen.measurements.run import Run
from loadgen.schema import Record
from loadgen.slo import SLO

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("phase", "route", "status", "outcome", "scheduled_at", "sent_at", "latency_ms", "response_ms",
           "gateway_request_id", "lambda_request_id")
ALL = "all"
"""The name under which all routes stand together."""
ANSWERED = ("ok", "http_error")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread(Record):
    """A column of times [ms]."""

    n: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    p99_9_ms: float
    max_ms: float

    @classmethod
    def of(cls, values: Floats) -> Spread | None:
        """Of an array of times [ms]; None when it is empty."""
        if not len(values):
            return None
        p50, p90, p95, p99, p99_9 = np.quantile(values, (0.5, 0.9, 0.95, 0.99, 0.999), method="inverted_cdf").tolist()
        return cls(len(values), float(values.mean()), p50, p90, p95, p99, p99_9, float(values.max()))


@dataclass(frozen=True)
class RouteSummary(Record):
    """One route, or all of them. None: nothing was measured, or it is unknown without the logs."""

    arrivals: int
    outcomes: Mapping[str, int]
    latency: Spread | None
    response: Spread | None
    errors: float | None
    """Share of arrivals that did not end well, throttled and dropped ones included."""
    throttles: float | None
    throttled_by: Mapping[str, int]
    cold: float | None
    cold_latency: Spread | None
    """Latency of the requests that waited for an init."""
    served_latency: Spread | None = None
    """Latency of the answered requests that nothing throttled: what a prediction's latency is of."""

    def value(self, metric: str) -> float | None:
        """A metric of the SLO grammar [ms or share]."""
        if metric in ("errors", "throttles", "cold"):
            share: float | None = getattr(self, metric)
            return share
        if self.latency is None:
            return None
        return float(getattr(self.latency, f"{metric.replace('.', '_')}_ms"))


@dataclass(frozen=True)
class Summary(Record):
    """A run in figures. Rates are per second, over the time from the first to the last scheduled arrival."""

    configuration: str
    routes: Mapping[str, RouteSummary]
    """By route, and `all`."""
    duration_s: float
    offered_rps: float | None
    sent_rps: float | None
    throughput_rps: float | None
    """Requests that ended well."""
    slo: str | None = None
    misses: tuple[str, ...] = ()
    """What the SLO demands and the run did not reach; empty: it is met, or there is none."""
    saturated: bool | None = None
    """The load generator could not keep up; None: the run did not finish."""
    unknown: tuple[str, ...] = ()

    @property
    def overall(self) -> RouteSummary:
        return self.routes[ALL]


@dataclass
class _Tally:
    """What is gathered of one route while the rows stream by."""

    outcomes: Counter[str] = field(default_factory=Counter)
    throttled_by: Counter[str] = field(default_factory=Counter)
    latency: list[Floats] = field(default_factory=list)
    response: list[Floats] = field(default_factory=list)
    cold_latency: list[Floats] = field(default_factory=list)
    served_latency: list[Floats] = field(default_factory=list)
    cold: int = 0
    invocations: int = 0

    def add(self, frame: pd.DataFrame) -> None:
        answered = frame[frame["outcome"].isin(ANSWERED)]
        self.outcomes.update(frame["outcome"].tolist())
        self.throttled_by.update(frame["throttled_by"].dropna().tolist())
        self.latency.append(_floats(answered["latency_ms"]))
        self.response.append(_floats(answered["response_ms"]))
        self.cold_latency.append(_floats(answered.loc[answered["cold"].fillna(False), "latency_ms"]))
        self.served_latency.append(_floats(answered.loc[answered["throttled_by"].isna(), "latency_ms"]))
        self.cold += int(frame["cold"].sum())
        self.invocations += int(frame["cold"].notna().sum())

    def summary(self, *, throttles_known: bool) -> RouteSummary:
        arrivals, throttled = self.outcomes.total(), self.throttled_by.total()
        return RouteSummary(
            arrivals, dict(self.outcomes), Spread.of(_joined(self.latency)), Spread.of(_joined(self.response)),
            errors=1 - self.outcomes["ok"] / arrivals,
            throttles=throttled / arrivals if throttles_known else None, throttled_by=dict(self.throttled_by),
            cold=self.cold / self.invocations if self.invocations else None,
            cold_latency=Spread.of(_joined(self.cold_latency)), served_latency=Spread.of(_joined(self.served_latency)))


def summarise(run: Run) -> Summary:
    """The figures of a run's load phase, judged by its own SLOs. Raises RunError when it has no requests."""
    trail, tallies, counts = Trail(run), defaultdict[str, _Tally](_Tally), Counter[str]()
    first, last = [], []
    for batch in trail.batches(run, COLUMNS):
        frame = batch[batch["phase"] != "warm"]
        if frame.empty:
            continue
        first.append(frame["scheduled_at"].min())
        last.append(frame["scheduled_at"].max())
        counts.update(sent=int(frame["sent_at"].notna().sum()), unseen=_unseen(frame))
        tallies[ALL].add(frame)
        for route, rows in frame.groupby("route"):
            tallies[str(route)].add(rows)
    routes = {name: tally.summary(throttles_known=not counts["unseen"]) for name, tally in tallies.items()}
    routes.setdefault(ALL, RouteSummary(0, {}, None, None, None, None, {}, None, None))
    duration_s = (max(last) - min(first)).total_seconds() if first else 0.0
    return _judged(run, routes, duration_s, counts)


def _judged(run: Run, routes: Mapping[str, RouteSummary], duration_s: float, counts: Counter[str]) -> Summary:
    intent, finished, overall = run.intent, run.finished, routes[ALL]

    def value(metric: str, route: str | None) -> float | None:
        found = routes.get(route or ALL)
        return None if found is None else found.value(metric)

    def per_s(count: int) -> float | None:
        return count / duration_s if duration_s > 0 else None

    slo = SLO.parse(", ".join(intent.slos)) if intent.slos else None
    unknown = (f"{counts['unseen']:,} failed requests without an access-log row: who rejected them",) \
        if counts["unseen"] else ()
    return Summary(
        intent.configuration.label, routes, duration_s, per_s(overall.arrivals), per_s(counts["sent"]),
        per_s(overall.outcomes.get("ok", 0)), str(slo) if slo else None, slo.misses(value) if slo else (),
        finished.saturated if finished else None, unknown)


def _unseen(frame: pd.DataFrame) -> int:
    """Failed requests that the access log should tell of and does not: whether they were throttled is unknown."""
    failed = frame["outcome"].eq("http_error") & frame["gateway_request_id"].notna()
    return int((failed & frame["gateway_status"].isna()).sum())


def _floats(column: pd.Series[float]) -> Floats:
    return np.asarray(column.dropna(), np.float64)


def _joined(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])
