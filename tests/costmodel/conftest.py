"""Run directories made row by row, as a run and its collectors would have written them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from costmodel.activity import Activity, observed
from costmodel.performance.fitting import fit
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.measurements.frames import FRAMES, from_rows
from loadgen.measurements.run import Intent, Run, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target, TargetApi, TargetFunction

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DEPLOYMENT = Deployment(
    functions={"Products": Function("Products", alias="live"), "Orders": Function("Orders")},
    apis={"Rest": Api("Rest", "rest", "prod"), "Http": Api("Http", "http", "$default")},
    triggers=tuple(Route(api, method, path, function) for api in ("Rest", "Http")
                   for method, path, function in (("GET", "/products", "Products"), ("POST", "/orders", "Orders"))))
TARGET = Target(
    DEPLOYMENT, {"rest": TargetApi("rest", "a1", "shop", "prod", "http://127.0.0.1/a1/prod"),
                 "http": TargetApi("http", "a2", "shop", "$default", "http://127.0.0.1/a2")},
    {name: TargetFunction(name, f"/aws/lambda/{name}") for name in DEPLOYMENT.functions})
FUNCTIONS = {"Products": FunctionSettings(1024, "arm64"), "Orders": FunctionSettings(512)}


class RunBuilder:
    """A run directory row by row; ids are numbered."""

    def __init__(self, path: Path, configuration: Configuration) -> None:
        self.run = Run(path)
        frames = ("requests", "access", "invocations", "inits")
        self.rows: dict[str, list[dict[str, object]]] = {name: [] for name in frames}
        shape = Constant(rps=1.0, duration_s=36.0).to_dict()
        path.mkdir(exist_ok=True)
        write_record(Intent("spike.py", 1, shape, TARGET, configuration, Quotas()), path / "intent.json")

    def request(self, route: str = "GET /products", *, phase: str = "load", logged: bool = True, request_bytes: int = 0,
                response_bytes: int | None = 1000, at_s: float = 0.0, latency_ms: float = 30.0, **access: object) -> str:
        """A request that the gateway answered, and its access-log row; the id that Lambda gave it."""
        n = len(self.rows["requests"])
        self.rows["requests"].append({
            "worker": 0, "seq": n, "phase": phase, "trigger": route, "route": route, "status": 200, "outcome": "ok",
            "scheduled_at": START + timedelta(seconds=at_s), "latency_ms": latency_ms,
            "request_bytes": request_bytes, "response_bytes": 7, "gateway_request_id": f"g{n}"})
        if logged:
            self.rows["access"].append({
                "gateway_request_id": f"g{n}", "route": route, "status": 200, "lambda_request_id": f"l{n}",
                "lambda_status": 200, "function_status": 200, "response_bytes": response_bytes} | access)
        return f"l{n}"

    def answered_by_the_gateway(self, *, status: int, error_type: str | None = None) -> None:
        self.request(status=status, error_type=error_type, lambda_request_id=None, lambda_status=None,
                     function_status=None)

    def report(self, lambda_request_id: str, function: str = "Products", **columns: object) -> None:
        self.rows["invocations"].append({
            "environment": "e", "lambda_request_id": lambda_request_id, "ended_at": START, "function": function,
            "duration_ms": 9.5, "billed_ms": 10, "memory_mb": 1024, "initialization": "on-demand", "source": "api",
            "log_bytes": 300, "outcome": "ok"} | columns)

    def observed(self) -> Activity:
        self.write()
        return observed(self.run)

    def write(self) -> None:
        """Put the rows on disk."""
        for name, rows in self.rows.items():
            folder = "requests/0" if name == "requests" else f"collected/source/{name}"
            table = from_rows([[row.get(column) for column in FRAMES[name].columns] for row in rows], FRAMES[name])
            write_shard(table, self.run.path / folder / "0000.parquet", FRAMES[name])


@pytest.fixture
def build_run(tmp_path: Path) -> Callable[..., RunBuilder]:
    """`build_run(functions, name=…, kind=…, cache_gb=…)`: an empty run of 36 s of two functions, to be filled."""

    def build(functions: Mapping[str, FunctionSettings] = FUNCTIONS, *, name: str = "run", **api: Any) -> RunBuilder:
        return RunBuilder(tmp_path / name, Configuration(ApiSettings(**api), functions))

    return build


@dataclass(frozen=True)
class Fitted:
    """`today` is the run at 1,024 MB, of 300 requests in 36 s."""

    model: Path
    today: Path

    @property
    def arguments(self) -> list[str]:
        return [str(self.model), "--run", str(self.today), "--replications", "2"]


@pytest.fixture
def fitted(build_run: Callable[..., Any], tmp_path: Path) -> Fitted:
    """REST, x86_64: 200 ms on average at 256 MB, 60 ms at 1,024 MB, both functions alike."""
    runs = []
    for memory_mb, mean_ms in ((256, 200.0), (1024, 60.0)):
        sizes = {name: FunctionSettings(memory_mb) for name in ("Products", "Orders")}
        seen = build_run(sizes, name=f"run-{memory_mb}")
        for n in range(300):
            route, function = ("POST /orders", "Orders") if n % 3 == 0 else ("GET /products", "Products")
            duration_ms = mean_ms * (0.8 + 0.4 * (n * 7 % 100) / 99)
            init_ms = 300.0 + n if n < 10 else None
            latency_ms = duration_ms + 12.0 + (init_ms or 0.0)
            request_id = seen.request(route, at_s=n * 0.12, latency_ms=latency_ms)
            seen.report(request_id, function, memory_mb=memory_mb, duration_ms=duration_ms, init_ms=init_ms,
                        billed_ms=int(duration_ms + (init_ms or 0.0)) + 1, environment=f"e{function}{n if n < 10 else 0}")
        seen.write()
        runs.append(seen.run)
    fit(runs).save(tmp_path / "model.json")
    return Fitted(tmp_path / "model.json", runs[1].path)
