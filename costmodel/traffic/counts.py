"""Requests in periods that follow each other, from CloudWatch metrics or from the times of an access log. Times are UTC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError, InsufficientDataError
from costmodel.traffic.dispersion import Floats, dispersion_of

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

HOUR_S, DAY_S = 3600.0, 86_400.0
MINUTE_S = 60.0
PERIODS_S = (60.0, 300.0, 3600.0)
MOST_DAYS = 500
"""CloudWatch keeps 455."""


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
        _check_window(begun, ended, MINUTE_S)
        by_minute = _tally(np.floor(seconds / MINUTE_S).astype(np.int64) - begun, ended - begun)
        by_second = _tally(np.floor(seconds).astype(np.int64) - begun * 60, (ended - begun) * 60)
        return cls(begun * MINUTE_S, MINUTE_S, by_minute, dispersion_of(by_second.reshape(-1, 60)) if ended > begun else 0.0)

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
        _check_window(first, last + 1, periods[0])
        within = (number >= first) & (number <= last)
        requests = np.bincount(number[within] - first, np.asarray(rows["value"], np.float64)[within], int(last - first) + 1)
        return cls(float(first) * periods[0], periods[0], requests.astype(np.float64),
                   empty=int(requests.size - within.sum()))

    @property
    def days(self) -> float:
        return self.requests.size * self.period_s / DAY_S

    def calendar(self) -> tuple[Ints, Ints]:
        """Hour of the day and day of the week (Monday 0) of each period."""
        at_s = self.start_s + np.arange(self.requests.size) * self.period_s
        return (at_s % DAY_S // HOUR_S).astype(np.int64), ((at_s // DAY_S + 3) % 7).astype(np.int64)

    def by_hour(self) -> Floats:
        """The periods of whole hours, shape (hours, periods of one)."""
        each = round(HOUR_S / self.period_s)
        first = round(-self.start_s % HOUR_S / self.period_s)
        whole = (self.requests.size - first) // each
        return self.requests[first:first + whole * each].reshape(whole, each)

    def by_day(self, values: Floats, rows: int = 1) -> Floats:
        """Sums of the periods' `values` over whole days from the counts' start, each in so many rows: shape (days, rows)."""
        days, each = int(self.days), round(DAY_S / self.period_s)
        return np.asarray(values[:days * each].reshape(days, rows, each // rows).sum(axis=2))


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"counts: {name}={value}: give seconds since 1970, or leave it out")
    return value


def _check_window(begun: float, ended: float, period_s: float) -> None:
    if ended < begun:
        raise InputError("counts: the window ends before it begins: give end_s after start_s")
    if (ended - begun) * period_s > MOST_DAYS * DAY_S:
        raise InputError(f"counts: a window of {(ended - begun) * period_s / DAY_S:,.0f} days: give times of at most {MOST_DAYS} days "
                         "[s since 1970]")


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
