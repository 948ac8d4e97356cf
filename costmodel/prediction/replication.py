"""One simulated replication of a workload under one configuration, boiled down to counts, sums and latencies.

    client latency [ms] = waits between tries + overhead of the API kind + min(init + duration, integration timeout)
                          (cache hits and asynchronous events: overhead only)
    billed [ms]         = ceil(init + duration)                                              (see metering)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError
from costmodel.metering import billed_ms, http_units
from costmodel.prediction.provisioning import Schedule, scheduled_changes
from costmodel.prediction.rules import LARGEST_CACHED_BYTES
from costmodel.prediction.simulator import (
    COLD,
    HIT,
    NONE,
    OUTCOMES,
    PROVISIONED,
    RESERVED,
    STAGE,
    TIMED_OUT,
    WARM,
    Arrivals,
    Floats,
    Ints,
    Rules,
    Trace,
    simulate,
)
from costmodel.workload import Stream, Workload

INVOKED = (WARM, COLD, PROVISIONED)
MOMENTS = 100
MOST_REQUESTS = 30_000_000
"""Requests of a replication: some 220 bytes each."""
_KEPT_REQUESTS = 500_000
_TRACKED_S = 3600.0


@dataclass(frozen=True)
class Job:
    """All that one replication needs, small enough to be sent to another process. Arrays are by route."""

    workload: Workload
    rules: Rules
    lead_s: float
    overhead_ms: Floats
    """Table of TABLE_SIZE values, in any order."""
    one_key: tuple[bool, ...]
    """The stage caches the whole route under one key."""
    response_bytes: tuple[float, ...]
    """Where the demand does not say."""
    packages: tuple[str, ...]
    warm: tuple[int, ...] = ()
    """By function: environments that are warm when the workload begins."""
    schedules: Mapping[int, Schedule] = field(default_factory=dict)
    """Of provisioned concurrency, by the number of the function."""
    integration_timeout_ms: float = math.inf
    cache_s: float = 0.0
    """How long the cache of a cyclic workload keeps its entries; 0: there is none."""


@dataclass(frozen=True)
class Replication:
    """What was counted. Matrices have a row a route and a column an outcome."""

    offered: float
    counts: Floats
    """All counted requests, each try of a client by itself."""
    runs: Floats
    """What Lambda saw of them: executions with reruns, and throttles with what its queue tried again."""
    judged: Floats
    """Those of them that latency and shares look at."""
    billed_ms: Floats
    """By route and outcome, init included."""
    init_billed_ms: Floats
    """By route: the part that init added."""
    units: Floats
    response_bytes: Floats
    latency_ms: tuple[Floats, ...]
    """By route, of the judged and answered."""
    busy: Floats
    """By function: mean of busy environments."""
    peak: npt.NDArray[np.int64]
    failed: Floats
    """By route: of the judged requests, those that reached the function's timeout or the gateway's."""
    environments: Floats
    """By function: mean of on-demand environments, busy and idle."""
    provisioned: Floats
    """By function: mean of provisioned environments asked for."""
    busy_at: Floats
    """Busy environments at the edges of MOMENTS equal parts of the counted span, shape (functions, MOMENTS + 1)."""


def replicate(job: Job, seed: int) -> Replication:
    """Draw the requests, simulate them, and count. Raises InputError for more requests than fit into memory, and for
    provisioned concurrency that changes at another pace than the workload repeats itself."""
    _check(job)
    draw = _stream if job.workload.expected <= _KEPT_REQUESTS else _stream.__wrapped__
    stream = draw(job.workload, seed, job.lead_s, job.cache_s)
    key = np.where(np.array(job.one_key)[stream.trigger], stream.trigger, stream.key + len(job.one_key))
    key[(stream.key < 0) & ~np.array(job.one_key)[stream.trigger]] = NONE
    entry_bytes = None
    if job.rules.cache_bytes != NONE:
        entry_bytes = _entry_bytes(key, _answered_bytes(job, stream.trigger, stream.row))
        key[(key >= 0) & (entry_bytes[key] > LARGEST_CACHED_BYTES)] = NONE
    arrivals = Arrivals(stream.time_s, stream.trigger, key)
    rules = job.rules._replace(changes=scheduled_changes(job.schedules, stream.to_s))
    trace = simulate(arrivals, rules, seed, from_s=stream.from_s, to_s=stream.to_s, warm=job.warm, entry_bytes=entry_bytes)
    return _count(job, stream, trace)


def _check(job: Job) -> None:
    workload, period_s = job.workload, job.workload.period_s
    requests = workload.expected * (2 if workload.cyclic else 1)
    if requests > MOST_REQUESTS:
        raise InputError(f"workload: {requests:,.0f} requests to simulate at once, {MOST_REQUESTS:,} are the most: give a shorter "
                         "period that stands for it")
    if not workload.cyclic:
        return
    for schedule in job.schedules.values():
        turns = period_s / schedule.every_s
        if turns < 0.5 or abs(turns - round(turns)) > 1e-6:
            raise InputError(f"schedule.every_s={schedule.every_s:g}: the workload begins again after {period_s:g} s: give traffic "
                             "of as long a period, or of a multiple")
    if (job.rules.functions["target"] > 0).any() and period_s < _TRACKED_S:
        raise InputError(f"workload.period_s={period_s:g}: too short to show what target tracking does in minutes: give traffic "
                         f"of {_TRACKED_S:g} s or more")


def _entry_bytes(key: Ints, answered_bytes: Floats) -> Ints:
    """By key, the mean size of its answers; sizes that are not known are those of the others."""
    sizes = np.where(np.isnan(answered_bytes), np.nanmean(answered_bytes) if (answered_bytes >= 0).any() else 0.0, answered_bytes)
    keyed, size = key >= 0, int(key.max(initial=NONE)) + 1
    total, n = np.bincount(key[keyed], sizes[keyed], size), np.bincount(key[keyed], minlength=size)
    return np.ceil(total / np.maximum(n, 1)).astype(np.int64)


@lru_cache(maxsize=16)
def _stream(workload: Workload, seed: int, lead_s: float, cache_s: float) -> Stream:
    """The same requests for every configuration that is compared: drawn once, unless they are so many that keeping them is
    dear."""
    return workload.stream(seed, lead_s, cache_s)


def _count(job: Job, stream: Stream, trace: Trace) -> Replication:
    first = stream.time_s.size
    request = np.concatenate([np.arange(first), trace.rerun_of]) if trace.rerun_of.size else np.arange(first)
    rows = np.flatnonzero(stream.time_s[request] >= stream.from_s)
    request, is_first = request[rows], rows < first
    route, outcome = stream.trigger[request], trace.outcome[rows]
    duration_ms, init_ms = trace.duration_s[rows] * 1000, trace.init_s[rows] * 1000
    judged = is_first & (stream.time_s[request] >= stream.judged_from_s)
    routes = range(len(job.one_key))
    table = _Table(len(job.one_key), route, outcome)
    billed = _billed(job.packages, route, duration_ms, init_ms)
    units, sizes = _payload(job, route, stream.row[request], outcome)
    queued = _asynchronous(job)[route] & (outcome != STAGE) & (outcome != STAGE + 1)
    took_ms = np.nan_to_num(duration_ms + init_ms)
    waited_ms = (trace.at_s[rows] - stream.time_s[request]) * 1000
    invoked_ms = waited_ms + np.minimum(took_ms, job.integration_timeout_ms)
    latency_ms = job.overhead_ms[trace.overhead_index[rows]] + np.where(queued, 0.0, invoked_ms)
    answered = judged & ((outcome <= HIT) | queued)
    late = ((trace.flags[rows] & TIMED_OUT) > 0) | (took_ms >= job.integration_timeout_ms)
    counts, runs = _with_tries(job, trace, table.sum(is_first), table.sum(None))
    span_s = stream.to_s - stream.from_s
    return Replication(
        offered=float(is_first.sum()), counts=counts, runs=runs, judged=table.sum(judged),
        billed_ms=table.sum(billed), init_billed_ms=table.sum(billed - billed_ms(duration_ms))[:, COLD],
        units=table.sum(units * is_first).sum(axis=1), response_bytes=table.sum(sizes * (is_first & ~queued)).sum(axis=1),
        latency_ms=tuple(latency_ms[answered & (route == each)] for each in routes),
        busy=_mean_busy(job.rules, stream, trace), peak=trace.peak_busy, failed=table.sum(judged & late).sum(axis=1),
        environments=trace.environment_s / span_s, provisioned=trace.provisioned_s / span_s,
        busy_at=_busy_at(job.rules, stream, trace),
    )


def _asynchronous(job: Job) -> npt.NDArray[np.bool_]:
    """By route."""
    policies = job.rules.policies
    return np.zeros(len(job.one_key), dtype=bool) if policies is None else policies["asynchronous"] > 0


def _with_tries(job: Job, trace: Trace, counts: Floats, runs: Floats) -> tuple[Floats, Floats]:
    """Add the tries that others followed: a client's is a request, and Lambda sees it unless the gateway threw it back;
    those from Lambda's queue only Lambda sees. An event that expired was throttled each time, and ran never."""
    tried = trace.throttled.astype(np.float64)
    by_client, by_lambda = tried.copy(), tried.copy()
    by_client[_asynchronous(job), RESERVED:] = 0.0
    by_lambda[:, :RESERVED] = 0.0
    return counts + by_client, runs + by_lambda


class _Table:
    """Sums by route and outcome."""

    def __init__(self, routes: int, route: npt.NDArray[np.int64], outcome: npt.NDArray[np.int8]) -> None:
        self._shape = (routes, len(OUTCOMES))
        self._cell = route * len(OUTCOMES) + outcome

    def sum(self, values: npt.NDArray[np.generic] | None) -> Floats:
        size = self._shape[0] * self._shape[1]
        if values is None or values.dtype == np.bool_:
            totals = np.bincount(self._cell if values is None else self._cell[values.astype(np.bool_, copy=False)], minlength=size)
        else:
            totals = np.bincount(self._cell, np.nan_to_num(values.astype(np.float64, copy=False)), size)
        return totals.reshape(self._shape).astype(np.float64)


def _billed(packages: Sequence[str], route: npt.NDArray[np.int64], duration_ms: Floats, init_ms: Floats) -> Floats:
    """Billed milliseconds of each request, NaN where nothing ran."""
    billed = billed_ms(duration_ms, init_ms)
    image = np.array([package == "image" for package in packages])[route]
    return np.where(image, billed_ms(duration_ms, init_ms, package="image"), billed) if image.any() else billed


def _payload(job: Job, route: npt.NDArray[np.int64], row: npt.NDArray[np.int64],
             outcome: npt.NDArray[np.int8]) -> tuple[Floats, Floats]:
    """HTTP units of what the gateway accepted, and bytes of what was answered, by request."""
    asked, answered = np.zeros(route.size), _answered_bytes(job, route, row)
    for number, demand in enumerate(job.workload.demands.values()):
        mine = route == number
        asked[mine] = _at(demand.request_bytes, row[mine])
    answered[outcome > HIT] = 0.0
    accepted = (outcome < STAGE) | (outcome > STAGE + 1)
    return np.where(accepted, http_units(asked, answered), 0.0), answered


def _answered_bytes(job: Job, route: Ints, row: Ints) -> Floats:
    """Size of the answer to each request, were it answered."""
    answered = np.zeros(route.size)
    for number, demand in enumerate(job.workload.demands.values()):
        mine = route == number
        response = job.response_bytes[number] if demand.response_bytes is None else demand.response_bytes
        answered[mine] = _at(response, row[mine])
    return answered


def _at(value: float | Floats, row: npt.NDArray[np.int64]) -> float | Floats:
    return value[row] if isinstance(value, np.ndarray) else value


def _mean_busy(rules: Rules, stream: Stream, trace: Trace) -> Floats:
    """Busy environment-seconds within the counted span, divided by its length, by function."""
    end_s = trace.at_s + np.nan_to_num(trace.duration_s + trace.init_s)
    within = np.clip(np.minimum(end_s, stream.to_s) - np.maximum(trace.at_s, stream.from_s), 0.0, None)
    return np.bincount(_function(rules, stream, trace), within, rules.functions.size) / (stream.to_s - stream.from_s)


def _busy_at(rules: Rules, stream: Stream, trace: Trace) -> Floats:
    """How many invocations had begun and not ended."""
    ran = np.flatnonzero(~np.isnan(trace.duration_s))
    begun_s, function = trace.at_s[ran], _function(rules, stream, trace)[ran]
    end_s = begun_s + trace.duration_s[ran] + trace.init_s[ran]
    part_s = (stream.to_s - stream.from_s) / MOMENTS
    size = rules.functions.size * (MOMENTS + 2)

    def by_moment(time_s: Floats) -> Floats:
        first = np.clip(np.ceil((time_s - stream.from_s) / part_s), 0, MOMENTS + 1).astype(np.int64)
        return np.cumsum(np.bincount(function * (MOMENTS + 2) + first, minlength=size).reshape(-1, MOMENTS + 2), axis=1)

    return (by_moment(begun_s) - by_moment(end_s))[:, :-1].astype(np.float64)


def _function(rules: Rules, stream: Stream, trace: Trace) -> npt.NDArray[np.int64]:
    """Of each row of the trace."""
    trigger = np.concatenate([stream.trigger, stream.trigger[trace.rerun_of]]) if trace.rerun_of.size else stream.trigger
    return np.asarray(rules.routes["function"][trigger])
