"""What the local cloud's data plane costs a request, beside a bare server that answers the same bytes, in the same run.

    python benchmarks/gateway.py [--json]

Both run in a process of their own (uvloop, httptools), one connection a waiting client, functions of 20 ms. The bare
server waits and answers, nothing else; the data plane routes, throttles, builds the event, runs environments and logs.
Quote the ratio, the rest is the machine's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any

import uvloop
from figures import print_figures

from loadgen.local.account import Account, ApiState, FunctionState, RouteState, StageState, Version
from loadgen.local.connection import Connection
from loadgen.local.gateway.exchange import Answer, Request
from loadgen.local.handlers import Profile, durations
from loadgen.local.server import DataPlane, Options
from loadgen.quotas import Quotas

CONNECTIONS, SECONDS, FUNCTION_MS, BODY_BYTES = 500, 4.0, 20.0, 1_800
TARGETS = {"bare": "/", "rest": "/a1/prod/products/7?page=2", "http": "/h1/products/7?page=2"}
LOG_FORMAT = '{"id":"$context.requestId","status":"$context.status","lambda":"$context.integration.requestId"}'


class NullSink:
    """Takes telemetry and keeps none."""

    def logs(self, group: str, stream: str, events: Any) -> None: ...

    def metrics(self, data: Any) -> None: ...


class Client(asyncio.Protocol):
    """Sends the next request as soon as an answer is whole; the answers of one target all have one size."""

    def __init__(self, target: str, counts: list[int]) -> None:
        self._request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\n\r\n".encode()
        self._counts, self._received = counts, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        if len(body) == BODY_BYTES:
            self._counts[0] += head.startswith(b"HTTP/1.1 200")
            self._received = b""
            self._transport.write(self._request)


def measure() -> dict[str, float]:
    per_s = {kind: requests_per_s(kind) for kind in TARGETS}
    ratios = {f"{kind}_ratio": per_s[kind] / per_s["bare"] for kind in ("rest", "http")}
    return {f"{kind}_requests_per_s": value for kind, value in per_s.items()} | ratios


def requests_per_s(kind: str) -> float:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(kind, theirs), daemon=True)
    server.start()
    try:
        return uvloop.run(load(ours.recv(), TARGETS[kind]))
    finally:
        server.terminate()
        server.join()


async def load(port: int, target: str) -> float:
    counts, loop = [0], asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Client(target, counts), "127.0.0.1", port)
    await asyncio.sleep(1.0)
    before, start = counts[0], time.perf_counter()
    await asyncio.sleep(SECONDS)
    return (counts[0] - before) / (time.perf_counter() - start)


def serve(kind: str, told: Pipe) -> None:
    uvloop.run(serve_bare(told) if kind == "bare" else serve_data_plane(told))


async def serve_bare(told: Pipe) -> None:
    answer = Answer(200, [("Content-Type", "application/json")], b"x" * BODY_BYTES)

    async def handle(request: Request) -> Answer:
        await asyncio.sleep(FUNCTION_MS / 1000)
        return answer

    handler: Callable[[Request], Awaitable[Answer]] = handle
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler, 0, set()), "127.0.0.1", 0)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def serve_data_plane(told: Pipe) -> None:
    plane = DataPlane(account(), NullSink(), options=Options(own_process=True))
    told.send(await plane.serve())
    await asyncio.Event().wait()


def account() -> Account:
    scale = FUNCTION_MS / durations(Profile(), 1024, "x86_64", "python3.13").mean
    metadata = {"LocalProfile": {"Scale": scale, "ResponseBytes": BODY_BYTES}}
    version = Version("f", "1", "r1", 1024, "x86_64", 3.0, "python3.13")
    function = FunctionState("f", "arn", {"1": version}, {"live": "1"}, None, {}, metadata, "/aws/lambda/f")
    routes = tuple(RouteState("GET", path, "f", "live", payload_format="2.0") for path in ("/products", "/products/{id}"))
    stages = [StageState(name, access_log_group="access", access_log_format=LOG_FORMAT) for name in ("prod", "$default")]
    unlimited = Quotas(account_concurrency=100_000, gateway_rps=1e9, gateway_burst=10**9)
    state = Account(unlimited)
    state.replace({"f": function}, {"a1": ApiState("a1", "Rest", "rest", routes, {"prod": stages[0]}),
                                    "h1": ApiState("h1", "Http", "http", routes, {"$default": stages[1]})})
    return state


if __name__ == "__main__":
    print_figures(__doc__, measure)
