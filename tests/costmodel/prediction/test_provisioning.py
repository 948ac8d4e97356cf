"""Schedules and target tracking: what they ask for, minute by minute, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from costmodel.errors import InputError
from costmodel.prediction.provisioning import Allocation, Schedule, TargetTracking, scheduled_changes
from costmodel.prediction.simulator import CHANGE, COLD, NONE, PROVISIONED, Arrivals, Rules, simulate

RulesOf = Callable[..., Rules]


def test_a_schedule_begins_again_after_its_period_and_ends_with_the_run() -> None:
    changes = scheduled_changes({1: Schedule(((0.0, 3), (50.0, 0)), every_s=60.0), 0: Schedule(((10.0, 2),), every_s=100.0)}, 125.0)
    assert changes is not None
    assert changes.tolist() == [(0.0, 1, 3), (10.0, 0, 2), (50.0, 1, 0), (60.0, 1, 3), (110.0, 0, 2), (110.0, 1, 0), (120.0, 1, 3)]


def test_no_schedule_changes_nothing() -> None:
    assert scheduled_changes({}, 100.0) is None
    assert scheduled_changes({0: Schedule(((90.0, 1),), every_s=100.0)}, 80.0) is None


@pytest.mark.parametrize("changes", [
    (), ((1.0, 1), (1.0, 2)), ((2.0, 1), (1.0, 2)), ((-1.0, 1),), ((60.0, 1),), ((math.nan, 1),), ((0.0, 1), (math.nan, 1), (5.0, 2)),
    ((0.0, -1),), ((0.0, 1.5),), ((0.0, math.nan),), ((0.0, math.inf),)])
def test_a_schedule_that_cannot_be_is_refused(changes: Any) -> None:
    with pytest.raises(InputError, match=r"schedule.changes.*: give"):
        Schedule(changes, every_s=60.0)


@pytest.mark.parametrize("every_s", [0.0, -5.0, math.nan, math.inf])
def test_a_schedule_must_begin_again(every_s: float) -> None:
    with pytest.raises(InputError, match=r"schedule\.every_s"):
        Schedule(((0.0, 1),), every_s=every_s)


@pytest.mark.parametrize("given", [
    {"delay_s": 0.0}, {"delay_s": math.inf}, {"delay_s": math.nan}, {"environments_per_s": 0.0}, {"environments_per_s": math.nan}])
def test_an_allocation_that_never_ends_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"allocation: .* give"):
        Allocation(**given)


@pytest.mark.parametrize("given", [
    {"target": 0.05}, {"target": 0.95}, {"target": math.nan}, {"least": 0}, {"least": 6}, {"least": 1.5}, {"most": math.nan},
    {"most": math.inf}, {"minutes_above": 0}, {"minutes_below": math.nan}, {"minutes_above": 2.5}])
def test_target_tracking_that_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"target_tracking.* give"):
        TargetTracking(**{"least": 1, "most": 5, **given})


def tracked(rules: RulesOf, provisioned: int, **settings: float) -> Rules:
    """AWS's allocation: 90 s, then 100 environments a second; a target of one half, three points above, three below."""
    fleet = rules(warm=1.0, provisioned=provisioned)
    functions = fleet.functions.copy()
    row = {"target": 0.5, "least": 1, "most": 100, "out_points": 3, "in_points": 3, "allocation_delay_s": 90.0,
           "allocations_per_s": 100.0, "invocations_per_s": 10.0} | settings
    for name, value in row.items():
        functions[name] = value
    return fleet._replace(functions=functions)


def each_second(minutes: list[int]) -> Arrivals:
    """So many requests together at each full second of each minute."""
    times = np.concatenate([np.repeat(np.arange(60 * minute, 60 * minute + 60.0), n) for minute, n in enumerate(minutes)])
    return Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE))


def paid(rules: Rules, minutes: list[int]) -> list[float]:
    """Mean of the environments asked for in each minute."""
    arrivals, edges = each_second(minutes), [60.0 * minute for minute in range(len(minutes) + 1)]
    totals = [float(simulate(arrivals, rules, 1, to_s=edge).provisioned_s[0]) for edge in edges]
    return [(after - before) / 60 for before, after in itertools.pairwise(totals)]


def test_out_after_three_minutes_above_usable_90_s_later(rules: RulesOf) -> None:
    """Two of two busy (the mean of 1/2 and 1: 0.75): 2 x 0.75 / 0.5 = 3 are asked for at 180 s, there at 270.01 s."""
    fleet = tracked(rules, 2)
    assert paid(fleet, [2] * 5) == [2.0] * 3 + [3.0] * 2
    trace = simulate(each_second([2] * 3 + [3] * 3), fleet, 1)
    spilled = trace.at_s[trace.outcome != PROVISIONED]
    assert (spilled.min(), spilled.max()) == (180.0, 270.0)


def test_two_minutes_above_are_not_enough(rules: RulesOf) -> None:
    assert paid(tracked(rules, 2), [2, 2, 1, 2, 2, 1, 2, 2]) == [2.0] * 8


def test_in_after_minutes_well_below(rules: RulesOf) -> None:
    """One of ten: ceil(10 x 0.1 / 0.5) = 2, without any delay."""
    assert paid(tracked(rules, 10), [1] * 5) == [10.0] * 3 + [2.0] * 2
    assert paid(tracked(rules, 10, least=4), [1] * 5) == [10.0] * 3 + [4.0] * 2


def test_between_the_alarms_nothing_changes(rules: RulesOf) -> None:
    """One of two is the target itself; 0.9 x 0.5 = 0.45 is not below the lower alarm, and 0.4 is."""
    assert paid(tracked(rules, 2), [1] * 6) == [2.0] * 6
    assert paid(tracked(rules, 20, target=0.5), [17] * 6) == [20.0] * 6


def test_minutes_without_data_neither_shrink_nor_count(rules: RulesOf) -> None:
    assert paid(tracked(rules, 10), [1, 1] + [0] * 20) == [10.0] * 22
    assert paid(tracked(rules, 10), [1, 1, 0, 1, 1, 0, 1, 1, 1, 1]) == [10.0] * 9 + [2.0]


def test_while_an_allocation_is_under_way_nothing_else_is_asked_for(rules: RulesOf) -> None:
    """Always all busy: 1 -> 2 at 180 s (there at 270 s), 2 -> 4 at the next full minute that saw two, and so on."""
    grown = paid(tracked(rules, 1), [20] * 12)
    assert grown[:5] == [1.0] * 3 + [2.0] * 2
    assert grown == sorted(grown)
    assert max(grown) <= 20 / 0.5


def test_more_than_the_pool_has_is_not_asked_for(rules: RulesOf) -> None:
    fleet = tracked(rules, 2)
    pools = fleet.pools.copy()
    pools["limit"] = 0
    assert paid(fleet._replace(pools=pools), [2] * 6) == [2.0] * 6


def test_six_thousand_a_minute_are_allocated_and_paid_from_the_request_on(rules: RulesOf) -> None:
    """12,000 take two minutes after the delay."""
    fleet = tracked(rules, 0, target=0.0)._replace(changes=np.array([(60.0, 0, 12_000)], dtype=CHANGE))
    times = np.array([0.0, 269.9, 270.1])
    trace = simulate(Arrivals(times, np.zeros(3, dtype=np.int64), np.full(3, NONE)), fleet, 1, to_s=360.0)
    assert trace.outcome.tolist() == [COLD, 0, PROVISIONED]
    assert trace.provisioned_s.tolist() == [300 * 12_000.0]
