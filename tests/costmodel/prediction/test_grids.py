"""One pass for all idle limits, or all numbers of provisioned environments, gives what the simulator gives for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.prediction.grids import idle_times, positions
from costmodel.prediction.simulator import COLD, NONE, PROVISIONED, TABLE_SIZE, Arrivals, Rules, simulate


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), n=st.integers(2, 300), gap_s=st.sampled_from([0.05, 0.5, 3.0]),
       limits=st.lists(st.floats(0.01, 50), min_size=1, max_size=5))
def test_every_idle_limit_is_as_if_simulated_by_itself(
        seed: int, n: int, gap_s: float, limits: list[float], rules: Callable[..., Rules]) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(gap_s, n))
    arrivals = Arrivals(times, np.zeros(n, dtype=np.int64), np.full(n, NONE))
    fleet = rules(warm=rng.exponential(1.0, TABLE_SIZE))
    found = idle_times(times, simulate(arrivals, fleet, seed).duration_s)
    for limit, share, mean in zip(limits, found.cold_share(limits), found.environments(limits), strict=True):
        lifetime_s = fleet.lifetime_s.copy()
        lifetime_s[0] = limit
        trace = simulate(arrivals, fleet._replace(lifetime_s=lifetime_s), seed, from_s=float(times[0]))
        assert share == pytest.approx(float((trace.outcome == COLD).mean()))
        assert mean == pytest.approx(float(trace.environment_s[0]) / (times[-1] - times[0]))


def test_environments_that_never_go_are_those_of_the_most_that_were_busy(rules: Callable[..., Rules]) -> None:
    """Three together, later one; a limit of infinity keeps all three from the first request to the last."""
    found = idle_times(np.array([0.0, 0.0, 0.0, 10.0]), np.full(4, 1.0))
    assert found.cold_share([0.0, 9.0, 9.5, np.inf]).tolist() == [1.0, 1.0, 0.75, 0.75]
    assert found.environments([0.0, np.inf]).tolist() == pytest.approx([0.3, 3.0])


@pytest.mark.parametrize("limit", [-1.0, np.nan])
def test_no_idle_limit_is_refused(limit: float) -> None:
    found = idle_times(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    for figure in (found.cold_share, found.environments):
        with pytest.raises(InputError, match="idle_limit_s"):
            figure([5.0, limit])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), n=st.integers(2, 300), whole=st.integers(1, 5), limit=st.integers(1, 40))
def test_ties_are_as_if_simulated(seed: int, n: int, whole: int, limit: int, rules: Callable[..., Rules]) -> None:
    """Whole seconds, so that invocations begin and end together."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, n, n)).astype(np.float64)
    times[-1] = n
    busy_s = rng.integers(1, whole + 1, TABLE_SIZE).astype(np.float64)
    arrivals = Arrivals(times, np.zeros(n, dtype=np.int64), np.full(n, NONE))
    trace = simulate(arrivals, rules(warm=busy_s, idle=float(limit)), seed, from_s=float(times[0]))
    found = idle_times(times, trace.duration_s)
    assert found.cold_share(limit) == pytest.approx(float((trace.outcome == COLD).mean()))
    assert found.environments(limit) == pytest.approx(float(trace.environment_s[0]) / (times[-1] - times[0]))
    spilled = simulate(arrivals, rules(warm=busy_s, provisioned=whole), seed).outcome != PROVISIONED
    assert positions(times, trace.duration_s).spilled_share(whole) == pytest.approx(float(spilled.mean()), abs=1e-12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), n=st.integers(2, 300), gap_s=st.sampled_from([0.05, 0.5, 3.0]),
       provisioned=st.lists(st.integers(0, 40), min_size=1, max_size=5))
def test_every_number_of_provisioned_environments_is_as_if_simulated_by_itself(
        seed: int, n: int, gap_s: float, provisioned: list[int], rules: Callable[..., Rules]) -> None:
    """Cold starts take three times as long as what is warm, and an init besides."""
    rng = np.random.default_rng(seed)
    times, warm_s = np.cumsum(rng.exponential(gap_s, n)), rng.exponential(1.0, TABLE_SIZE)
    arrivals = Arrivals(times, np.zeros(n, dtype=np.int64), np.full(n, NONE))
    found = positions(times, simulate(arrivals, rules(warm=warm_s, provisioned=n), seed).duration_s)
    for number, spilled, used in zip(provisioned, found.spilled_share(provisioned), found.utilisation(provisioned), strict=True):
        trace = simulate(arrivals, rules(warm=warm_s, cold=3 * warm_s, init=0.4, provisioned=number), seed)
        within = trace.outcome == PROVISIONED
        assert spilled == pytest.approx(float((~within).mean()), abs=1e-12)
        busy_s = (np.minimum(times + trace.duration_s, times[-1]) - times)[within].sum()
        assert number == 0 or used == pytest.approx(busy_s / (number * (times[-1] - times[0])))


@pytest.mark.parametrize("one_pass", [idle_times, positions])
@pytest.mark.parametrize(("time_s", "busy_s"), [
    ([1.0], [1.0]), ([2.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [0.0, 1.0]), ([1.0, 2.0], [1.0]),
    ([1.0, np.nan], [1.0, 1.0]), ([1.0, 2.0], [1.0, np.inf])])
def test_what_cannot_be_a_run_is_refused(one_pass: Callable[..., object], time_s: list[float], busy_s: list[float]) -> None:
    with pytest.raises(InputError, match=one_pass.__name__):
        one_pass(np.array(time_s), np.array(busy_s))


@pytest.mark.parametrize("provisioned", [-1, 1.5])
def test_no_whole_number_of_environments_is_refused(provisioned: float) -> None:
    found = positions(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    with pytest.raises(InputError, match="provisioned"):
        found.spilled_share(provisioned)
