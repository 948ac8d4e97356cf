"""What AWS writes about a request: platform lines, access-log lines, metrics. Pure; times are epoch seconds.

Text lines, TAB between the fields, one event a line; JSON events are `{"time", "type", "record"}` and have no END:

    INIT_START Runtime Version: python:3.13.v1\\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:<64 hex>
    START RequestId: <uuid> Version: $LATEST
    END RequestId: <uuid>
    REPORT RequestId: <uuid>\\tDuration: 2.37 ms\\tBilled Duration: 427 ms\\tMemory Size: 1024 MB\\tMax Memory Used: …

Billed Duration is ceil(Duration + Init Duration) [ms], the rule since 2025-08-01; without a Status the REPORT ends in
a TAB. Sources: Lambda developer guide, "Working with log data" and "Lambda metrics"; measured log lines (2025); API
Gateway developer guide, "Access log variables" and "Metrics and dimensions". Unproven: the words of a successful
INIT_REPORT (provisioned).
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import time
from dataclasses import dataclass
from typing import Any, Literal

from loadgen.local.account import Version
from loadgen.local.invocation import LogEvent, MetricDatum

_WARN = frozenset({"WARN", "ERROR", "FATAL"})
Initialization = Literal["on-demand", "provisioned-concurrency"]
MetricValue = tuple[str, str, tuple[tuple[str, str], ...], str, float]
"""Namespace, name, dimensions, unit, value."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that the platform says of one invocation."""

    request_id: str
    version: Version
    function_arn: str
    started_at: float
    duration_ms: float
    init_ms: float | None
    max_memory_mb: int
    timed_out: bool

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds billed, init included."""
        return math.ceil(round(self.duration_ms + (self.init_ms or 0.0), 6))

    @property
    def ended_at(self) -> float:
        """When the invocation ended, init not counted."""
        return self.started_at + self.duration_ms / 1000


def log_stream(version: Version, environment_id: str, created_at: float) -> str:
    """`2025/05/06/[3]6163f46cd40046d0a97e9afdc7298e1f`: one stream an environment."""
    return f"{_day(int(created_at // 86_400))}/[{version.number}]{environment_id}"


def init_start(function: str, version: Version, at: float, initialization: Initialization,
               region: str) -> list[LogEvent]:
    """The first event of an environment's stream."""
    label, arn = _runtime_version(version.runtime, region)
    if version.log_format == "Text":
        return [_event(at, f"INIT_START Runtime Version: {label}\tRuntime Version ARN: {arn}\n")]
    record = {"initializationType": initialization, "phase": "init", "runtimeVersion": label, "runtimeVersionArn": arn,
              "functionName": function, "functionVersion": version.number}
    return _json_events(version, [(at, "initStart", record)])


def init_report(version: Version, at: float, init_ms: float) -> list[LogEvent]:
    """The end of a provisioned environment's init; on demand a successful one is not reported."""
    if version.log_format == "Text":
        return [_event(at, f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\n")]
    record = {"initializationType": "provisioned-concurrency", "phase": "init", "status": "success",
              "metrics": {"durationMs": round(init_ms, 3)}}
    return _json_events(version, [(at, "initReport", record)])


def platform_lines(report: Report) -> list[LogEvent]:
    """START, END and REPORT of an invocation in the function's log format; in JSON there is no END."""
    return _text_lines(report) if report.version.log_format == "Text" else _json_lines(report)


def lambda_metrics(function: str, resource: str | None, *, duration_ms: float | None, failed: bool,
                   concurrency: int, provisioned: bool | None) -> list[MetricValue]:
    """Metrics of an invocation that ran, by function, by alias or version (`resource`) and for the account.

    `duration_ms` without init, as CloudWatch has it; `provisioned` None: its version has no provisioned concurrency.
    """
    values: list[MetricValue] = []
    for dimensions in _function_dimensions(function, resource):
        values += [("AWS/Lambda", "Invocations", dimensions, "Count", 1.0),
                   ("AWS/Lambda", "Errors", dimensions, "Count", float(failed)),
                   ("AWS/Lambda", "Throttles", dimensions, "Count", 0.0)]
        if duration_ms is not None:
            values.append(("AWS/Lambda", "Duration", dimensions, "Milliseconds", duration_ms))
    values.append(("AWS/Lambda", "ConcurrentExecutions", (("FunctionName", function),), "Count", float(concurrency)))
    if provisioned is not None and resource is not None:
        name = "ProvisionedConcurrencyInvocations" if provisioned else "ProvisionedConcurrencySpilloverInvocations"
        values.append(("AWS/Lambda", name, _resource_dimensions(function, resource), "Count", 1.0))
    return values


def provisioned_metrics(function: str, resource: str, busy: int, allocated: int) -> list[MetricValue]:
    """How much of its provisioned concurrency an alias or version uses."""
    dimensions = _resource_dimensions(function, resource)
    return [("AWS/Lambda", "ProvisionedConcurrentExecutions", dimensions, "Count", float(busy)),
            ("AWS/Lambda", "ProvisionedConcurrencyUtilization", dimensions, "None", busy / allocated)]


def account_metrics(concurrency: int) -> list[MetricValue]:
    """Executions in flight in the account."""
    return [("AWS/Lambda", "ConcurrentExecutions", (), "Count", float(concurrency))]


def throttle_metrics(function: str, resource: str | None) -> list[MetricValue]:
    """A throttled invocation is neither an invocation nor an error."""
    return [("AWS/Lambda", "Throttles", dimensions, "Count", 1.0)
            for dimensions in _function_dimensions(function, resource)]


class MetricTable:
    """Metric values by minute, until they are taken.

    Values above 0 ms of unit Milliseconds share half-percent bins, each told as its own mean: sums stay exact,
    percentiles and extremes within 0.5 %, and a minute of any load stays a few hundred values.
    """

    def __init__(self) -> None:
        self._cells: dict[tuple[float, str, str, tuple[tuple[str, str], ...], str], dict[float, list[float]]] = {}

    def add(self, at: float, values: list[MetricValue]) -> None:
        """Count values into the minute of `at`."""
        minute = at // 60 * 60
        for namespace, name, dimensions, unit, value in values:
            bins = self._cells.setdefault((minute, namespace, name, dimensions, unit), {})
            key = round(math.log(value) * 200) if unit == "Milliseconds" and value > 0 else value
            cell = bins.get(key)
            if cell is None:
                bins[key] = [value, 1.0]
            else:
                cell[0] += value
                cell[1] += 1.0

    def take(self) -> list[MetricDatum]:
        """All that was counted since the last call."""
        cells, self._cells = self._cells, {}
        return [MetricDatum(namespace, name, dimensions, minute, unit,
                            tuple(total / count for total, count in bins.values()),
                            tuple(count for _, count in bins.values()))
                for (minute, namespace, name, dimensions, unit), bins in cells.items()]


def _text_lines(report: Report) -> list[LogEvent]:
    version, request_id = report.version, report.request_id
    init = f"Init Duration: {report.init_ms:.2f} ms\t" if report.init_ms is not None else ""
    status = "Status: timeout" if report.timed_out else ""
    line = (f"REPORT RequestId: {request_id}\tDuration: {report.duration_ms:.2f} ms\t"
            f"Billed Duration: {report.billed_ms} ms\tMemory Size: {version.memory_mb} MB\t"
            f"Max Memory Used: {report.max_memory_mb} MB\t{init}{status}\n")
    return [_event(report.started_at, f"START RequestId: {request_id} Version: {version.number}\n"),
            _event(report.ended_at, f"END RequestId: {request_id}\n"), _event(report.ended_at, line)]


def _json_lines(report: Report) -> list[LogEvent]:
    metrics: dict[str, float] = {"durationMs": round(report.duration_ms, 3), "billedDurationMs": report.billed_ms,
                                 "memorySizeMB": report.version.memory_mb, "maxMemoryUsedMB": report.max_memory_mb}
    if report.init_ms is not None:
        metrics["initDurationMs"] = round(report.init_ms, 3)
    status = "timeout" if report.timed_out else "success"
    start = {"requestId": report.request_id, "functionArn": report.function_arn, "version": report.version.number}
    done = {"requestId": report.request_id, "status": status, "metrics": metrics}
    return _json_events(report.version, [(report.started_at, "start", start), (report.ended_at, "report", done)])


def _json_events(version: Version, records: list[tuple[float, str, dict[str, Any]]]) -> list[LogEvent]:
    """JSON platform events; at system log level WARN only what did not succeed is written."""
    quiet = version.log_level in _WARN
    told = [r for r in records if not quiet or r[2].get("status", "success") != "success"]
    return [_event(at, json.dumps({"time": _iso(at), "type": f"platform.{kind}", "record": record},
                                  separators=(",", ":"))) for at, kind, record in told]


def _event(at: float, message: str) -> LogEvent:
    return LogEvent(round(at * 1000), message)


def _function_dimensions(function: str, resource: str | None) -> list[tuple[tuple[str, str], ...]]:
    own = (("FunctionName", function),)
    return [(), own] if resource is None else [(), own, _resource_dimensions(function, resource)]


def _resource_dimensions(function: str, resource: str) -> tuple[tuple[str, str], ...]:
    return (("FunctionName", function), ("Resource", resource))


@functools.lru_cache
def _runtime_version(runtime: str, region: str) -> tuple[str, str]:
    digits = next((i for i, c in enumerate(runtime) if c.isdigit()), len(runtime))
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"{runtime[:digits]}:{runtime[digits:].removesuffix('.x')}.v1", f"arn:aws:lambda:{region}::runtime:{digest}"


@functools.lru_cache(maxsize=8)
def _day(day: int) -> str:
    return time.strftime("%Y/%m/%d", time.gmtime(day * 86_400))


def _iso(at: float) -> str:
    milliseconds = round(at * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000)) + f".{milliseconds % 1000:03d}Z"


