"""A request's way through all stages, and the ids it gets."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from loadgen.local.account import Account, MethodSettings, RouteState
from loadgen.local.gateway.exchange import Exchange, Request
from loadgen.local.gateway.identity import REPLACED, identifiers
from loadgen.local.gateway.stages import Gateway, GatewayOptions
from loadgen.local.invocation import InvokeResult

MakeAccount = Callable[..., Account]
OK = b'{"statusCode": 200, "body": "fresh"}'


def gateway(account: Account) -> Gateway:
    return Gateway(account, GatewayOptions(), random.Random(1))


def admit(through: Gateway, target: str, method: str = "GET", body: bytes = b"", now: float = 0.0) -> Exchange:
    return through.admit(Request(method, target, [("Host", "x")], body), 1_750_000_000.0, now)


def test_a_request_that_passes_all_stages_has_its_event_and_no_answer(make_account: MakeAccount) -> None:
    exchange = admit(gateway(make_account()), "/a1/prod/products/7")
    assert exchange.answer is None and exchange.event is not None
    assert exchange.event["pathParameters"] == {"id": "7"}


def test_throttling_comes_before_validation(make_account: MakeAccount) -> None:
    account = make_account(default=MethodSettings(0.0, 0), body_schema={"type": "object"})
    exchange = admit(gateway(account), "/a1/prod/orders", "POST", b"no json")
    assert exchange.answer is not None and exchange.answer.status == 429


def test_a_hit_is_answered_under_the_new_requests_ids(make_account: MakeAccount, result_of: Callable[..., InvokeResult],
                                                      ) -> None:
    through = gateway(make_account(cache_gb=0.5))
    first = admit(through, "/a1/prod/products")
    through.answer(first, result_of(OK), 0.0)
    second = admit(through, "/a1/prod/products", now=1.0)
    assert first.answer is not None and second.answer is not None
    assert (second.answer.body, second.cache_hit, second.event) == (b"fresh", True, None)
    assert dict(second.answer.headers)["x-amzn-RequestId"] == second.request_id != first.request_id
    assert not any(name.lower() == "x-cache" for name, _ in second.answer.headers)


def test_the_gateways_own_error_is_not_cached(make_account: MakeAccount) -> None:
    through = gateway(make_account(cache_gb=0.5))
    through.answer(admit(through, "/a1/prod/products"), None, 0.0)
    assert admit(through, "/a1/prod/products").cache_hit is False


@pytest.mark.parametrize(("kind", "declared_s", "waits_s"), [
    ("rest", 60.0, 29.0), ("http", 60.0, 30.0), ("rest", 2.0, 2.0), ("http", 2.0, 2.0)])
def test_the_gateway_waits_as_the_route_says_but_no_longer_than_29_or_30_seconds(
        kind: str, declared_s: float, waits_s: float, make_account: MakeAccount,
        make_exchange: Callable[..., Exchange]) -> None:
    exchange = make_exchange(kind, route=RouteState("GET", "/products", "f", timeout_s=declared_s))
    assert gateway(make_account()).timeout_s(exchange) == waits_s


def test_routes_that_were_changed_serve_the_next_request(make_account: MakeAccount) -> None:
    account = make_account()
    through = gateway(account)
    assert admit(through, "/a1/prod/products").answer is None
    account.replace(account.functions, {"a1": type(account.apis["a1"])("a1", "ShopRest", "rest", (),
                                                                       account.apis["a1"].stages)})
    answer = admit(through, "/a1/prod/products").answer
    assert answer is not None and answer.status == 403


@pytest.mark.parametrize(("sent", "kept"), [
    ("6c2bd1f8-0a1e-4d27-9f3f-0c5d1b3f7a11", "6c2bd1f8-0a1e-4d27-9f3f-0c5d1b3f7a11"), ("mine", REPLACED)])
def test_a_client_may_name_its_request_if_it_does_so_by_a_uuid(sent: str, kept: str) -> None:
    request = Request("GET", "/", [("X-Amzn-RequestId", sent)])
    assert identifiers(request, 0.0, random.Random(1))[0] == kept


def test_a_clients_trace_is_kept_and_a_root_alone_gets_a_parent() -> None:
    def trace(sent: str) -> str:
        return identifiers(Request("GET", "/", [("X-Amzn-Trace-Id", sent)]), 0.0, random.Random(1))[2]

    whole = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    root = "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert trace(whole) == whole
    assert trace(root).startswith(root + ";Parent=")


def test_extended_request_ids_have_sixteen_characters() -> None:
    assert len(identifiers(Request("GET", "/"), 0.0, random.Random(1))[1]) == 16
