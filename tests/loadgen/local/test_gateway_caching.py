"""What a REST stage answers from its cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loadgen.local.account import MethodSettings, RouteState, StageState
from loadgen.local.gateway.caching import MAX_ANSWER_BYTES, Caches, Store
from loadgen.local.gateway.exchange import Answer, Exchange

Make = Callable[..., Exchange]
ONE = RouteState("GET", "/products/{id}", "f", cache_keys=("path.id", "querystring.page"))


def cached(**settings: Any) -> StageState:
    return StageState("prod", MethodSettings(**({"cached": True} | settings)), cache_gb=0.5)


def ask(caches: Caches, exchange: Exchange, now: float, body: bytes = b"x", status: int = 200) -> bool | None:
    """Whether it was a hit; what missed is kept."""
    if caches.look_up(exchange, now) is None:
        caches.keep(exchange, Answer(status, [], body), now)
    return exchange.cache_hit


def test_a_repeated_request_is_a_hit_until_the_ttl_ends(make_exchange: Make) -> None:
    caches, stage = Caches(), cached(cache_ttl_s=10)
    hits = [ask(caches, make_exchange(stage=stage), now) for now in (0.0, 9.9, 10.0, 15.0)]
    assert hits == [False, True, False, True]


def test_only_the_cache_keys_tell_requests_apart(make_exchange: Make) -> None:
    caches, stage = Caches(), cached()

    def asked(number: str, page: str, colour: str) -> bool | None:
        query = (("page", page), ("colour", colour))
        return ask(caches, make_exchange(stage=stage, route=ONE, path_parameters={"id": number}, query=query), 0.0)

    assert asked("1", "1", "red") is False
    assert asked("1", "1", "blue") is True
    assert asked("1", "2", "red") is False
    assert asked("2", "1", "red") is False


def test_a_hit_gives_the_body_that_was_kept(make_exchange: Make) -> None:
    caches, stage = Caches(), cached()
    ask(caches, make_exchange(stage=stage), 0.0, b"kept")
    answer = caches.look_up(make_exchange(stage=stage), 1.0)
    assert answer is not None and answer.body == b"kept"


@pytest.mark.parametrize("case", [
    {"kind": "http"}, {"method": "POST"}, {"stage": StageState("prod", MethodSettings(cached=True))},
    {"stage": cached(cached=False)}, {"stage": cached(cache_ttl_s=0)}, {"stage": StageState("prod", cache_gb=0.5)},
    {"stage": replace(cached(), settings={"GET /products": MethodSettings(cached=False)})},
])
def test_what_is_not_cached_neither_hits_nor_misses(case: dict[str, Any], make_exchange: Make) -> None:
    caches = Caches()
    assert [ask(caches, make_exchange(**({"stage": cached()} | case)), 0.0) for _ in range(2)] == [None, None]


def test_neither_errors_nor_answers_above_1_mib_are_kept(make_exchange: Make) -> None:
    caches, stage = Caches(), cached()

    def twice(body: bytes, status: int) -> list[bool | None]:
        return [ask(caches, make_exchange(stage=stage), 0.0, body, status) for _ in range(2)]

    assert twice(b"x", 404) == [False, False]
    assert twice(b"x" * (MAX_ANSWER_BYTES + 1), 200) == [False, False]
    assert twice(b"x" * MAX_ANSWER_BYTES, 200) == [False, True]


def test_a_flush_or_another_size_drops_all_that_was_kept(make_exchange: Make) -> None:
    caches, stage = Caches(), cached()
    ask(caches, make_exchange(stage=stage), 0.0)
    caches.flush("a1", "prod")
    assert ask(caches, make_exchange(stage=stage), 0.0) is False
    assert ask(caches, make_exchange(stage=replace(stage, cache_gb=1.6)), 0.0) is False


def test_the_least_recently_used_answer_makes_room() -> None:
    store = Store(capacity_bytes=2)
    for key in ("a", "b"):
        store.put((key,), Answer(200, [], b"x"), 10.0)
    store.get(("a",), 0.0)
    store.put(("c",), Answer(200, [], b"x"), 10.0)
    assert [store.get((key,), 0.0) is not None for key in "abc"] == [True, False, True]
