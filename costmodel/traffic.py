"""A month of traffic from a few days of counts: CloudWatch metrics, or the times of an access log. Times are UTC.

Requests of one trigger in each period (a minute, where there are minutes) are taken as

    mean      level x daily[hour of the day] x weekly[day of the week] x exp(growth x days)      [requests/s]
    variance  of a period's count m:  m + d m^2        d: over-dispersion; 0 is Poisson

d comes from neighbouring periods, E[(x - y)^2 / 2] - E[(x + y) / 2] = d E[x y], so that slow changes do not count as
bursts; from an access log also for seconds. Days differ by a factor of their own, log-normal, hours within a day by
another, gamma. A week's shape needs seven days of counts, growth fourteen; with fewer there is none, and a note says so.

Intervals are those of months drawn from all that the counts leave open. What so few days cannot tell has a distribution of
its own until they can: how much days differ, growth, days of the week that were not seen (`DAY_SPREAD` and what follows).
A minute that the bursts do not explain is a surge (a retry storm, a job at a fixed time); surges return as often as they
were seen, with sizes like those seen. One rarer than the counts are long is in no interval.

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
FIRST_OF_WEEKEND = 5
MEDIAN_SQUARE = 0.4549
"""Median of a standard normal variable's square."""
LEAST_BUSY = 10.0
"""Requests of a period, in the mean of an hour, from which the hour's own level is told."""
PROFILE_ERRORS, PROFILE_LEAST = 5.0, 0.1
"""A minute of the hour stands out by so many standard errors and by such a share."""
MONTH_DAYS = math.ceil(MONTH_HOURS / 24)
MONTHS_DRAWN = 400
LEVEL = 0.9

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
SURGE_CHANCE = 0.01
"""A surge: minutes as high would be in counts without surges with this chance."""
SURGE_SPREAD = 0.3
"""How much the highest surges differ in size (log) before several were seen; it weighs as one of them."""


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
            raise InputError(f"counts: period_s={self.period_s} from {self.start_s}: give full periods of 60, 300 or 3600 s")
        requests = np.asarray(self.requests)
        if requests.ndim != 1 or requests.dtype.kind not in "iuf":
            raise InputError(f"counts.requests: shape {requests.shape}, {requests.dtype}: give a row of numbers, one a period")
        bad = np.flatnonzero(~((requests >= 0) & (requests < math.inf)))
        if bad.size:
            raise InputError(f"counts.requests[{bad[0]}]={requests[bad[0]]}: give finite numbers of 0 or more; a period that is not "
                             "known splits the counts: give those before or after it")
        object.__setattr__(self, "requests", requests.astype(np.float64))

    @classmethod
    def from_times(cls, at: npt.ArrayLike, *, start_s: float | None = None, end_s: float | None = None) -> Counts:
        """The times of an access log (datetime64 or pandas; without a time zone they are UTC), by the minute. `start_s`,
        `end_s` [s since 1970]: the window that the log covers, of which full minutes are taken; None: from the first to the
        last time, without their own two minutes, of which the log covers only parts."""
        seconds = _epoch_s(at)
        if seconds.size < 2:
            raise InsufficientDataError(f"traffic: {seconds.size} times: give the access log of at least a day")
        begun = math.floor(seconds.min() / MINUTE_S) + 1 if start_s is None else math.ceil(_finite("start_s", start_s) / MINUTE_S)
        ended = math.floor((seconds.max() if end_s is None else _finite("end_s", end_s)) / MINUTE_S)
        ended = max(ended, begun) if start_s is None and end_s is None else ended
        _check_window(begun, ended)
        by_minute = _tally(np.floor(seconds / MINUTE_S).astype(np.int64) - begun, ended - begun)
        by_second = _tally(np.floor(seconds).astype(np.int64) - begun * 60, (ended - begun) * 60)
        return cls(begun * MINUTE_S, MINUTE_S, by_minute, _dispersion(by_second.reshape(-1, 60)) if ended > begun else 0.0)

    @classmethod
    def from_metrics(cls, frame: pd.DataFrame, metric: str, dimensions: str | None = None, *, start_s: float | None = None,
                     end_s: float | None = None) -> Counts:
        """Sums of one metric of a run's or an export's metrics frame (`at`, `period_s`, `metric`, `statistic`, `value`,
        `dimensions`). A period without a datapoint had no requests: CloudWatch then writes none. `start_s`, `end_s`
        [s since 1970]: the window that was asked for; None: from the first datapoint to the last."""
        missing = [name for name in ("at", "period_s", "metric", "statistic", "value") if name not in frame]
        if missing:
            raise InputError(f"metrics: no column {', '.join(missing)}: give a run's or a window's metrics frame")
        rows = frame[(frame["metric"] == metric) & (frame["statistic"] == "Sum")]
        rows = rows if dimensions is None else rows[rows["dimensions"] == dimensions]
        periods = sorted({float(each) for each in rows["period_s"]})
        if len(periods) != 1 or rows["at"].duplicated().any():
            raise InputError(f"metrics: {len(rows)} sums of {metric!r}, periods {periods} s: give those of one period and, by "
                             "dimensions, of one API, stage or function")
        number = np.round(_epoch_s(rows["at"]) / periods[0]).astype(np.int64)
        first = number.min() if start_s is None else round(_finite("start_s", start_s) / periods[0])
        last = number.max() if end_s is None else round(_finite("end_s", end_s) / periods[0]) - 1
        _check_window(first, last + 1)
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


@dataclass(frozen=True)
class Surges:
    """Hours with minutes that the bursts do not explain: `requests` of the highest minute of each, among so many `hours`;
    `spread`: how far the log of such a size is from those seen. `profile`: factor of each minute of the hour where some are alike in
    all hours, 1 elsewhere; `dispersion`: over-dispersion of the other minutes."""

    requests: tuple[float, ...]
    hours: int
    spread: float
    profile: tuple[float, ...]
    dispersion: float


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
        mean = self._days_drawn(rng, months) @ hourly.reshape(-1, 24).sum(axis=1)
        shape = MONTH_HOURS / max(self.spread.hours, 1e-9)
        drawn = rng.poisson(mean * rng.gamma(shape, 1 / shape, months))
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        value = float(self.hourly_rps().mean()) * MONTH_HOURS * HOUR_S
        return Range(value, min(float(low), value), max(float(high), value))

    def peak_minute(self, seed: int = 0, months: int = MONTHS_DRAWN) -> Range:
        """Requests in the busiest minute of that month: median and interval."""
        rng = np.random.default_rng(seed)
        of_day, hours = self._days_drawn(rng, months), int(MONTH_HOURS)
        profile = np.asarray(self.surges.profile)
        mean = np.resize(self.hourly_rps(), hours) * MINUTE_S / profile.mean() * np.repeat(of_day, 24, axis=1)[:, :hours]
        if self.spread.hours > 0:
            mean = mean * rng.gamma(1 / self.spread.hours, self.spread.hours, mean.shape)
        highest = np.zeros(months)
        for factor, alike in zip(*np.unique(profile, return_counts=True), strict=True):
            minutes = alike * HOUR_S / MINUTE_S / profile.size
            drawn = _upper(rng.random(mean.shape) ** (1 / minutes), factor * mean, self.surges.dispersion)
            highest = np.maximum(highest, drawn.max(axis=1))
        highest = np.maximum(highest, self._surge(rng, of_day.mean(axis=1)))
        low, middle, high = np.quantile(highest, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
        return Range(float(middle), float(low), float(high))

    def _days_drawn(self, rng: np.random.Generator, months: int) -> Floats:
        """Factor of each day, shape (months, MONTH_DAYS), on what is expected."""
        spread, day = self.spread, np.arange(MONTH_DAYS) + 0.5
        days = rng.choice(DAY_SPREADS, (months, 1), p=spread.days)
        level = np.hypot(days * spread.level[0], spread.level[1]) * rng.standard_normal((months, 1))
        drift = self._slope * (day - MONTH_HOURS / 48) + spread.growth * rng.standard_normal((months, 1)) * (day + self.days / 2)
        own = rng.standard_normal((months, MONTH_DAYS))
        for each in range(1, MONTH_DAYS):
            own[:, each] = spread.persistence * own[:, each - 1] + math.sqrt(1 - spread.persistence**2) * own[:, each]
        week = np.isin(np.arange(MONTH_DAYS) % 7, spread.unseen) * WEEK_SPREAD * rng.standard_normal((months, 1))
        return np.asarray(np.exp(np.clip(level + drift + days * own - days**2 / 2 + week, -LARGEST_LOG, LARGEST_LOG)))

    def _surge(self, rng: np.random.Generator, level: Floats) -> Floats:
        """The highest surge of each month, 0 in a month without one."""
        seen, months = np.asarray(self.surges.requests), level.size
        if not seen.size:
            return np.zeros(months)
        number = rng.poisson(rng.gamma(seen.size + 0.5, 1 / self.surges.hours, months) * MONTH_HOURS)
        month = np.repeat(np.arange(months), number)
        size = rng.choice(seen, month.size) * np.exp(self.surges.spread * rng.standard_normal(month.size))
        highest = np.zeros(months)
        np.maximum.at(highest, month, level[month] * size)
        return highest


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
    if not traffic or not most_requests > 0:
        raise InputError(f"month: {len(traffic)} triggers, most_requests={most_requests}: give a Traffic by trigger, and a positive "
                         "number of requests")
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
        hours = math.floor(counts.days * 240) / 10
        raise InsufficientDataError(f"traffic: {hours:.1f} h of counts with {counts.requests.sum():,.0f} requests: "
                                    "at least a day with requests is needed (of a log: full minutes, or name its window)")
    hour, weekday = _calendar(counts)
    even = np.ones_like(counts.requests)
    daily, weekly = _factors(counts, hour, weekday, even)
    days, logs = _day_levels(counts, daily[hour])
    growth = _growth(days, logs) if days.size >= GROWTH_NEEDS_DAYS else None
    slope, growth_spread = growth or (0.0, GROWTH_SPREAD)
    trend = np.exp(slope * (np.arange(hour.size) - hour.size / 2) * counts.period_s / DAY_S)
    if growth:
        daily, weekly = _factors(counts, hour, weekday, trend)
    spreads, persistence = _day_spread(counts, hour, weekday, trend)
    factor = daily[hour] * weekly[weekday] * trend
    level = float(counts.requests.sum() / (factor * counts.period_s).sum())
    hours, surges = _hour_spread(counts, level * factor * counts.period_s), _surges(counts)
    noise = (24 / counts.requests.sum() + hours / counts.days + surges.dispersion * counts.period_s / HOUR_S / counts.days)
    daily = _smoothed(daily, noise)
    of_level = min(_slowness(persistence) / math.sqrt(counts.days), 1.0), 1 / math.sqrt(counts.requests.sum())
    kinds = set((weekday >= FIRST_OF_WEEKEND).tolist())
    unseen = tuple(day for day in range(7) if (day >= FIRST_OF_WEEKEND) not in kinds)
    reach = float(_normal_reach() * growth_spread)
    return Traffic(
        level * math.exp(slope * counts.days / 2), tuple(daily.tolist()), tuple(weekly.tolist()), _scales(counts, hours),
        counts.days, Range(slope, slope - reach, slope + reach) if growth else None,
        Spread(tuple(spreads.tolist()), persistence, of_level, growth_spread, hours, unseen), surges,
        tuple(_notes(counts, days.size, growth, surges)))


def _calendar(counts: Counts) -> tuple[Ints, Ints]:
    """Hour of the day and day of the week (Monday 0) of each period."""
    at_s = counts.start_s + np.arange(counts.requests.size) * counts.period_s
    return (at_s % DAY_S // HOUR_S).astype(np.int64), ((at_s // DAY_S + 3) % 7).astype(np.int64)


def _factors(counts: Counts, hour: Ints, weekday: Ints, trend: Floats, kinds: int = 7) -> tuple[Floats, Floats]:
    """Daily and weekly factors, by turns, because hours and days may not be covered evenly."""
    daily, weekly = np.ones(24), np.ones(kinds)
    for _ in range(5):
        daily = _normalised(np.bincount(hour, counts.requests, 24) / np.bincount(hour, weekly[weekday] * trend, 24))
        if counts.days >= WEEK_NEEDS_DAYS:
            weekly = _normalised(np.bincount(weekday, counts.requests, kinds) / np.bincount(weekday, daily[hour] * trend, kinds))
    return daily, weekly


def _smoothed(daily: Floats, noise: float) -> Floats:
    """Daily factors drawn towards the mean with the hours around, as far as chance (a relative variance) explains how they
    differ from it: else the busiest hour of few days is the luckiest."""
    around = (np.roll(daily, 1) + daily + np.roll(daily, -1)) / 3
    differ = float(np.mean((daily / np.maximum(around, 1e-9) - 1) ** 2))
    own = max(1 - 2 / 3 * noise / differ, 0.0) if differ else 1.0
    return _normalised(around + own * (daily - around))


def _normalised(values: Floats) -> Floats:
    return np.asarray(values / values.mean())


def _day_levels(counts: Counts, factor: Floats) -> tuple[Floats, Floats]:
    """Whole days from the counts' start [from the counts' middle], and the log of each one's level, that of all being 0."""
    days, each = int(counts.days), round(DAY_S / counts.period_s)
    requests = counts.requests[:days * each].reshape(days, each).sum(axis=1)
    exposure = factor[:days * each].reshape(days, each).sum(axis=1)
    expected = exposure * (requests.sum() / exposure.sum())
    return np.asarray(np.arange(days) + 0.5 - counts.days / 2), np.asarray(np.log((requests + 0.5) / (expected + 0.5)))


def _day_spread(counts: Counts, hour: Ints, weekday: Ints, trend: Floats) -> tuple[Floats, float]:
    """How likely each of DAY_SPREADS is, and the days' persistence. A day's log level varies by its spread and, by chance,
    by 1 / requests. Below two weeks a day is compared with all workdays, or the whole weekend."""
    days = int(counts.days)
    weeks = days >= GROWTH_NEEDS_DAYS
    kind = weekday if weeks else (weekday >= FIRST_OF_WEEKEND).astype(np.int64)
    daily, weekly = _factors(counts, hour, kind, trend, 7 if weeks else 2)
    _, logs = _day_levels(counts, daily[hour] * weekly[kind] * trend)
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


def _growth(days: Floats, logs: Floats) -> tuple[float, float]:
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


def _hour_spread(counts: Counts, mean: Floats) -> float:
    """Relative variance of the hours of one day beside those of the others, beyond their minutes'; of a single day's beside
    the hours before and after them."""
    days, each, an_hour = int(counts.days), round(DAY_S / counts.period_s), round(HOUR_S / counts.period_s)
    requests, expected = (values[:days * each].reshape(days, 24, an_hour).sum(axis=2) for values in (counts.requests, mean))
    if days < 2:
        hours = requests[0]
        expected = (hours[:-2] + hours[2:]) / 2
        square = np.median(np.square(hours[1:-1] / expected.clip(1.0) - 1)) / MEDIAN_SQUARE
        excess = float(((square / 1.5 - 1 / expected.clip(1.0)) * expected**2).sum())
    else:
        expected = expected * (requests.sum(axis=1) / np.maximum(expected.sum(axis=1), 1e-9))[:, None]
        free = (days - 1) * 23 / (days * 24)
        excess = float(((requests - expected) ** 2).sum()) / free - float(expected.sum())
    of_minutes = _dispersion(_hours(counts)) / an_hour if an_hour > 1 else 0.0
    return max(excess / max(float((expected**2).sum()), 1.0) - of_minutes, 0.0)


def _hours(counts: Counts) -> Floats:
    """The periods of whole hours, shape (hours, periods of one)."""
    each = round(HOUR_S / counts.period_s)
    first = round(-counts.start_s % HOUR_S / counts.period_s)
    whole = (counts.requests.size - first) // each
    return counts.requests[first:first + whole * each].reshape(whole, each)


def _surges(counts: Counts) -> Surges:
    """Found beside an hour's own level, which is told from the quieter half of its minutes."""
    rows = _hours(counts)
    if rows.shape[1] == 1:
        return Surges((), len(rows), SURGE_SPREAD, (1.0,), 0.0)
    profile = _profile(rows)
    factors, factor = np.unique(profile, return_inverse=True)
    flat = rows / profile
    mean = flat.mean(axis=1)
    quiet = np.sort(flat, axis=1)[:, :rows.shape[1] // 2].mean(axis=1)
    busy = mean >= LEAST_BUSY
    level = np.where(busy, quiet * np.median(mean[busy] / quiet[busy]), mean.mean()) if busy.any() else np.full(len(rows), mean.mean())
    dispersion = float(np.median([_dispersion(row[None], profile) for row in rows[busy]])) if busy.any() else _dispersion(rows)
    for _ in range(2):
        safe = level * (1 + 2 * math.sqrt(2 * dispersion / rows.shape[1]))
        limit = _upper(np.asarray(1 - SURGE_CHANCE / rows.size), np.outer(safe, factors), dispersion)
        usual = np.asarray((rows <= limit[:, factor]).all(axis=1))
        dispersion = _dispersion(rows[usual], profile) if usual.any() else dispersion
    seen = rows[~usual].max(axis=1) * MINUTE_S / counts.period_s
    highest = np.log(np.sort(seen)[-math.ceil(math.sqrt(seen.size)):]) if seen.size else np.zeros(1)
    spread = math.sqrt((SURGE_SPREAD**2 + float(((highest - highest.mean()) ** 2).sum())) / highest.size)
    return Surges(tuple(seen.tolist()), len(rows), spread * highest.size**-0.2, tuple(profile.tolist()), dispersion)


def _profile(rows: Floats) -> Floats:
    """Factor of each minute of the hour: 1, but where it stands out in most hours alike (a schedule)."""
    busy = rows[rows.mean(axis=1) >= LEAST_BUSY]
    if len(busy) < 24:
        return np.ones(rows.shape[1])
    share = busy / np.median(busy, axis=1)[:, None].clip(1.0)
    middle = np.median(share, axis=0)
    error = 1.4826 * np.median(np.abs(share - middle), axis=0) / math.sqrt(len(busy))
    usual = np.median(middle)
    stands_out = np.abs(middle - usual) > np.maximum(PROFILE_ERRORS * error, PROFILE_LEAST * usual)
    return np.where(stands_out, middle / usual, 1.0)


def _upper(probability: Floats, mean: Floats, dispersion: float) -> Floats:
    """Quantile of counts."""
    from scipy.stats import nbinom, poisson

    if dispersion > 0:
        return np.asarray(nbinom.ppf(probability, 1 / dispersion, 1 / (1 + dispersion * mean)))
    return np.asarray(poisson.ppf(probability, mean))


def _normal_reach() -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + LEVEL) / 2))


def _scales(counts: Counts, hours: float) -> tuple[tuple[float, float], ...]:
    """Over-dispersion by scale: what the seconds explain of the periods' is taken off it."""
    rows, of_seconds = _hours(counts), counts.second_dispersion
    of_periods = _dispersion(rows) if rows.shape[1] > 1 else hours
    if of_seconds is None:
        return ((counts.period_s, of_periods),)
    return (1.0, of_seconds), (counts.period_s, max(of_periods - of_seconds / counts.period_s, 0.0))


def _dispersion(rows: Floats, profile: Floats | float = 1.0) -> float:
    """Of neighbours in blocks that have one level each, shape (blocks, periods); 0 where they differ no more than Poisson
    counts do. The level's square is told by all pairs of a block: of few requests neighbours alone have none."""
    flat, variance = rows / profile, rows / np.square(profile)
    neighbours = (np.diff(flat, axis=1) ** 2 - variance[:, 1:] - variance[:, :-1]) / 2
    squares = (flat.sum(axis=1) ** 2 - (flat**2).sum(axis=1)) / (flat.shape[1] * (flat.shape[1] - 1))
    together = float(squares.sum()) * neighbours.shape[1]
    return max(float(neighbours.sum()) / together, 0.0) if together else 0.0


def _notes(counts: Counts, whole_days: int, growth: tuple[float, float] | None, surges: Surges) -> list[str]:
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
    elif abs(growth[0]) < _normal_reach() * growth[1]:
        notes.append("The counts do not tell growth from none.")
    if surges.requests:
        notes.append(f"{len(surges.requests):,} of {surges.hours:,} hours had a minute beyond what bursts explain, up to "
                     f"{max(surges.requests):,.0f} requests: as many are expected again.")
    if counts.period_s > MINUTE_S:
        notes.append(f"Bursts shorter than {counts.period_s:.0f} s are not in the counts: the busiest minute is underestimated.")
    return notes


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"counts: {name}={value}: give seconds since 1970, or leave it out")
    return value


def _check_window(begun: float, ended: float) -> None:
    if ended < begun:
        raise InputError("counts: the window ends before it begins: give end_s after start_s")


def _tally(number: Ints, size: int) -> Floats:
    within = number[(number >= 0) & (number < size)]
    return np.bincount(within, minlength=max(size, 0)).astype(np.float64)


def _words(at: npt.ArrayLike) -> bool:
    given = np.asarray(at)
    return given.dtype.kind in "UO" and given.size > 0 and isinstance(given.flat[0], str)


def _epoch_s(at: npt.ArrayLike) -> Floats:
    """Seconds since 1970 of numpy's or pandas' times."""
    import pandas as pd

    try:
        times = pd.DatetimeIndex(pd.to_datetime(at, utc=True, format="ISO8601" if _words(at) else None))  # type: ignore[arg-type]
    except (ValueError, TypeError) as problem:
        raise InputError(f"traffic: times: {str(problem).split('. ')[0]}: give datetimes, or ISO 8601") from None
    since = times - pd.Timestamp(0, tz="UTC")
    seconds = np.asarray(since.total_seconds(), np.float64)
    missing = np.count_nonzero(np.isnan(seconds))
    if missing:
        raise InputError(f"traffic: {missing:,} of {seconds.size:,} times are missing: leave these rows out")
    return seconds
