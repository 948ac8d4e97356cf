"""Cold starts in closed form against the simulator and published values; where they do not hold, they refuse."""

from __future__ import annotations

import json
import math
import time
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


@pytest.mark.parametrize(("load", "limit", "provisioned"), [
    (0.001, 300, 0), (0.0005, 6_000, 0), (0.1, 30, 0), (1.0, 100, 0), (10.0, 30, 0), (1.0, 30, 1), (3.0, 30, 3)])
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


@given(st.lists(st.tuples(st.floats(1e-5, 1000), st.floats(30, 1e6), st.integers(0, 50)), min_size=1, max_size=5))
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
    ((1e-6, 1.0, 300.0), "arrival_rate x duration_s"), ((1.0, 1.0, 2e6), "idle_limit_s / duration_s"),
    ((2000.0, 1.0, 300.0), "arrival_rate x duration_s"),
    ((1.0, 1.0, 10.0), "idle_limit_s / duration_s"), ((1.0, 1.0, 300.0, -1), "provisioned"),
    ((1.0, 1.0, 300.0, 1.5), "provisioned = 1.5: give whole numbers"),
    ((-1.0, -1.0, -300.0), "duration_s = -1: give a time above 0"), ((1000.0001, 1.0, 300.0), "duration_s = 1000.0001:"),
    (([1.0, 2.0], 1.0, [300.0] * 3), "arguments of shapes"), ((1.0, math.inf, 300.0), "arrival_rate x duration_s"),
    ((float("nan"), 1.0, 300.0), "arrival_rate x duration_s")])
def test_outside_its_ranges_it_refuses(arguments: tuple[Any, ...], what: str) -> None:
    with pytest.raises(InputError, match=what):
        cold_starts(*arguments)


@pytest.mark.parametrize("given", [(0.0, 2.0, 2.2, 600.0), (-1.0, 2.0, 2.2, 600.0), (1.0, np.nan, 2.2, 600.0), (1.0, 2.0, 0.0, 600.0),
                                   (1.0, 2.0, 2.2, np.inf), (1.0, 600.0, 600.0, 600.0)])
def test_the_published_chain_refuses_what_it_cannot_hold(given: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="birth_death"):
        birth_death(*given)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (), (2, 3)])
def test_results_have_the_shape_of_what_was_given_none_included(shape: tuple[int, ...]) -> None:
    form = cold_starts(np.ones(shape), 1.0, 300.0)
    assert form.share.shape == form.environments.shape == form.spill.shape == shape


@given(st.floats(1e-5, 200), st.floats(30, 600_000), st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_longer_idle_limits_and_more_provisioned_environments_leave_fewer_cold_starts(load: float, limit: float, n: int) -> None:
    here, longer, more = (cold_starts(load, 1.0, *case) for case in ((limit, n), (limit * 1.5, n), (limit, n + 1)))
    assert longer.share <= here.share
    assert longer.environments >= here.environments
    assert more.spill <= here.spill
    assert more.environments <= here.environments + 1e-9
    assert more.share <= here.share * (1 + 1e-6) + 1e-12  # by the levels that are left out


def test_provisioned_environments_beyond_any_need_take_no_time() -> None:
    """A few with 10,000 among thousands of small ones: as long as if each had its own few levels."""
    loads, provisioned = np.geomspace(0.01, 1000, 5_000), np.zeros(5_000)
    provisioned[::50] = 10_000
    start = time.process_time()
    form = cold_starts(loads, 1.0, 300.0, provisioned)
    assert time.process_time() - start < 2
    assert (form.spill[::50] < 1e-50).all()
    assert (form.share[::50] < 1e-50).all()


@pytest.mark.parametrize(("given", "cold_share", "environments"), [
    ((0.9, 1.991, 2.244, 3600.0), 1.827474565734778e-4, 8.821720374045634), ((10.0, 0.2, 1.0, 900.0), 6.548457752421e-5, 9.944986328246),
    ((100.0, 0.5, 1.0, 3600.0), 4.47810177472e-6, 83.48193934222), ((1e-6, 1.0, 1.0, 600.0), 0.9994003608746498, 5.996397251692e-4)])
def test_the_published_chain_holds_where_a_life_is_beyond_any_number(
        given: tuple[float, float, float, float], cold_share: float, environments: float) -> None:
    """An hour at a request a second: exp(3600). The values: the chain with 50 digits."""
    chain = birth_death(*given)
    assert chain.cold_share == pytest.approx(cold_share, rel=1e-9)
    assert chain.environments == pytest.approx(environments, rel=1e-9)


@pytest.mark.parametrize("most", [0, -1, 2.5, 2])
def test_a_chain_that_is_cut_off_is_refused(most: Any) -> None:
    with pytest.raises(InputError, match=f"birth_death: most={most}"):
        birth_death(1.0, 1.0, 1.0, 600.0, most)


@pytest.mark.parametrize(("given", "what"), [({"variation": 2.5}, "variation = 2.5"), ({"init_s": [0.1, 3.0]}, "init_s / duration_s = 3")])
def test_durations_and_inits_for_which_it_does_not_hold_are_refused(given: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        cold_starts(1.0, 1.0, 300.0, **given)
