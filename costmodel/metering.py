"""How AWS rounds one request before it is billed. Every function takes scalars or arrays and keeps the shape.

    billed ms  = ceil(duration + init)               one ceil over the sum, 1 ms steps
    GB-s       = billed ms / 1000 x memory MB / 1024
    HTTP units = max(1, ceil(payload / 512 KB))
    others     = max(1, ceil(size / unit)): 64 KB (SQS, SNS, EventBridge), 32 KB (WebSocket), 10 MB (streamed REST), …

Sources: AWS Lambda pricing page (1 ms steps, GB = MB / 1024); AWS Compute blog "AWS Lambda standardizes billing for
INIT Phase", 2025-04-29 (250.06 + 100.77 ms are billed as 351 ms); API Gateway pricing page (4.5 MB are 9 units).
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError

Q = TypeVar("Q", float, npt.NDArray[np.float64])

INIT_BILLED_FROM = date(2025, 8, 1)
"""From this day on INIT is billed for ZIP packages on managed runtimes too; container images always paid for it."""
HTTP_UNIT_BYTES = 512 * 1024
PROVISIONED_STEP_HOURS = 5 / 60
CACHE_STEP_HOURS = 1.0
GIB = 1024**3
KIB = 1024
"""What CloudWatch Logs, data transfer and API Gateway call a GB: their published tiers count 1 TB as 1,024 GB."""
DECIMALS_MS = 6
"""Durations are rounded to the nanosecond before the ceil: else 100 ms x 1.1 in binary would be billed as 111 ms."""


def init_is_billed(on: date | None = None, package: Literal["zip", "image"] = "zip") -> bool:
    """Whether INIT is billed on a day (None: by the rule in force now)."""
    return package == "image" or on is None or on >= INIT_BILLED_FROM


def billed_ms(duration_ms: Q, init_ms: Q | float = 0.0, *, on: date | None = None,
              package: Literal["zip", "image"] = "zip") -> Q:
    """Billed duration [whole ms] of an on-demand invocation on a day (None: the rule in force now).

    `init_ms` is 0 for a warm start. NaN stays NaN: an unknown duration is not billed as 0. Raises InputError for one below 0.
    """
    _check_not_negative("duration_ms", duration_ms)
    _check_not_negative("init_ms", init_ms)
    total_ms: Q = duration_ms + (init_ms if init_is_billed(on, package) else 0.0)
    return _as_given(np.ceil(np.round(total_ms, DECIMALS_MS)), total_ms)


def gb_s(billed_duration_ms: Q, memory_mb: Q | float) -> Q:
    """GB-seconds of a billed duration [ms] at a memory size [MB]; GB is 1,024 MB here."""
    return billed_duration_ms / 1000.0 * (memory_mb / 1024.0)


def http_units(request_bytes: Q, response_bytes: Q | float = 0.0) -> Q:
    """Requests that an HTTP API bills for one request: each started 512 KB of payload, at least one.

    Request and response are added, as the API's DataProcessed metric does; the pricing page names neither.
    """
    payload: Q = request_bytes + response_bytes
    return _as_given(np.maximum(1.0, np.ceil(payload / HTTP_UNIT_BYTES)), payload)


def started_units(size: Q, unit: float) -> Q:
    """How many units of a size were started, at least one: what a message, an item or a response counts as."""
    return _as_given(np.maximum(1.0, np.ceil(np.round(size / unit, DECIMALS_MS))), size)


def started_hours(hours: float, step_hours: float) -> float:
    """Time from enabling to disabling, in started steps: five minutes (provisioned concurrency), an hour (cache)."""
    return float(np.ceil(np.round(hours / step_hours, DECIMALS_MS))) * step_hours


def event_requests(event_kb: Q) -> Q:
    """Requests that Lambda bills for an asynchronous event: one for the first 256 KB, one more a started 64 KB."""
    return _as_given(1.0 + np.ceil(np.maximum(event_kb - 256.0, 0.0) / 64.0), event_kb)


def express_gb_s(duration_ms: Q, memory_mb: float) -> Q:
    """GB-seconds of a Step Functions Express execution: started 100 ms, started 64 MB."""
    return _as_given(started_units(duration_ms, 100.0) / 10.0 * started_units(memory_mb, 64.0) / 16.0, duration_ms)


def _check_not_negative(name: str, value: float | npt.NDArray[np.float64]) -> None:
    lowest = np.fmin.reduce(value, axis=None, initial=0.0)  # passes over NaN, and makes no array
    if lowest < 0:
        raise InputError(f"{name}={lowest}: give 0 ms or more, NaN where it is not known")


def _as_given(value: Any, given: Q) -> Q:
    """numpy answers a scalar with its own type: give back a plain float then."""
    result: Q = value if isinstance(given, np.ndarray) else float(value)
    return result
