"""Closed forms against published values (tables of Erlang B; an independent simulation of the token bucket)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costmodel.errors import InputError
from costmodel.prediction.queueing import erlang_b, erlang_c, mean_busy, token_bucket_reject

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


@pytest.mark.parametrize("arguments", [(0.0, 10.0, 5.0), (10.0, 0.0, 5.0), (300.0, 10.0, 5.0), (9.0, 10.0, 0.5)])
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
