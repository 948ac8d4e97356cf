"""API Gateway's access log -> the access frame: one row a request that the gateway saw.

The stage's format is a text in which AWS puts the value of each `$context.…` variable, JSON or not; a line is read by
the same text turned into a pattern, so that any format with the needed variables works, also one that is invalid JSON
because an unquoted number is `-`. `-` and an empty text mean unset. Latencies are ms, `at` is the request's arrival.

Source: API Gateway developer guide, "Variables for access logging for API Gateway" and "Customize HTTP API access
logs".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from loadgen.access_format import VARIABLE, lacking
from loadgen.collectors.calls import Calls, read_events
from loadgen.collectors.sent import Sent
from loadgen.errors import CollectError
from loadgen.measurements.frames import ACCESS, FrameSchema, from_rows
from loadgen.measurements.run import Run
from loadgen.target import TargetApi

if TYPE_CHECKING:
    import pyarrow as pa

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "gateway_request_id": ("requestId", "extendedRequestId"),
    "status": ("status",),
    "latency_ms": ("responseLatency",),
    "integration_ms": ("integrationLatency", "integration.latency"),
    "authorizer_ms": ("authorizer.latency", "authorizer.integrationLatency", "authorize.latency"),
    "lambda_request_id": ("integration.requestId", "awsEndpointRequestId"),
    "lambda_status": ("integrationStatus", "integration.integrationStatus"),
    "function_status": ("integration.status",),
    "error_type": ("error.responseType",),
    "response_bytes": ("responseLength",),
    "api_key_id": ("identity.apiKeyId",),
    "stage": ("stage",),
}
"""Which `$context` variables fill a column, the first that is set."""
_UNSET = ("", "-")


class LineReader:
    """Reads the lines of one format. `stage`: for a format that does not tell it."""

    def __init__(self, log_format: str, stage: str | None = None) -> None:
        self.variables = tuple(VARIABLE.findall(log_format))
        self.stage = stage
        self._pattern = _pattern(log_format)

    def read(self, line: str, logged_ms: int) -> tuple[object, ...] | None:
        """One line as a row of the access frame (times as µs since the epoch); None when it has another format.

        `logged_ms`: the log event's own time, for a format that does not tell the request's.
        """
        match = self._pattern.fullmatch(line.strip())
        if match is None:
            return None
        values = {name: text for name, text in zip(self.variables, match.groups(), strict=True) if text not in _UNSET}
        try:
            return tuple(_READ[column](values, self, logged_ms) for column in ACCESS.columns)
        except ValueError:
            return None


def _pattern(log_format: str) -> re.Pattern[str]:
    pieces = VARIABLE.split(" ".join(log_format.split()))
    literals = [re.escape(piece).replace(r"\ ", r"\s*" if piece.strip() else r"\s+") for piece in pieces[::2]]
    return re.compile("(.*?)".join(literals), re.DOTALL)


def _of(column: str, convert: Callable[[str], object]) -> Callable[[Mapping[str, str], LineReader, int], object]:
    def read(values: Mapping[str, str], reader: LineReader, logged_ms: int) -> object:
        found = next((values[name] for name in VARIABLES[column] if name in values), None)
        return None if found is None else convert(found)
    return read


def _at(values: Mapping[str, str], reader: LineReader, logged_ms: int) -> int:
    if "requestTimeEpoch" in values:
        return int(values["requestTimeEpoch"]) * 1000
    if "requestTime" in values:
        return int(datetime.strptime(values["requestTime"], "%d/%b/%Y:%H:%M:%S %z").timestamp()) * 1_000_000
    return logged_ms * 1000


def _route(values: Mapping[str, str], reader: LineReader, logged_ms: int) -> str | None:
    """HTTP APIs have a route key; REST APIs a method and a resource path."""
    if "routeKey" in values:
        return values["routeKey"]
    if "httpMethod" in values and "resourcePath" in values:
        return f"{values['httpMethod']} {values['resourcePath']}"
    return None


def _stage(values: Mapping[str, str], reader: LineReader, logged_ms: int) -> str | None:
    return values.get("stage", reader.stage)


_READ: Mapping[str, Callable[[Mapping[str, str], LineReader, int], object]] = {
    "gateway_request_id": _of("gateway_request_id", str),
    "at": _at,
    "route": _route,
    "stage": _stage,
    "status": _of("status", int),
    "latency_ms": _of("latency_ms", float),
    "integration_ms": _of("integration_ms", float),
    "authorizer_ms": _of("authorizer_ms", float),
    "lambda_request_id": _of("lambda_request_id", str),
    "lambda_status": _of("lambda_status", int),
    "function_status": _of("function_status", int),
    "error_type": _of("error_type", str),
    "response_bytes": _of("response_bytes", int),
    "api_key_id": _of("api_key_id", str),
}


class AccessLogs:
    """The collector: reads the log of the run's API until each request that was answered has its row."""

    service: ClassVar[str] = "logs"
    frames: ClassVar[tuple[FrameSchema, ...]] = (ACCESS,)

    def __init__(self, run: Run, calls: Calls, sent: Sent, before: Mapping[str, pa.Table]) -> None:
        self._calls, self._sent = calls, sent
        api = run.intent.target.api(run.intent.configuration.api.kind)
        self._log_group, self._reader = _log_of(api)
        self._lacks = lacking(api.log_format or "", api.kind)
        self._before = before["access"]
        self._found: dict[str, tuple[object, ...]] = {}
        self._missing = dict(sent.gateway)
        for gateway_request_id in self._before["gateway_request_id"].to_pylist():
            self._missing.pop(str(gateway_request_id), None)
        self._foreign: set[str] = set()
        self._unreadable = 0
        self._read_once = False

    def read(self) -> None:
        """Read the part of the window where rows are missing."""
        self._unreadable = 0
        self._read_once = True
        for events in read_events(self._calls, self._log_group, self._sent.window_of(self._missing.values())):
            for event in events:
                self._take(event)

    def missing(self) -> Mapping[str, int]:
        """How many rows are still to come, by reason."""
        if not self._sent.gateway and not self._read_once:
            return {"not read yet": 1}
        return {"requests without their access-log row": len(self._missing)} if self._missing else {}

    def tables(self) -> Mapping[str, pa.Table]:
        """What was found, also earlier."""
        import pyarrow as pa

        return {"access": pa.concat_tables([self._before, from_rows(self._found.values(), ACCESS)])}

    def notes(self) -> tuple[str, ...]:
        """What a reader of the rows must know."""
        notes = []
        if self._foreign:
            notes.append(f"{len(self._foreign)} rows of other requests in the same time left out")
        if self._unreadable:
            notes.append(f"{self._unreadable} lines of another format than the target's log_format left out")
        if self._lacks:
            notes.append(f"the format lacks {', '.join(self._lacks)}: what they tell stays unknown")
        if not self._sent.gateway:
            notes.append("no answer carried a request id: every row in the run's time was kept")
        return tuple(notes)

    def _take(self, event: Mapping[str, Any]) -> None:
        row = self._reader.read(event["message"], event["timestamp"])
        if row is None or row[0] is None:
            self._unreadable += 1
            return
        gateway_request_id = str(row[0])
        if self._sent.gateway and gateway_request_id not in self._sent.gateway:
            self._foreign.add(gateway_request_id)
        elif self._missing.pop(gateway_request_id, None) is not None or not self._sent.gateway:
            self._found.setdefault(gateway_request_id, row)


def _log_of(api: TargetApi) -> tuple[str, LineReader]:
    if not api.log_group or not api.log_format:
        raise CollectError(f"access log of {api.kind} API {api.name}: it is off, so requests cannot be joined to "
                           "invocations: `loadgen discover` prints the command that switches it on")
    reader = LineReader(api.log_format, api.stage)
    if not set(reader.variables).intersection(VARIABLES["gateway_request_id"]):
        lacks = ", ".join(lacking(api.log_format, api.kind))
        raise CollectError(f"access log of {api.kind} API {api.name}: its format lacks {lacks}: `loadgen discover` "
                           "prints one that has them")
    return api.log_group, reader
