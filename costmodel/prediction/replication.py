"""One simulated replication of a workload under one configuration, boiled down to counts, sums and latencies.

    client latency [ms] = overhead of the API kind + init (cold starts only) + duration      (cache hits: overhead only)
    billed [ms]         = ceil(init + duration)                                              (see metering)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from costmodel.metering import billed_ms, http_units
from costmodel.prediction.simulator import (
    COLD,
    HIT,
    OUTCOMES,
    PROVISIONED,
    STAGE,
    WARM,
    Arrivals,
    Floats,
    Rules,
    Trace,
    simulate,
)
from costmodel.workload import Stream, Workload

INVOKED = (WARM, COLD, PROVISIONED)


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


@dataclass(frozen=True)
class Replication:
    """What was counted. Matrices have a row a route and a column an outcome."""

    offered: float
    counts: Floats
    """All counted requests."""
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


def replicate(job: Job, seed: int) -> Replication:
    """Draw the requests, simulate them, and count."""
    stream = _stream(job.workload, seed, job.lead_s)
    key = np.where(np.array(job.one_key)[stream.trigger], stream.trigger, stream.key + len(job.one_key))
    key[(stream.key < 0) & ~np.array(job.one_key)[stream.trigger]] = -1
    arrivals = Arrivals(stream.time_s, stream.trigger, key)
    trace = simulate(arrivals, job.rules, seed, from_s=stream.from_s, to_s=stream.to_s, warm=job.warm)
    return _count(job, stream, trace)


@lru_cache(maxsize=16)
def _stream(workload: Workload, seed: int, lead_s: float) -> Stream:
    """The same requests for every configuration that is compared: drawn once."""
    return workload.stream(seed, lead_s)


def _count(job: Job, stream: Stream, trace: Trace) -> Replication:
    counted = stream.time_s >= stream.from_s
    route, outcome, time_s = stream.trigger[counted], trace.outcome[counted], stream.time_s[counted]
    duration_ms, init_ms = trace.duration_s[counted] * 1000, trace.init_s[counted] * 1000
    judged = time_s >= stream.judged_from_s
    routes = range(len(job.one_key))
    table = _Table(len(job.one_key), route, outcome)
    billed = _billed(job.packages, route, duration_ms, init_ms)
    units, sizes = _payload(job, stream, counted, outcome)
    latency_ms = job.overhead_ms[trace.overhead_index[counted]] + np.nan_to_num(duration_ms + init_ms)
    answered = judged & (outcome <= HIT)
    return Replication(
        offered=float(time_s.size), counts=table.sum(None), judged=table.sum(judged),
        billed_ms=table.sum(billed), init_billed_ms=table.sum(billed - billed_ms(duration_ms))[:, COLD],
        units=table.sum(units).sum(axis=1), response_bytes=table.sum(sizes).sum(axis=1),
        latency_ms=tuple(latency_ms[answered & (route == each)] for each in routes),
        busy=_mean_busy(job.rules, stream, trace), peak=trace.peak_busy,
    )


class _Table:
    """Sums by route and outcome."""

    def __init__(self, routes: int, route: npt.NDArray[np.int64], outcome: npt.NDArray[np.int8]) -> None:
        self._shape = (routes, len(OUTCOMES))
        self._cell = route * len(OUTCOMES) + outcome

    def sum(self, values: npt.NDArray[np.generic] | None) -> Floats:
        weights = None if values is None else np.nan_to_num(values.astype(np.float64))
        totals = np.bincount(self._cell, weights, self._shape[0] * self._shape[1])
        return totals.reshape(self._shape).astype(np.float64)


def _billed(packages: Sequence[str], route: npt.NDArray[np.int64], duration_ms: Floats, init_ms: Floats) -> Floats:
    """Billed milliseconds of each request, NaN where nothing ran."""
    billed = billed_ms(duration_ms, init_ms)
    image = np.array([package == "image" for package in packages])[route]
    return np.where(image, billed_ms(duration_ms, init_ms, package="image"), billed) if image.any() else billed


def _payload(job: Job, stream: Stream, counted: npt.NDArray[np.bool_],
             outcome: npt.NDArray[np.int8]) -> tuple[Floats, Floats]:
    """HTTP units of what the gateway accepted, and bytes of what was answered, by request."""
    route, row = stream.trigger[counted], stream.row[counted]
    asked, answered = np.zeros(route.size), np.zeros(route.size)
    for number, demand in enumerate(job.workload.demands.values()):
        mine = route == number
        response = job.response_bytes[number] if demand.response_bytes is None else demand.response_bytes
        asked[mine], answered[mine] = _at(demand.request_bytes, row[mine]), _at(response, row[mine])
    answered[outcome > HIT] = 0.0
    accepted = (outcome < STAGE) | (outcome > STAGE + 1)
    return np.where(accepted, http_units(asked, answered), 0.0), answered


def _at(value: float | Floats, row: npt.NDArray[np.int64]) -> float | Floats:
    return value[row] if isinstance(value, np.ndarray) else value


def _mean_busy(rules: Rules, stream: Stream, trace: Trace) -> Floats:
    """Busy environment-seconds within the counted span, divided by its length, by function."""
    end_s = stream.time_s + np.nan_to_num(trace.duration_s + trace.init_s)
    within = np.clip(np.minimum(end_s, stream.to_s) - np.maximum(stream.time_s, stream.from_s), 0.0, None)
    function = rules.routes["function"][stream.trigger]
    return np.bincount(function, within, rules.functions.size) / (stream.to_s - stream.from_s)
