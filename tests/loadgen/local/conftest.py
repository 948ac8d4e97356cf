"""A small account, and requests on their way through its gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from loadgen.local.account import (
    Account,
    ApiState,
    FunctionState,
    MethodSettings,
    Provisioned,
    RouteState,
    StageState,
    Version,
)
from loadgen.local.gateway.exchange import Exchange, Request
from loadgen.local.invocation import InvokeResult, LogEvent, MetricDatum
from loadgen.quotas import Quotas

NAME = "shop-Products"


class MemorySink:
    """Keeps all telemetry."""

    def __init__(self) -> None:
        self.streams: dict[tuple[str, str], list[LogEvent]] = {}
        self.data: list[MetricDatum] = []

    def logs(self, group: str, stream: str, events: Any) -> None:
        self.streams.setdefault((group, stream), []).extend(events)

    def metrics(self, data: Any) -> None:
        self.data.extend(data)

    def lines(self, group: str) -> list[str]:
        return [event.message for (name, _), events in self.streams.items() if name == group for event in events]

    def total(self, metric: str, **dimensions: str) -> float:
        """Sum of a metric over exactly these dimensions."""
        wanted = tuple(dimensions.items())
        return sum(value * count for datum in self.data if datum.name == metric and datum.dimensions == wanted
                   for value, count in zip(datum.values, datum.counts, strict=True))


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def make_version() -> Callable[..., Version]:
    def make(number: str = "$LATEST", revision: str = "r1", **changes: Any) -> Version:
        settings: dict[str, Any] = {"memory_mb": 1024, "architecture": "x86_64", "timeout_s": 3.0,
                                    "runtime": "python3.13"}
        return Version(NAME, number, revision, **(settings | changes))
    return make


@pytest.fixture
def make_function(make_version: Callable[..., Version]) -> Callable[..., FunctionState]:
    def make(name: str = NAME, *, versions: list[Version] | None = None, reserved: int | None = None,
             provisioned: Mapping[str, Provisioned] | None = None, **profile: Any) -> FunctionState:
        listed = versions or [make_version(), make_version("1")]
        declared = {"Scale": 0.0005, "InitScale": 0.1, "ResponseBytes": 100} | profile
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        return FunctionState(name, arn, {v.number: v for v in listed}, {"live": "1"}, reserved, provisioned or {},
                             {"LocalProfile": declared}, f"/aws/lambda/{name}")
    return make


@pytest.fixture
def make_exchange() -> Callable[..., Exchange]:
    """A request that has already found its API, stage and route."""
    def make(kind: str = "rest", *, method: str = "GET", target: str = "/a1/prod/products",
             headers: list[tuple[str, str]] | None = None, body: bytes = b"", route: RouteState | None = None,
             stage: StageState | None = None, **known: Any) -> Exchange:
        exchange = Exchange(Request(method, target, headers or [], body), 1_750_000_000.0,
                            "11111111-2222-4333-a444-555555555555", "K2G9wEbUoAMEvag=",
                            "Root=1-684ee080-aaaaaaaaaaaaaaaaaaaaaaaa;Parent=bbbbbbbbbbbbbbbb;Sampled=0")
        exchange.route = route or RouteState(method, "/products", NAME)
        exchange.stage = stage or StageState("prod")
        exchange.api = ApiState("a1", "Shop", kind, (exchange.route,), {exchange.stage.name: exchange.stage})
        exchange.path = "/products"
        for name, value in known.items():
            setattr(exchange, name, value)
        return exchange
    return make


@pytest.fixture
def result_of() -> Callable[..., InvokeResult]:
    def make(payload: bytes, **more: Any) -> InvokeResult:
        return InvokeResult(200, "cccccccc-2222-4333-a444-555555555555", payload, "1", **more)
    return make


LOG_FORMAT = ('{"requestId":"$context.requestId","status":"$context.status","latency":"$context.responseLatency",'
              '"integration":"$context.integrationLatency","lambda":"$context.integration.requestId",'
              '"lambdaStatus":"$context.integration.integrationStatus","functionStatus":"$context.integration.status",'
              '"type":"$context.error.responseType","route":"$context.routeKey","path":"$context.resourcePath"}')


@pytest.fixture
def make_account(make_function: Callable[..., FunctionState]) -> Callable[..., Account]:
    """One function behind a REST API (`a1`, stage prod) and an HTTP API (`h1`, stage $default)."""
    def make(function: FunctionState | None = None, *, quotas: Quotas | None = None,
             default: MethodSettings | None = None, cache_gb: float | None = None,
             body_schema: Mapping[str, Any] | None = None) -> Account:
        served = function or make_function()
        default = default or MethodSettings(cached=True)
        rest = (RouteState("GET", "/products", served.name, "live"),
                RouteState("GET", "/products/{id}", served.name, "live", cache_keys=("path.id",)),
                RouteState("POST", "/orders", served.name, "live", body_schema=body_schema))
        http = tuple(RouteState(r.method, r.path, r.function, r.qualifier, payload_format="2.0") for r in rest)
        prod = StageState("prod", default, cache_gb=cache_gb, access_log_group="rest-access",
                          access_log_format=LOG_FORMAT)
        plain = StageState("$default", default, access_log_group="http-access",
                           access_log_format=LOG_FORMAT)
        account = Account(quotas or Quotas())
        account.replace({served.name: served}, {"a1": ApiState("a1", "ShopRest", "rest", rest, {"prod": prod}),
                                                "h1": ApiState("h1", "ShopHttp", "http", http, {"$default": plain})})
        return account
    return make
