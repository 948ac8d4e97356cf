"""One invocation of a function: who asked, how often it was tried, when it ran, how it ended; and where that is told.

Times are seconds on the data plane's own clock unless the name says epoch. `Sink` is what the data plane writes to: log
events and metric data, in the shape in which PutLogEvents and PutMetricData take them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Source = Literal["api", "invoke"]
"""What asked: a route of an API, or a direct Invoke."""
Kind = Literal["sync", "event", "dry_run"]
Outcome = Literal["ok", "error", "timeout", "throttled"]
Cause = Literal["reserved", "concurrency", "scaling", "rate"]
"""Which limit rejected it: `concurrency` is the account's unreserved pool, `scaling` the new environments a second,
`rate` 10 x concurrency invocations a second."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of a log stream."""

    timestamp_ms: int
    """Milliseconds since the epoch, UTC."""
    message: str


@dataclass(frozen=True, slots=True)
class MetricDatum:
    """One minute's values of one metric, as PutMetricData takes them; several data of one minute add up."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    """Pairs of name and value, in AWS's order."""
    at: float
    """Start of the minute [epoch seconds]."""
    unit: str
    values: tuple[float, ...]
    counts: tuple[float, ...]
    """How often each of `values` was seen."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One try to run a function, as it was decided when it came: what runs has its end, what was refused its cause."""

    request_id: str
    function: str
    qualifier: str | None
    source: Source
    kind: Kind
    attempt: int
    at: float
    """When it was asked for."""
    started_at: float
    """When the handler starts: after init, when it is cold."""
    ends_at: float
    outcome: Outcome
    cause: Cause | None = None


class Sink(Protocol):
    """Where telemetry goes. Called from a worker thread, one call at a time; what it raises is counted, never passed
    on."""

    def logs(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Append events, ordered by time, to a stream of a log group; both are made when they do not exist."""

    def metrics(self, data: Sequence[MetricDatum]) -> None:
        """Add metric data."""


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """What Lambda's Invoke answers: the control plane turns it into the HTTP response."""

    status: int
    """200 also when the function failed; 202 event, 204 dry run, 404 no such function, 429 throttled."""
    request_id: str
    payload: bytes
    """The function's answer, or the error's JSON body."""
    executed_version: str | None = None
    function_error: Literal["Unhandled"] | None = None
    error_code: str | None = None
    """`ResourceNotFoundException`, `TooManyRequestsException`, …: the header `x-amzn-ErrorType`."""
    reason: str | None = None
    """Why it was throttled, in Lambda's words."""
    log_tail: str | None = None
    """The last 4 KB of the log, without INIT_START: for LogType Tail, not yet base64."""
