"""Function logs -> the invocations and inits frames.

Rows are kept by our own request ids (the access log's, or a direct invoke's): the log also holds the neighbours of a
run in time. Without any id, all rows in the run's time are kept.

How an environment was initialised: JSON lines say it; a successful INIT_REPORT in text is written for provisioned and
SnapStart environments only; else, where provisioned concurrency is configured and the version is published, an
environment is provisioned when its first REPORT has no Init Duration (the others were started on demand). That needs a
new version for each change, as the deployer publishes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from loadgen.collectors.calls import Calls, read_events
from loadgen.collectors.environments import Environment, Invocation
from loadgen.collectors.sent import Sent
from loadgen.configuration import FunctionSettings
from loadgen.measurements.frames import INITS, INVOCATIONS, FrameSchema, from_rows
from loadgen.measurements.run import Run
from loadgen.target import TargetFunction

if TYPE_CHECKING:
    import pyarrow as pa

RAN = 200
"""The Lambda service's status for an invocation that ran, whatever its function answered."""
LATEST = "$LATEST"
_INITIALIZATIONS = {"provisioned-concurrency": "provisioned"}


class FunctionLogs:
    """The collector: reads the functions' log groups until every invocation that ran has its REPORT."""

    service: ClassVar[str] = "logs"
    frames: ClassVar[tuple[FrameSchema, ...]] = (INVOCATIONS, INITS)

    def __init__(self, run: Run, calls: Calls, sent: Sent, before: Mapping[str, pa.Table]) -> None:
        self._calls, self._sent, self._before = calls, sent, before
        self._settings = run.intent.configuration.functions
        self._groups = groups_of(run.intent.target.functions, self._settings)
        self._api_ids, self._missing = _expected(run, sent)
        self._knows_ids = bool(self._api_ids or sent.direct)
        self._earlier = {str(row["environment"]): str(row["initialization"])
                         for row in before["invocations"].select(["environment", "initialization"]).to_pylist()}
        self._found_earlier = set(map(str, before["invocations"]["lambda_request_id"].to_pylist()))
        for lambda_request_id in self._found_earlier:
            self._missing.pop(lambda_request_id, None)
        self._environments: dict[str, Environment] = {}

    def read(self) -> None:
        """Read the groups where something is missing, from the first missing invocation on."""
        for environment in self._environments.values():
            environment.rewind()
        window = self._sent.window_of(at_ms for _, at_ms in self._missing.values())
        for log_group in self._groups_to_read():
            for events in read_events(self._calls, log_group, window):
                for event in events:
                    self._environment(log_group, event["logStreamName"]).take(event["timestamp"], event["message"])
        for _, _, invocation in self._own():
            self._missing.pop(invocation.request_id, None)

    def missing(self) -> Mapping[str, int]:
        """How many rows are still to come, by reason."""
        if self._knows_ids:
            return {"invocations without their REPORT line": len(self._missing)} if self._missing else {}
        short = self._sent.answered_ok - self._before["invocations"].num_rows - sum(1 for _ in self._own())
        return {"invocations, going by the number of answers": short} if short > 0 else {}

    def tables(self) -> Mapping[str, pa.Table]:
        """What was found, also earlier."""
        import pyarrow as pa

        found = (INVOCATIONS, self._invocation_rows()), (INITS, self._init_rows())
        return {schema.name: pa.concat_tables([self._before[schema.name], from_rows(rows, schema)])
                for schema, rows in found}

    def notes(self) -> tuple[str, ...]:
        """What a reader of the rows must know."""
        if not self._knows_ids:
            return ("no request ids to go by (no access log): every invocation in the run's time was kept",)
        foreign = sum(1 for e in self._environments.values() for i in e.invocations if not self._is_own(i))
        return (f"{foreign} invocations by other requests in the same time left out",) if foreign else ()

    def _groups_to_read(self) -> list[str]:
        functions = {function for function, _ in self._missing.values()}
        everywhere = not self._knows_ids or None in functions
        return [group for group, names in self._groups.items() if everywhere or functions & set(names)]

    def _environment(self, log_group: str, stream: str) -> Environment:
        if stream not in self._environments:
            self._environments[stream] = environment_of(stream, self._groups[log_group])
        return self._environments[stream]

    def _is_own(self, invocation: Invocation) -> bool:
        request_id = invocation.request_id
        return not self._knows_ids or request_id in self._api_ids or request_id in self._sent.direct

    def _own(self) -> Iterator[tuple[str, Environment, Invocation]]:
        """Our invocations that were found now, with their environment."""
        for stream, environment in self._environments.items():
            for invocation in environment.invocations:
                if self._is_own(invocation) and invocation.request_id not in self._found_earlier:
                    yield stream, environment, invocation

    def _invocation_rows(self) -> Iterator[tuple[object, ...]]:
        attempts: Counter[str] = Counter()
        for stream, environment, invocation in sorted(self._own(), key=lambda found: found[2].ended_ms):
            attempts[invocation.request_id] += 1
            source = "api" if invocation.request_id in self._api_ids else "invoke" if self._knows_ids else None
            settings = self._settings[environment.function]
            initialization = self._earlier.get(stream) or initialization_of(environment, settings)
            yield (stream, *reported(invocation, environment), settings.architecture, initialization,
                   invocation.outcome, invocation.error_type, source, attempts[invocation.request_id],
                   invocation.log_bytes, invocation.report.trace_id if invocation.report else None)

    def _init_rows(self) -> Iterator[tuple[object, ...]]:
        before = set(self._before["inits"]["environment"].to_pylist())
        own = {stream: environment for stream, environment, _ in self._own()}
        versions = {(environment.function, environment.version) for environment in own.values()}
        for stream, environment in self._environments.items():
            unused = not any(environment.invocations) and (environment.function, environment.version) in versions
            if environment.init_at_ms is None or stream in before or not (stream in own or unused):
                continue
            if not any(invocation.waited for invocation in environment.invocations):
                yield (stream, *init_row(environment, self._settings[environment.function]))


Groups = dict[str, dict[str, str]]
"""Log group -> its functions, logical id -> name: several functions may share a group."""


def groups_of(functions: Mapping[str, TargetFunction], configured: Container[str]) -> Groups:
    """The log groups of the configured functions."""
    groups: Groups = {}
    for logical, function in functions.items():
        if logical in configured:
            groups.setdefault(function.log_group, {})[logical] = function.name
    return groups


def _expected(run: Run, sent: Sent) -> tuple[set[str], dict[str, tuple[str | None, int]]]:
    """All ids that the access log names; and id -> (function, sent at) of the invocations that ran."""
    routes = {route.name: route.function for route in run.intent.target.deployment.triggers}
    named: set[str] = set()
    ran: dict[str, tuple[str | None, int]] = {key: (None, at_ms) for key, at_ms in sent.direct.items()}
    columns = ("gateway_request_id", "route", "lambda_request_id", "lambda_status")
    for batch in run.batches("access", columns) if run.shards("access") else ():
        for gateway_id, route, lambda_id, status in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            if lambda_id is not None:
                named.add(lambda_id)
            if lambda_id is not None and status in (None, RAN):
                ran[lambda_id] = routes.get(route), sent.gateway.get(gateway_id, sent.first_ms)
    return named, ran


def environment_of(stream: str, names: Mapping[str, str]) -> Environment:
    """The environment of a log stream in the group of these functions (logical id -> name), with nothing read yet."""
    function = next((logical for logical, name in names.items() if f"{name}[" in stream), next(iter(names)))
    return Environment(function, stream[stream.index("[") + 1:stream.index("]")] if "[" in stream else None)


def reported(invocation: Invocation, environment: Environment) -> tuple[object, ...]:
    """The columns of `invocations` from `ended_at` to `max_memory_mb`."""
    report = invocation.report
    assert report is not None, "an invocation ends with its REPORT"
    started_us = 1000 * (invocation.started_ms or invocation.ended_ms - round(report.duration_ms))
    return (1000 * invocation.ended_ms, report.request_id, environment.function,
            invocation.version or environment.version, started_us, report.duration_ms, report.billed_ms, report.init_ms,
            report.restore_ms, report.billed_restore_ms, report.memory_mb, report.max_memory_mb)


def initialization_of(environment: Environment, settings: FunctionSettings) -> str:
    """How an environment was initialised: on-demand, provisioned or snap-start (see the module)."""
    if environment.init_type is not None:
        return _INITIALIZATIONS.get(environment.init_type, environment.init_type)
    first = min(environment.invocations, key=lambda invocation: invocation.ended_ms, default=None)
    if first is not None and first.report is not None and first.report.restore_ms is not None:
        return "snap-start"
    report = environment.init_report
    ahead = (report is not None and report.status in (None, "success")) or (first is not None and not first.waited)
    published = environment.version not in (None, LATEST)
    return "provisioned" if settings.provisioned and published and ahead else "on-demand"


def init_row(environment: Environment, settings: FunctionSettings) -> tuple[object, ...]:
    """The columns of `inits` from `function` on; outcome null: nothing was reported, and nothing ran there since."""
    report = environment.init_report
    silent = "ok" if any(environment.invocations) else None
    outcome = silent if report is None else "ok" if report.status in (None, "success") else \
        "timeout" if report.status == "timeout" else "error"
    return (environment.function, environment.version, 1000 * (environment.init_at_ms or 0),
            report.init_ms if report else None, initialization_of(environment, settings), outcome,
            report.error_type if report else None)
