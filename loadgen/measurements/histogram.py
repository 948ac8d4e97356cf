"""Counts in logarithmic bins: live percentiles that merge over processes by addition.

Bin i holds values from GROWTH^(i - 1/2) to GROWTH^(i + 1/2), so a quantile is within 1 % of the sample it stands for.
Values are milliseconds; those below 1 µs count as 1 µs. For figures that are kept, use the rows, not this.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

GROWTH = 1.02
_PER_BIN = 1 / math.log(GROWTH)
_SMALLEST_MS = 1e-3


class Histogram:
    """Counts by bin. `bins` is plain data, as it travels in a worker's file."""

    def __init__(self, bins: Mapping[int, int] | None = None) -> None:
        self.bins: Counter[int] = Counter(bins or {})

    def add(self, value_ms: float) -> None:
        """Count one value [ms]."""
        self.bins[round(math.log(max(value_ms, _SMALLEST_MS)) * _PER_BIN)] += 1

    def quantile(self, q: float) -> float | None:
        """The value [ms] that a share `q` of the counts does not exceed; None without counts."""
        rank = math.ceil(q * self.bins.total())
        for index in sorted(self.bins):
            rank -= self.bins[index]
            if rank <= 0:
                return float(GROWTH**index)
        return None

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.bins + other.bins)

    def since(self, earlier: Histogram) -> Histogram:
        """What was counted after `earlier`."""
        return Histogram(self.bins - earlier.bins)
