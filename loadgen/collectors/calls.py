"""Calls to AWS as collectors make them: counted (they cost money), and made again while AWS is busy, until a deadline.

boto3 itself retries a call some times within seconds; what is left after that (throttling, 5xx, a dropped connection)
is tried again here after a wait that doubles from 1 s to 20 s. Every attempt on the wire counts, failed ones too. Where
nothing answers at all, that is said at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from loadgen.aws import explained
from loadgen.errors import CollectError

EVENTS_PER_PAGE = 10_000
"""The most that FilterLogEvents takes as `limit`."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 20.0
_BUSY = ("Throttling", "ThrottlingException", "LimitExceededException", "TooManyRequestsException",
         "RequestLimitExceeded", "ServiceUnavailableException", "ServiceUnavailable", "InternalFailure")


class Clock(Protocol):
    """The time and how to wait [s]; the module `time` is one."""

    def time(self) -> float: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


@dataclass(frozen=True)
class Window:
    """The time to read [ms since the epoch, both included]."""

    start_ms: int
    end_ms: int


@dataclass
class Calls:
    """The calls of one source. `deadline`: the clock's reading after which a busy AWS is an error."""

    client: Any
    clock: Clock
    deadline: float
    made: Counter[str] = field(default_factory=Counter)
    """Attempts by operation."""

    def __call__(self, operation: str, doing: str, **arguments: Any) -> Mapping[str, Any]:
        """The answer of an operation (`filter_log_events`); `doing` is what an error says failed.

        Raises CollectError, or UnreachableError when nothing answers.
        """
        wait_s = FIRST_WAIT_S
        while (answer := self._attempt(operation, doing, arguments)) is None:
            self.clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        return answer

    def _attempt(self, operation: str, doing: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer; None when it is worth another attempt."""
        from botocore import exceptions

        with explained(CollectError, doing):
            try:
                answer: Mapping[str, Any] = getattr(self.client, operation)(**arguments)
            except exceptions.EndpointConnectionError:
                raise
            except (exceptions.ClientError, exceptions.ConnectionError, exceptions.HTTPClientError) as problem:
                response = getattr(problem, "response", None) or {}
                self._count(operation, response)
                if not _is_busy(response) or self.clock.monotonic() >= self.deadline:
                    raise
                return None
        self._count(operation, answer)
        return answer

    def _count(self, operation: str, response: Mapping[str, Any]) -> None:
        self.made[operation] += 1 + response.get("ResponseMetadata", {}).get("RetryAttempts", 0)


def read_events(calls: Calls, log_group: str, window: Window,
                pattern: str | None = None) -> Iterator[list[Mapping[str, Any]]]:
    """The events of a log group in a window, a page at a time, oldest first; pages may be empty. No group: no page.

    `pattern`: a filter pattern; None: every event.
    """
    arguments: dict[str, Any] = {"logGroupName": log_group, "startTime": window.start_ms, "endTime": window.end_ms,
                                 "limit": EVENTS_PER_PAGE, **({"filterPattern": pattern} if pattern else {})}
    while True:
        try:
            page = calls("filter_log_events", f"log group {log_group}", **arguments)
        except CollectError as problem:
            if getattr(problem, "code", None) == "ResourceNotFoundException":
                return
            raise
        yield page["events"]
        if not page.get("nextToken"):
            return
        arguments["nextToken"] = page["nextToken"]


def _is_busy(response: Mapping[str, Any]) -> bool:
    if not response:
        return True
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or response.get("Error", {}).get("Code") in _BUSY
