"""A month of traffic from a few days of counts: CloudWatch metrics, or the times of an access log. Times are UTC.

Requests of one trigger in each period (a minute, where there are minutes) are taken as

    mean      level x daily[hour of the day] x weekly[day of the week] x exp(growth x days)      [requests/s]
    variance  of a period's count m:  m + d m^2        d: over-dispersion; 0 is Poisson

d comes from neighbouring periods, E[(x - y)^2 / 2] - E[(x + y) / 2] = d E[x y], so that slow changes do not count as
bursts; from an access log also for seconds. Days differ by a factor of their own, log-normal. A week's shape needs seven
days of counts, growth fourteen; with fewer there is none, and a note says so.

The month becomes a Workload: the day or week once, hours shortened alike where they would hold too many requests, with
the rate drawn anew (gamma) for every second and minute by its over-dispersion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError, InsufficientDataError
from costmodel.workload import MONTH_HOURS, Demand, Workload
from loadgen.shapes import Shape

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR_S, DAY_S = 3600.0, 86_400.0
MINUTE_S = 60.0
PERIODS_S = (60.0, 300.0, 3600.0)
WEEK_NEEDS_DAYS, GROWTH_NEEDS_DAYS = 7, 14
MOST_REQUESTS = 200_000
"""Requests of a workload's period, about; hours are shortened for it."""
LEAST_HOUR_S = 120.0
MONTHS_DRAWN = 400
LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Counts:
    """Requests in periods that follow each other: `start_s` [s since 1970, UTC], `requests` shape (periods,)."""

    start_s: float
    period_s: float
    requests: Floats
    second_dispersion: float | None = None
    """Over-dispersion of the seconds' counts; None: only periods are known."""
    empty: int = 0
    """Periods without a datapoint, taken as periods without requests."""

    def __post_init__(self) -> None:
        if self.period_s not in PERIODS_S or self.start_s % self.period_s:
            raise InputError(f"counts: period_s={self.period_s:g} from {self.start_s:g}: give full periods of 60, 300 or 3600 s")

    @classmethod
    def from_times(cls, at: npt.ArrayLike) -> Counts:
        """The times of an access log (datetime64 or pandas, UTC), by the minute. The first and the last minute are left
        out: the log covers only parts of them."""
        seconds = _epoch_s(at)
        if seconds.size < 2:
            raise InsufficientDataError(f"traffic: {seconds.size} times: give the access log of at least a day")
        begun, ended = math.floor(seconds.min() / MINUTE_S) + 1, math.floor(seconds.max() / MINUTE_S)
        by_minute = _tally(np.floor(seconds / MINUTE_S).astype(np.int64) - begun, ended - begun)
        by_second = _tally(np.floor(seconds).astype(np.int64) - begun * 60, (ended - begun) * 60)
        return cls(begun * MINUTE_S, MINUTE_S, by_minute, _dispersion(by_second))

    @classmethod
    def from_metrics(cls, frame: pd.DataFrame, metric: str, dimensions: str | None = None, *, start_s: float | None = None,
                     end_s: float | None = None) -> Counts:
        """Sums of one metric of a run's or an export's metrics frame (`at`, `period_s`, `metric`, `statistic`, `value`,
        `dimensions`). A period without a datapoint had no requests: CloudWatch then writes none. `start_s`, `end_s`
        [s since 1970]: the window that was asked for; None: from the first datapoint to the last."""
        rows = frame[(frame["metric"] == metric) & (frame["statistic"] == "Sum")]
        rows = rows if dimensions is None else rows[rows["dimensions"] == dimensions]
        periods = sorted({float(each) for each in rows["period_s"]})
        if len(periods) != 1 or rows["at"].duplicated().any():
            raise InputError(f"metrics: {len(rows)} sums of {metric!r}, periods {periods} s: give those of one period and, by "
                             "dimensions, of one API, stage or function")
        number = np.round(_epoch_s(rows["at"]) / periods[0]).astype(np.int64)
        first = number.min() if start_s is None else round(start_s / periods[0])
        last = number.max() if end_s is None else round(end_s / periods[0]) - 1
        within = (number >= first) & (number <= last)
        requests = np.bincount(number[within] - first, np.asarray(rows["value"], np.float64)[within], int(last - first) + 1)
        return cls(float(first) * periods[0], periods[0], requests.astype(np.float64),
                   empty=int(requests.size - within.sum()))

    @property
    def days(self) -> float:
        return self.requests.size * self.period_s / DAY_S


@dataclass(frozen=True)
class Range:
    """A value and the interval that is meant to hold it with probability `level`."""

    value: float
    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True)
class Traffic:
    """What the counts say; see the module."""

    level_rps: float
    """At the counts' middle; with growth, at their end."""
    daily: tuple[float, ...]
    """By hour of the day, mean 1."""
    weekly: tuple[float, ...]
    """By day of the week from Monday, mean 1."""
    dispersion: tuple[tuple[float, float], ...]
    """Pairs (seconds, over-dispersion that is new at that scale)."""
    day_spread: float
    """Standard deviation of a day's log level."""
    days: float
    growth_per_day: Range | None
    """Of the log level; None: too few days."""
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
        return self.level_rps * (math.exp(self._slope * MONTH_HOURS / 48) if self._slope else 1.0)

    @property
    def _slope(self) -> float:
        """Growth that is told from none."""
        growth = self.growth_per_day
        return growth.value if growth and (growth.low > 0 or growth.high < 0) else 0.0

    def hourly_rps(self) -> Floats:
        """Rate in each hour of a day, or of a week from Monday where days differ."""
        days = self.weekly if any(each != 1.0 for each in self.weekly) else (1.0,)
        return self.month_level_rps() * np.outer(days, self.daily).ravel()

    def workload(self, trigger: str, most_requests: float = MOST_REQUESTS, **demand: Any) -> Workload:
        """A month of it: cyclic, of the requests that the month will hold. `demand`: the other fields of Demand."""
        return month_of({trigger: self}, most_requests, **demand)

    def peak_minute(self, seed: int = 0, months: int = MONTHS_DRAWN) -> Range:
        """Requests in the busiest minute of a month: median and interval over months drawn with their minutes, the
        differences between days, and what the level's own error is after so few days."""
        from scipy.stats import nbinom, poisson

        rng, rates = np.random.default_rng(seed), self.hourly_rps()
        hours = int(MONTH_HOURS)
        days = math.ceil(hours / 24)
        error = self.day_spread / math.sqrt(max(self.days, 1.0)) * rng.standard_t(max(self.days - 1, 1.0), (months, 1))
        of_day = np.exp(error + self.day_spread * rng.standard_normal((months, days)))
        mean = np.resize(rates, hours) * MINUTE_S * np.repeat(of_day, 24, axis=1)[:, :hours]
        highest = rng.random(mean.shape) ** (MINUTE_S / HOUR_S)
        spread = sum(each / max(MINUTE_S / seconds, 1.0) for seconds, each in self.dispersion)
        drawn = nbinom.ppf(highest, 1 / spread, 1 / (1 + spread * mean)) if spread > 0 else poisson.ppf(highest, mean)
        low, middle, high = np.quantile(drawn.max(axis=1), [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
        return Range(float(middle), float(low), float(high))


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


def month_of(traffic: Mapping[str, Traffic], most_requests: float = MOST_REQUESTS, **demand: Any) -> Workload:
    """A month of several triggers at once, each with its own shape and bursts. `demand`: the other fields of Demand."""
    hours = max(each.hourly_rps().size for each in traffic.values())
    rates = {trigger: np.resize(each.hourly_rps(), hours) for trigger, each in traffic.items()}
    total = np.sum(list(rates.values()), axis=0)
    hour_s = float(np.clip(most_requests / total.sum(), LEAST_HOUR_S, HOUR_S))
    shapes = {trigger: Bursty(tuple(rates[trigger].tolist()), hour_s, each.dispersion) for trigger, each in traffic.items()}
    shortened = [f"Each hour of the traffic is simulated as {hour_s:,.0f} s at its rate."] if hour_s < HOUR_S else []
    common = [note for note in next(iter(traffic.values())).notes if all(note in each.notes for each in traffic.values())]
    own = [f"{trigger}: {note}" for trigger, each in traffic.items() for note in each.notes if note not in common]
    period = Workload({trigger: Demand(shape, **demand) for trigger, shape in shapes.items()}, hour_s * hours,
                      notes=(*common, *own, *shortened))
    return period.scaled(float(total.mean()) * MONTH_HOURS * HOUR_S)


def fit_traffic(counts: Counts) -> Traffic:
    """The month's shape from the counts. Raises InsufficientDataError below a day, or without requests."""
    if counts.days < 1 or not counts.requests.sum():
        raise InsufficientDataError(f"traffic: {counts.days * 24:.1f} h of counts with {counts.requests.sum():,.0f} requests: "
                                    "at least a day with requests is needed")
    hour, weekday = _calendar(counts)
    daily, weekly = _factors(counts, hour, weekday, np.ones_like(counts.requests))
    days, levels = _day_levels(counts, daily[hour])
    growth = _growth(days, np.log(levels)) if days.size >= GROWTH_NEEDS_DAYS else None
    slope = growth.value if growth and (growth.low > 0 or growth.high < 0) else 0.0
    trend = np.exp(slope * (np.arange(hour.size) - hour.size / 2) * counts.period_s / DAY_S)
    daily, weekly = _factors(counts, hour, weekday, trend)
    rest = np.log(_day_levels(counts, daily[hour] * weekly[weekday] * trend)[1])
    if counts.days >= WEEK_NEEDS_DAYS and days.size <= WEEK_NEEDS_DAYS:
        rest = np.log(_day_levels(counts, daily[hour])[1])
    free = days.size - (WEEK_NEEDS_DAYS if days.size > WEEK_NEEDS_DAYS else 1)
    spread = math.sqrt(float(((rest - rest.mean()) ** 2).sum()) / free) if free > 0 else 0.0
    level = float(counts.requests.sum() / (daily[hour] * weekly[weekday] * trend * counts.period_s).sum())
    return Traffic(level * math.exp(slope * counts.days / 2), tuple(daily.tolist()), tuple(weekly.tolist()), _scales(counts),
                   spread, counts.days, growth, tuple(_notes(counts, days.size, slope)))


def _calendar(counts: Counts) -> tuple[Ints, Ints]:
    """Hour of the day and day of the week (Monday 0) of each period."""
    at_s = counts.start_s + np.arange(counts.requests.size) * counts.period_s
    return (at_s % DAY_S // HOUR_S).astype(np.int64), ((at_s // DAY_S + 3) % 7).astype(np.int64)


def _factors(counts: Counts, hour: Ints, weekday: Ints, trend: Floats) -> tuple[Floats, Floats]:
    """Daily and weekly factors, by turns, because hours and days may not be covered evenly."""
    daily, weekly = np.ones(24), np.ones(7)
    for _ in range(5):
        daily = _normalised(np.bincount(hour, counts.requests, 24) / np.bincount(hour, weekly[weekday] * trend, 24))
        if counts.days >= WEEK_NEEDS_DAYS:
            weekly = _normalised(np.bincount(weekday, counts.requests, 7) / np.bincount(weekday, daily[hour] * trend, 7))
    return daily, weekly


def _normalised(values: Floats) -> Floats:
    return np.asarray(values / values.mean())


def _day_levels(counts: Counts, factor: Floats) -> tuple[Floats, Floats]:
    """Days [from the counts' middle] that are whole and had requests, and the level of each."""
    number = (counts.start_s + np.arange(counts.requests.size) * counts.period_s) // DAY_S
    first = int(number[0])
    day = number.astype(np.int64) - first
    covered, requests = np.bincount(day) * counts.period_s, np.bincount(day, counts.requests)
    usable = np.flatnonzero((covered >= DAY_S) & (requests > 0))
    levels = requests[usable] / np.bincount(day, factor * counts.period_s)[usable]
    middle = (counts.start_s + counts.requests.size * counts.period_s / 2) / DAY_S - first
    return np.asarray(usable + 0.5 - middle, np.float64), np.asarray(levels, np.float64)


def _growth(days: Floats, log_levels: Floats) -> Range:
    """Slope of a straight line beside a level for each day of the week (else the week's shape takes a part of it), with
    Student's interval."""
    from scipy.stats import t

    columns = np.column_stack([days, np.round(days - days[0])[:, None] % 7 == np.arange(7)])
    found, *_ = np.linalg.lstsq(columns, log_levels)
    left = log_levels - columns @ found
    free = days.size - columns.shape[1]
    error = math.sqrt(float(left @ left) / free * float(np.linalg.inv(columns.T @ columns)[0, 0]))
    slope, reach = float(found[0]), float(t.ppf((1 + LEVEL) / 2, free)) * error
    return Range(slope, slope - reach, slope + reach)


def _scales(counts: Counts) -> tuple[tuple[float, float], ...]:
    """Over-dispersion by scale: what the seconds explain of the periods' is taken off it."""
    of_periods, of_seconds = _dispersion(counts.requests), counts.second_dispersion
    if of_seconds is None:
        return ((counts.period_s, of_periods),)
    return (1.0, of_seconds), (counts.period_s, max(of_periods - of_seconds / counts.period_s, 0.0))


def _dispersion(requests: Floats) -> float:
    """From neighbours; 0 where they differ no more than Poisson counts do."""
    x, y = requests[:-1], requests[1:]
    together = float((x * y).sum())
    excess = float(((x - y) ** 2 / 2 - (x + y) / 2).sum())
    return max(excess / together, 0.0) if together else 0.0


def _notes(counts: Counts, whole_days: int, slope: float) -> list[str]:
    notes = [f"The month is made from {counts.days:.1f} days of counts."]
    if counts.empty:
        notes.append(f"{counts.empty:,} periods had no datapoint: they are taken as periods without requests.")
    if counts.days < WEEK_NEEDS_DAYS:
        notes.append(f"Days of the week are taken as alike: fewer than {WEEK_NEEDS_DAYS} days of counts.")
    if whole_days < 2:
        notes.append("How much days differ is not known from so few.")
    if whole_days < GROWTH_NEEDS_DAYS:
        notes.append(f"No growth: fewer than {GROWTH_NEEDS_DAYS} whole days of counts.")
    elif not slope:
        notes.append("No growth: the counts do not tell it from none.")
    if counts.period_s > MINUTE_S:
        notes.append(f"Bursts shorter than {counts.period_s:.0f} s are not in the counts: the busiest minute is underestimated.")
    return notes


def _tally(number: Ints, size: int) -> Floats:
    within = number[(number >= 0) & (number < size)]
    return np.bincount(within, minlength=max(size, 0)).astype(np.float64)


def _epoch_s(at: npt.ArrayLike) -> Floats:
    """Seconds since 1970 of numpy's or pandas' times."""
    import pandas as pd

    times = pd.DatetimeIndex(pd.to_datetime(at, utc=True))  # type: ignore[arg-type]
    since = times - pd.Timestamp(0, tz="UTC")
    return np.asarray(since.total_seconds(), np.float64)
