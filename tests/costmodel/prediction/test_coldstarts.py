"""Cold starts in closed form against the simulator and published values; where they do not hold, they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.prediction.coldstarts import birth_death, cold_starts
from costmodel.prediction.queueing import erlang_b
from costmodel.prediction.simulator import COLD, NONE, TABLE_SIZE, Arrivals, Rules, simulate

ORACLES = json.loads((Path(__file__).parent / "data" / "oracles.json").read_text(encoding="utf-8"))


def test_the_published_chain_reproduces_its_own_examples() -> None:
    example, printed = ORACLES["simfaas_example"], ORACLES["simfaas_example"]["analytical_tcc2020"]
    chain = birth_death(example["arrival_rate"], example["warm_mean_s"], example["cold_mean_s"], example["expiration_s"])
    assert 100 * chain.cold_share == pytest.approx(printed["p_cold_pct"], abs=5e-7)
    assert chain.environments == pytest.approx(printed["n_avg"], abs=5e-7)
    assert (chain.busy, chain.response_s) == pytest.approx((printed["running"], printed["resp_s"]), abs=5e-7)
    readme = ORACLES["pacsltk_readme"]
    chain = birth_death(readme["arrival_rate"], readme["warm"], readme["cold"], readme["expiration"])
    assert chain.cold_share == pytest.approx(readme["cold_prob"], rel=1e-6)
    assert chain.environments == pytest.approx(readme["avg_server_count"], abs=5e-7)
    assert (chain.busy, chain.response_s) == pytest.approx((readme["avg_running_count"], readme["avg_resp_time"]), abs=5e-7)


def test_the_two_moment_form_is_nearer_to_the_simulated_example_than_the_chain() -> None:
    example = ORACLES["simfaas_example"]
    here = cold_starts(example["arrival_rate"], example["warm_mean_s"], example["expiration_s"])
    simulated = example["newest_created_steady_state"]
    assert 100 * float(here.share) == pytest.approx(simulated["p_cold_pct"][0], rel=0.01)
    assert float(here.environments) == pytest.approx(simulated["n_avg"][0], rel=0.002)


@pytest.mark.parametrize(("load", "limit", "provisioned"), [(0.1, 30, 0), (1.0, 100, 0), (10.0, 30, 0), (1.0, 30, 1), (3.0, 30, 3)])
def test_it_is_within_a_few_per_cent_of_the_simulator(
        load: float, limit: float, provisioned: int, rules: Callable[..., Rules]) -> None:
    times = np.cumsum(np.random.default_rng(3).exponential(1 / load, 400_000))
    arrivals = Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE))
    warm = -np.log1p(-(np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE)
    trace = simulate(arrivals, rules(warm=warm / warm.mean(), idle=limit, provisioned=provisioned), seed=1)
    form = cold_starts(load, 1.0, limit, provisioned)
    assert float(form.share) == pytest.approx(float((trace.outcome == COLD).mean()), rel=0.05)
    assert float(form.environments) == pytest.approx(float(trace.environment_s[0]) / float(times[-1]), rel=0.01)


def test_spill_is_erlang_b_and_without_provisioned_concurrency_everything_is_on_demand() -> None:
    form = cold_starts(8.0, 1.0, 300.0, [0, 10])
    assert form.spill.tolist() == pytest.approx([1.0, erlang_b(10, 8.0)])


@given(st.lists(st.tuples(st.floats(0.01, 1000), st.floats(30, 6000), st.integers(0, 50)), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_many_at_once_are_each_as_alone_and_shares_are_shares(cases: list[tuple[float, float, int]]) -> None:
    loads, limits, provisioned = (np.array(column) for column in zip(*cases, strict=True))
    form = cold_starts(loads / 2, 2.0, limits * 2, provisioned)
    for index, (load, limit, n) in enumerate(cases):
        alone = cold_starts(load, 1.0, limit, n)
        assert float(alone.share) == pytest.approx(float(form.share[index]), rel=1e-6, abs=1e-15)
        assert float(alone.environments) == pytest.approx(float(form.environments[index]), rel=1e-6)
    assert ((form.share >= 0) & (form.share <= 1)).all()
    assert (form.environments >= loads * form.spill - 1e-9).all()


@pytest.mark.parametrize(("arguments", "what"), [
    ((0.001, 1.0, 300.0), "arrival_rate x duration_s"), ((2000.0, 1.0, 300.0), "arrival_rate x duration_s"),
    ((1.0, 1.0, 10.0), "idle_limit_s / duration_s"), ((1.0, 1.0, 300.0, -1), "provisioned"),
    ((float("nan"), 1.0, 300.0), "arrival_rate x duration_s")])
def test_outside_its_ranges_it_refuses(arguments: tuple[Any, ...], what: str) -> None:
    with pytest.raises(InputError, match=what):
        cold_starts(*arguments)


@pytest.mark.parametrize("given", [(0.0, 2.0, 2.2, 600.0), (-1.0, 2.0, 2.2, 600.0), (1.0, np.nan, 2.2, 600.0), (1.0, 2.0, 0.0, 600.0),
                                   (1.0, 2.0, 2.2, np.inf), (1.0, 600.0, 600.0, 600.0)])
def test_the_published_chain_refuses_what_it_cannot_hold(given: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="birth_death"):
        birth_death(*given)
