"""Who rejects a request when there are too many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.local.account import MethodSettings, StageState
from loadgen.local.buckets import TokenBucket
from loadgen.local.gateway.exchange import Exchange
from loadgen.local.gateway.throttling import Throttles
from loadgen.quotas import Quotas

Make = Callable[..., Exchange]


def limited(rate: float, burst: int) -> StageState:
    return StageState("prod", MethodSettings(rate, burst))


@given(rate=st.floats(0.0, 100.0), capacity=st.integers(0, 50), gaps=st.lists(st.floats(0.0, 5.0), max_size=60))
def test_a_bucket_never_gives_more_than_its_capacity_and_what_was_refilled(rate: float, capacity: int,
                                                                           gaps: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate, capacity, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
        assert taken <= capacity + rate * now + 1e-6


def test_a_bucket_lets_its_capacity_through_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(10.0, 5, 0.0)
    assert sum(bucket.take(0.0) for _ in range(20)) == 5
    assert sum(bucket.take(1.0) for _ in range(20)) == 5
    assert sum(bucket.take(1.0 + 0.1 * n + 0.05) for n in range(1, 11)) == 10


def test_the_stage_rejects_with_429_and_says_that_it_did(make_exchange: Make) -> None:
    throttles, stage = Throttles(Quotas()), limited(1.0, 2)
    exchanges = [make_exchange(stage=stage) for _ in range(3)]
    answers = [throttles.check(exchange, 0.0) for exchange in exchanges]
    assert answers[:2] == [None, None] and answers[2] is not None
    assert (answers[2].status, answers[2].body) == (429, b'{"message":"Too Many Requests"}')
    assert ("x-amzn-ErrorType", "TooManyRequestsException") in answers[2].headers
    assert "retry-after" not in {name.lower() for name, _ in answers[2].headers}
    assert (exchanges[2].throttled_by, exchanges[2].error_type) == ("stage", "THROTTLED")


def test_the_account_rejects_what_the_stage_let_through(make_exchange: Make) -> None:
    throttles = Throttles(Quotas(gateway_rps=1.0, gateway_burst=1))
    first, second = make_exchange(), make_exchange("http")
    throttles.check(first, 0.0)
    throttles.check(second, 0.0)
    assert (first.throttled_by, second.throttled_by) == (None, "account")


def test_a_routes_own_settings_replace_the_stages(make_exchange: Make) -> None:
    stage = StageState("prod", MethodSettings(1.0, 1), {"GET /products": MethodSettings(100.0, 100)})
    throttles = Throttles(Quotas())
    assert all(throttles.check(make_exchange(stage=stage), 0.0) is None for _ in range(50))


def test_the_stages_default_holds_for_each_route_by_itself(make_exchange: Make) -> None:
    throttles, stage = Throttles(Quotas()), limited(1.0, 1)
    answers = [throttles.check(make_exchange(stage=stage, method=method), 0.0) for method in ("GET", "PUT", "GET")]
    assert [answer is None for answer in answers] == [True, True, False]


def test_changed_settings_govern_the_next_request(make_exchange: Make) -> None:
    throttles = Throttles(Quotas())
    closed, opened = limited(0.0, 0), limited(1_000.0, 10)
    assert throttles.check(make_exchange(stage=closed), 0.0) is not None
    assert throttles.check(make_exchange(stage=opened), 0.1) is None
    assert throttles.check(make_exchange(stage=StageState("prod")), 0.1) is None


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_a_rejected_request_leaves_both_apis_with_the_same_body(kind: str, make_exchange: Make) -> None:
    answer = Throttles(Quotas()).check(make_exchange(kind, stage=limited(0.0, 0)), 0.0)
    assert answer is not None and answer.body == b'{"message":"Too Many Requests"}'
