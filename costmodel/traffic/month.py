"""The month that follows the counts: its requests, its busiest minute, and itself as a Workload."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.errors import InputError
from costmodel.traffic.bursty import Bursty
from costmodel.traffic.counts import HOUR_S, MINUTE_S
from costmodel.traffic.dispersion import Floats, quantile
from costmodel.traffic.spread import MONTH_DAYS, Spread
from costmodel.traffic.surges import Surges
from costmodel.workload import MONTH_HOURS, Demand, Workload

MOST_REQUESTS = 500_000
"""Requests of a workload's period, about; hours are shortened for it."""
LEAST_HOUR_S = 120.0
MONTHS_DRAWN = 400
LEVEL = 0.9


@dataclass(frozen=True)
class Range:
    """A value and the interval that is meant to hold it with probability `level`."""

    value: float
    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True)
class Traffic:
    """What the counts say of a month; see the package."""

    level_rps: float
    """At the counts' middle; with growth, at their end."""
    daily: tuple[float, ...]
    """By hour of the day, mean 1."""
    weekly: tuple[float, ...]
    """By day of the week from Monday, mean 1."""
    dispersion: tuple[tuple[float, float], ...]
    """Pairs (seconds, over-dispersion that is new at that scale)."""
    days: float
    growth_per_day: Range | None
    """Of the log level; None: too few days."""
    spread: Spread
    surges: Surges
    notes: tuple[str, ...]

    @property
    def growth_per_month(self) -> Range | None:
        """As a share: 0.1 is 10 % more each month."""
        if self.growth_per_day is None:
            return None
        days = MONTH_HOURS / 24
        value, low, high = (math.expm1(days * each) for each in (
            self.growth_per_day.value, self.growth_per_day.low, self.growth_per_day.high))
        return Range(value, low, high)

    def month_level_rps(self) -> float:
        """Mean rate of the month that follows the counts."""
        return self.level_rps * math.exp(self._slope * MONTH_HOURS / 48)

    @property
    def _slope(self) -> float:
        return self.growth_per_day.value if self.growth_per_day else 0.0

    def hourly_rps(self) -> Floats:
        """Rate in each hour of a day, or of a week from Monday where days differ."""
        days = self.weekly if any(each != 1.0 for each in self.weekly) else (1.0,)
        return self.month_level_rps() * np.outer(days, self.daily).ravel()

    def workload(self, trigger: str, most_requests: float = MOST_REQUESTS, **demand: Any) -> Workload:
        """A month of it: cyclic, of the requests that the month will hold. `demand`: the other fields of Demand."""
        return month_of({trigger: self}, most_requests, **demand)

    def month_requests(self, seed: int = 0, months: int = 10 * MONTHS_DRAWN) -> Range:
        """Requests of the month that follows: those of `workload`, with an interval."""
        rng = np.random.default_rng(seed)
        hourly = np.resize(self.hourly_rps(), 24 * MONTH_DAYS) * HOUR_S
        hourly[int(MONTH_HOURS):] = 0.0
        mean = self.spread.drawn_days(rng, months, self._slope, self.days) @ hourly.reshape(-1, 24).sum(axis=1)
        shape = MONTH_HOURS / max(self.spread.hours, 1e-9)
        drawn = rng.poisson(mean * rng.gamma(shape, 1 / shape, months))
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        value = float(self.hourly_rps().mean()) * MONTH_HOURS * HOUR_S
        return Range(value, min(float(low), value), max(float(high), value))

    def peak_minute(self, seed: int = 0, months: int = MONTHS_DRAWN) -> Range:
        """Requests in the busiest minute of that month: median and interval."""
        rng = np.random.default_rng(seed)
        of_day, hours = self.spread.drawn_days(rng, months, self._slope, self.days), int(MONTH_HOURS)
        profile = np.asarray(self.surges.profile)
        mean = np.resize(self.hourly_rps(), hours) * MINUTE_S / profile.mean() * np.repeat(of_day, 24, axis=1)[:, :hours]
        if self.spread.hours > 0:
            mean = mean * rng.gamma(1 / self.spread.hours, self.spread.hours, mean.shape)
        highest = np.zeros(months)
        for factor, alike in zip(*np.unique(profile, return_counts=True), strict=True):
            minutes = alike * HOUR_S / MINUTE_S / profile.size
            drawn = quantile(rng.random(mean.shape) ** (1 / minutes), factor * mean, self.surges.dispersion)
            highest = np.maximum(highest, drawn.max(axis=1))
        highest = np.maximum(highest, self.surges.highest(rng, of_day.mean(axis=1)))
        low, middle, high = np.quantile(highest, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
        return Range(float(middle), float(low), float(high))


def month_of(traffic: Mapping[str, Traffic], most_requests: float = MOST_REQUESTS, **demand: Any) -> Workload:
    """A month of several triggers at once, each with its own shape and bursts. `demand`: the other fields of Demand."""
    if not traffic or not most_requests > 0:
        raise InputError(f"month: {len(traffic)} triggers, most_requests={most_requests}: give a Traffic by trigger, and a positive "
                         "number of requests")
    hours = max(each.hourly_rps().size for each in traffic.values())
    rates = {trigger: np.resize(each.hourly_rps(), hours) for trigger, each in traffic.items()}
    total = np.sum(list(rates.values()), axis=0)
    hour_s = float(np.clip(most_requests / total.sum(), LEAST_HOUR_S, HOUR_S))
    shapes = {trigger: Bursty(tuple(rates[trigger].tolist()), hour_s, each.dispersion) for trigger, each in traffic.items()}
    shortened = [f"Each hour of the traffic is simulated as {hour_s:,.0f} s at its rate: cold starts that follow a change of rate "
                 f"may count up to {HOUR_S / hour_s:.1f} times."] if hour_s < HOUR_S else []
    common = [note for note in next(iter(traffic.values())).notes if all(note in each.notes for each in traffic.values())]
    own = [f"{trigger}: {note}" for trigger, each in traffic.items() for note in each.notes if note not in common]
    period = Workload({trigger: Demand(shape, **demand) for trigger, shape in shapes.items()}, hour_s * hours,
                      notes=(*common, *own, *shortened), shortened=HOUR_S / hour_s)
    return period.scaled(float(total.mean()) * MONTH_HOURS * HOUR_S)
