"""The kernel, a rule at a time, and against published values. Oracles: computed beforehand with other programs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from costmodel.errors import InputError
from costmodel.prediction import simulator
from costmodel.prediction.simulator import (
    ACCOUNT,
    CHANGE,
    COLD,
    CONCURRENCY,
    EXPIRED,
    HIT,
    LEAST_RECENTLY_USED,
    MOST_RECENTLY_USED,
    NEWEST,
    NONE,
    POLICY,
    PROVISIONED,
    REINITIALISED,
    RESERVED,
    ROUTE,
    SCALING,
    STAGE,
    TABLE_SIZE,
    TIMED_OUT,
    WARM,
    Arrivals,
    Rules,
    Trace,
    compile_kernels,
    simulate,
    simulate_parts,
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


def test_a_full_cache_drops_what_was_used_least_recently(rules: RulesOf, at: ArrivalsAt) -> None:
    """Two of three entries fit; the hit at 4 s makes key 1 the one that goes."""
    fleet = rules(warm=1e-6, ttl=600.0)._replace(cache_bytes=20)
    trace = simulate(at([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], keys=[0, 1, 0, 2, 0, 1]), fleet, seed=1, entry_bytes=np.array([10, 10, 10]))
    assert (trace.outcome == HIT).tolist() == [False, False, True, False, True, False]


def test_what_is_larger_than_the_cache_is_never_in_it(rules: RulesOf, at: ArrivalsAt) -> None:
    trace = simulate(at([0.0, 2.0], keys=[0, 0]), rules(ttl=60.0)._replace(cache_bytes=9), seed=1, entry_bytes=np.array([10]))
    assert trace.outcome.tolist() == [COLD, WARM]


@pytest.mark.parametrize("sizes", [None, np.array([1]), np.array([1, -1])])
def test_a_cache_of_limited_size_must_know_the_size_of_every_key(sizes: Any, rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match="entry_bytes"):
        simulate(at([0.0, 2.0], keys=[0, 1]), rules(ttl=60.0)._replace(cache_bytes=9), seed=1, entry_bytes=sizes)


def test_no_answer_is_cached_when_none_came_in_time(rules: RulesOf, at: ArrivalsAt) -> None:
    """Neither of a function that timed out nor of one that the gateway no longer waited for."""
    arrivals = at([0.0, 5.0], keys=[0, 0])
    assert simulate(arrivals, rules(warm=3.0, ttl=60.0), seed=1).outcome.tolist() == [COLD, HIT]
    assert simulate(arrivals, rules(warm=4.0, timeout=3.0, ttl=60.0), seed=1).outcome.tolist() == [COLD, WARM]
    assert simulate(arrivals, rules(warm=3.0, integration_timeout=3.0, ttl=60.0), seed=1).outcome.tolist() == [COLD, WARM]
    assert simulate(arrivals, rules(warm=1.0, init=2.0, integration_timeout=3.0, ttl=60.0), seed=1).outcome.tolist() == [COLD, WARM]


@pytest.mark.parametrize("times", [[1.0, 0.5], [-1.0, 0.0], [0.0, np.nan], [0.0, np.inf]])
def test_times_that_are_no_arrivals_are_refused(times: list[float], rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match="simulate: arrivals"):
        simulate(at(times), rules(), seed=1)


@pytest.mark.parametrize("arrivals", [
    Arrivals(np.zeros(2), np.array([0, 7]), np.full(2, NONE)), Arrivals(np.zeros(2), np.array([0, -1]), np.full(2, NONE)),
    Arrivals(np.zeros(2), np.zeros(2, dtype=np.int64), np.full(1, NONE)),
    Arrivals(np.zeros(2), np.zeros(2, dtype=np.int64), np.full(2, -2))])
def test_arrivals_of_no_route_or_with_no_key_each_are_refused(arrivals: Arrivals, rules: RulesOf) -> None:
    with pytest.raises(InputError, match=r"simulate: .* give"):
        simulate(arrivals, rules(), seed=1)


@pytest.mark.parametrize("settings", [
    {"warm": -1.0}, {"warm": np.nan}, {"cold": np.inf}, {"init": np.nan}, {"idle": np.nan}, {"age": -1.0},
    {"idle": np.linspace(9.0, 1.0, TABLE_SIZE)}, {"stage": (np.nan, 1.0)}, {"stage": (1.0, -1.0)}, {"account": (np.inf, 1.0)},
    {"limit": -1}, {"provisioned": -1}, {"timeout": -1.0}, {"ttl": np.nan}, {"integration_timeout": np.nan}])
def test_numbers_that_no_rule_has_are_refused(settings: dict[str, Any], rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match=r"simulate: .* give"):
        simulate(at([0.0, 5.0]), rules(**settings), seed=1)


@pytest.mark.parametrize("given", [
    {"seed": -1}, {"seed": 2**64}, {"seed": 1.5}, {"from_s": np.nan}, {"from_s": 9.0, "to_s": 2.0}, {"to_s": np.inf},
    {"warm": [-1]}, {"warm": [1, 1]}, {"warm": [0.5]}])
def test_what_cannot_be_simulated_is_refused(given: dict[str, Any], rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match=r"simulate: .* give"):
        simulate(at([0.0, 5.0]), rules(), **{"seed": 1} | given)


@pytest.mark.parametrize("changes", [[(np.nan, 0, 1)], [(1.0, 1, 1)], [(1.0, 0, -1)], [(5.0, 0, 1), (1.0, 0, 1)]])
def test_changes_that_cannot_be_are_refused(changes: list[tuple[float, int, int]], rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match="simulate: changes"):
        simulate(at([0.0]), rules()._replace(changes=np.array(changes, dtype=CHANGE)), seed=1)


def test_seconds_may_be_whole_numbers(rules: RulesOf) -> None:
    whole = Arrivals(np.array([0, 3]), np.zeros(2, dtype=np.int32), np.full(2, NONE, dtype=np.int8))  # type: ignore[arg-type]
    assert simulate(whole, rules(), seed=1).outcome.tolist() == [COLD, WARM]


@pytest.mark.parametrize("rate", [3.0, 10.0, 100.0])
@pytest.mark.parametrize("from_s", [0.0, 2e6])
def test_a_steady_client_at_exactly_the_limit_is_never_refused(rate: float, from_s: float, rules: RulesOf, at: ArrivalsAt) -> None:
    """Whatever 1 / rate is rounded to."""
    trace = simulate(at(from_s + np.arange(1000) / rate), rules(warm=1e-3, stage=(rate, 1.0)), seed=1)
    assert not (trace.outcome == STAGE).any()


def test_functions_that_take_turns_each_keep_the_environments_that_they_left(rules: RulesOf) -> None:
    """Five functions may all be busy with the whole account, one after the other: 250 environments of 50 at once."""
    one, turns = rules(limit=50), np.arange(20)
    fleet = one._replace(routes=np.array([(f, NONE, 0.0) for f in range(5)], dtype=ROUTE), functions=np.repeat(one.functions, 5),
                         tables_s=np.repeat(one.tables_s, 5, axis=0))
    arrivals = Arrivals(np.repeat(turns * 2.0, 50), np.repeat(turns % 5, 50), np.full(1000, NONE))
    trace = simulate(arrivals, fleet, seed=1)
    assert trace.outcome.tolist() == [COLD] * 250 + [WARM] * 750
    assert trace.environment_s.tolist() == [50 * (38.0 - 2.0 * f) for f in range(5)]


@pytest.mark.parametrize("times", [[0.0], [0.0] * 20_000, [*np.arange(20_000) * 1e-9, 3000.0]], ids=["one", "together", "burst"])
def test_a_burst_of_long_invocations_does_not_take_long(times: list[float], rules: RulesOf, at: ArrivalsAt) -> None:
    start = time.perf_counter()
    trace = simulate(at(times), rules(warm=900.0), seed=1, to_s=4000.0)
    assert time.perf_counter() - start < 1.0
    assert trace.peak_busy.tolist() == [min(len(times), 20_000)]


@pytest.mark.parametrize("from_s", [0.0, 1e6, 1.7e12])
@pytest.mark.parametrize("warm_s", [0.0, 1e-15, 1e-6, 0.5])
def test_times_of_any_size_are_kept_in_order(from_s: float, warm_s: float, rules: RulesOf, at: ArrivalsAt) -> None:
    """Milliseconds since 1970, taken for seconds, and durations of next to nothing."""
    trace = simulate(at(from_s + np.arange(100.0)), rules(warm=warm_s), seed=1)
    assert trace.outcome.tolist() == [COLD] + [WARM] * 99


def test_an_init_that_reaches_its_limit_runs_again_within_the_first_invocation(rules: RulesOf, at: ArrivalsAt) -> None:
    """10 s of init phase, then all 12 s of init and 1 s of duration; a timeout of 10 s cuts it off, and
    the next invocation begins with the init again, also cut off."""
    slow = limited_init(rules(warm=0.5, cold=1.0, init=12.0), init_limit_s=10.0)
    trace = simulate(at([0.0, 100.0]), slow, seed=1)
    assert (trace.outcome.tolist(), trace.init_s.tolist(), trace.duration_s.tolist()) == ([COLD, WARM], [10.0, 0.0], [13.0, 0.5])
    assert trace.environment_s.tolist() == [100.0]
    cut = simulate(at([0.0, 19.9, 20.1]), limited_init(slow, timeout_s=10.0), seed=1)
    assert cut.outcome.tolist() == [COLD, COLD, WARM]
    assert cut.duration_s.tolist() == [10.0] * 3
    assert (cut.flags & TIMED_OUT).all()
    quick = simulate(at([0.0]), limited_init(rules(cold=1.0, init=9.9), init_limit_s=10.0), seed=1)
    assert (quick.init_s.tolist(), quick.duration_s.tolist()) == ([9.9], [1.0])


def test_a_provisioned_environment_runs_its_init_again_after_a_timeout(rules: RulesOf, at: ArrivalsAt) -> None:
    late = rules(warm=5.0, cold=0.5, init=0.2, provisioned=1, timeout=3.0)
    trace = simulate(at([0.0, 10.0, 20.0]), late, seed=1)
    assert trace.outcome.tolist() == [PROVISIONED] * 3
    assert trace.duration_s.tolist() == [3.0, 0.7, 3.0]


def limited_init(fleet: Rules, **settings: float) -> Rules:
    functions = fleet.functions.copy()
    for name, value in settings.items():
        functions[name] = value
    return fleet._replace(functions=functions)


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
    assert simulate(arrivals, rules(), seed=1, from_s=0.5, to_s=9.0).peak_busy.tolist() == [3]
    assert simulate(arrivals, rules(), seed=1, from_s=1.05, to_s=9.0).peak_busy.tolist() == [2]


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


def test_an_invocation_ends_at_the_timeout_and_the_next_one_runs_the_init_again(rules: RulesOf, at: ArrivalsAt) -> None:
    """The init of 0.5 s and the first duration of 1 s are then within the invocation's own duration."""
    slow = rules(warm=1.0, cold=[9.0] * 2048 + [1.0] * 2048, init=0.5, timeout=3.0)
    drawn = simulate(at(np.arange(0.0, 400.0, 20.0)), slow, seed=3)
    late = (drawn.flags & TIMED_OUT) > 0
    assert late[0] or (drawn.outcome[1:] == WARM).all()
    assert (drawn.duration_s[late] == 3.0).all()
    again = np.flatnonzero(late)[:-1] + 1
    assert (drawn.flags[again] & REINITIALISED).all()
    assert set(np.round(drawn.duration_s[again], 6)) <= {1.5, 3.0}


def policy(**settings: float) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    row = np.zeros(1, dtype=POLICY)
    for name, value in settings.items():
        row[name] = value
    return row


def test_throttled_clients_come_back_until_their_tries_are_used_up(rules: RulesOf, at: ArrivalsAt) -> None:
    """One environment, busy for 1 s; the second client waits up to 0.5, then up to 1 s more, and so on."""
    fleet = rules(limit=1)._replace(policies=policy(tries=20, base_s=0.5, cap_s=2.0))
    trace = simulate(at([0.0, 0.1]), fleet, seed=1)
    assert trace.outcome.tolist() == [COLD, WARM]
    assert trace.at_s[1] >= 1.0
    assert trace.throttled[0, CONCURRENCY] >= 1
    once = simulate(at([0.0, 0.1]), rules(limit=1)._replace(policies=policy(tries=2, base_s=0.1, cap_s=0.1)), seed=1)
    assert (once.outcome.tolist(), once.throttled[0, CONCURRENCY]) == ([COLD, CONCURRENCY], 1)


def test_clients_that_never_give_up_wait_for_their_longest_time(rules: RulesOf, at: ArrivalsAt) -> None:
    """However often 0.001 s is doubled. They try again every 0.5 s on average until the first invocation ends."""
    fleet = rules(warm=2000.0, limit=1)._replace(policies=policy(tries=10_000, base_s=0.001, cap_s=1.0))
    trace = simulate(at([0.0, 1.0]), fleet, seed=1)
    assert (trace.outcome.tolist(), trace.at_s[1] - 2000.0) == ([COLD, WARM], pytest.approx(0.5, abs=0.5))
    assert trace.throttled[0, CONCURRENCY] == pytest.approx(4000, rel=0.1)


def test_asynchronous_events_are_bounded_by_concurrency_not_by_a_rate(rules: RulesOf, at: ArrivalsAt) -> None:
    """Lambda quotas: an environment serves any number of asynchronous requests; of a provisioned one's 10/s none is free."""
    settings: dict[str, Any] = {"warm": 0.01, "invocations": (1.0, 2.0)}
    events = policy(asynchronous=1, max_age_s=60.0)
    trace = simulate(at([0.0, 0.1, 0.2, 0.3]), rules(**settings)._replace(policies=events), seed=1)
    assert (trace.outcome.tolist(), trace.at_s.tolist()) == ([COLD, WARM, WARM, WARM], [0.0, 0.1, 0.2, 0.3])
    fleet = rules(**settings, provisioned=1, provisioned_invocations=(1.0, 2.0))._replace(policies=events)
    assert simulate(at([0.0, 0.1, 0.2]), fleet, seed=1).outcome.tolist() == [PROVISIONED, PROVISIONED, COLD]


def test_a_rerun_takes_as_long_in_every_configuration(rules: RulesOf) -> None:
    """The limit changes the order in which events run again, and nothing else."""
    arrivals, ramp = poisson(5.0, 100.0, 1), np.linspace(0.1, 2.0, TABLE_SIZE)
    events = policy(asynchronous=1, reruns=1, max_age_s=21_600.0, failing=0.5)
    one, other = (simulate(arrivals, rules(warm=ramp, limit=limit)._replace(policies=events), seed=7) for limit in (50, 5))
    def reruns(trace: Trace) -> list[tuple[int, float]]:
        return sorted(zip(trace.rerun_of.tolist(), trace.duration_s[arrivals.time_s.size:].tolist(), strict=True))
    assert one.rerun_of.tolist() != other.rerun_of.tolist()
    assert reruns(one) == reruns(other)


def test_a_throttled_event_waits_one_second_then_two_then_four(rules: RulesOf, at: ArrivalsAt) -> None:
    fleet = rules(warm=6.5, limit=1)._replace(policies=policy(asynchronous=1, reruns=0, max_age_s=60.0))
    trace = simulate(at([0.0, 0.0]), fleet, seed=1)
    assert trace.outcome.tolist() == [COLD, WARM]
    assert trace.at_s.tolist() == [0.0, 7.0]
    assert trace.throttled[0, CONCURRENCY] == 3


@pytest.mark.parametrize(("max_age_s", "runs"), [(60.0, 1), (90.0, 2), (21_600.0, 3)])
def test_a_failing_event_runs_again_after_one_and_two_minutes_while_it_is_young_enough(
        max_age_s: float, runs: int, rules: RulesOf, at: ArrivalsAt) -> None:
    """A maximum age of 60 s leaves no rerun, 90 s one."""
    fleet = rules(warm=0.1)._replace(policies=policy(asynchronous=1, reruns=2, max_age_s=max_age_s, failing=1.0))
    trace = simulate(at([0.0]), fleet, seed=1)
    assert trace.at_s.tolist() == pytest.approx([0.0, 60.1, 180.2][:runs])
    assert trace.rerun_of.tolist() == [0] * (runs - 1)


def test_events_of_a_function_that_may_not_run_expire_at_once(rules: RulesOf, at: ArrivalsAt) -> None:
    fleet = rules(reserved=0)._replace(policies=policy(asynchronous=1, max_age_s=21_600.0))
    trace = simulate(at([0.0]), fleet, seed=1)
    assert (trace.outcome.tolist(), int(trace.throttled.sum())) == ([EXPIRED], 0)


def test_scheduled_environments_are_usable_once_all_are_allocated_and_paid_from_the_request_on(
        rules: RulesOf, at: ArrivalsAt) -> None:
    asked = np.array([(10.0, 0, 2), (50.0, 0, 0)], dtype=CHANGE)
    trace = simulate(at([0.0, 15.0, 21.0, 51.0]), allocating(rules(idle=1.0))._replace(changes=asked), seed=1, to_s=60.0)
    assert trace.outcome.tolist() == [COLD, COLD, PROVISIONED, COLD]
    assert trace.provisioned_s.tolist() == [2 * 40.0]


def test_what_is_provisioned_is_taken_from_the_pool_from_the_request_on(rules: RulesOf, at: ArrivalsAt) -> None:
    asked = np.array([(10.0, 0, 9)], dtype=CHANGE)
    trace = simulate(at([9.0, 9.0, 12.0, 12.0, 30.0]), allocating(rules(limit=2))._replace(changes=asked), seed=1)
    assert trace.outcome.tolist() == [COLD, COLD, CONCURRENCY, CONCURRENCY, PROVISIONED]


def allocating(fleet: Rules, **settings: float) -> Rules:
    """Ten seconds until an allocation begins, then two environments a second."""
    functions = fleet.functions.copy()
    for name, value in ({"allocation_delay_s": 10.0, "allocations_per_s": 2.0, "invocations_per_s": 10.0} | settings).items():
        functions[name] = value
    return fleet._replace(functions=functions)


def test_target_tracking_grows_after_three_minutes_above_and_shrinks_after_fifteen_well_below(rules: RulesOf) -> None:
    """Two environments, both in use: 2 x 1 / 0.5 = 4 are asked for at 180 s, usable at 191 s. One of four in use, from the
    datapoint at 240 s to the fifteenth at 1,080 s: 4 x 0.25 / 0.5 = 2. One of two is neither above nor well below."""
    busy, quiet = np.arange(0.0, 180.0, 0.25), np.arange(180.0, 2400.0, 5.0)
    times = np.concatenate([busy, quiet])
    arrivals = Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE))
    tracked = allocating(rules(warm=1.0, provisioned=2), target=0.5, least=1, most=10, out_points=3, in_points=15)
    trace = simulate(arrivals, tracked, seed=1, to_s=2400.0)
    assert trace.provisioned_s.tolist() == [180 * 2 + (1080 - 180) * 4 + (2400 - 1080) * 2]


def test_target_tracking_never_shrinks_without_data(rules: RulesOf, at: ArrivalsAt) -> None:
    tracked = allocating(rules(provisioned=5), target=0.7, least=1, most=10, out_points=3, in_points=3)
    assert simulate(at([0.0]), tracked, seed=1, to_s=36_000.0).provisioned_s.tolist() == [5 * 36_000.0]


def test_other_routings_take_the_oldest_used_or_the_newest_made(rules: RulesOf, at: ArrivalsAt) -> None:
    """Two environments; used alternately neither is ever idle for 10 s, most recently used leaves one to expire."""
    times = [0.0, 0.5, *np.arange(2.0, 40.0, 4.0), 40.0, 40.5]
    for routing, cold in ((MOST_RECENTLY_USED, 3), (LEAST_RECENTLY_USED, 2), (NEWEST, 3)):
        trace = simulate(at(times), rules(idle=10.0)._replace(routing=routing), seed=1)
        assert int((trace.outcome == COLD).sum()) == cold


def test_a_run_in_parts_is_the_run_as_a_whole(rules: RulesOf) -> None:
    arrivals = poisson(20.0, 500.0, 1)
    fleet = rules(warm=exponential(1.0), idle=5.0, limit=30, ttl=0.0)
    cuts = [0, 10, 3000, arrivals.time_s.size]
    parts = [Arrivals(*(each[low:high] for each in arrivals)) for low, high in itertools.pairwise(cuts)]
    traces = list(simulate_parts(parts, fleet, seed=4))
    whole = simulate(arrivals, fleet, seed=4)
    assert np.concatenate([trace.outcome for trace in traces]).tolist() == whole.outcome.tolist()
    assert np.array_equal(np.concatenate([trace.duration_s for trace in traces]), whole.duration_s, equal_nan=True)


def test_a_run_in_parts_takes_no_policies(rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match="without policies"):
        next(simulate_parts([at([0.0])], rules(limit=5)._replace(policies=policy(tries=2)), seed=1))


def test_the_sums_of_parts_are_those_up_to_their_last_request(rules: RulesOf, at: ArrivalsAt) -> None:
    times, fleet = [0.0, 0.5, 1.5, 20.0, 21.5, 30.0], rules(limit=5, provisioned=1, idle=5.0)
    parts = list(simulate_parts([at(times[:3]), at([]), at(times[3:])], fleet, seed=1))
    for part, end in zip(parts, (3, 3, 6), strict=True):
        so_far = simulate(at(times[:end]), fleet, seed=1)
        assert part.environment_s.tolist() == so_far.environment_s.tolist()
        assert part.provisioned_s.tolist() == so_far.provisioned_s.tolist() == [times[end - 1]]


def test_a_part_may_be_overwritten_once_it_was_simulated(rules: RulesOf) -> None:
    """Parts are not held back: a month is drawn into the same memory again and again."""
    def drawn() -> Iterator[Arrivals]:
        times = np.empty(2)
        for turn in range(3):
            times[:] = 10.0 * turn, 10.0 * turn + 0.5
            yield Arrivals(times, np.zeros(2, dtype=np.int64), np.full(2, NONE))
    outcomes = [trace.outcome.tolist() for trace in simulate_parts(drawn(), rules(limit=5), seed=1)]
    assert outcomes == [[COLD, COLD], [WARM, WARM], [WARM, WARM]]


@pytest.mark.parametrize(("second", "keys"), [(([1.0], [0]), 1), (([5.0, 4.0], [0, 0]), 1), (([5.0], [3]), 2)])
def test_parts_that_do_not_follow_each_other_are_refused(
        second: tuple[list[float], list[int]], keys: int, rules: RulesOf, at: ArrivalsAt) -> None:
    with pytest.raises(InputError, match="give"):
        list(simulate_parts([at([0.0, 2.0], [0, 0]), at(*second)], rules(limit=5, ttl=60.0), seed=1, keys=keys))


def test_what_is_compiled_beforehand_is_what_a_simulation_uses(rules: RulesOf, at: ArrivalsAt) -> None:
    compile_kernels()
    compiled = [list(kernel.signatures) for kernel in (simulator._run, simulator._finish)]
    simulate(at([0.0, 1.0], keys=[1, 1]), rules(ttl=60.0, stage=(1.0, 1.0), reserved=3), seed=1)
    assert [list(kernel.signatures) for kernel in (simulator._run, simulator._finish)] == compiled
