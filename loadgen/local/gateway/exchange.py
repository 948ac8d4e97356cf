"""One request on its way through API Gateway: what was sent, what each stage found out, and what was answered.

Times are epoch seconds, durations milliseconds. Header names keep the case in which they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from loadgen.deployment import ApiKind
from loadgen.local.account import ApiState, RouteState, StageState
from loadgen.local.invocation import InvokeResult

Headers = list[tuple[str, str]]
DEFAULT = "$default"
"""An HTTP API's stage without a segment in its address, and its route for what no other route matches."""


@dataclass(slots=True)
class Request:
    """An HTTP request as it came in; `target` is path and query as sent."""

    method: str
    target: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    source_ip: str = "127.0.0.1"


@dataclass(slots=True)
class Answer:
    """An HTTP response; Content-Length, Date and Connection are added by the HTTP front."""

    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Exchange:
    """A request, and what the stages know of it. What a stage has not set is None."""

    request: Request
    at: float
    request_id: str
    extended_id: str
    trace_id: str
    """The whole X-Amzn-Trace-Id header, `Root=1-…;Parent=…`."""
    lower: Mapping[str, str] = field(init=False)
    """Headers by lower-case name; the last of repeated ones."""

    api: ApiState | None = None
    stage: StageState | None = None
    route: RouteState | None = None
    path: str = ""
    """The path below the stage."""
    query: tuple[tuple[str, str], ...] = ()
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    throttled_by: Literal["stage", "account"] | None = None
    cache_key: tuple[str, ...] | None = None
    cache_hit: bool | None = None
    event: dict[str, Any] | None = None
    result: InvokeResult | None = None
    integration_ms: float | None = None
    function_status: int | None = None
    error: str | None = None
    """The message of an error that the gateway made."""
    error_type: str | None = None
    """Its gateway response type, `THROTTLED` and its kin; None: it has none."""
    answer: Answer | None = None
    latency_ms: float = 0.0

    def __post_init__(self) -> None:
        self.lower = {name.lower(): value for name, value in self.request.headers}

    @property
    def kind(self) -> ApiKind:
        """Which API answers; an address that no API has is answered as a REST API does."""
        return self.api.kind if self.api is not None else "rest"


def route_key(route: RouteState) -> str:
    """`GET /products/{id}`, or `$default`."""
    return DEFAULT if DEFAULT in (route.method, route.path) else route.name
