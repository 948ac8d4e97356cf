"""Workload: what is asked of an API over a representative period, trigger by trigger, and what that makes of a month.

Two kinds of period. `Workload.from_run` is a run's own arrivals, to compare a prediction with that run, on the fleet
that the run met: empty, but for environments that a run before it had left warm. `.scaled()` is a month of 730 h made
of the period, which follows itself without a pause: the fleet starts warm. The traffic keeps the period's intensity,
for that is what latency and cold starts were measured at; how often the period occurs in the month, `flow`, scales what
is counted (requests, GB-s, bytes), never what merely stands (cache, provisioned concurrency).

    flow = requests a month / requests a period       (None: 730 h / period_s)

Times are seconds from the period's start, sizes are bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError, InsufficientDataError
from loadgen.measurements.run import Run
from loadgen.shapes import Later, Shape, from_dict

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MONTH_HOURS = 730.0
"""AWS's own month: 8,760 h / 12."""
MOST_LEAD_REQUESTS = 50_000
"""Requests simulated to warm a fleet up, at most (one period at least)."""
LEAST_COUNTED_REQUESTS = 10_000
"""Requests of a cyclic workload that are counted, at least."""
MOST_CACHE_REQUESTS = 200_000
"""Requests simulated to fill a cache, at most, and to see each of its entries end once, at most."""
MOST_ZIPF_KEYS = 100_000_000


@dataclass(frozen=True, eq=False)
class Popularity:
    """How often each key is asked for: `weights` of any sum, shape (keys,)."""

    weights: Floats

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights)
        if weights.ndim != 1 or weights.dtype.kind not in "iuf" or not (weights >= 0).all() or not 0 < weights.sum() < math.inf:
            raise InputError(f"popularity.weights: shape {weights.shape}, {weights.dtype}: give a row of finite numbers, none below "
                             "0, one above 0")

    @classmethod
    def zipf(cls, keys: int, exponent: float = 1.0) -> Popularity:
        """Weight 1 / rank ** exponent for each of `keys` keys."""
        if not _is_number(keys) or not 1 <= keys <= MOST_ZIPF_KEYS or keys != int(keys):
            raise InputError(f"popularity.zipf: keys={keys!r}: give a whole number from 1 to {MOST_ZIPF_KEYS:,}")
        if not _is_number(exponent) or not 0 <= exponent < math.inf:
            raise InputError(f"popularity.zipf: exponent={exponent!r}: give a finite number of 0 or more")
        return cls(1.0 / np.arange(1, keys + 1, dtype=np.float64) ** exponent)

    def draw(self, rng: np.random.Generator, n: int) -> Ints:
        """Keys of `n` requests, numbers from 0."""
        cumulated = np.cumsum(self.weights)
        return np.searchsorted(cumulated / cumulated[-1], rng.random(n), side="right").astype(np.int64)


@dataclass(frozen=True)
class ClientRetries:
    """A client whose request was throttled tries again, up to `tries` times in all, after a random part of a time that
    doubles from `base_s` up to `cap_s` (full jitter, as the AWS SDKs do)."""

    tries: int = 3
    base_s: float = 0.1
    cap_s: float = 20.0

    def __post_init__(self) -> None:
        if not isinstance(self.tries, int) or self.tries < 1 or not 0 <= self.base_s <= self.cap_s < math.inf:
            raise InputError(f"retries: tries={self.tries}, base_s={self.base_s}, cap_s={self.cap_s}: give 1 or more tries, "
                             "and times of 0 or more, cap_s the longer one")


@dataclass(frozen=True)
class AsynchronousEvents:
    """Lambda queues the requests: one that fails runs again up to `reruns` times, one that is throttled waits, at most
    for `max_age_s` (AWS's defaults)."""

    reruns: int = 2
    max_age_s: float = 21_600.0

    def __post_init__(self) -> None:
        if self.reruns not in (0, 1, 2) or not 60 <= self.max_age_s <= 21_600:
            raise InputError(f"events: reruns={self.reruns}, max_age_s={self.max_age_s}: give 0 to 2 and 60 to 21600 s")


@dataclass(frozen=True, eq=False)
class Demand:
    """The requests of one trigger in a period. Sizes are means, or arrays with an entry an arrival.

    `keys`: what a cache tells apart, a popularity, or an array of numbers with an entry an arrival; None: not known,
    which only a cached route with declared cache keys minds. `response_bytes` None: what the function answered when
    measured, as NaN in an array. `retries`: what throttled clients do; None: they go away. `events`: the invocations are asynchronous.
    `invalidating`: share of the requests that pass the cache by and renew its entry.
    """

    arrivals: Shape | Floats
    keys: Popularity | Ints | None = None
    request_bytes: float | Floats = 0.0
    response_bytes: float | Floats | None = None
    retries: ClientRetries | None = None
    events: AsynchronousEvents | None = None
    invalidating: float = 0.0

    def __post_init__(self) -> None:
        if not _is_number(self.invalidating) or not 0 <= self.invalidating <= 1:
            raise InputError(f"demand.invalidating={self.invalidating!r}: give a share of 0 to 1")
        for name, kind in (("retries", ClientRetries), ("events", AsynchronousEvents)):
            if not isinstance(getattr(self, name), kind | None):
                raise InputError(f"demand.{name}={getattr(self, name)!r}: give {kind.__name__}(…), or None")
        if not isinstance(self.arrivals, Shape) and not _is_row(self.arrivals):
            raise InputError(f"demand.arrivals: {_shown(self.arrivals)}: give a Shape, or a numpy row of finite times of 0 s or "
                             "more")
        self._check_size("request_bytes", self.request_bytes)
        if self.response_bytes is not None:
            self._check_size("response_bytes", self.response_bytes)
        if isinstance(self.keys, np.ndarray):
            self._check_length("keys", self.keys, self.keys.dtype.kind in "iu" and bool((self.keys >= -1).all()),
                               "whole numbers from 0 on, -1 where the key is not known")
        elif self.keys is not None and not isinstance(self.keys, Popularity):
            raise InputError(f"demand.keys: {type(self.keys).__name__}: give a Popularity, a numpy row of numbers, or None")

    def _check_size(self, name: str, value: float | Floats) -> None:
        if isinstance(value, np.ndarray):
            known = value[~np.isnan(value)] if name == "response_bytes" and value.dtype.kind == "f" else value
            self._check_length(name, value, _is_row(known), "finite sizes of 0 bytes or more")
        elif not _is_number(value) or not 0 <= value < math.inf:
            raise InputError(f"demand.{name}={value!r}: give a finite number of bytes, 0 or more, or a numpy row of them")

    def _check_length(self, name: str, value: Floats | Ints, good: bool, what: str) -> None:
        """An array has an entry an arrival: a shape's arrivals are drawn anew each time."""
        if isinstance(self.arrivals, Shape):
            way = "a Popularity" if name == "keys" else "a mean"
            raise InputError(f"demand.{name}: {value.size:,} entries for arrivals drawn from a shape: give {way}")
        if value.shape != self.arrivals.shape:
            raise InputError(f"demand.{name}: shape {value.shape} for {self.arrivals.size:,} arrivals: give one entry an arrival")
        if not good:
            raise InputError(f"demand.{name}: {value.dtype} from {value.min()} to {value.max()}: give {what}")

    @property
    def expected(self) -> float:
        """Requests in a period."""
        return float(self.arrivals.expected() if isinstance(self.arrivals, Shape) else self.arrivals.size)

    @property
    def until_s(self) -> float:
        """When the last may arrive."""
        return self.arrivals.duration_s if isinstance(self.arrivals, Shape) else float(self.arrivals.max(initial=0.0))

    def times(self, rng: np.random.Generator) -> Floats:
        """The arrivals of one period [s]: drawn from the shape, or as they were."""
        return self.arrivals.arrivals(rng) if isinstance(self.arrivals, Shape) else self.arrivals

    def numbered_keys(self, rng: np.random.Generator, n: int) -> Ints:
        """A key for each of the period's `n` requests, -1 where it is not known."""
        if self.keys is None:
            return np.full(n, -1)
        return self.keys.draw(rng, n) if isinstance(self.keys, Popularity) else self.keys

    def since(self, start_s: float) -> Demand:
        """The arrivals from `start_s` on, counted from there."""
        if isinstance(self.arrivals, Shape):
            return replace(self, arrivals=Later(self.arrivals, start_s)) if start_s else self
        kept = self.arrivals >= start_s

        def part(value: float | Floats | None) -> float | Floats | None:
            return value[kept] if isinstance(value, np.ndarray) else value

        keys = self.keys[kept] if isinstance(self.keys, np.ndarray) else self.keys
        request_bytes = part(self.request_bytes)
        assert request_bytes is not None
        return replace(self, arrivals=self.arrivals[kept] - start_s, keys=keys, request_bytes=request_bytes,
                       response_bytes=part(self.response_bytes))


@dataclass(frozen=True, eq=False)
class Stream:
    """Requests of all triggers in the order of their times, shape (n,). `trigger` numbers the workload's demands, `row`
    is the request's place within its demand's period. Counted are those from `from_s` to `to_s`; latency and shares
    look only at those from `judged_from_s` on."""

    time_s: Floats
    trigger: Ints
    key: Ints
    row: Ints
    from_s: float
    judged_from_s: float
    to_s: float


@dataclass(frozen=True, eq=False)
class Workload:
    """Demand by trigger (`METHOD /template`) over `period_s`.

    `warm_s`: requests before it are made and billed, not judged. `cyclic`: the period follows itself, the fleet starts
    warm; else only with `warm_environments`, by function. `hours` and `flow`: what the prediction's activity covers,
    and how many periods of traffic that holds.
    """

    demands: Mapping[str, Demand]
    period_s: float
    warm_s: float = 0.0
    cyclic: bool = False
    flow: float = 1.0
    hours: float | None = None
    warm_environments: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What of a run is not in here, each a sentence."""
    shortened: float = 1.0
    """How many times shorter its hours are than those that it stands for."""

    def __post_init__(self) -> None:
        if not isinstance(self.demands, Mapping) or not all(isinstance(each, Demand) for each in self.demands.values()):
            raise InputError(f"workload.demands: {type(self.demands).__name__}: give a Demand for each trigger, by its name")
        if not self.demands or not self.expected:
            raise InputError("workload: no requests: give at least one trigger with arrivals")
        for name, value in (("period_s", self.period_s), ("flow", self.flow), ("hours", 1.0 if self.hours is None else self.hours)):
            if not _is_number(value) or not 0 < value < math.inf:
                raise InputError(f"workload.{name}={value!r}: give a positive number" + " of seconds" * (name == "period_s"))
        if not _is_number(self.warm_s) or not 0 <= self.warm_s < math.inf:
            raise InputError(f"workload.warm_s={self.warm_s!r}: give a finite number of seconds, 0 or more")
        for trigger, demand in self.demands.items():
            if demand.until_s > self.period_s * (1 + 1e-9):
                raise InputError(f"workload.period_s={self.period_s:g}: the arrivals of {trigger!r} go on until "
                                 f"{demand.until_s:g} s: give a period that holds them")
        if not _is_number(self.shortened) or not 1 <= self.shortened < math.inf:
            raise InputError(f"workload.shortened={self.shortened!r}: give a number of 1 or more")
        for function, warm in self.warm_environments.items():
            if not _is_number(warm) or not 0 <= warm < math.inf:
                raise InputError(f"workload.warm_environments[{function!r}]={warm!r}: give a number of 0 or more")

    @classmethod
    def from_run(cls, run: Run) -> Workload:
        """A run's own arrivals: every row that has a trigger, sent or not.

        Raises RunError without rows, InsufficientDataError when none of them succeeded: what refuses a request before a
        function sees it (a validator, an authorizer) is not predicted.
        """
        intent = run.intent
        columns = ["trigger", "scheduled_at", "cache_key", "request_bytes", "response_bytes", "outcome"]
        rows = run.frame("requests", columns=columns).sort_values("scheduled_at")
        start = min((worker.started_at for worker in run.workers), default=None) or rows["scheduled_at"].iloc[0]
        rows["at_s"] = (rows["scheduled_at"] - start).dt.total_seconds().clip(lower=0.0)
        demands = {str(trigger): _observed_demand(group) for trigger, group in rows.groupby("trigger", sort=True)}
        last_s, cut_short = float(rows["at_s"].max()), _cut_short(run)
        period_s = last_s if cut_short and last_s > 0 else max(from_dict(intent.shape).duration_s, last_s)
        lost = int(rows["trigger"].isna().sum())
        notes = [f"{lost:,} arrivals of the run were dropped before they had a route: they are left out."] if lost else []
        if not demands:
            raise InsufficientDataError(f"{run.path}: none of its {len(rows):,} arrivals was sent: run it again")
        if cut_short:
            notes.append(f"The run is not complete: its {len(rows):,} recorded arrivals, until {last_s:,.1f} s, are the period.")
        succeeded = rows["trigger"][rows["outcome"] == "ok"].unique()
        failed = [trigger for trigger in demands if trigger not in succeeded]
        if failed and len(failed) == len(demands):
            raise InsufficientDataError(f"{run.path}: none of its {len(rows):,} requests succeeded: run it again when some "
                                        "do (`loadgen show` says who refused them)")
        notes += [f"{trigger}: no request of the run succeeded, and it is predicted as if they would."
                  for trigger in failed]
        return cls(demands, period_s, warm_s=intent.warm_s, warm_environments=_left_warm(run), notes=tuple(notes))

    def scaled(self, requests_per_month: float | None = None) -> Workload:
        """A month of 730 h of this traffic; None: the period repeated without a pause.

        Raises InputError when the month is to hold more than that: latency at a higher intensity is another question.
        """
        demands = {name: demand.since(self.warm_s) for name, demand in self.demands.items()}
        period_s = self.period_s - self.warm_s
        expected = sum(demand.expected for demand in demands.values())
        if period_s <= 0 or not expected:
            raise InsufficientDataError(f"workload: all requests are within warm_s={self.warm_s:g}: give a longer run")
        most = MONTH_HOURS * 3600 / period_s
        if requests_per_month is not None and not _is_number(requests_per_month):
            raise InputError(f"requests_per_month={requests_per_month!r}: give a number")
        flow = most if requests_per_month is None else requests_per_month / expected
        if not 0 < flow <= most * (1 + 1e-9):
            raise InputError(
                f"requests_per_month={requests_per_month:,.0f}: give more than 0 and at most {most * expected:,.0f}, "
                "this period without a pause; for more traffic give a busier period")
        return replace(self, demands=demands, period_s=period_s, warm_s=0.0, cyclic=True, flow=flow, hours=MONTH_HOURS,
                       warm_environments={})

    @cached_property
    def expected(self) -> float:
        """Requests in a period, all triggers together."""
        return sum(demand.expected for demand in self.demands.values())

    @property
    def requests(self) -> float:
        """Requests in the time that the activity covers."""
        return self.expected * self.flow

    @property
    def activity_hours(self) -> float:
        """The time that the activity covers [h]."""
        return self.period_s / 3600 if self.hours is None else self.hours

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What a reader must know of this workload, each a sentence."""
        period = f"a period of {self.period_s:,.0f} s with {self.expected:,.0f} requests"
        if not self.cyclic:
            warm = f"; its first {self.warm_s:g} s are billed, not judged" if self.warm_s else ""
            left = ", ".join(f"{n} of {name}" for name, n in self.warm_environments.items())
            fleet = f"a fleet that is empty but for warm environments ({left})" if left else "an empty fleet"
            return (f"The traffic is {period}, from {fleet} on{warm}.", *self.notes)
        return (
            f"A month is {self.activity_hours:,.0f} h and {self.requests:,.0f} requests: {period}, {self.flow:,.1f} "
            "times a month, always at that intensity.",
            "The period follows itself without a pause: the fleet starts warm.",
            *self.notes,
        )

    def stream(self, seed: int, lead_s: float = 0.0, cache_s: float = 0.0) -> Stream:
        """Draw the requests. A cyclic workload starts `lead_s` earlier, in whole periods, and is counted over enough of
        them for its shares to settle; where a cache keeps its entries for `cache_s` it starts so much earlier, and is
        counted for as long."""
        rng = np.random.default_rng(seed)
        if not self.cyclic:
            return self._drawn(rng, 1, 0)
        cached = self._periods(cache_s, MOST_CACHE_REQUESTS)
        lead = max(self._periods(lead_s, MOST_LEAD_REQUESTS), cached)
        return self._drawn(rng, lead + max(cached, math.ceil(LEAST_COUNTED_REQUESTS / self.expected)), lead)

    def _periods(self, seconds: float, most_requests: float) -> int:
        """That last so long, of no more requests than that; one at least."""
        return max(1, min(math.ceil(seconds / self.period_s), int(most_requests / self.expected)))

    def _drawn(self, rng: np.random.Generator, periods: int, lead: int) -> Stream:
        drawn, first_key = [], 0
        for number, demand in enumerate(self.demands.values()):
            for period in range(periods):
                times = demand.times(rng)
                keys = demand.numbered_keys(rng, times.size)
                numbers = np.where(keys < 0, -1, keys + first_key)
                drawn.append((times + period * self.period_s, np.full(times.size, number), numbers, np.arange(times.size)))
            first_key = 1 + max(int(part[2].max(initial=-1)) for part in drawn)
        times, triggers, numbers, rows = (np.concatenate(column) for column in zip(*drawn, strict=True))
        order = np.argsort(times, kind="stable")
        from_s = lead * self.period_s
        return Stream(times[order], triggers[order], numbers[order], rows[order], from_s, from_s + self.warm_s,
                      periods * self.period_s)


def _cut_short(run: Run) -> bool:
    """Whether arrivals of the schedule have no row: the run was killed, goes on, or lost a worker."""
    finished, workers = run.finished, run.workers
    return not finished.complete if finished else bool(workers) and not all(worker.finished for worker in workers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if not isinstance(value, np.ndarray) or not value.size or value.dtype.kind not in "iuf":
        return type(value).__name__
    return f"shape {value.shape}, from {value.min():g} to {value.max():g}"


def _is_row(value: Any) -> bool:
    """A numpy row of finite numbers, none below 0."""
    return (isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iuf"
            and bool(((value >= 0) & (value < math.inf)).all()))


def _left_warm(run: Run) -> dict[str, int]:
    """On-demand environments, by function, that served the run without an init of their own in it; none where the
    invocations were not collected."""
    if not run.shards("invocations"):
        return {}
    rows = run.frame("invocations", columns=["environment", "function", "init_ms", "initialization"])
    on_demand = rows[rows["initialization"] == "on-demand"]
    first_cold = on_demand.groupby(["function", "environment"])["init_ms"].count() > 0
    left = (~first_cold).groupby("function").sum()
    return {str(name): int(count) for name, count in left.items() if count}


def _observed_demand(rows: pd.DataFrame) -> Demand:
    """One trigger's rows. No cache key means no parameters: one key. What was not answered has the answers' mean size."""
    keys = rows["cache_key"].fillna("").factorize()[0].astype(np.int64)
    answered = rows["response_bytes"].where(rows["outcome"] == "ok").astype("Float64")
    known = answered.notna().any()
    response_bytes: Floats | None = np.asarray(answered.fillna(answered.mean()), np.float64) if known else None
    request_bytes = np.asarray(rows["request_bytes"].fillna(0), np.float64)
    return Demand(np.asarray(rows["at_s"], np.float64), keys, request_bytes, response_bytes)
