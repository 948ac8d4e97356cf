"""The data plane: API Gateway in front of Lambda on one address of this machine, for as long as its event loop runs.

A request passes the gateway's stages, waits for as long as its function was drawn to take plus the gateway's
overhead, and is told: access line, platform lines, metrics. What is told are the drawn figures, not the elapsed ones,
so that a busy machine shows in what the client measures and nowhere else. Made for uvloop, works on any asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loadgen.errors import LocalCloudError
from loadgen.local.access_logs import access_line, api_metrics
from loadgen.local.account import Account
from loadgen.local.clock import Clock
from loadgen.local.connection import Connection
from loadgen.local.fleet import IDLE_SURVIVAL, Fleet
from loadgen.local.gateway.exchange import Answer, Exchange, Request
from loadgen.local.gateway.stages import Gateway, GatewayOptions
from loadgen.local.invocation import InvokeResult, Kind, LogEvent, Sink
from loadgen.local.lambda_ import Lambda
from loadgen.local.reporter import Reporter

_FAULT = Answer(500, [("Content-Type", "application/json")], b'{"message": "Internal server error"}')


@dataclass(frozen=True)
class Options:
    """What is not AWS's law: guesses where nothing is published, and how the local cloud itself behaves."""

    gateway: GatewayOptions = field(default_factory=GatewayOptions)
    idle_survival: Sequence[tuple[float, float]] = IDLE_SURVIVAL
    """Share of environments alive after so many idle seconds."""
    ingestion_delay_s: float = 0.3
    """From a log event to its being readable. AWS (measured, 2025): median 5 s, at most 9 s."""
    tick_s: float = 0.25
    """How often telemetry is handed on, and provisioned concurrency looked after."""
    own_process: bool = False
    """The process is the local cloud's own: collect garbage only where it does not stall the loop."""


class DataPlane:
    """One account's APIs and functions. All methods but the constructor belong to one event loop."""

    def __init__(self, account: Account, sink: Sink, *, seed: int = 0, options: Options | None = None,
                 clock: Clock | None = None) -> None:
        self.account, self.options, self.clock = account, options or Options(), clock or Clock()
        entropy, rng = random.Random(), random.Random(seed)
        self.reporter = Reporter(sink, self.options.ingestion_delay_s)
        fleet = Fleet(account.quotas, rng, entropy, self.options.idle_survival)
        self.lambda_ = Lambda(account, self.reporter, self.clock, fleet, rng=rng, entropy=entropy)
        self.gateway = Gateway(account, self.options.gateway, entropy)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def serve(self, port: int = 0) -> int:
        """Listen on 127.0.0.1; 0 takes a free port. Returns the port. Raises LocalCloudError when it is in use."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connect, "127.0.0.1", port, backlog=4096)
        except OSError as problem:
            why = problem.strerror or str(problem)
            raise LocalCloudError(f"port {port}: {why}: give another one, or 0 for any free one", port=port) from None
        if self.options.own_process:
            gc.collect()
            gc.freeze()
            gc.disable()
        self._ticker = loop.create_task(self._tick())
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening, hang up, and hand on all telemetry."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        await self.flush(everything=True)
        if self.options.own_process:
            gc.unfreeze()
            gc.enable()

    async def handle(self, request: Request) -> Answer:
        """The answer to one request; whatever goes wrong in here becomes a 500, never an exception."""
        try:
            return await self._handle(request)
        except Exception as problem:
            self.reporter.lost(problem)
            return _FAULT

    async def invoke(self, function: str, qualifier: str | None, payload: bytes = b"{}",
                     kind: Kind = "sync") -> InvokeResult:
        """Invoke a function directly, in the same environments that serve the APIs. A profile reads no payload."""
        return await self.lambda_.invoke(function, qualifier, kind)

    def flush_cache(self, api_id: str, stage: str) -> None:
        """Forget what a stage's cache holds (FlushStageCache). Safe from any thread."""
        self.gateway.caches.flush(api_id, stage)

    async def flush(self, everything: bool = False) -> None:
        """Hand on the telemetry that is due, or all of it."""
        batch = self.reporter.collect(float("inf") if everything else self.clock.now())
        await asyncio.get_running_loop().run_in_executor(None, self.reporter.send, batch)

    async def _handle(self, request: Request) -> Answer:
        now = self.clock.now()
        exchange = self.gateway.admit(request, self.clock.epoch(now), now)
        if exchange.answer is None:
            await self._integrate(exchange, now)
        exchange.latency_ms = (exchange.integration_ms or 0.0) + self.options.gateway.overhead_ms[exchange.kind]
        await self._wait_until(now + exchange.latency_ms / 1000)
        self._record(exchange)
        assert exchange.answer is not None
        return exchange.answer

    async def _integrate(self, exchange: Exchange, now: float) -> None:
        """Run the function; beyond the integration's timeout the gateway answers, and the function runs on."""
        assert exchange.route is not None
        timeout_s = self.gateway.timeout_s(exchange)
        running = self.lambda_.begin(exchange.route.function, exchange.route.qualifier, "api")
        takes_s = max(0.0, running.invocation.ends_at - now)
        exchange.integration_ms = min(takes_s, timeout_s) * 1000
        result: InvokeResult | None = None
        if takes_s <= timeout_s:
            result = await running.result
        else:
            await self._wait_until(now + timeout_s)
        self.gateway.answer(exchange, result, self.clock.now())

    async def _wait_until(self, at: float) -> None:
        remaining_s = at - self.clock.now()
        if remaining_s > 0:
            await asyncio.sleep(remaining_s)

    def _record(self, exchange: Exchange) -> None:
        stage = exchange.stage
        if exchange.api is None or stage is None:
            return
        try:
            self.reporter.count(exchange.at, api_metrics(exchange))
            if stage.access_log_group and stage.access_log_format:
                event = LogEvent(round(exchange.at * 1000), access_line(stage.access_log_format, exchange))
                stream = _access_stream(exchange.api.id, stage.name)
                self.reporter.log(stage.access_log_group, stream, [event], self.clock.now())
        except Exception as problem:
            self.reporter.lost(problem)

    def _connect(self) -> Connection:
        return Connection(self.handle, self.account.quotas.gateway_payload_bytes, self._connections)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.options.tick_s)
            self._guarded(self.lambda_.settle)
            await self.flush()
            if self.options.own_process:
                gc.collect(1)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as problem:
            self.reporter.lost(problem)


def _access_stream(api_id: str, stage: str) -> str:
    return hashlib.md5(f"{api_id}/{stage}".encode(), usedforsecurity=False).hexdigest()
