"""A past window of an API in production: CloudWatch's metrics of it, and the functions' logs where that is asked for.

Nothing needs to have been load-tested. What is asked: requests, errors, bytes and cache hits of each API by stage (by
route where the stage has detailed metrics), invocations, durations and concurrency of each function, provisioned
concurrency behind its alias, and the bytes that each log group took in. Metrics have no billed duration and no INIT:
of the functions' platform lines, and of nothing else in the logs, come both.

A reading that was stopped goes on where it was. GetMetricData is charged by the metric; FilterLogEvents is free, and
slow: a page holds 1 MB.

Source: as in `cloudwatch`; CloudWatch Logs user guide, "Monitoring with CloudWatch metrics" (IncomingBytes).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from loadgen.aws import client, explained
from loadgen.collectors.calls import Calls, Clock, Window, read_events
from loadgen.collectors.cloudwatch import (
    API_METRICS,
    PROVISIONED_METRICS,
    Metric,
    Query,
    kept_period_s,
    parts,
    point_rows,
    read_points,
    series,
)
from loadgen.collectors.environments import Environment
from loadgen.collectors.logs import environment_of, groups_of, init_row, initialization_of, reported
from loadgen.deployer import describe
from loadgen.deployment import ApiKind
from loadgen.errors import DeployError, InputError
from loadgen.functions import DeployedFunction
from loadgen.journal import RestStageState
from loadgen.measurements.frames import INITS, INVOCATIONS, METRICS, from_rows
from loadgen.measurements.production import (
    ASKED,
    FINISHED,
    Asked,
    Production,
    Reading,
    alias_dimensions,
    api_dimensions,
    function_dimensions,
    group_dimensions,
    route_dimensions,
)
from loadgen.measurements.run import write_record, write_shard
from loadgen.stages import StageState, read_stage
from loadgen.target import Target

Progress = Callable[[str], None]
MOST_DAYS = 455.0
PUBLISHED_AFTER_S = 300.0
"""CloudWatch publishes within some minutes; AWS gives no figure."""
BUSY_DEADLINE_S = 600.0
"""How long a throttled call is tried again."""
PLATFORM_LINES = ('?"REPORT RequestId" ?INIT_START ?INIT_REPORT ?"platform.report" ?"platform.initStart" '
                  '?"platform.initReport"')
"""The filter pattern of the lines that are read, in both formats."""
_SUM, _MAXIMUM = ("Sum",), ("Maximum",)
FUNCTION_METRICS: tuple[Metric, ...] = (
    ("Invocations", "Count", _SUM), ("Errors", "Count", _SUM), ("Throttles", "Count", _SUM),
    ("Duration", "Milliseconds", ("Sum", "SampleCount")), ("ConcurrentExecutions", "Count", _MAXIMUM))
UTILIZATION: Metric = ("ProvisionedConcurrencyUtilization", "None", _MAXIMUM)
"""What is in use over what is allocated: the only metric that tells the latter."""
INCOMING: Metric = ("IncomingBytes", "Bytes", _SUM)


def plan_reading(target: Target, *, days: float, end: datetime | None = None, log_days: float = 0.0,
                 clock: Clock = time, connect: Callable[[Target, str], Any] = client) -> Asked:
    """What will be read: so many days before `end`, UTC; None: the latest full period that is published.

    Describes what is deployed. Raises InputError for a window that CloudWatch cannot have, DeployError or
    UnreachableError.
    """
    now = datetime.fromtimestamp(clock.time(), UTC)
    last = end or now - timedelta(seconds=PUBLISHED_AFTER_S)
    if not 0 < days <= MOST_DAYS or not 0 <= log_days <= days:
        raise InputError(f"days = {days:g}, log_days = {log_days:g}: give more than 0 and at most {MOST_DAYS:g} days, and "
                         "of these some or all for the logs")
    if last > now:
        raise InputError(f"end = {last.isoformat()}: it is not over yet: give a past time")
    period_s = kept_period_s((now - last).total_seconds() + days * 86_400)
    end_s = int(last.timestamp()) // period_s * period_s
    start_s = -(-int(end_s - days * 86_400) // period_s) * period_s
    if start_s >= end_s:
        raise InputError(f"days = {days:g}: shorter than a period of {period_s} s, which is what CloudWatch keeps of that "
                         "time: give more")
    kinds = tuple(kind for kind in target.apis if API_METRICS[kind])
    return Asked(
        target, {kind: describe(target, kind) for kind in kinds}, _instant(start_s), _instant(end_s), period_s, days, end,
        log_days, tuple(kind for kind in kinds if _is_detailed(target, kind, connect)), _changed(target, connect))


def queries(asked: Asked) -> tuple[Query, ...]:
    """Every series that is asked for."""
    target = asked.target
    wanted: list[Query] = []
    for kind in asked.configurations:
        api = target.api(kind)
        counted = [metric for metric in API_METRICS[kind] if "Latency" not in metric[0]]
        wanted += series("AWS/ApiGateway", api_dimensions(api), counted)
        if kind in asked.by_route:
            for route in target.deployment.routes(kind):
                wanted += series("AWS/ApiGateway", route_dimensions(api, route), counted)
    for logical, function in target.functions.items():
        wanted += series("AWS/Lambda", function_dimensions(function.name), FUNCTION_METRICS)
        if alias := target.deployment.functions[logical].alias:
            wanted += series("AWS/Lambda", alias_dimensions(function.name, alias), (*PROVISIONED_METRICS, UTILIZATION))
    for group in _log_groups(target):
        wanted += series("AWS/Logs", group_dimensions(group), (INCOMING,))
    return tuple(wanted)


def read_production(asked: Asked, out: Path, *, progress: Progress | None = None, clock: Clock = time,
                    connect: Callable[[Target, str], Any] = client) -> Production:
    """Read the window into a directory, or go on where an earlier reading of the same window stopped.

    A window that was read makes no call. Raises InputError when the directory holds another window, CollectError (AWS
    refuses) or UnreachableError; what was read until then stays.
    """
    production, say = Production(out), progress or (lambda message: None)
    if production.exists and not _is_same(production.asked, asked):
        raise InputError(f"{out}: it holds another window ({production.asked.days:g} days until "
                         f"{production.asked.end.isoformat()}): give another directory")
    if production.finished:
        return production
    if production.exists:
        asked = production.asked
    write_record(asked, out / ASKED)
    deadline = clock.monotonic() + BUSY_DEADLINE_S
    metrics, logs = (Calls(connect(asked.target, service), clock, deadline) for service in ("cloudwatch", "logs"))
    partial = _read_metrics(asked, out, metrics, say)
    if asked.log_days:
        _read_logs(asked, production, logs, say)
    write_record(Reading(datetime.now(UTC), dict(metrics.made + logs.made), partial), out / FINISHED)
    return production


def _is_same(there: Asked, asked: Asked) -> bool:
    """The same question, also when it was asked earlier: then its window is a little older."""
    return all(getattr(there, name) == getattr(asked, name) for name in ("target", "days", "until", "log_days"))


def _read_metrics(asked: Asked, out: Path, calls: Calls, say: Progress) -> bool:
    """A file a call. Returns whether any answer was partial."""
    window, partial = _window(asked.start, asked.end), False
    groups = list(parts(queries(asked), window, asked.period_s))
    for number, group in enumerate(groups):
        path = out / METRICS.name / f"{number:04d}.parquet"
        if path.exists():
            continue
        say(f"metrics: {number} of {len(groups)} calls")
        calls.deadline = calls.clock.monotonic() + BUSY_DEADLINE_S
        answer = read_points(calls, group, window, asked.period_s)
        partial |= answer.partial
        write_shard(from_rows(point_rows(answer.points, asked.period_s), METRICS), path, METRICS)
    return partial


def _read_logs(asked: Asked, production: Production, calls: Calls, say: Progress) -> None:
    """A file a day: a day's log is in memory at a time."""
    reader = _LogReader(asked, calls)
    first = asked.logs_from
    while first < asked.end:
        last = min(first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1), asked.end)
        name = f"{first:%Y-%m-%d}.parquet"
        if not (production.path / INITS.name / name).exists():
            say(f"logs: {first:%Y-%m-%d}")
            environments = reader.read(_window(first, last), say)
            invocations = from_rows(reader.invocation_rows(environments), INVOCATIONS)
            write_shard(invocations, production.path / INVOCATIONS.name / name, INVOCATIONS)
            write_shard(from_rows(reader.init_rows(environments), INITS), production.path / INITS.name / name, INITS)
        first = last


class _LogReader:
    """Reads the functions' logs in windows that follow each other. Environments outlive a window: how they were
    initialised is kept."""

    def __init__(self, asked: Asked, calls: Calls) -> None:
        self._calls = calls
        self._settings = asked.functions
        self._groups = groups_of(asked.target.functions, self._settings)
        self._initialized: dict[str, str] = {}

    def read(self, window: Window, say: Progress) -> dict[str, Environment]:
        """The environments by log stream, with what they did in the window."""
        environments: dict[str, Environment] = {}
        for group, names in self._groups.items():
            seen = 0
            for events in read_events(self._calls, group, Window(window.start_ms, window.end_ms - 1), PLATFORM_LINES):
                self._calls.deadline = self._calls.clock.monotonic() + BUSY_DEADLINE_S
                seen += len(events)
                say(f"logs: {_instant(window.start_ms // 1000):%Y-%m-%d} {group}: {seen:,} lines")
                for event in events:
                    stream = event["logStreamName"]
                    if stream not in environments:
                        environments[stream] = environment_of(stream, names)
                    environments[stream].take(event["timestamp"], event["message"])
        return environments

    def invocation_rows(self, environments: Mapping[str, Environment]) -> Iterator[tuple[object, ...]]:
        for stream, environment in environments.items():
            settings = self._settings[environment.function]
            how = self._initialized.setdefault(stream, initialization_of(environment, settings))
            for invocation in environment.invocations:
                yield (stream, *reported(invocation, environment), settings.architecture, how, invocation.outcome,
                       invocation.error_type, None, None, None, invocation.report and invocation.report.trace_id)

    def init_rows(self, environments: Mapping[str, Environment]) -> Iterator[tuple[object, ...]]:
        for stream, environment in environments.items():
            waited = any(invocation.waited for invocation in environment.invocations)
            if environment.init_at_ms is not None and not waited:
                yield stream, *init_row(environment, self._settings[environment.function])


def _log_groups(target: Target) -> list[str]:
    groups = [function.log_group for function in target.functions.values()]
    groups += [api.log_group for api in target.apis.values() if api.log_group]
    return list(dict.fromkeys(groups))


def _is_detailed(target: Target, kind: ApiKind, connect: Callable[[Target, str], Any]) -> bool:
    """Whether the stage, or a route of it, publishes metrics by route."""
    with explained(DeployError, "describe"):
        stage = read_stage(target.api(kind), connect(target, "apigateway" if kind == "rest" else "apigatewayv2"))
    return any(settings.get("metricsEnabled") or settings.get("DetailedMetricsEnabled") for settings in _route_settings(stage))


def _route_settings(stage: StageState) -> list[Mapping[str, Any]]:
    if isinstance(stage, RestStageState):
        return list(stage.settings.values())
    return [stage.default, *stage.routes.values()]


def _changed(target: Target, connect: Callable[[Target, str], Any]) -> dict[str, datetime]:
    lambda_ = connect(target, "lambda")
    with explained(DeployError, "describe"):
        served = {logical: DeployedFunction(lambda_, logical, function.name, target.deployment.functions[logical].alias,
                                            print).served()
                  for logical, function in target.functions.items()}
    return {logical: datetime.fromisoformat(found["LastModified"]) for logical, found in served.items()}


def _window(start: datetime, end: datetime) -> Window:
    return Window(round(start.timestamp() * 1000), round(end.timestamp() * 1000))


def _instant(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
