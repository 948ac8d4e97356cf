"""Run directories made row by row, as a run and its collectors would have written them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from costmodel.activity import Activity, observed
from costmodel.performance.fitting import fit
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.deployment import Api, ApiKind, Deployment, Function, Route
from loadgen.measurements.frames import FRAMES, from_rows
from loadgen.measurements.production import (
    ASKED,
    FINISHED,
    Asked,
    Dimensions,
    Production,
    Reading,
    alias_dimensions,
    api_dimensions,
    dimensions_text,
    function_dimensions,
    group_dimensions,
)
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


class WindowBuilder:
    """The directory of a window of production, datapoint by datapoint: from START on, by the minute or longer."""

    def __init__(self, path: Path, functions: Mapping[str, FunctionSettings], *, days: float = 1.0, period_s: int = 60,
                 log_days: float = 0.0, changed: Mapping[str, datetime] | None = None, by_route: tuple[ApiKind, ...] = (),
                 **rest: Any) -> None:
        kinds: dict[ApiKind, ApiSettings] = {"rest": ApiSettings("rest", **rest), "http": ApiSettings("http")}
        self.asked = Asked(TARGET, {kind: Configuration(api, functions) for kind, api in kinds.items()}, START,
                           START + timedelta(days=days), period_s, days, None, log_days, by_route, changed or {})
        self.rows: dict[str, list[dict[str, object]]] = {"metrics": [], "invocations": [], "inits": []}
        self.production = Production(path)
        self.partial = False

    def put(self, dimensions: Dimensions, metric: str, *values: float, statistic: str = "Sum", first: int = 0) -> None:
        """A value a period, from the period `first` on."""
        self.rows["metrics"] += [
            {"at": START + timedelta(seconds=(first + n) * self.asked.period_s), "period_s": self.asked.period_s,
             "namespace": "AWS", "dimensions": dimensions_text(dimensions), "metric": metric, "statistic": statistic,
             "value": float(value)} for n, value in enumerate(values)]

    def api(self, kind: ApiKind, metric: str, *values: float, first: int = 0) -> None:
        self.put(api_dimensions(TARGET.api(kind)), metric, *values, first=first)

    def ran(self, name: str, *invocations: float, mean_ms: float, first: int = 0) -> None:
        """Invocations of a function, and their durations."""
        dimensions = function_dimensions(TARGET.functions[name].name)
        self.put(dimensions, "Invocations", *invocations, first=first)
        self.put(dimensions, "Duration", *(count * mean_ms for count in invocations), first=first)
        self.put(dimensions, "Duration", *invocations, statistic="SampleCount", first=first)

    def provisioned(self, name: str, metric: str, *values: float, first: int = 0) -> None:
        statistic = "Sum" if metric.endswith("Invocations") else "Maximum"
        self.put(alias_dimensions(TARGET.functions[name].name, "live"), metric, *values, statistic=statistic, first=first)

    def ingested(self, log_group: str, bytes_: float) -> None:
        self.put(group_dimensions(log_group), "IncomingBytes", bytes_)

    def report(self, name: str, at: datetime, *, init_ms: float | None = None, **columns: object) -> None:
        """A REPORT line that was read."""
        n, duration_ms = len(self.rows["invocations"]), 9.5
        self.rows["invocations"].append({
            "environment": f"e{n}", "ended_at": at, "lambda_request_id": f"l{n}", "function": name, "duration_ms": duration_ms,
            "billed_ms": math.ceil(duration_ms + (init_ms or 0.0)), "init_ms": init_ms, "memory_mb": 1024,
            "initialization": "on-demand"} | columns)

    def write(self) -> Production:
        """Put it on disk, as a finished reading."""
        write_record(self.asked, self.production.path / ASKED)
        for name, rows in self.rows.items():
            table = from_rows([[row.get(column) for column in FRAMES[name].columns] for row in rows], FRAMES[name])
            write_shard(table, self.production.path / name / "0000.parquet", FRAMES[name])
        write_record(Reading(START, {"get_metric_data": 1}, self.partial), self.production.path / FINISHED)
        return self.production


@pytest.fixture
def build_window(tmp_path: Path) -> Callable[..., WindowBuilder]:
    """`build_window(functions, days=…, cache_gb=…)`: an empty window of two functions behind both APIs."""

    def build(functions: Mapping[str, FunctionSettings] = FUNCTIONS, **more: Any) -> WindowBuilder:
        return WindowBuilder(tmp_path / "month", functions, **more)

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
