"""Closed forms against published values (tables of Erlang B; an independent simulation of the token bucket)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.prediction.queueing import erlang_b, erlang_c, mean_busy, token_bucket_reject
from costmodel.prediction.simulator import NONE, STAGE, Arrivals, Rules, simulate

ORACLES = json.loads((Path(__file__).parent / "data" / "oracles.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("load_and_servers", "blocked"), ORACLES["erlang_b"].items())
def test_erlang_b_gives_the_published_digits(load_and_servers: str, blocked: float) -> None:
    load, servers = map(int, load_and_servers.split(","))
    assert erlang_b(servers, load) == pytest.approx(blocked, abs=5e-7)


def test_without_servers_everything_is_blocked() -> None:
    assert erlang_b(0, 3.0) == 1.0


@pytest.mark.parametrize("case", ORACLES["token_bucket_poisson_sim"])
def test_the_token_bucket_form_is_within_1e4_of_an_independent_simulation(case: dict[str, float]) -> None:
    assert token_bucket_reject(case["lam"], case["R"], case["B"]) == pytest.approx(case["reject"], abs=1e-4)


def test_a_bucket_of_one_token_is_a_server_without_a_queue() -> None:
    """Any request within 1/rate of the last accepted one is rejected: Erlang B of one server."""
    assert token_bucket_reject(3.0, 10.0, 1.0) == pytest.approx(erlang_b(1, 0.3))


def test_a_large_bucket_rejects_only_what_is_above_its_rate() -> None:
    assert token_bucket_reject(20.0, 10.0, 5000.0) == pytest.approx(0.5)
    assert token_bucket_reject(5.0, 10.0, 5000.0) == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("arguments", [
    (0.0, 10.0, 5.0), (10.0, 0.0, 5.0), (300.0, 10.0, 5.0), (9.0, 10.0, 0.5), (-1.0, -1.0, 5.0), (math.nan, 1.0, 5.0),
    (1.0, math.inf, 5.0), (20.0000001, 1.0, 5.0), (1.0, 1.0, 100_001.0), (1.0, 1.0, math.nan)])
def test_outside_its_range_the_token_bucket_form_refuses(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="token_bucket_reject"):
        token_bucket_reject(*arguments)


@pytest.mark.parametrize("arguments", [(-1, 2.0), (5, -1.0), (5, float("inf")), (2_000_000, 1.0)])
def test_outside_its_range_erlang_b_refuses(arguments: tuple[int, float]) -> None:
    with pytest.raises(InputError, match="erlang_b"):
        erlang_b(*arguments)


@pytest.mark.parametrize(("servers", "load", "waits"), [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (10, 8.0, 0.40918)])
def test_erlang_c_gives_the_published_digits(servers: int, load: float, waits: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(waits, abs=5e-6)


def test_nothing_waits_without_load() -> None:
    assert erlang_c(3, 0.0) == 0.0


@pytest.mark.parametrize("arguments", [(2, 2.0), (2, 3.0), (0, 0.0), (2, -0.1)])
def test_a_queue_without_end_is_refused(arguments: tuple[int, float]) -> None:
    with pytest.raises(InputError, match="erlang_c"):
        erlang_c(*arguments)


def test_littles_law() -> None:
    assert mean_busy(100.0, 0.155) == pytest.approx(15.5)
    with pytest.raises(InputError, match="mean_busy"):
        mean_busy(-1.0, 1.0)


def decimal_reject(p: float, burst: float) -> float:
    """The sum sum_j (-p (x - j))^j / j! exp(p (x - j)) with 400 digits: the solution of G' = p (G(x) - G(x - 1))."""
    with localcontext() as context:
        context.prec = 400
        p_, x, grown, factorial = Decimal(p), Decimal(burst) - 1, Decimal(0), Decimal(1)
        for j in range(int(x) + 1):
            factorial *= j or 1
            grown += (-p_ * (x - j)) ** j / factorial * (p_ * (x - j)).exp() if j else (p_ * x).exp()
        return float(1 - grown / (1 + p_ * grown))


@pytest.mark.parametrize("p", [1e-9, 0.5, 0.99, 1.0, 1.0001, 3.0, 20.0])
@pytest.mark.parametrize("burst", [1.0, 1.3, 2.0, 7.25, 40.0])
def test_the_token_bucket_form_is_its_series(p: float, burst: float) -> None:
    reject = token_bucket_reject(p * 2.5, 2.5, burst)
    assert reject == pytest.approx(decimal_reject(p, burst), abs=1e-10)
    assert reject >= 0


@pytest.mark.parametrize(("arrivals", "rate", "burst"), [
    (0.1, 1.0, 1.0), (3.3, 3.7, 1.5), (10.0, 0.5, 3.0), (20.0, 1.0, 1.0), (12.5, 10.0, 1.999)])
def test_the_simulators_token_bucket_rejects_as_many(arrivals: float, rate: float, burst: float, rules: Callable[..., Rules]) -> None:
    n = 300_000
    times = np.cumsum(np.random.default_rng(3).exponential(1 / arrivals, n))
    run = simulate(Arrivals(times, np.zeros(n, np.int64), np.full(n, NONE)), rules(warm=1e-9, stage=(rate, burst)), seed=1)
    assert float((run.outcome == STAGE).mean()) == pytest.approx(token_bucket_reject(arrivals, rate, burst), abs=0.004)


@given(st.floats(1e-3, 19), st.floats(1, 60), st.floats(0, 10))
@settings(max_examples=50, deadline=None)
def test_a_bigger_bucket_rejects_less_and_more_arrivals_are_rejected_more(p: float, burst: float, more: float) -> None:
    here = token_bucket_reject(p, 1.0, burst)
    assert max(0.0, 1 - 1 / p) - 1e-10 <= here <= 1
    assert token_bucket_reject(p, 1.0, burst + more) <= here + 1e-10
    assert token_bucket_reject(p * (1 + more / 200), 1.0, burst) >= here - 1e-10


@given(st.integers(0, 300), st.floats(0, 1e4), st.floats(0, 10))
def test_more_servers_block_less_and_more_load_is_blocked_more(servers: int, load: float, more: float) -> None:
    here = erlang_b(servers, load)
    assert 0 <= erlang_b(servers + 1, load) <= here <= 1
    assert erlang_b(servers, load + more) >= here * (1 - 1e-12)
    if load < servers:
        assert here - 1e-15 <= erlang_c(servers, load) <= 1


def test_a_load_of_less_precision_is_computed_in_full() -> None:
    single: Any = np.float32(3)
    assert erlang_b(5, single) == erlang_b(5, 3.0)
