"""Arrivals whose rate is drawn anew for every second and minute, by the over-dispersion of counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.traffic.dispersion import Floats
from loadgen.shapes import Shape


@dataclass(frozen=True)
class Bursty(Shape):
    """Steps of `step_s` at given rates, each rate multiplied by gamma noise of mean 1: for every (seconds, variance) of
    `dispersion` one factor in so many seconds. Arrivals are Poisson given the rate."""

    rates: tuple[float, ...]
    step_s: float
    dispersion: tuple[tuple[float, float], ...] = ()

    @property
    def duration_s(self) -> float:
        return self.step_s * len(self.rates)

    def rate(self, t: npt.ArrayLike) -> Floats:
        times = np.asarray(t, float)
        step = np.clip((times / self.step_s).astype(np.int64), 0, len(self.rates) - 1)
        return np.where((times >= 0) & (times <= self.duration_s), np.asarray(self.rates)[step], 0.0)

    def expected(self, t: npt.ArrayLike | None = None) -> Floats:
        edges = np.arange(len(self.rates) + 1) * self.step_s
        total = np.concatenate([[0.0], np.cumsum(np.asarray(self.rates) * self.step_s)])
        return np.asarray(np.interp(np.asarray(self.duration_s if t is None else t, float), edges, total))

    def arrivals(self, rng: np.random.Generator) -> Floats:
        """Pieces as long as the shortest noise lasts, cut at the steps' ends; a count for each, spread evenly."""
        scales = [seconds for seconds, _ in self.dispersion]
        piece_s = min([*scales, self.step_s])
        starts = np.concatenate([step * self.step_s + np.arange(0.0, self.step_s, piece_s) for step in range(len(self.rates))])
        ends = np.append(starts[1:], self.duration_s)
        mean = self.expected(ends) - self.expected(starts)
        for seconds, variance in self.dispersion:
            if variance > 0:
                number = (starts / seconds + 1e-9).astype(np.int64)
                mean = mean * rng.gamma(1 / variance, variance, int(number[-1]) + 1)[number]
        counts = rng.poisson(mean)
        return np.sort(np.repeat(starts, counts) + rng.random(int(counts.sum())) * np.repeat(ends - starts, counts))
