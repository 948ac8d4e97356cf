"""moto's Logs and CloudWatch over HTTP, a run that was sent to it, and the lines that AWS would have written about it."""

from __future__ import annotations

import contextlib
import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadgen.access_format import FORMATS
from loadgen.aws import client_for
from loadgen.configuration import Configuration, FunctionSettings, declared
from loadgen.deployment import Api, ApiKind, Deployment, Function, Route
from loadgen.measurements.frames import REQUESTS
from loadgen.measurements.run import Intent, Run, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target, TargetApi, TargetFunction

FORMAT = FORMATS["rest"]
_numbers = itertools.count()


@dataclass
class VirtualClock:
    """A clock that only sleeping moves; `at_wake[k]` is called in the k-th sleep."""

    now: float = 0.0
    at_wake: dict[int, Callable[[], object]] = field(default_factory=dict)
    sleeps: list[float] = field(default_factory=list)

    def time(self) -> float:
        return time.time() + self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.at_wake.get(len(self.sleeps), lambda: None)()
        self.sleeps.append(seconds)
        self.now += seconds


@dataclass(frozen=True)
class Asked:
    """One request of a run, and the ids that AWS gave it."""

    at_ms: int
    gateway_request_id: str
    lambda_request_id: str


@dataclass
class Lab:
    """One run against log groups of its own."""

    run: Run
    endpoint_url: str
    asked: tuple[Asked, ...]
    access_group: str
    function_group: str
    function_name: str

    def put(self, log_group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        logs = client_for("us-east-1", self.endpoint_url, "logs")
        for create, arguments in (("create_log_group", {}), ("create_log_stream", {"logStreamName": stream})):
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                getattr(logs, create)(logGroupName=log_group, **arguments)
        logs.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=[
            {"timestamp": at_ms, "message": message} for at_ms, message in sorted(events)])

    def put_access(self, *asked: Asked, **values: str) -> None:
        self.put(self.access_group, "access", [(one.at_ms + 50, access_line(one, **values)) for one in asked])

    def put_report(self, *asked: Asked, stream: str = "2026/11/24/[1]a", **values: Any) -> None:
        events = [event for one in asked for event in lambda_lines(one, **values)]
        self.put(self.function_group, stream, events)


def access_line(one: Asked, log_format: str = FORMAT, **values: str) -> str:
    """The line that a stage with this format writes; `values` by variable, dots as underscores."""
    usual = {"requestId": one.gateway_request_id, "requestTimeEpoch": str(one.at_ms), "httpMethod": "GET",
             "resourcePath": "/products", "stage": "prod", "status": "200", "responseLatency": "41",
             "integrationLatency": "38", "integration.requestId": one.lambda_request_id,
             "integration.integrationStatus": "200", "integration.status": "200", "responseLength": "17"}
    known = usual | {name.replace("_", "."): value for name, value in values.items()}
    line = log_format
    for name in sorted(known, key=len, reverse=True):
        line = line.replace(f"$context.{name}\"", f"{known[name]}\"")
    for name in ("extendedRequestId", "error.responseType", "authorizer.latency", "identity.apiKeyId"):
        line = line.replace(f"$context.{name}", "-")
    return line


def lambda_lines(one: Asked, *, duration_ms: float = 20.25, init_ms: float | None = None, version: str = "1",
                 prints: Sequence[str] = ()) -> list[tuple[int, str]]:
    """START, what the function printed, END and REPORT; INIT_START before them when there was an init."""
    end_ms = one.at_ms + round(duration_ms)
    init = f"Init Duration: {init_ms:.2f} ms\t" if init_ms is not None else ""
    first = [(one.at_ms - 1, "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:x\n")] if init else []
    return [*first, (one.at_ms, f"START RequestId: {one.lambda_request_id} Version: {version}\n"),
            *((one.at_ms, text) for text in prints), (end_ms, f"END RequestId: {one.lambda_request_id}\n"),
            (end_ms, f"REPORT RequestId: {one.lambda_request_id}\tDuration: {duration_ms:.2f} ms\t"
                     f"Billed Duration: {round(duration_ms + 1)} ms\tMemory Size: 256 MB\tMax Memory Used: 60 MB\t{init}\n")]


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The address of a moto server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab(tmp_path: Path, moto_url: str) -> MakeLab:
    """Makes a run of so many requests to `GET /products`, a tenth of a second apart, that ended half a minute ago."""
    def make(count: int, *, kind: ApiKind = "rest", access_log: bool = True, log_format: str = FORMAT,
             endpoint_url: str = moto_url, settings: FunctionSettings | None = None, ids: bool = True) -> Lab:
        number = next(_numbers)
        name, group = f"products-{number}", f"/aws/lambda/products-{number}"
        deployment = Deployment({"Products": Function("Products", alias="live")}, {"Shop": Api("Shop", kind, "prod")},
                                (Route("Shop", "GET", "/products", "Products"),))
        log = (f"/access/{number}", log_format) if access_log else (None, None)
        api = TargetApi(kind, f"api{number}", f"shop-{number}", "prod", endpoint_url, *log)
        target = Target(deployment, {kind: api}, {"Products": TargetFunction(name, group)}, endpoint_url=endpoint_url)
        configuration = Configuration(declared(deployment, kind).api, {"Products": settings or FunctionSettings(256)})
        run = Run(tmp_path / f"run{number}")
        write_record(Intent("s.py", 1, Constant(10, 1).to_dict(), target, configuration, Quotas(),
                            created_at=datetime.now(UTC)), run.path / "intent.json")
        first_ms = (int(time.time()) - 30) * 1000
        asked = tuple(Asked(first_ms + 100 * k, f"g-{uuid.uuid4()}", str(uuid.uuid4())) for k in range(count))
        write_shard(request_rows(asked, ids=ids), run.path / "requests" / "0" / "0000.parquet", REQUESTS)
        return Lab(run, endpoint_url, asked, f"/access/{number}", group, name)
    return make


def request_rows(asked: Sequence[Asked], *, ids: bool = True) -> Any:
    """The client's rows, all answered."""
    import pyarrow as pa

    columns: Mapping[str, Sequence[object]] = {
        "worker": [0] * len(asked), "seq": list(range(len(asked))), "phase": ["load"] * len(asked),
        "route": ["GET /products"] * len(asked), "status": [200] * len(asked), "outcome": ["ok"] * len(asked),
        "scheduled_at": [one.at_ms * 1000 for one in asked], "sent_at": [one.at_ms * 1000 for one in asked],
        "gateway_request_id": [one.gateway_request_id if ids else None for one in asked],
    }
    return pa.table(columns)


@pytest.fixture
def clock() -> VirtualClock:
    """A virtual clock at zero."""
    return VirtualClock()
