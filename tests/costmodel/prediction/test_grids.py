"""One pass for all idle limits gives what the simulator gives for each of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.prediction.grids import idle_times
from costmodel.prediction.simulator import COLD, NONE, TABLE_SIZE, Arrivals, Rules, simulate


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


@pytest.mark.parametrize(("time_s", "busy_s"), [
    ([1.0], [1.0]), ([2.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [0.0, 1.0])])
def test_what_cannot_be_a_run_is_refused(time_s: list[float], busy_s: list[float]) -> None:
    with pytest.raises(InputError, match="idle_times"):
        idle_times(np.array(time_s), np.array(busy_s))
