"""How the hours of a day and the days of a week differ: factors of mean 1."""

from __future__ import annotations

import numpy as np

from costmodel.traffic.counts import Counts, Ints
from costmodel.traffic.dispersion import Floats

WEEK_NEEDS_DAYS = 7
FIRST_OF_WEEKEND = 5


def fit_factors(counts: Counts, hour: Ints, weekday: Ints, trend: Floats, kinds: int = 7) -> tuple[Floats, Floats]:
    """Daily and weekly factors, by turns, because hours and days may not be covered evenly."""
    daily, weekly = np.ones(24), np.ones(kinds)
    for _ in range(5):
        daily = _normalised(np.bincount(hour, counts.requests, 24) / np.bincount(hour, weekly[weekday] * trend, 24))
        if counts.days >= WEEK_NEEDS_DAYS:
            weekly = _normalised(np.bincount(weekday, counts.requests, kinds) / np.bincount(weekday, daily[hour] * trend, kinds))
    return daily, weekly


def smoothed(daily: Floats, noise: float) -> Floats:
    """Daily factors drawn towards the mean with the hours around, as far as chance (a relative variance) explains how they
    differ from it: else the busiest hour of few days is the luckiest."""
    around = (np.roll(daily, 1) + daily + np.roll(daily, -1)) / 3
    differ = float(np.mean((daily / np.maximum(around, 1e-9) - 1) ** 2))
    own = max(1 - 2 / 3 * noise / differ, 0.0) if differ else 1.0
    return _normalised(around + own * (daily - around))


def _normalised(values: Floats) -> Floats:
    return np.asarray(values / values.mean())
