"""One function on one architecture: the memory sizes that were measured, and what lies between and beyond them.

A measured size answers with its own durations. Elsewhere the mean is the curve's (see `curves`) times what the curve
missed at the nearest measured sizes, so that it is continuous through them, and the shape is a mix of the neighbours'
shapes, by ln(memory). Durations [ms], memory [MB].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from costmodel.performance.curves import PHASE_SPREAD, Curve, Floats, fit_curve, refit
from costmodel.performance.distributions import Distribution
from loadgen.schema import Record

FORM_SD = {2: (0.066, 0.25), 3: (0.047, 0.085)}
"""By number of sizes (3: or more), inside and outside the measured range: sd of ln(predicted / measured), from the 90 %
quantile of the errors over all pairs and triples of seven sizes of the four functions of memory_sweep_2020.csv."""


@dataclass(frozen=True)
class MeasuredSize(Record):
    """Durations [ms] of `n` warm invocations at one memory size."""

    memory_mb: int
    n: int
    warm: Distribution


@dataclass(frozen=True)
class MeasuredSizes(Record):
    """Sizes in ascending order, and the curve through them (None: only one size)."""

    sizes: tuple[MeasuredSize, ...]
    curve: Curve | None = None

    @classmethod
    def fitted(cls, sizes: tuple[MeasuredSize, ...]) -> MeasuredSizes:
        """The sizes, put in order, with the curve through them when there are two or more."""
        ordered = tuple(sorted(sizes, key=lambda size: size.memory_mb))
        model = cls(ordered)
        if len(ordered) < 2:
            return model
        low, high = PHASE_SPREAD
        spread = [size.warm.quantile(high) - size.warm.quantile(low) for size in ordered]
        return cls(ordered, fit_curve(model.memory_mb, model.means_ms, spread))

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
        return self.curve is not None or self.measured(memory_mb) is not None

    def inside(self, memory_mb: int) -> bool:
        """Whether the size lies within the measured range."""
        return bool(self.memory_mb[0] <= memory_mb <= self.memory_mb[-1])

    def durations_ms(self, memory_mb: int) -> Distribution:
        """Warm durations [ms] at a size that `answers`."""
        size = self.measured(memory_mb)
        if size is not None:
            return size.warm
        assert self.curve is not None
        return self._shape(memory_mb).scaled(_through(self.curve, self.memory_mb, self.means_ms, memory_mb))

    def mean_draws_ms(self, memory_mb: int, n: int, rng: np.random.Generator) -> Floats:
        """`n` draws of the mean warm duration [ms]: a parametric bootstrap of means, and the form's error."""
        drawn = np.column_stack([_mean_draws(size, n, rng) for size in self.sizes])
        if self.measured(memory_mb) is not None:
            return np.asarray(drawn[:, self.memory_mb == memory_mb][:, 0], dtype=np.float64)
        assert self.curve is not None
        curves = [refit(self.curve.form, self.memory_mb, means) for means in drawn]
        found = [_through(curve, self.memory_mb, means, memory_mb) for curve, means in zip(curves, drawn, strict=True)]
        sd = FORM_SD[min(len(self.sizes), 3)][0 if self.inside(memory_mb) else 1]
        return np.asarray(found * np.exp(rng.normal(0.0, sd, n)), dtype=np.float64)

    def _shape(self, memory_mb: int) -> Distribution:
        """The neighbours' distributions, each divided by its mean, mixed quantile by quantile: mean 1."""
        above = int(np.clip(np.searchsorted(self.memory_mb, memory_mb), 1, len(self.sizes) - 1))
        low, high = self.sizes[above - 1 : above + 1]
        share = np.interp(np.log(memory_mb), np.log([low.memory_mb, high.memory_mb]), [0.0, 1.0])
        n = max(low.warm.quantiles.size, high.warm.quantiles.size)
        left, right = (size.warm.samples(n) / size.warm.mean for size in (low, high))
        return Distribution((1 - share) * left + share * right)


def _through(curve: Curve, memory: Floats, means: Floats, at_mb: float) -> float:
    """The curve's mean at a size, times what it missed at the nearest measured sizes."""
    missed = np.interp(np.log(at_mb), np.log(memory), np.log(means / curve.mean_ms(memory)))
    return float(curve.mean_ms(at_mb) * np.exp(missed))


def _mean_draws(size: MeasuredSize, n: int, rng: np.random.Generator) -> Floats:
    error = size.warm.quantiles.std() / np.sqrt(size.n)
    return np.maximum(rng.normal(size.warm.mean, error, n), size.warm.mean / 10)
