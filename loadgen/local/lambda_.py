"""Lambda's data plane: an invocation gets an environment or is throttled, runs for as long as was drawn, and is
reported.

The drawn duration is what is logged and billed; what is waited is the same, give or take the timer. Durations are
milliseconds, times monotonic seconds (`Clock`).
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import NamedTuple

from loadgen.local.account import Account, FunctionState, Version
from loadgen.local.clock import Clock
from loadgen.local.fleet import Environment, Fleet, Throttled
from loadgen.local.gateway.identity import uuid4
from loadgen.local.handlers import Execution, Init, ProfileHandler
from loadgen.local.invocation import Invocation, InvokeResult, Kind, Source
from loadgen.local.reporter import Reporter, tail
from loadgen.local.telemetry import (
    Report,
    account_metrics,
    init_report,
    init_start,
    lambda_metrics,
    log_stream,
    platform_lines,
    provisioned_metrics,
    throttle_metrics,
)


class Running(NamedTuple):
    """An invocation that was decided: when it ends is known, its result comes then."""

    invocation: Invocation
    result: asyncio.Future[InvokeResult]


class Lambda:
    """All functions of one account."""

    def __init__(self, account: Account, reporter: Reporter, clock: Clock, fleet: Fleet, *, rng: random.Random,
                 entropy: random.Random) -> None:
        self.fleet = fleet
        self._account, self._reporter, self._clock, self._rng, self._entropy = account, reporter, clock, rng, entropy
        self._handlers: dict[str, tuple[FunctionState, ProfileHandler]] = {}

    async def invoke(self, name: str, qualifier: str | None, kind: Kind = "sync") -> InvokeResult:
        """Invoke directly: the function's result, or at once for `event` (202, not retried yet) and `dry_run` (204)."""
        if kind == "dry_run":
            known = self._find(name, qualifier)
            return _not_found(self._account, uuid4(self._entropy), name, qualifier) if known is None else \
                InvokeResult(204, uuid4(self._entropy), b"")
        running = self.begin(name, qualifier, "invoke", kind)
        if kind == "event" and running.invocation.outcome != "throttled":
            return InvokeResult(202, running.invocation.request_id, b"")
        return await running.result

    def begin(self, name: str, qualifier: str | None, source: Source, kind: Kind = "sync") -> Running:
        """Start an invocation now, or refuse it: then its result is there at once."""
        now, request_id = self._clock.now(), uuid4(self._entropy)
        found = self._find(name, qualifier)
        if found is None:
            refused = Invocation(request_id, name, qualifier, source, kind, 1, now, now, now, "error")
            return _done(refused, _not_found(self._account, request_id, name, qualifier))
        function, version = found
        handler = self._handler(function)
        environment = self.fleet.acquire(self._account.functions, function, version, now)
        if isinstance(environment, Throttled):
            self._count(now, throttle_metrics(name, _resource(name, qualifier)))
            refused = Invocation(request_id, name, qualifier, source, kind, 1, now, now, now, "throttled",
                                 environment.cause)
            return _done(refused, _throttled(request_id, environment))
        execution = _execute(handler, version, environment, request_id)
        starts = now + (execution.init_ms or 0.0) / 1000
        ends = starts + execution.duration_ms / 1000
        invocation = Invocation(request_id, name, qualifier, source, kind, 1, now, starts, ends, execution.outcome)
        self._count_start(invocation, function, version, environment, execution)
        loop = asyncio.get_running_loop()
        result: asyncio.Future[InvokeResult] = loop.create_future()
        loop.call_later(ends - now, self._finish, invocation, function, environment, execution, result)
        return Running(invocation, result)

    def settle(self) -> None:
        """Make the provisioned environments that are ready, and log their init."""
        now = self._clock.now()
        for function in self._account.functions.values():
            self.fleet.settle(function, now)
        self._log_inits()

    def _find(self, name: str, qualifier: str | None) -> tuple[FunctionState, Version] | None:
        function = self._account.functions.get(name)
        version = function.resolve(qualifier) if function is not None else None
        return None if function is None or version is None else (function, version)

    def _handler(self, function: FunctionState) -> ProfileHandler:
        known = self._handlers.get(function.name)
        if known is None or known[0].metadata != function.metadata:
            known = self._handlers[function.name] = (function, ProfileHandler(function, self._rng))
        return known[1]

    def _finish(self, invocation: Invocation, function: FunctionState, environment: Environment, execution: Execution,
                result: asyncio.Future[InvokeResult]) -> None:
        environment.needs_init = invocation.outcome == "timeout"
        cold = environment.cold
        self.fleet.release(environment, self._clock.now())
        log_tail = self._log(invocation, function, environment, execution, cold)
        if result.cancelled():
            return
        failed = execution.outcome != "ok"
        payload, most = execution.payload, self._account.quotas.lambda_payload_bytes
        if len(payload) > most:
            payload, failed = _too_large(most), True
        result.set_result(InvokeResult(200, invocation.request_id, payload, environment.version.number,
                                       "Unhandled" if failed else None, log_tail=log_tail))

    def _log(self, invocation: Invocation, function: FunctionState, environment: Environment, execution: Execution,
             cold: bool) -> str | None:
        clock, version = self._clock, environment.version
        try:
            report = Report(invocation.request_id, version, function.arn, clock.epoch(invocation.started_at),
                            execution.duration_ms, execution.init_ms, execution.max_memory_mb,
                            execution.outcome == "timeout")
            lines = platform_lines(report)
            first = init_start(function.name, version, clock.epoch(invocation.at), "on-demand",
                               self._account.region) if cold else []
            stream = log_stream(version, environment.id, clock.epoch(environment.created_at))
            self._reporter.log(function.log_group, stream, first + lines, clock.now())
            return tail(lines)
        except Exception as problem:
            self._reporter.lost(problem)
            return None

    def _log_inits(self) -> None:
        made, self.fleet.initialised = self.fleet.initialised, []
        for environment in made:
            function = self._account.functions.get(environment.function)
            if function is None:
                continue
            version, at = environment.version, self._clock.epoch(environment.created_at)
            init_ms = self._handler(function).draw_init_ms(version)
            events = init_start(function.name, version, at - init_ms / 1000, "provisioned-concurrency",
                                self._account.region)
            events += init_report(version, at, init_ms)
            self._reporter.log(function.log_group, log_stream(version, environment.id, at), events, self._clock.now())

    def _count_start(self, invocation: Invocation, function: FunctionState, version: Version, environment: Environment,
                     execution: Execution) -> None:
        name, fleet = function.name, self.fleet
        allocated = fleet.allocated(name, version.number)
        resource = _resource(name, invocation.qualifier)
        values = lambda_metrics(
            name, resource, duration_ms=execution.duration_ms, failed=execution.outcome != "ok",
            concurrency=fleet.busy[name], provisioned=environment.provisioned if allocated else None)
        values += account_metrics(fleet.busy.total())
        if environment.provisioned and resource is not None:
            busy = fleet.busy_provisioned[name, version.number]
            values += provisioned_metrics(name, resource, busy, max(allocated, busy))
        self._count(invocation.at, values)

    def _count(self, now: float, values: list[tuple[str, str, tuple[tuple[str, str], ...], str, float]]) -> None:
        self._reporter.count(self._clock.epoch(now), values)


def _done(invocation: Invocation, result: InvokeResult) -> Running:
    future: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
    future.set_result(result)
    return Running(invocation, future)


def _execute(handler: ProfileHandler, version: Version, environment: Environment, request_id: str) -> Execution:
    init: Init = "before" if environment.cold else "within" if environment.needs_init else "none"
    environment.needs_init = False
    return handler.execute(version, request_id, first=environment.invocations == 0, init=init)


def _resource(function: str, qualifier: str | None) -> str | None:
    return None if qualifier is None else f"{function}:{qualifier}"


def _throttled(request_id: str, throttled: Throttled) -> InvokeResult:
    body = {"Reason": throttled.reason, "Type": "User", "message": "Rate Exceeded."}
    return InvokeResult(429, request_id, json.dumps(body, separators=(",", ":")).encode(),
                        error_code="TooManyRequestsException", reason=throttled.reason)


def _not_found(account: Account, request_id: str, name: str, qualifier: str | None) -> InvokeResult:
    arn = f"arn:aws:lambda:{account.region}:{account.account_id}:function:{name}:{qualifier or '$LATEST'}"
    body = {"Type": "User", "Message": f"Function not found: {arn}"}
    return InvokeResult(404, request_id, json.dumps(body, separators=(",", ":")).encode(),
                        error_code="ResourceNotFoundException")


def _too_large(most: int) -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({most} bytes)."
    return json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"},
                      separators=(",", ":")).encode()
