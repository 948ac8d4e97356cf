from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, observed
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.errors import RunError
from loadgen.measurements.frames import FRAMES, from_rows
from loadgen.measurements.run import Intent, Run, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target, TargetApi, TargetFunction

HOUR = Activity("us-east-1", 1.0, (
    RouteTally("rest", "GET /a", requests=10.0, rejected=2.0, units=11.0, cache_hits=4.0, response_bytes=100.0),
    FunctionTally("A", "GET /a", "arm64", 512, invocations=6.0, throttled=1.0, cold_starts=1.0, gb_s=3.0, init_gb_s=0.5,
                  provisioned_gb_s=0.25, log_bytes=600.0),
    ProvisionedTally("A", "arm64", gb_s=1800.0),
    CacheTally("rest", 0.5, hours=1.0),
), "measured", missing=("no line of one request",))


def test_traffic_grows_with_the_flow_and_standing_resources_with_the_hours() -> None:
    month = HOUR.scaled(flow=100.0, hours=730.0)
    route, function = next(month.of(RouteTally)), next(month.of(FunctionTally))
    assert (route.requests, route.rejected, route.units, route.cache_hits, route.response_bytes) == (
        1000.0, 200.0, 1100.0, 400.0, 10_000.0)
    assert (function.invocations, function.gb_s, function.log_bytes) == (600.0, 300.0, 60_000.0)
    assert next(month.of(ProvisionedTally)).gb_s == 1800.0 * 730
    assert next(month.of(CacheTally)).hours == 730.0
    assert month.hours == 730.0


def test_names_and_sizes_do_not_scale_and_what_is_missing_stays_said() -> None:
    month = HOUR.scaled(flow=100.0, hours=730.0)
    function = next(month.of(FunctionTally))
    assert (function.function, function.architecture, function.memory_mb) == ("A", "arm64", 512)
    assert next(month.of(CacheTally)).size_gb == 0.5
    assert month.missing == HOUR.missing


def test_quantities_may_be_arrays_over_configurations() -> None:
    activity = Activity("us-east-1", 2.0, (RouteTally("http", "GET /a", requests=np.array([1.0, 2.0])),), "predicted")
    assert next(activity.scaled(3.0, 2.0).of(RouteTally)).requests == pytest.approx([3.0, 6.0])


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
CONFIGURATION = Configuration(ApiSettings("rest"), {
    "Products": FunctionSettings(1024, "arm64"), "Orders": FunctionSettings(512)})


class RunBuilder:
    """A run directory row by row; ids are numbered."""

    def __init__(self, path: Path, configuration: Configuration = CONFIGURATION) -> None:
        self.run = Run(path)
        frames = ("requests", "access", "invocations", "inits")
        self.rows: dict[str, list[dict[str, object]]] = {name: [] for name in frames}
        shape = Constant(rps=1.0, duration_s=36.0).to_dict()
        write_record(Intent("spike.py", 1, shape, TARGET, configuration, Quotas()), path / "intent.json")

    def request(self, route: str = "GET /products", *, phase: str = "load", logged: bool = True, request_bytes: int = 0,
                response_bytes: int | None = 1000, **access: object) -> str:
        """A request that the gateway answered, and its access-log row; the id that Lambda gave it."""
        n = len(self.rows["requests"])
        self.rows["requests"].append({
            "worker": 0, "seq": n, "phase": phase, "route": route, "status": 200, "outcome": "ok",
            "scheduled_at": START, "request_bytes": request_bytes, "response_bytes": 7, "gateway_request_id": f"g{n}"})
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
            "log_bytes": 300} | columns)

    def observed(self) -> Activity:
        for name, rows in self.rows.items():
            folder = "requests/0" if name == "requests" else f"collected/source/{name}"
            table = from_rows([[row.get(column) for column in FRAMES[name].columns] for row in rows], FRAMES[name])
            write_shard(table, self.run.path / folder / "0000.parquet", FRAMES[name])
        return observed(self.run)


@pytest.fixture
def seen(tmp_path: Path) -> RunBuilder:
    return RunBuilder(tmp_path)


def _functions(activity: Activity) -> dict[tuple[str, str], FunctionTally]:
    return {(tally.function, tally.trigger): tally for tally in activity.of(FunctionTally)}


def test_the_gateway_bills_what_it_passed_on_or_had_in_its_cache_and_not_what_it_refused(tmp_path: Path) -> None:
    seen = RunBuilder(tmp_path, CONFIGURATION.with_api(cache_gb=0.5))
    seen.report(seen.request(phase="warm"))
    seen.report(seen.request())
    seen.answered_by_the_gateway(status=200)
    seen.answered_by_the_gateway(status=429)
    seen.answered_by_the_gateway(status=403, error_type="INVALID_API_KEY")
    seen.answered_by_the_gateway(status=400, error_type="BAD_REQUEST_BODY")
    (route,) = seen.observed().of(RouteTally)
    assert (route.api, route.route) == ("rest", "GET /products")
    assert (route.requests, route.rejected, route.cache_hits, route.response_bytes) == (4, 2, 1, 4000)


def test_a_429_of_the_function_itself_is_billed(seen: RunBuilder) -> None:
    seen.report(seen.request(status=429, function_status=429))
    (route,) = seen.observed().of(RouteTally)
    assert (route.requests, route.rejected) == (1, 0)


def test_what_lambda_throttles_is_an_api_request_and_no_invocation(seen: RunBuilder) -> None:
    seen.report(seen.request())
    seen.request(status=500, lambda_status=429, function_status=None)
    seen.request("POST /orders", status=500, lambda_status=429, function_status=None)
    activity = seen.observed()
    routes = {route.route: route.requests for route in activity.of(RouteTally)}
    assert routes == {"GET /products": 2, "POST /orders": 1}
    functions = _functions(activity)
    assert functions["Products", "GET /products"].throttled == 1
    assert functions["Products", "GET /products"].invocations == 1
    orders = functions["Orders", "POST /orders"]
    assert (orders.invocations, orders.throttled, orders.gb_s, orders.memory_mb) == (0, 1, 0, 512)


def test_gb_seconds_are_of_the_billed_duration_that_was_reported(seen: RunBuilder) -> None:
    seen.report(seen.request(), duration_ms=155.0, billed_ms=156)
    seen.report(seen.request(), duration_ms=250.06, init_ms=100.77, billed_ms=351)
    tally = _functions(seen.observed())["Products", "GET /products"]
    assert tally.gb_s == pytest.approx(0.507) and tally.init_gb_s == pytest.approx(0.1)
    assert (tally.invocations, tally.cold_starts, tally.log_bytes) == (2, 1, 600)
    assert (tally.architecture, tally.memory_mb) == ("arm64", 1024)


def test_an_init_that_was_not_billed_is_no_part_of_the_gb_seconds(seen: RunBuilder) -> None:
    seen.report(seen.request(), duration_ms=152.63, init_ms=95.46, billed_ms=153)
    tally = _functions(seen.observed())["Products", "GET /products"]
    assert (tally.cold_starts, tally.init_gb_s) == (1, 0) and tally.gb_s == pytest.approx(0.153)


def test_a_changed_memory_size_is_told_apart_by_its_report_lines(seen: RunBuilder) -> None:
    seen.report(seen.request(), memory_mb=1024, billed_ms=1000)
    seen.report(seen.request(), memory_mb=512, billed_ms=1000)
    assert [(tally.memory_mb, tally.gb_s) for tally in seen.observed().of(FunctionTally)] == [(512, 0.5), (1024, 1.0)]


def test_provisioned_duration_is_apart_from_what_spilled_over(tmp_path: Path) -> None:
    seen = RunBuilder(tmp_path, CONFIGURATION.with_functions(provisioned=0))
    seen.report(seen.request(), initialization="provisioned", billed_ms=1000)
    seen.report(seen.request(), billed_ms=500)
    tally = _functions(seen.observed())["Products", "GET /products"]
    assert (tally.provisioned_gb_s, tally.gb_s, tally.invocations) == (1.0, 0.5, 2)


def test_provisioned_concurrency_and_the_cache_stand_for_the_run_s_own_time(tmp_path: Path) -> None:
    functions = {"Products": FunctionSettings(2048, "arm64", provisioned=3), "Orders": FunctionSettings(512)}
    seen = RunBuilder(tmp_path, Configuration(ApiSettings("rest", cache_gb=1.6), functions))
    seen.report(seen.request())
    activity = seen.observed()
    assert activity.hours == pytest.approx(0.01)
    assert list(activity.of(ProvisionedTally)) == [ProvisionedTally("Products", "arm64", pytest.approx(2 * 3 * 36.0))]
    assert list(activity.of(CacheTally)) == [CacheTally("rest", 1.6, pytest.approx(0.01))]


def test_an_initialisation_that_nobody_waited_for_is_billed_by_its_kind(seen: RunBuilder) -> None:
    seen.report(seen.request())
    for kind in ("on-demand", "provisioned"):
        row = {"environment": kind, "function": "Products", "init_ms": 499.5, "initialization": kind}
        seen.rows["inits"].append(row)
    tally = _functions(seen.observed())["Products", "init"]
    assert (tally.gb_s, tally.init_gb_s, tally.provisioned_gb_s, tally.invocations) == (0.5, 0.5, 0.5, 0)


def test_http_units_count_payloads_in_512_kb(tmp_path: Path) -> None:
    seen = RunBuilder(tmp_path, CONFIGURATION.with_api(kind="http"))
    seen.report(seen.request())
    seen.report(seen.request(request_bytes=500_000, response_bytes=600_000))
    (route,) = seen.observed().of(RouteTally)
    assert (route.api, route.requests, route.units) == ("http", 2, 4)


def test_a_size_that_the_access_log_does_not_hold_is_the_client_s(seen: RunBuilder) -> None:
    seen.report(seen.request(response_bytes=None))
    (route,) = seen.observed().of(RouteTally)
    assert route.response_bytes == 7


def test_direct_invocations_need_no_access_log(seen: RunBuilder) -> None:
    for n, status in enumerate((200, 429)):
        seen.rows["requests"].append({
            "worker": 0, "seq": n, "route": "INVOKE Orders", "status": status, "scheduled_at": START,
            "lambda_request_id": f"d{n}"})
    seen.report("d0", "Orders", source="invoke", memory_mb=512, billed_ms=100)
    del seen.rows["access"]
    activity = seen.observed()
    (tally,) = activity.of(FunctionTally)
    assert (tally.function, tally.trigger, tally.invocations, tally.throttled) == ("Orders", "INVOKE Orders", 1, 1)
    assert not list(activity.of(RouteTally)) and activity.missing == ()


def test_what_nothing_reported_is_said_and_not_counted_as_nothing(seen: RunBuilder) -> None:
    seen.report(seen.request())
    seen.report(seen.request(), billed_ms=None, log_bytes=None)
    seen.request()
    seen.request(logged=False)
    seen.rows["inits"].append({"environment": "x", "function": "Products", "initialization": "on-demand"})
    assert seen.observed().missing == (
        "1 answered requests have no access-log row: not on the bill",
        "1 invocations have no REPORT line: not on the bill",
        "1 invocations report no billed duration: not on the bill",
        "1 invocations have no known log size: not on the bill",
        "1 initialisations report no duration: not on the bill",
        "the size of the gateway's access log is not recorded: its ingestion is not on the bill",
    )


def test_a_run_that_was_not_collected_is_refused_with_what_to_do(seen: RunBuilder) -> None:
    seen.request()
    seen.rows = {"requests": seen.rows["requests"]}
    with pytest.raises(RunError, match="no access: run `loadgen collect` on it first"):
        seen.observed()
