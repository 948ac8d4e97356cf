"""The kernel, a rule at a time, and against published values. Oracles: computed beforehand with other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from costmodel.prediction.simulator import (
    ACCOUNT,
    COLD,
    CONCURRENCY,
    HIT,
    NONE,
    PROVISIONED,
    RESERVED,
    SCALING,
    STAGE,
    TABLE_SIZE,
    WARM,
    Arrivals,
    Rules,
    simulate,
)

RulesOf = Callable[..., Rules]
ArrivalsAt = Callable[..., Arrivals]


def test_an_environment_is_reused_once_its_invocation_has_ended(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.5, 1.0]), rules(warm=1.0), seed=1)
    assert trace.outcome.tolist() == [COLD, COLD, WARM]


def test_a_cold_start_keeps_its_environment_busy_for_init_and_duration(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 2.9, 3.0]), rules(warm=1.0, cold=2.0, init=1.0), seed=1)
    assert trace.outcome.tolist() == [COLD, COLD, WARM]
    assert (trace.init_s.tolist(), trace.duration_s.tolist()) == ([1.0, 1.0, 0.0], [2.0, 2.0, 1.0])


def test_an_environment_goes_when_it_was_idle_for_its_limit(rules: RulesOf, at: ArrivalsAt) -> None:
    assert simulate(at([0.0, 10.9]), rules(idle=10.0), seed=1).outcome.tolist() == [COLD, WARM]
    assert simulate(at([0.0, 11.0]), rules(idle=10.0), seed=1).outcome.tolist() == [COLD, COLD]


def test_the_most_recently_used_environment_is_taken_so_that_the_other_one_expires(rules: RulesOf, at: ArrivalsAt) -> None:
    times = [0.0, 0.5, *np.arange(2.0, 20.0, 2.0), 20.0, 20.5]
    outcome = simulate(at(times), rules(idle=10.0), seed=1).outcome
    assert outcome[-1] == COLD
    assert (outcome[2:-1] == WARM).all()


def test_an_old_environment_goes_only_when_it_is_idle(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 4.5, 6.0]), rules(warm=1.0, age=5.0), seed=1, to_s=6.0)
    assert trace.outcome.tolist() == [COLD, WARM, COLD]
    assert trace.environment_s.tolist() == [5.5]


def test_a_quiet_function_loses_all_environments_before_their_own_limit(rules: RulesOf, at: ArrivalsAt) -> None:
    quiet = rules(idle=100.0, function_idle=10.0)
    assert simulate(at([0.0, 0.1, 12.0, 12.1]), quiet, seed=1).outcome.tolist() == [COLD] * 4
    busy = simulate(at([0.0, 0.1, *np.arange(5.0, 50.0, 5.0), 50.0, 50.1]), quiet, seed=1)
    assert busy.outcome[-2:].tolist() == [WARM, WARM]


def test_provisioned_environments_come_first_and_never_start_cold(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.1, 0.2, 5.0]), rules(provisioned=2), seed=1)
    assert trace.outcome.tolist() == [PROVISIONED, PROVISIONED, COLD, PROVISIONED]


def test_provisioned_concurrency_spills_over_above_its_invocation_rate(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.2, 0.4]), rules(warm=0.01, provisioned=5, provisioned_invocations=(0.1, 2.0)), seed=1)
    assert trace.outcome.tolist() == [PROVISIONED, PROVISIONED, COLD]


@pytest.mark.parametrize(("settings", "cause"), [({"limit": 1}, CONCURRENCY), ({"reserved": 1}, RESERVED)])
def test_beyond_the_concurrency_limit_requests_are_throttled_and_leave_no_work(
        settings: dict[str, int], cause: int, rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.5, 0.6, 1.0]), rules(**settings), seed=1)
    assert trace.outcome.tolist() == [COLD, cause, cause, WARM]
    assert trace.peak_busy.tolist() == [1]
    assert np.isnan(trace.duration_s[1])


def test_the_invocation_rate_throttles_fast_functions(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.1, 0.2, 1.2]), rules(warm=0.01, invocations=(1.0, 2.0)), seed=1)
    assert trace.outcome.tolist() == [COLD, WARM, CONCURRENCY, WARM]


def test_only_so_many_environments_start_at_once(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.0, 0.0, 0.5, 1.0]), rules(warm=10.0, scaling=(1.0, 2.0)), seed=1)
    assert trace.outcome.tolist() == [COLD, COLD, SCALING, SCALING, COLD]


def test_the_stage_limit_is_met_before_the_accounts(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.0, 0.0, 0.0]), rules(stage=(1.0, 3.0), account=(1.0, 2.0)), seed=1)
    assert trace.outcome.tolist() == [COLD, COLD, ACCOUNT, STAGE]


def test_a_cached_answer_lives_from_when_it_came(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 0.5, 1.0, 6.4, 6.5], keys=[0] * 5), rules(warm=1.0, ttl=5.0), seed=1)
    assert trace.outcome.tolist() == [COLD, COLD, HIT, HIT, WARM]


def test_keys_are_cached_apart_and_a_request_without_a_key_is_not_cached(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 2.0, 4.0, 6.0, 8.0], keys=[0, 1, 0, NONE, 1]), rules(warm=1.0, ttl=60.0), seed=1)
    assert trace.outcome.tolist() == [COLD, WARM, HIT, WARM, HIT]


def test_two_configurations_share_every_draw(rules: RulesOf) -> None:
    rng = np.random.default_rng(3)
    arrivals = Arrivals(np.cumsum(rng.exponential(0.01, 2000)), np.zeros(2000, dtype=np.int64), np.full(2000, NONE))
    ramp = np.linspace(0.01, 0.05, TABLE_SIZE)
    one, other = simulate(arrivals, rules(warm=ramp), seed=7), simulate(arrivals, rules(warm=2 * ramp, limit=3), seed=7)
    both = (one.outcome == WARM) & (other.outcome == WARM)
    assert both.sum() > 500
    assert np.allclose(other.duration_s[both], 2 * one.duration_s[both])
    assert (one.overhead_index == other.overhead_index).all()


def test_peaks_count_from_the_measured_span_on(rules: RulesOf, at: ArrivalsAt) -> None:
    arrivals = at([0.0, 0.1, 0.2, 10.0, 20.0])
    assert simulate(arrivals, rules(), seed=1).peak_busy.tolist() == [3]
    assert simulate(arrivals, rules(), seed=1, from_s=5.0).peak_busy.tolist() == [1]


def test_environments_that_were_left_warm_are_used_first_and_expire_as_others_do(rules: RulesOf, at: ArrivalsAt) -> None:
    arrivals = at([1.0, 1.5, 1.6])
    assert simulate(arrivals, rules(), seed=1, warm=[2]).outcome.tolist() == [WARM, WARM, COLD]
    assert simulate(arrivals, rules(idle=1.2), seed=1, warm=[2]).outcome.tolist() == [WARM, COLD, COLD]


def test_no_arrivals_give_an_empty_trace(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([]), rules(), seed=1)
    assert (trace.outcome.size, trace.environment_s.tolist()) == (0, [0.0])


def test_simfaas_example_cold_starts_and_environments(rules: RulesOf) -> None:
    """SimFaaS README example: 0.9/s, exponential 1.991 s warm and 2.244 s cold, 600 s keep-alive, 1e6 s from empty. With
    most-recently-used routing 400 runs of another program gave 0.134358 +- 0.000304 % cold and 7.69409 +- 0.00229."""
    fleet = rules(warm=exponential(1.991), cold=exponential(2.244), idle=600.0)
    runs = [simulate(poisson(0.9, 1e6, seed), fleet, seed, to_s=1e6) for seed in range(24)]
    within_three_errors([100 * float((run.outcome == COLD).mean()) for run in runs], 0.134358, 0.000304)
    within_three_errors([float(run.environment_s[0]) / 1e6 for run in runs], 7.69409, 0.00229)


@pytest.mark.parametrize(("provisioned", "load", "spilled"), [(10, 8.0, 0.121661), (25, 20.0, 0.050222)])
def test_provisioned_spillover_is_erlang_b(provisioned: int, load: float, spilled: float, rules: RulesOf) -> None:
    fleet = rules(warm=exponential(1.0), provisioned=provisioned)
    runs = [simulate(poisson(load, 20_000, seed), fleet, seed) for seed in range(12)]
    within_three_errors([float((run.outcome != PROVISIONED).mean()) for run in runs], spilled)


@pytest.mark.parametrize(("arrivals", "rate", "burst", "rejected"),
                         [(9, 10, 5, 0.06427), (10, 10, 20, 0.02526), (12, 10, 50, 0.16670), (11, 10, 100, 0.09093)])
def test_a_token_bucket_rejects_as_an_independent_simulation_did(
        arrivals: float, rate: float, burst: float, rejected: float, rules: RulesOf) -> None:
    runs = [simulate(poisson(arrivals, 30_000, seed), rules(stage=(rate, burst)), seed) for seed in range(12)]
    within_three_errors([float((run.outcome == STAGE).mean()) for run in runs], rejected, 1e-4)


def test_a_fixed_ttl_cache_hits_as_the_formula_says(rules: RulesOf) -> None:
    """Zipf 1.0 over 1,000 keys, 50 req/s, 60 s: 0.83294 in steady state; the first minutes are left out."""
    weights = np.cumsum(1 / np.arange(1, 1001))
    shares = []
    for seed in range(12):
        arrivals = poisson(50.0, 3600, seed)
        keys = np.searchsorted(weights / weights[-1], np.random.default_rng([9, seed]).random(arrivals.time_s.size))
        run = simulate(arrivals._replace(key=keys), rules(warm=1e-6, ttl=60.0), seed)
        shares.append(float((run.outcome[arrivals.time_s > 600] == HIT).mean()))
    within_three_errors(shares, 0.83294)


def exponential(mean: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = -np.log1p(-(np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE)
    return values * mean / values.mean()


def poisson(rate: float, horizon_s: float, seed: int) -> Arrivals:
    rng = np.random.default_rng([5, seed])
    times = np.sort(rng.random(rng.poisson(rate * horizon_s))) * horizon_s
    return Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE))


def within_three_errors(values: Sequence[float], expected: float, expected_error: float = 0.0) -> None:
    error = np.hypot(np.std(values, ddof=1) / len(values) ** 0.5, expected_error)
    assert abs(float(np.mean(values)) - expected) < 3 * error, (np.mean(values), expected, error)
