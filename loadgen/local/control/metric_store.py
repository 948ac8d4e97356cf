"""Metric data as CloudWatch keeps it: by metric and minute, a datum being values and how often each was seen.

A metric is its namespace, its name and exactly its dimensions: fewer or other dimensions are another metric. Statistics
of a period are over all values in it; percentile p of n values is interpolated linearly, the x-th value of 0 … n - 1
standing at p = x / (n - 1) (CloudWatch's own estimate is undocumented).
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Dimensions = frozenset[tuple[str, str]]
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Metric(NamedTuple):
    """What tells one metric from another."""

    namespace: str
    name: str
    dimensions: Dimensions


@dataclass
class Period:
    """The values of one period, as far as they are known one by one, and their sums."""

    values: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    count: float = 0.0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    unit: str | None = None

    def add(self, value: float, count: float) -> None:
        """Add a value that was seen `count` times."""
        self.values[value] += count
        self.add_set(count, value * count, value, value)

    def add_set(self, count: float, total: float, least: float, most: float) -> None:
        """Add values of which only the sums are known."""
        self.count, self.total = self.count + count, self.total + total
        self.least, self.most = min(self.least, least), max(self.most, most)

    def merge(self, other: Period) -> None:
        """Add another period."""
        for value, count in other.values.items():
            self.values[value] += count
        self.add_set(other.count, other.total, other.least, other.most)
        self.unit = self.unit or other.unit

    def statistic(self, name: str) -> float | None:
        """A statistic by CloudWatch's name: Sum, p99.9, …; None when the data do not tell. ValueError: no such one."""
        if name in SIMPLE:
            return {"SampleCount": self.count, "Sum": self.total, "Average": self.total / self.count,
                    "Minimum": self.least, "Maximum": self.most}[name]
        match = _PERCENTILE.fullmatch(name)
        if match is None:
            raise ValueError(name)
        return self._percentile(float(match[1]) / 100) if self.values else None

    def _percentile(self, share: float) -> float:
        ordered = sorted(self.values.items())
        rank, seen = share * (sum(count for _, count in ordered) - 1), 0.0
        for index, (value, count) in enumerate(ordered):
            seen += count
            if rank <= seen - 1 or index + 1 == len(ordered):
                return value
            if rank < seen:
                return value + (rank - seen + 1) * (ordered[index + 1][0] - value)
        raise AssertionError("unreachable: a period has values")


class MetricStore:
    """All metrics of the account, by second of their data's time."""

    def __init__(self) -> None:
        self._metrics: dict[Metric, dict[int, Period]] = {}
        self._lock = threading.Lock()

    def add(self, metric: Metric, at_s: int, values: Iterable[tuple[float, float]], unit: str | None) -> None:
        """Add values and their counts at a time [epoch seconds]."""
        with self._lock:
            period = self._metrics.setdefault(metric, {}).setdefault(at_s, Period())
            period.unit = period.unit or unit
            for value, count in values:
                period.add(value, count)

    def add_set(self, metric: Metric, at_s: int, sums: tuple[float, float, float, float], unit: str | None) -> None:
        """Add a statistic set: count, sum, minimum, maximum."""
        with self._lock:
            period = self._metrics.setdefault(metric, {}).setdefault(at_s, Period())
            period.unit = period.unit or unit
            period.add_set(*sums)

    def metrics(self) -> list[Metric]:
        """Every metric that has data."""
        with self._lock:
            return list(self._metrics)

    def periods(self, metric: Metric, start_s: int, end_s: int, length_s: int) -> Iterator[tuple[int, Period]]:
        """Start [epoch s] and values of each period with data between start and end (excluded), oldest first.

        Periods begin at multiples of their length, as CloudWatch's do.
        """
        with self._lock:
            data = {at: period for at, period in self._metrics.get(metric, {}).items() if start_s <= at < end_s}
            merged: dict[int, Period] = {}
            for at in sorted(data):
                merged.setdefault(at - at % length_s, Period()).merge(data[at])
        yield from sorted(merged.items(), key=lambda item: item[0])
