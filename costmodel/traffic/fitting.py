"""`fit_traffic`: a month's shape from the counts of a few days; the package says by which model."""

from __future__ import annotations

import math

import numpy as np

from costmodel.errors import InsufficientDataError
from costmodel.traffic.counts import DAY_S, HOUR_S, MINUTE_S, Counts
from costmodel.traffic.dispersion import dispersion_of
from costmodel.traffic.factors import WEEK_NEEDS_DAYS, fit_factors, smoothed
from costmodel.traffic.month import LEVEL, Range, Traffic
from costmodel.traffic.spread import GROWTH_NEEDS_DAYS, GROWTH_SPREAD, day_levels, fit_growth, fit_spread, hour_spread
from costmodel.traffic.surges import Surges, find_surges


def fit_traffic(counts: Counts) -> Traffic:
    """The month's shape from the counts. Raises InsufficientDataError below a day, or without requests."""
    _check_enough(counts)
    hour, weekday = counts.calendar()
    daily, weekly = fit_factors(counts, hour, weekday, np.ones_like(counts.requests))
    days, logs = day_levels(counts, daily[hour])
    growth = fit_growth(days, logs) if days.size >= GROWTH_NEEDS_DAYS else None
    slope, growth_spread = growth or (0.0, GROWTH_SPREAD)
    trend = np.exp(slope * (np.arange(hour.size) - hour.size / 2) * counts.period_s / DAY_S)
    if growth:
        daily, weekly = fit_factors(counts, hour, weekday, trend)
    factor = daily[hour] * weekly[weekday] * trend
    level = float(counts.requests.sum() / (factor * counts.period_s).sum())
    hours, surges = hour_spread(counts, level * factor * counts.period_s), find_surges(counts)
    noise = 24 / counts.requests.sum() + hours / counts.days + surges.dispersion * counts.period_s / HOUR_S / counts.days
    told = _range(*growth) if growth else None
    return Traffic(
        level * math.exp(slope * counts.days / 2), tuple(smoothed(daily, noise).tolist()), tuple(weekly.tolist()),
        _scales(counts, hours), counts.days, told, fit_spread(counts, trend, growth_spread, hours), surges,
        tuple(_notes(counts, days.size, told, surges)))


def _check_enough(counts: Counts) -> None:
    if counts.days < 1 or not counts.requests.sum():
        hours = math.floor(counts.days * 240) / 10
        raise InsufficientDataError(f"traffic: {hours:.1f} h of counts with {counts.requests.sum():,.0f} requests: "
                                    "at least a day with requests is needed (of a log: full minutes, or name its window)")


def _range(slope: float, deviation: float) -> Range:
    """The interval of a normal distribution."""
    from scipy.stats import norm

    reach = float(norm.ppf((1 + LEVEL) / 2) * deviation)
    return Range(slope, slope - reach, slope + reach)


def _scales(counts: Counts, hours: float) -> tuple[tuple[float, float], ...]:
    """Over-dispersion by scale: what the seconds explain of the periods' is taken off it."""
    rows, of_seconds = counts.by_hour(), counts.second_dispersion
    of_periods = dispersion_of(rows) if rows.shape[1] > 1 else hours
    if of_seconds is None:
        return ((counts.period_s, of_periods),)
    return (1.0, of_seconds), (counts.period_s, max(of_periods - of_seconds / counts.period_s, 0.0))


def _notes(counts: Counts, whole_days: int, growth: Range | None, surges: Surges) -> list[str]:
    even = counts.second_dispersion is None and counts.period_s <= MINUTE_S
    notes = [f"The month is made from {counts.days:.1f} days of counts." + even * (
        " They do not tell bursts within a minute: its requests come evenly (an access log's times tell).")]
    if counts.empty:
        notes.append(f"{counts.empty:,} periods had no datapoint: they are taken as periods without requests.")
    if counts.days < WEEK_NEEDS_DAYS:
        notes.append(f"Days of the week are taken as alike: fewer than {WEEK_NEEDS_DAYS} days of counts.")
    if whole_days < 2:
        notes.append("How much days differ is not known from so few.")
    if growth is None:
        notes.append(f"No growth: fewer than {GROWTH_NEEDS_DAYS} whole days of counts.")
    elif growth.low < 0 < growth.high:
        notes.append("The counts do not tell growth from none.")
    if surges.requests:
        notes.append(f"{len(surges.requests):,} of {surges.hours:,} hours had a minute beyond what bursts explain, up to "
                     f"{max(surges.requests):,.0f} requests: as many are expected again.")
    if counts.period_s > MINUTE_S:
        notes.append(f"Bursts shorter than {counts.period_s:.0f} s are not in the counts: the busiest minute is underestimated.")
    return notes
