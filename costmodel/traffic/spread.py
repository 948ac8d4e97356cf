"""How much a month may differ from what is expected of it: its level, its days and hours, its growth; estimated, and drawn.

What few days of counts cannot tell has a distribution of its own until they can (`DAY_SPREAD` and what follows).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from costmodel.traffic.counts import HOUR_S, Counts, Ints
from costmodel.traffic.dispersion import Floats, dispersion_of
from costmodel.traffic.factors import FIRST_OF_WEEKEND, WEEK_NEEDS_DAYS, fit_factors
from costmodel.workload import MONTH_HOURS

GROWTH_NEEDS_DAYS = 14
MONTH_DAYS = math.ceil(MONTH_HOURS / 24)
MEDIAN_SQUARE = 0.4549
"""Median of a standard normal variable's square."""

DAY_SPREAD = 0.1
"""How much days differ (standard deviation of the log) before any was seen: the mean of an exponential distribution."""
DAY_SPREADS = np.linspace(0.0, 1.5, 601)
PERSISTENCE = 0.3
"""Correlation of a day with the next before many were seen."""
GROWTH_SPREAD = 0.007
"""Standard deviation of growth a day before it was seen: 0.2 a month."""
MOST_GROWTH = 0.035
"""Growth a day that is carried on, at most: threefold a month. More is a step, not growth."""
WEEK_SPREAD = 0.35
"""Standard deviation of the log between workdays and weekend while only one of them was seen."""
LARGEST_LOG = 5.0
"""Of a day's factor, drawn."""


@dataclass(frozen=True)
class Spread:
    """How much the month may differ from what is expected of it."""

    days: tuple[float, ...]
    """Standard deviation of a day's log level: how likely each of `DAY_SPREADS` is."""
    persistence: float
    """Correlation of a day's log level with the next day's."""
    level: tuple[float, float]
    """Relative error of the level: as a multiple of a day's, and by chance."""
    growth: float
    """Standard deviation of the growth a day."""
    hours: float
    """Relative variance of an hour beside the same hour of other days."""
    unseen: tuple[int, ...]
    """Days of the week, from Monday, that nothing is known of."""

    def drawn_days(self, rng: np.random.Generator, months: int, slope: float, counted_days: float) -> Floats:
        """Factor of each day of months that follow `counted_days` of counts, shape (months, MONTH_DAYS), on what is expected of
        it; `slope`: the growth a day that is expected."""
        day = np.arange(MONTH_DAYS) + 0.5
        days = rng.choice(DAY_SPREADS, (months, 1), p=self.days)
        level = np.hypot(days * self.level[0], self.level[1]) * rng.standard_normal((months, 1))
        drift = slope * (day - MONTH_HOURS / 48) + self.growth * rng.standard_normal((months, 1)) * (day + counted_days / 2)
        own = rng.standard_normal((months, MONTH_DAYS))
        for each in range(1, MONTH_DAYS):
            own[:, each] = self.persistence * own[:, each - 1] + math.sqrt(1 - self.persistence**2) * own[:, each]
        week = np.isin(np.arange(MONTH_DAYS) % 7, self.unseen) * WEEK_SPREAD * rng.standard_normal((months, 1))
        return np.asarray(np.exp(np.clip(level + drift + days * own - days**2 / 2 + week, -LARGEST_LOG, LARGEST_LOG)))


def fit_spread(counts: Counts, trend: Floats, growth: float, hours: float) -> Spread:
    """What the counts leave open; `trend`: factor of each period by growth; `growth`, `hours`: as in Spread."""
    hour, weekday = counts.calendar()
    days, persistence = _day_spread(counts, hour, weekday, trend)
    level = min(_slowness(persistence) / math.sqrt(counts.days), 1.0), 1 / math.sqrt(counts.requests.sum())
    kinds = set((weekday >= FIRST_OF_WEEKEND).tolist())
    unseen = tuple(day for day in range(7) if (day >= FIRST_OF_WEEKEND) not in kinds)
    return Spread(tuple(days.tolist()), persistence, level, growth, hours, unseen)


def day_levels(counts: Counts, factor: Floats) -> tuple[Floats, Floats]:
    """Whole days from the counts' start [from the counts' middle], and the log of each one's level, that of all being 0."""
    requests, exposure = counts.by_day(counts.requests)[:, 0], counts.by_day(factor)[:, 0]
    expected = exposure * (requests.sum() / exposure.sum())
    return np.asarray(np.arange(requests.size) + 0.5 - counts.days / 2), np.asarray(np.log((requests + 0.5) / (expected + 0.5)))


def fit_growth(days: Floats, logs: Floats) -> tuple[float, float]:
    """Slope of a straight line beside a level for each day of the week (else the week's shape takes a part of it), and its
    standard deviation. Drawn towards none as far as the days leave it open."""
    columns = np.column_stack([days, np.round(days - days[0])[:, None] % 7 == np.arange(7)])
    found, *_ = np.linalg.lstsq(columns, logs)
    left, free = logs - columns @ found, days.size - columns.shape[1]
    error = math.sqrt((float(left @ left) + DAY_SPREAD**2) / (free + 1)) * _slowness(_persistence(left, free))
    variance = error**2 * float(np.linalg.inv(columns.T @ columns)[0, 0]) * free / (free - 2)  # Student's t
    weight = GROWTH_SPREAD**2 / (GROWTH_SPREAD**2 + variance)
    slope = float(found[0]) * weight
    return (slope, math.sqrt(variance * weight)) if abs(slope) <= MOST_GROWTH else (math.copysign(MOST_GROWTH, slope), GROWTH_SPREAD)


def hour_spread(counts: Counts, mean: Floats) -> float:
    """Relative variance of the hours of one day beside those of the others, beyond their minutes'; of a single day's beside
    the hours before and after them."""
    days, an_hour = int(counts.days), round(HOUR_S / counts.period_s)
    requests, expected = counts.by_day(counts.requests, 24), counts.by_day(mean, 24)
    if days < 2:
        hours = requests[0]
        expected = (hours[:-2] + hours[2:]) / 2
        square = np.median(np.square(hours[1:-1] / expected.clip(1.0) - 1)) / MEDIAN_SQUARE
        excess = float(((square / 1.5 - 1 / expected.clip(1.0)) * expected**2).sum())
    else:
        expected = expected * (requests.sum(axis=1) / np.maximum(expected.sum(axis=1), 1e-9))[:, None]
        free = (days - 1) * 23 / (days * 24)
        excess = float(((requests - expected) ** 2).sum()) / free - float(expected.sum())
    of_minutes = dispersion_of(counts.by_hour()) / an_hour if an_hour > 1 else 0.0
    return max(excess / max(float((expected**2).sum()), 1.0) - of_minutes, 0.0)


def _day_spread(counts: Counts, hour: Ints, weekday: Ints, trend: Floats) -> tuple[Floats, float]:
    """How likely each of DAY_SPREADS is, and the days' persistence. A day's log level varies by its spread and, by chance,
    by 1 / requests. Below two weeks a day is compared with all workdays, or the whole weekend."""
    days = int(counts.days)
    weeks = days >= GROWTH_NEEDS_DAYS
    kind = weekday if weeks else (weekday >= FIRST_OF_WEEKEND).astype(np.int64)
    daily, weekly = fit_factors(counts, hour, kind, trend, 7 if weeks else 2)
    _, logs = day_levels(counts, daily[hour] * weekly[kind] * trend)
    left = logs - logs.mean()
    fitted = 1 if days < WEEK_NEEDS_DAYS else 8 if weeks else 2
    free = max(days - fitted, 0)
    variance = DAY_SPREADS**2 + counts.days / counts.requests.sum()
    log = -DAY_SPREADS / DAY_SPREAD - free / 2 * np.log(variance) - float(left @ left) / (2 * variance)
    likely = np.exp(log - log.max())
    return likely / likely.sum(), _persistence(left, free)


def _persistence(left: Floats, free: int) -> float:
    """Correlation of neighbours; what was fitted takes about 1 / days off it."""
    squares = float(left @ left)
    if free < 2 or not squares:
        return PERSISTENCE
    found = float(left[1:] @ left[:-1]) / squares + (left.size - free) / left.size
    weight = free / (free + WEEK_NEEDS_DAYS)
    return float(np.clip(weight * found + (1 - weight) * PERSISTENCE, 0.0, 0.9))


def _slowness(persistence: float) -> float:
    """How much a mean's error grows because days follow each other."""
    return math.sqrt((1 + persistence) / (1 - persistence))
