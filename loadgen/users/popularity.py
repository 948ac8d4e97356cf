"""Which key a request asks for. Zipf: the k-th most popular of n keys with probability proportional to k^-s.

Web and API objects follow it with s near 0.6 to 1.2 (Breslau et al., "Web caching and Zipf-like distributions", 1999).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random


@dataclass(frozen=True)
class Zipf:
    """Keys 1 to `keys`, the first the most popular."""

    keys: int
    exponent: float = 1.0

    def draw(self, random: Random) -> int:
        """One key; in a task: `PRODUCTS.draw(self.random)`."""
        return bisect_left(self._cumulative, random.random() * self._cumulative[-1]) + 1

    @cached_property
    def _cumulative(self) -> list[float]:
        return list(accumulate(rank**-self.exponent for rank in range(1, self.keys + 1)))
