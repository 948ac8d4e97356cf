"""The lines that Lambda itself writes to a function's log, text and JSON, as named tuples. No IO.

Text: one event a line, `REPORT RequestId: <id>` and then `Label: value unit` separated by tabs:

    REPORT RequestId: <id>\\tDuration: 2.37 ms\\tBilled Duration: 427 ms\\tMemory Size: 1024 MB\\tMax Memory Used: 95 MB
        \\tInit Duration: 423.98 ms | \\tRestore Duration: 511.25 ms\\tBilled Restore Duration: 182 ms
        \\tStatus: timeout | error\\tError Type: Runtime.ExitError      and, traced, a second line `XRAY TraceId: …`

Accepted as well: tabs flattened to spaces or escaped twice, fields in another order, unknown fields between them.
JSON: `{"time": …, "type": "platform.report", "record": {…}}`. Durations are ms, memory MB, billed durations whole ms.

Source: Lambda developer guide, "Viewing CloudWatch logs for Lambda functions" and "Telemetry API Event schema
reference"; lines published by several projects, see tests/loadgen/collectors/data/platform_lines.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Outcome = Literal["ok", "error", "timeout"]


class Report(NamedTuple):
    """The end of an invocation. `billed_ms` holds INIT (since 2025-08-01) and the billed restore already."""

    request_id: str
    duration_ms: float
    billed_ms: int | None = None
    memory_mb: int | None = None
    max_memory_mb: int | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: int | None = None
    status: str | None = None
    error_type: str | None = None
    trace_id: str | None = None
    segment_id: str | None = None
    sampled: bool | None = None
    at: str | None = None

    @property
    def outcome(self) -> Outcome:
        """What the line tells. Old lines have no status: there a bill below the duration was capped by the timeout."""
        if self.status is None:
            capped = self.billed_ms is not None and self.billed_ms < self.duration_ms
            return "timeout" if capped else "ok"
        if self.status == "timeout":
            return "timeout"
        return "ok" if self.status == "success" else "error"


_UNTOLD = (None,) * (len(Report._fields) - 6)
"""The fields that a usual line does not have."""


class Start(NamedTuple):
    """An invocation begins, on this version."""

    request_id: str
    version: str | None = None
    at: str | None = None


class End(NamedTuple):
    """The handler is done (text only)."""

    request_id: str


class InitStart(NamedTuple):
    """An environment begins to initialise. Only JSON tells the phase and the kind of initialisation."""

    runtime_version: str | None
    phase: str | None = None
    initialization: str | None = None
    at: str | None = None


class InitReport(NamedTuple):
    """An initialisation's end; on demand only when it failed. Phase `invoke`: it was repeated inside an invocation."""

    init_ms: float
    phase: str | None = None
    status: str | None = None
    error_type: str | None = None
    initialization: str | None = None
    at: str | None = None


class RestoreReport(NamedTuple):
    """A SnapStart restore's end."""

    restore_ms: float
    status: str | None = None
    error_type: str | None = None
    at: str | None = None


class RuntimeDone(NamedTuple):
    """The runtime answered (JSON at level DEBUG, or when it failed)."""

    request_id: str
    status: str | None
    error_type: str | None = None
    duration_ms: float | None = None
    at: str | None = None


class Failure(NamedTuple):
    """The runtime died (old style), or the handler raised; request_id None: during initialisation, or not told."""

    request_id: str | None
    error_type: str | None
    message: str | None = None


class TimedOut(NamedTuple):
    """The old style's extra line about a timeout."""

    request_id: str
    after_s: float


class Extension(NamedTuple):
    """An extension registered for these events."""

    name: str
    state: str
    events: tuple[str, ...]


class Subscription(NamedTuple):
    """An extension subscribed to these kinds of telemetry."""

    name: str
    state: str
    types: tuple[str, ...]


class LogsDropped(NamedTuple):
    """Records that an extension did not take in time."""

    dropped_records: int
    at: str | None = None


Line = (Report | Start | End | InitStart | InitReport | RestoreReport | RuntimeDone | Failure | TimedOut | Extension
        | Subscription | LogsDropped)


def parse(message: str) -> Line | None:
    """One log event's message as what it says; None when it is the application's own (or a damaged) line."""
    try:
        if message.startswith("REPORT RequestId:"):
            return _report(message)
        if message.startswith("{"):
            return _json(message)
        words = message.split(None, 1)
        read = _TEXT.get(words[0]) if words else None
        if read is not None:
            return read(message)
        return _timed_out(message) if "Task timed out after" in message else None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _report(message: str) -> Report:
    """The usual line by the places of its words, any other by its labels: slower."""
    words = message.split()
    cold = len(words) == 23 and words[19] == "Init"
    usual = (cold or len(words) == 19) and words[3] == words[7] == "Duration:" and words[16] == "Used:"
    if not usual:
        return _labelled_report(message)
    init_ms = float(words[21]) if cold else None
    fields = words[2], float(words[4]), int(words[8]), int(words[12]), int(words[17]), init_ms
    return tuple.__new__(Report, fields + _UNTOLD)  # faster than Report(*fields)


def _labelled_report(message: str) -> Report:
    labels = _labels(message)
    sampled = labels.get("Sampled")
    return Report(
        request_id=labels["RequestId"],
        duration_ms=float(labels["Duration"]),
        billed_ms=_whole(labels.get("Billed Duration")),
        memory_mb=_whole(labels.get("Memory Size")),
        max_memory_mb=_whole(labels.get("Max Memory Used")),
        init_ms=_number(labels.get("Init Duration")),
        restore_ms=_number(labels.get("Restore Duration")),
        billed_restore_ms=_whole(labels.get("Billed Restore Duration")),
        status=labels.get("Status"),
        error_type=labels.get("Error Type"),
        trace_id=labels.get("XRAY TraceId"),
        segment_id=labels.get("SegmentId"),
        sampled=None if sampled is None else sampled == "true",
    )


def _labels(message: str) -> dict[str, str]:
    """`Label: value unit` pairs, whatever separates them: a label is the words up to one that ends in a colon."""
    words = message.replace("\\t", "\t").replace("\\n", "\n").split()[1:]
    labels: dict[str, str] = {}
    label: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word.endswith(":"):
            labels[" ".join([*label, word[:-1]])] = next(waiting, "")
            label = []
        elif word not in ("ms", "MB"):
            label.append(word)
    return labels


def _start(message: str) -> Start:
    labels = _labels(message)
    return Start(labels["RequestId"], labels.get("Version"))


def _end(message: str) -> End:
    return End(_labels(message)["RequestId"])


def _init_start(message: str) -> InitStart:
    return InitStart(_labels(message)["Runtime Version"])


def _init_report(message: str) -> InitReport:
    labels = _labels(message)
    init_ms, phase = float(labels["Init Duration"]), labels.get("Phase")
    return InitReport(init_ms, phase, labels.get("Status"), labels.get("Error Type"))


def _restore_report(message: str) -> RestoreReport:
    labels = _labels(message)
    return RestoreReport(float(labels["Restore Duration"]), labels.get("Status"), labels.get("Error Type"))


def _runtime_failure(message: str) -> Failure | None:
    first, _, rest = message.partition("\n")
    head, found, text = first.partition(" Error: ")
    return Failure(head.split()[1], rest.strip() or None, text.strip()) if found else None


def _unhandled(message: str) -> Failure | None:
    """What Python's runtime writes about an exception that the handler let through."""
    first, _, rest = message.partition("\n")
    error_type, found, text = first.removeprefix("[ERROR] ").partition(":")
    raised = found and " " not in error_type and "Traceback" in first + rest
    return Failure(None, error_type, text.strip()) if raised else None


def _timed_out(message: str) -> TimedOut | None:
    words = message.split()
    return TimedOut(words[1], float(words[6])) if words[2:6] == ["Task", "timed", "out", "after"] else None


def _extension(message: str) -> Extension:
    return Extension(*_registered(message))


def _subscription(message: str) -> Subscription:
    return Subscription(*_registered(message))


def _registered(message: str) -> tuple[str, str, tuple[str, ...]]:
    name, state, listed = (part.partition(": ")[2].strip() for part in message.split("\t")[1:4])
    return name, state, tuple(item.strip() for item in listed.strip("[]").split(",") if item.strip())


_TEXT: Mapping[str, Callable[[str], Line | None]] = {
    "START": _start,
    "END": _end,
    "INIT_START": _init_start,
    "INIT_REPORT": _init_report,
    "RESTORE_REPORT": _restore_report,
    "RequestId:": _runtime_failure,
    "[ERROR]": _unhandled,
    "EXTENSION": _extension,
    "TELEMETRY": _subscription,
    "LOGS": _subscription,
}


def _json(message: str) -> Line | None:
    if '"platform.' in message:
        event = json.loads(message)
        read = _JSON.get(event.get("type"))
        return read(event["record"], event.get("time")) if read else None
    if '"stackTrace"' in message and '"log_level"' in message:
        event = json.loads(message)
        return Failure(event.get("requestId") or None, event.get("errorType"), event.get("errorMessage"))
    return None


def _json_report(record: Mapping[str, Any], at: str | None) -> Report:
    metrics = record["metrics"]
    trace = dict(part.split("=", 1) for part in record.get("tracing", {}).get("value", "").split(";") if "=" in part)
    return Report(
        request_id=record["requestId"],
        duration_ms=float(metrics["durationMs"]),
        billed_ms=metrics.get("billedDurationMs"),
        memory_mb=metrics.get("memorySizeMB"),
        max_memory_mb=metrics.get("maxMemoryUsedMB"),
        init_ms=metrics.get("initDurationMs"),
        restore_ms=metrics.get("restoreDurationMs"),
        billed_restore_ms=metrics.get("billedRestoreDurationMs"),
        status=record.get("status"),
        error_type=record.get("errorType"),
        trace_id=trace.get("Root"),
        sampled=trace["Sampled"] == "1" if "Sampled" in trace else None,
        at=at,
    )


def _json_start(record: Mapping[str, Any], at: str | None) -> Start:
    return Start(record["requestId"], record.get("version"), at)


def _json_init_start(record: Mapping[str, Any], at: str | None) -> InitStart:
    return InitStart(record.get("runtimeVersion"), record.get("phase"), record.get("initializationType"), at)


def _json_init_report(record: Mapping[str, Any], at: str | None) -> InitReport:
    init_ms, phase = record["metrics"]["durationMs"], record.get("phase")
    kind = record.get("initializationType")
    return InitReport(init_ms, phase, record.get("status"), record.get("errorType"), kind, at)


def _json_restore_report(record: Mapping[str, Any], at: str | None) -> RestoreReport:
    return RestoreReport(record["metrics"]["durationMs"], record.get("status"), record.get("errorType"), at)


def _json_runtime_done(record: Mapping[str, Any], at: str | None) -> RuntimeDone:
    return RuntimeDone(record["requestId"], record.get("status"), record.get("errorType"),
                       record.get("metrics", {}).get("durationMs"), at)


def _json_extension(record: Mapping[str, Any], at: str | None) -> Extension:
    return Extension(record["name"], record["state"], tuple(record["events"]))


def _json_subscription(record: Mapping[str, Any], at: str | None) -> Subscription:
    return Subscription(record["name"], record["state"], tuple(record["types"]))


def _json_logs_dropped(record: Mapping[str, Any], at: str | None) -> LogsDropped:
    return LogsDropped(record["droppedRecords"], at)


def _json_fault(record: str, at: str | None) -> Failure:
    words = record.split(None, 2)
    return Failure(words[1], None, words[2])


_JSON: Mapping[str, Callable[[Any, str | None], Line]] = {
    "platform.report": _json_report,
    "platform.start": _json_start,
    "platform.initStart": _json_init_start,
    "platform.initReport": _json_init_report,
    "platform.restoreReport": _json_restore_report,
    "platform.runtimeDone": _json_runtime_done,
    "platform.extension": _json_extension,
    "platform.telemetrySubscription": _json_subscription,
    "platform.logsSubscription": _json_subscription,
    "platform.logsDropped": _json_logs_dropped,
    "platform.fault": _json_fault,
}


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
