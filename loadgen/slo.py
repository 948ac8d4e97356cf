"""Service level objectives: one grammar of thresholds, for runs and for plans.

    p95 < 300 ms, errors < 1 %, GET /products: p99 < 1 s

Comma-separated thresholds, each `[ROUTE: ]METRIC < LIMIT` or `<=`. Metrics: p50 p90 p95 p99 p99.9 mean, of the latency
[ms, counted from the scheduled arrival]; errors throttles cold, as shares [0 to 1]. k6's spelling is read too:
`p(95)<300`, `avg<200`, `med<100`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from loadgen.errors import InputError

LATENCIES = ("p50", "p90", "p95", "p99", "p99.9", "mean")
"""Metrics in ms."""
SHARES = ("errors", "throttles", "cold")
"""Metrics from 0 to 1: errors and throttles of all arrivals, cold of the invocations."""

_EXAMPLE = 'write it like "p95 < 300 ms, errors < 1 %, GET /products: p99 < 1 s"'
_ALIASES = {"avg": "mean", "med": "p50", "median": "p50"}
_UNITS_MS = {"": 1, "ms": 1, "s": 1000}
_THRESHOLD = re.compile(r"""
    (?:(?P<route>\S+\s+\S+?)\s*:\s+)?
    (?P<metric>[a-z][\w.()]*)\s*
    (?P<op>[<>=]+)\s*
    (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*(?P<unit>\S*)""", re.VERBOSE)


@dataclass(frozen=True)
class Threshold:
    """One limit. `limit`: ms or share, as the metric; `route=None`: over all routes."""

    metric: str
    op: str
    limit: float
    route: str | None = None

    def holds(self, value: float) -> bool:
        return value < self.limit or (self.op == "<=" and value == self.limit)

    def show(self, value: float) -> str:
        """A value of this metric with its unit: `312 ms`, `1.2 %`."""
        return f"{value * 100:.10g} %" if self.metric in SHARES else f"{value:.10g} ms"

    def __str__(self) -> str:
        prefix = f"{self.route}: " if self.route else ""
        return f"{prefix}{self.metric} {self.op} {self.show(self.limit)}"


@dataclass(frozen=True)
class SLO:
    """Thresholds that must all hold. `str()` gives text that parses to the same."""

    thresholds: tuple[Threshold, ...]

    @classmethod
    def parse(cls, text: str) -> SLO:
        """Read the grammar above. Raises InputError that names the part that is wrong and what is possible."""
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            raise InputError(f"slo = {text!r}: no threshold in it: {_EXAMPLE}")
        return cls(tuple(_threshold(part) for part in parts))

    def misses(self, value: Callable[[str, str | None], float | None]) -> tuple[str, ...]:
        """What does not hold, a text each: empty when all is met. A value of None is a miss, `unknown`.

        `value(metric, route)` gives ms or a share; route None asks for all routes together.
        """
        return tuple(miss for threshold in self.thresholds
                     if (miss := _miss(threshold, value(threshold.metric, threshold.route))) is not None)

    def __str__(self) -> str:
        return ", ".join(map(str, self.thresholds))


def _miss(threshold: Threshold, value: float | None) -> str | None:
    if value is None or math.isnan(value):
        return f"{threshold}: unknown"
    if threshold.holds(value):
        return None
    shown = threshold.show(float(f"{value:.4g}"))
    return f"{threshold}: {shown}"


def _threshold(part: str) -> Threshold:
    match = _THRESHOLD.fullmatch(part)
    if match is None:
        raise InputError(f"slo = {part!r}: not understood: {_EXAMPLE}")
    metric = _metric(match["metric"], part)
    if match["op"] not in ("<", "<="):
        raise InputError(f"slo = {part!r}: {match['op']}: a threshold is an upper limit: write < or <=")
    limit = float(_limit(metric, Decimal(match["number"]), match["unit"], part))
    route = " ".join(match["route"].split()) if match["route"] else None
    return Threshold(metric, match["op"], limit, route)


def _metric(word: str, part: str) -> str:
    metric = word.replace("(", "").replace(")", "")
    metric = _ALIASES.get(metric, metric)
    if metric not in (*LATENCIES, *SHARES):
        raise InputError(f"slo = {part!r}: {word}: no such metric (there are: {', '.join((*LATENCIES, *SHARES))})")
    return metric


def _limit(metric: str, number: Decimal, unit: str, part: str) -> Decimal:
    if metric in SHARES:
        return _share(metric, number, unit, part)
    if unit not in _UNITS_MS:
        raise InputError(f"slo = {part!r}: {unit}: a latency is in ms or s")
    return number * _UNITS_MS[unit]


def _share(metric: str, number: Decimal, unit: str, part: str) -> Decimal:
    if unit not in ("", "%"):
        raise InputError(f"slo = {part!r}: {unit}: {metric} is a share: write 1 % or 0.01")
    if not unit and number >= 1:
        raise InputError(f"slo = {part!r}: {number:g} without a unit: write {number:g} % or a share below 1")
    if number > 100:
        raise InputError(f"slo = {part!r}: {number:g} %: a share is at most 100 %")
    return number / 100 if unit else number
