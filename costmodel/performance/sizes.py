"""One function on one architecture: the memory sizes that were measured, and what lies between and beyond them.

A measured size answers with its own durations. Elsewhere the mean is that of the curves (see `curves`), bent towards
what was measured within some 10 % of a measured size, and the shape is a mix of the neighbours' shapes, by ln(memory).
A size whose memory was nearly used up answers for itself alone: there durations rise steeply (garbage collection, page
faults), which says nothing of the others. Durations [ms], memory [MB].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from costmodel.errors import InsufficientDataError
from costmodel.performance.curves import VCPU_MB, Curves, Floats, fit_curves
from costmodel.performance.distributions import Distribution
from costmodel.performance.quota import PHASE_SPREAD
from loadgen.deployment import Architecture
from loadgen.schema import Record

NEARLY_FULL = 0.95
"""Share of its memory in use from which a size is nearly used up."""
_ALMOST = 0.8
"""The share of it at a size that was not measured, from which a duration may be much longer."""
_NEARBY = 0.1
"""ln(memory) over which what the curves missed at a measured size fades."""
_DRIFT = 0.06
"""Standard deviation of ln D for each ln(memory) from the nearest measured size, beside what the curves leave open. With it
80 to 95 % of the 90 % intervals held on some 80 published functions; of those of some 10 ms that mostly wait, with
unknown spread, 75 to 100 % (memory_sweep_2025_11, light)."""
_PRESSED, _COLLECTING = 0.6, 0.1
"""From this share of the memory in use the upper end of an interval rises with memory in use over free memory, as the work
of a garbage collector does (Appel 1987), by this much of the duration on average: a prior, nothing published sets it."""
_LEAST_MS = 0.001
"""Stands for a mean of nothing, which has no logarithm."""
_FEWEST_SPREAD = 5
"""Durations (or quantiles of them) that are needed to know how they spread."""


@dataclass(frozen=True)
class MeasuredSize(Record):
    """Durations [ms] of `n` warm invocations at one memory size."""

    memory_mb: int
    n: int
    warm: Distribution
    independent: float | None = None
    """How many independent invocations tell as much: fewer than `n` where neighbours are alike. None: `n`."""
    used_mb: int | None = None
    """The most memory that an invocation used [MB]; None: not known."""

    def __post_init__(self) -> None:
        if self.memory_mb < 1 or self.n < 1 or self.warm.quantiles[0] < 0:
            raise ValueError(f"memory_mb={self.memory_mb}, n={self.n}, warm from {self.warm.quantiles[0]:g} ms: "
                             "give a size and a number of 1 or more, and durations of 0 or more")
        if self.independent is not None and not 0 < self.independent < np.inf:
            raise ValueError(f"independent={self.independent}: give a number above 0, or null")

    @property
    def error_ms(self) -> float:
        """Standard error of the mean [ms]."""
        return float(self.warm.quantiles.std() / np.sqrt(self.independent or self.n))

    @property
    def spread_ms(self) -> float:
        """What lies between the PHASE_SPREAD quantiles [ms]; NaN: too few durations are known."""
        if self.warm.quantiles.size < _FEWEST_SPREAD:
            return float("nan")
        low, high = PHASE_SPREAD
        return self.warm.quantile(high) - self.warm.quantile(low)

    @property
    def nearly_full(self) -> bool:
        """Whether durations may be long for want of memory."""
        return self.used_mb is not None and self.used_mb >= NEARLY_FULL * self.memory_mb


@dataclass(frozen=True)
class MeasuredSizes(Record):
    """Sizes in ascending order."""

    sizes: tuple[MeasuredSize, ...]
    architecture: Architecture = "x86_64"

    @classmethod
    def fitted(cls, sizes: Iterable[MeasuredSize], architecture: Architecture = "x86_64") -> MeasuredSizes:
        """The sizes, put in order."""
        return cls(tuple(sorted(sizes, key=lambda size: size.memory_mb)), architecture)

    @cached_property
    def curve(self) -> Curves | None:
        """The curves through the sizes; None: fewer than two that have memory to spare."""
        return self.curves_with()

    @property
    def curve_off(self) -> float:
        """By how much the curve misses the mean of a measured size at most, over that mean."""
        if self.curve is None:
            return 0.0
        means = np.array([max(size.warm.mean, _LEAST_MS) for size in self._roomy])
        return float(np.abs(self.curve.mean_ms([size.memory_mb for size in self._roomy]) / means - 1).max())

    def curves_with(self, periods: bool | None = None) -> Curves | None:
        """The same of some forms alone (see `fit_curves`)."""
        sizes = self._roomy
        if len(sizes) < 2:
            return None
        means = np.maximum([size.warm.mean for size in sizes], _LEAST_MS)
        errors = np.array([size.error_ms for size in sizes]) / means
        return fit_curves([size.memory_mb for size in sizes], means, errors, [size.spread_ms for size in sizes],
                          vcpu_mb=VCPU_MB[self.architecture], periods=periods)

    @cached_property
    def memory_mb(self) -> Floats:
        return np.array([size.memory_mb for size in self.sizes], dtype=np.float64)

    @cached_property
    def means_ms(self) -> Floats:
        return np.array([size.warm.mean for size in self.sizes])

    def measured(self, memory_mb: int) -> MeasuredSize | None:
        """The size as it was measured; None: it was not."""
        return next((size for size in self.sizes if size.memory_mb == memory_mb), None)

    def answers(self, memory_mb: int) -> bool:
        """Whether anything can be said of this size: it was measured, or two others were."""
        return self.measured(memory_mb) is not None or len(self._roomy) >= 2

    def inside(self, memory_mb: int) -> bool:
        """Whether the size lies within the measured range."""
        return bool(self.memory_mb[0] <= memory_mb <= self.memory_mb[-1])

    def used_nearly(self, memory_mb: int) -> int | None:
        """The most memory that an invocation used at any size [MB], where this size would be nearly used up by it."""
        used_mb = max((size.used_mb for size in self.sizes if size.used_mb is not None), default=0)
        return used_mb if used_mb >= _ALMOST * memory_mb else None

    def durations_ms(self, memory_mb: int) -> Distribution:
        """Warm durations [ms] at a size that `answers`."""
        size = self.measured(memory_mb)
        return self._shape(memory_mb).scaled(self._mean_ms(memory_mb)) if size is None else size.warm

    def mean_draws_ms(self, memory_mb: int, n: int, rng: np.random.Generator) -> Floats:
        """`n` draws of the mean warm duration [ms]: what would be measured there, scatter between sizes included."""
        size = self.measured(memory_mb)
        if size is not None:
            away = rng.standard_t(max((size.independent or size.n) - 1, 1.0), n)
            return np.maximum(size.warm.mean + away * size.error_ms, size.warm.mean / 10)
        assert self.curve is not None
        drawn = rng.choice(self.curve.scatter.size, n)
        means = self.curve.draws_ms(memory_mb)[drawn, 0] * np.exp(self._missed(memory_mb))
        scatter = np.hypot(self.curve.scatter[drawn], _DRIFT * self._away(memory_mb))
        scattered = means * np.exp(rng.normal(0.0, scatter))
        pressure = self._pressure(memory_mb)
        return np.asarray(scattered * (1 + pressure * rng.exponential(_COLLECTING, n)) if pressure else scattered, dtype=np.float64)

    def next_memory_mb(self, candidates: Iterable[int]) -> int:
        """Which of the candidate sizes [MB] to measure next: the one that tells most of all of them.

        By how much the variance of ln D, summed over the candidates, is expected to shrink. Raises
        InsufficientDataError without two measured sizes to judge from, or without a candidate that was not measured.
        """
        sizes = [memory_mb for memory_mb in candidates if self.measured(memory_mb) is None]
        if self.curve is None or not sizes:
            raise InsufficientDataError("which size to measure next: two measured sizes are needed, and a candidate "
                                        "that was not measured: give more sizes")
        logs = np.log(self.curve.draws_ms(sizes))
        covariance = np.atleast_2d(np.cov(logs, rowvar=False))
        shrunk = (covariance**2).sum(axis=1) / (covariance.diagonal() + (self.curve.scatter**2).mean())
        return sizes[int(np.argmax(shrunk))]

    @property
    def _roomy(self) -> tuple[MeasuredSize, ...]:
        """The sizes that had memory to spare."""
        return tuple(size for size in self.sizes if not size.nearly_full)

    def _mean_ms(self, memory_mb: int) -> float:
        assert self.curve is not None
        return float(self.curve.mean_ms(memory_mb)[0] * np.exp(self._missed(memory_mb)))

    def _missed(self, memory_mb: int) -> float:
        """ln of what the curves miss, from the nearest measured size, fading with the distance."""
        assert self.curve is not None
        nearest = self._nearest(memory_mb)
        missed = np.log(max(nearest.warm.mean, _LEAST_MS) / self.curve.mean_ms(nearest.memory_mb)[0])
        return float(missed * np.exp(-self._away(memory_mb) / _NEARBY))

    def _nearest(self, memory_mb: int) -> MeasuredSize:
        return min(self._roomy, key=lambda size: abs(np.log(memory_mb / size.memory_mb)))

    def _pressure(self, memory_mb: int) -> float:
        """Memory in use over what is free, beyond what it is where _PRESSED of the memory is in use; 0: below, or not known."""
        used_mb = self._nearest(memory_mb).used_mb or 0
        share = min(used_mb / memory_mb, NEARLY_FULL)
        return max(share / (1 - share) - _PRESSED / (1 - _PRESSED), 0.0)

    def _away(self, memory_mb: int) -> float:
        """ln(memory) from the nearest measured size."""
        return float(abs(np.log(memory_mb / self._nearest(memory_mb).memory_mb)))

    def _shape(self, memory_mb: int) -> Distribution:
        """The neighbours' distributions, each divided by its mean, mixed quantile by quantile: mean 1."""
        above = int(np.clip(np.searchsorted(self.memory_mb, memory_mb), 1, len(self.sizes) - 1))
        low, high = self.sizes[above - 1 : above + 1]
        share = np.interp(np.log(memory_mb), np.log([low.memory_mb, high.memory_mb]), [0.0, 1.0])
        n = max(low.warm.quantiles.size, high.warm.quantiles.size)
        left, right = (size.warm.samples(n) / size.warm.mean if size.warm.mean else np.ones(n) for size in (low, high))
        return Distribution((1 - share) * left + share * right)


def independent_number(values: Floats) -> float:
    """How many independent values tell as much of the mean as these, in the order in which they were measured.

    n (1 - r)/(1 + r) with r the correlation of neighbours: durations of one environment, one host, one hour are alike.
    """
    away = values - values.mean()
    variance = float((away**2).mean())
    if values.size < 3 or variance == 0:
        return float(values.size)
    r = float(np.clip((away[1:] * away[:-1]).mean() / variance, 0.0, 0.9))
    return values.size * (1 - r) / (1 + r)
