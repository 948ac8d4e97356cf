"""What a configuration will do: latency, cold starts, throttles and the Activity that becomes a bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from costmodel.activity import Activity
from loadgen.configuration import Configuration

ALL = "all"
"""The key under which figures over all routes stand."""


@dataclass(frozen=True)
class Interval:
    """An interval that is meant to hold the true value with probability `level`."""

    low: float
    high: float
    level: float = 0.9


@dataclass(frozen=True)
class Latency:
    """Client latency of the answered requests of one route that nothing throttled [ms], from the scheduled arrival on."""

    n: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Prediction:
    """One configuration under one workload. Shares are of all requests, 0 to 1."""

    configuration: Configuration
    latency: Mapping[str, Latency]
    """By route, and `ALL`."""
    cold_share: float
    """Of the invocations, those that waited for an INIT."""
    throttled: Mapping[str, float]
    """Share of all requests by cause: stage, account (gateway's), reserved, concurrency, scaling (Lambda's)."""
    cache_hit_share: float
    concurrency: Mapping[str, float]
    """Mean busy environments by function."""
    peak_concurrency: Mapping[str, float]
    activity: Activity
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """Of `p95_ms`, `cold_share`, `gb_s`, …, over replications."""
    caveats: tuple[str, ...] = ()
    """What is extrapolated, taken from a prior, or not modelled; each a sentence for the reader."""
    error_share: float | None = None
    """Of all requests, those answered with an error, throttled ones included; None: not known."""
    environments: Mapping[str, float] = field(default_factory=dict)
    """Mean on-demand environments by function, busy and idle."""
    provisioned: Mapping[str, float] = field(default_factory=dict)
    """Mean provisioned environments by function."""
    concurrency_over_time: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Busy environments by function at the edges of 100 equal parts of the simulated time, mean of the replications."""
    expired_share: float = 0.0
    """Of all requests, asynchronous events that no environment took before their maximum age."""
    replicated: tuple[Activity, ...] = ()
    """The activity of each replication, over the same period: the bill's interval comes from their spread."""
