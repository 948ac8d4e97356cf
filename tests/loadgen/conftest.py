"""A small HTTP server that looks like an API, and targets and scenarios for it."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from loadgen.configuration import Configuration, declared
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.target import Target, TargetApi, TargetFunction

ANSWER = ("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nDate: Tue, 24 Nov 2026 09:00:00 GMT\r\n"
          "x-amzn-RequestId: {id}\r\nX-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0\r\n"
          "Set-Cookie: session=response-secret\r\n{more}\r\n{body}")
ROUTES = ("GET /products", "GET /products/{id}", "POST /orders", "GET /reports", "GET /fail", "GET /close", "GET /slow")


class ApiServer(threading.Thread):
    """Answers 200; 500 to /fail; closes on /close; never answers /slow. Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked: Counter[str] = Counter()
        self.requests: list[str] = []
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()

    def run(self) -> None:
        self.loop.run_until_complete(self.serve())
        self.loop.run_forever()

    async def serve(self) -> None:
        self.listener = await asyncio.start_server(self.converse, "127.0.0.1", 0, backlog=500)
        self.port = self.listener.sockets[0].getsockname()[1]
        self.ready.set()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            lengths = [int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")]
            body = await reader.readexactly(sum(lengths))
            method, path, _ = head.split(" ", 2)
            self.asked[f"{method} {path}"] += 1
            self.requests.append(head + body.decode())
            if path == "/close":
                break
            if path != "/slow":
                writer.write(self.answer(path).encode())
        writer.close()

    def answer(self, path: str) -> str:
        status, body = (500, '{"message": "body-secret"}') if path == "/fail" else (200, '{"ok": true}')
        more = "X-Amz-Function-Error: Unhandled\r\n" if "/functions/broken/" in path else ""
        return ANSWER.format(status=status, length=len(body), id=uuid.uuid4(), more=more, body=body)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(5)


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """One server for the session; its counts go on."""
    server = ApiServer()
    server.start()
    assert server.ready.wait(10)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def api_target(api_server: ApiServer) -> Target:
    """A target whose REST API, and whose Lambda, is that server."""
    routes = tuple(Route("Shop", *name.split(" "), "Orders") for name in ROUTES)
    deployment = Deployment({"Orders": Function("Orders", alias="live")}, {"Shop": Api("Shop", "rest", "prod")}, routes)
    address = f"http://127.0.0.1:{api_server.port}"
    api = TargetApi("rest", "abc123", "shop", "prod", address)
    return Target(deployment, {"rest": api}, {"Orders": TargetFunction("shop-orders", "/aws/lambda/shop-orders")},
                  endpoint_url=address)


@pytest.fixture(scope="session")
def api_configuration(api_target: Target) -> Configuration:
    """What that target's template declares."""
    return declared(api_target.deployment, "rest")


@pytest.fixture
def write_scenario(tmp_path: Path) -> Callable[..., Path]:
    """Writes a scenario file: a shape and the lines of one task each, or a whole class body."""
    return lambda *tasks, **options: write_locustfile(tmp_path / "scenario.py", *tasks, **options)


def write_locustfile(path: Path, *tasks: str, shape: str = "Constant(100, 1)", more: str = "") -> Path:
    """A locustfile with one ApiUser whose tasks are these statements."""
    methods = "".join(f"    @task\n    def task{number}(self):\n        {line}\n" for number, line in enumerate(tasks))
    imports = ("from locust import task, HttpUser\nfrom loadgen.shapes import Constant\n"
               "from loadgen.users.api import ApiUser\nfrom loadgen.users.invoke import InvokeUser\n")
    path.write_text(f"{imports}class Shopper(ApiUser):\n    shape = {shape}\n{more}\n{methods}", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def locustfiles() -> SimpleNamespace:
    """For fixtures of a wider scope than `write_scenario`."""
    return SimpleNamespace(write=write_locustfile)
