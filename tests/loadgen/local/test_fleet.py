"""Who runs an invocation, and which limit refuses it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.local.account import FunctionState, Provisioned, Version
from loadgen.local.fleet import Environment, Fleet, Throttled
from loadgen.quotas import Quotas

LATEST, ONE = "$LATEST", "1"
MakeFunction = Callable[..., FunctionState]


class Scene:
    """A fleet and the functions that use it."""

    def __init__(self, *functions: FunctionState, quotas: Quotas | None = None, **options: Any) -> None:
        self.functions = {function.name: function for function in functions}
        self.fleet = Fleet(quotas or Quotas(), random.Random(1), random.Random(2), **options)

    def ask(self, now: float, name: str = "shop-Products", version: str = LATEST) -> Environment | Throttled:
        function = self.functions[name]
        return self.fleet.acquire(self.functions, function, function.versions[version], now)

    def run(self, now: float, **where: str) -> Environment:
        environment = self.ask(now, **where)
        assert isinstance(environment, Environment), environment
        return environment

    def refused(self, now: float, **where: str) -> tuple[str, str]:
        throttled = self.ask(now, **where)
        assert isinstance(throttled, Throttled)
        return throttled.cause, throttled.reason


def test_the_first_invocation_is_cold_and_the_next_one_warm(make_function: MakeFunction) -> None:
    scene = Scene(make_function())
    first = scene.run(0.0)
    assert first.cold
    scene.fleet.release(first, 1.0)
    again = scene.run(2.0)
    assert again is first and not again.cold


def test_an_invocation_that_finds_all_environments_busy_is_cold(make_function: MakeFunction) -> None:
    scene = Scene(make_function())
    assert scene.run(0.0) is not scene.run(0.1)
    assert scene.fleet.busy["shop-Products"] == 2


def test_the_most_recently_used_environment_is_taken(make_function: MakeFunction) -> None:
    scene = Scene(make_function())
    first, second = scene.run(0.0), scene.run(0.0)
    scene.fleet.release(second, 1.0)
    scene.fleet.release(first, 2.0)
    assert scene.run(3.0) is first


def test_an_environment_dies_after_its_idle_time(make_function: MakeFunction) -> None:
    scene = Scene(make_function(), idle_survival=((100.0, 1.0), (100.0, 0.0)))
    environment = scene.run(0.0)
    scene.fleet.release(environment, 1.0)
    assert scene.fleet.idle("shop-Products", LATEST, 100.9) == 1
    assert scene.run(101.0) is not environment


def test_by_default_nearly_all_idle_environments_die_between_300_and_345_seconds(make_function: MakeFunction) -> None:
    scene = Scene(make_function())
    for environment in [scene.run(0.0) for _ in range(1_000)]:
        scene.fleet.release(environment, 0.0)
    alive = [scene.fleet.idle("shop-Products", LATEST, idle_s) for idle_s in (239.0, 300.0, 315.0, 345.0, 360.0)]
    assert alive == pytest.approx([1_000, 920, 570, 60, 0], abs=45)
    assert alive[-1] == 0


def test_environments_of_old_settings_are_not_used_again(make_function: MakeFunction) -> None:
    function = make_function()
    scene = Scene(function)
    idle, busy = scene.run(0.0), scene.run(0.0)
    scene.fleet.release(idle, 1.0)
    changed = replace(function.versions[LATEST], revision="r2", memory_mb=512)
    scene.functions[function.name] = replace(function, versions=dict(function.versions) | {LATEST: changed})
    fresh = scene.run(2.0)
    assert fresh.cold and fresh.version.memory_mb == 512
    scene.fleet.release(busy, 3.0)
    assert scene.run(4.0).cold


def test_versions_do_not_share_environments(make_function: MakeFunction) -> None:
    scene = Scene(make_function())
    scene.fleet.release(scene.run(0.0), 1.0)
    assert scene.run(2.0, version=ONE).cold


def test_reserved_concurrency_is_a_ceiling(make_function: MakeFunction) -> None:
    scene = Scene(make_function(reserved=2))
    first, _ = scene.run(0.0), scene.run(0.0)
    assert scene.refused(0.0) == ("reserved", "ReservedFunctionConcurrentInvocationLimitExceeded")
    scene.fleet.release(first, 1.0)
    assert scene.run(1.0) is first


def test_reserved_zero_refuses_everything(make_function: MakeFunction) -> None:
    scene = Scene(make_function(reserved=0))
    assert scene.refused(5.0) == ("reserved", "ReservedFunctionConcurrentInvocationLimitExceeded")


def test_functions_without_reserved_concurrency_share_what_the_others_leave(make_function: MakeFunction) -> None:
    scene = Scene(make_function("a"), make_function("b"), make_function("kept", reserved=3),
                  quotas=Quotas(account_concurrency=5))
    scene.run(0.0, name="a")
    scene.run(0.0, name="b")
    assert scene.refused(0.0, name="a") == ("concurrency", "ConcurrentInvocationLimitExceeded")
    assert all(isinstance(scene.ask(0.0, name="kept"), Environment) for _ in range(3))


def test_provisioned_environments_wait_until_the_account_has_room(make_function: MakeFunction) -> None:
    function = make_function()
    scene = Scene(function, quotas=Quotas(account_concurrency=3))
    first, *_ = [scene.run(0.0, version=ONE) for _ in range(3)]
    scene.functions[function.name] = replace(function, provisioned=pc(2))
    assert scene.refused(1.0, version=ONE)[0] == "concurrency"
    scene.fleet.release(first, 2.0)
    assert scene.run(2.0, version=ONE).provisioned


def test_a_function_starts_at_most_its_scaling_capacity_at_once(make_function: MakeFunction) -> None:
    scene = Scene(make_function("a"), make_function("b"), quotas=Quotas(scaling_capacity=3, scaling_refill_per_s=1.0))
    started = [scene.run(0.0, name="a") for _ in range(3)]
    assert scene.refused(0.0, name="a")[0] == "scaling"
    assert scene.run(0.0, name="b").cold
    scene.fleet.release(started[0], 0.5)
    assert not scene.run(0.5, name="a").cold
    assert scene.run(1.0, name="a").cold


def test_invocations_per_second_stay_below_ten_times_the_concurrency(make_function: MakeFunction) -> None:
    scene = Scene(make_function(reserved=1))
    for _ in range(10):
        scene.fleet.release(scene.run(0.0), 0.0)
    assert scene.refused(0.0) == ("rate", "ReservedFunctionInvocationRateLimitExceeded")
    assert scene.run(0.1)


def pc(requested: int, ready_at: float = 0.0) -> dict[str, Provisioned]:
    return {"live": Provisioned(requested, ready_at)}


def test_provisioned_environments_are_warm_from_the_first_invocation_on(make_function: MakeFunction) -> None:
    scene = Scene(make_function(provisioned=pc(2)))
    environment = scene.run(0.0, version=ONE)
    assert environment.provisioned and not environment.cold
    assert len(scene.fleet.initialised) == scene.fleet.allocated("shop-Products", ONE) == 2


def test_what_finds_provisioned_environments_busy_spills_over(make_function: MakeFunction) -> None:
    scene = Scene(make_function(provisioned=pc(1)))
    assert [scene.run(0.0, version=ONE).provisioned for _ in range(3)] == [True, False, False]
    assert scene.fleet.busy_provisioned["shop-Products", ONE] == 1


def test_more_than_ten_requests_a_second_and_environment_spill_over_too(make_function: MakeFunction) -> None:
    scene = Scene(make_function(provisioned=pc(1)))
    kinds = []
    for _ in range(12):
        environment = scene.run(0.0, version=ONE)
        kinds.append(environment.provisioned)
        scene.fleet.release(environment, 0.0)
    assert kinds == [True] * 10 + [False] * 2


def test_until_it_is_ready_provisioned_concurrency_serves_nothing(make_function: MakeFunction) -> None:
    scene = Scene(make_function(provisioned=pc(2, ready_at=10.0)))
    assert not scene.run(9.9, version=ONE).provisioned
    assert scene.run(10.0, version=ONE).provisioned


def test_provisioned_concurrency_serves_no_other_version(make_function: MakeFunction) -> None:
    scene = Scene(make_function(provisioned=pc(2)))
    assert not scene.run(0.0).provisioned


def test_where_reserved_equals_provisioned_latest_is_refused_and_the_version_runs(make_function: MakeFunction) -> None:
    scene = Scene(make_function(reserved=1, provisioned=pc(1, ready_at=5.0)))
    reason = ("reserved", "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert scene.refused(0.0) == reason
    on_demand = scene.run(0.0, version=ONE)
    assert not on_demand.provisioned
    scene.fleet.release(on_demand, 1.0)
    assert scene.refused(6.0) == reason
    assert scene.run(6.0, version=ONE).provisioned


def test_provisioned_concurrency_is_taken_from_the_unreserved_pool(make_function: MakeFunction) -> None:
    scene = Scene(make_function("a", provisioned=pc(3)), make_function("b"), quotas=Quotas(account_concurrency=4))
    scene.run(0.0, name="b")
    assert scene.refused(0.0, name="b")[0] == "concurrency"


def test_provisioned_environments_follow_the_configuration(make_function: MakeFunction) -> None:
    function = make_function(provisioned=pc(3))
    scene = Scene(function)
    busy = [scene.run(0.0, version=ONE) for _ in range(3)]
    fewer = scene.functions[function.name] = replace(function, provisioned=pc(1))
    scene.fleet.settle(fewer, 1.0)
    for environment in busy:
        scene.fleet.release(environment, 1.0)
    assert [scene.run(1.0, version=ONE).provisioned for _ in range(2)] == [True, False]
    none = scene.functions[function.name] = replace(function, provisioned={})
    scene.fleet.settle(none, 2.0)
    assert not scene.run(2.0, version=ONE).provisioned
    assert scene.fleet.allocated(function.name, ONE) == 0


FUNCTIONS = ("free", "other", "kept", "provisioned")
STEPS = st.lists(st.tuples(st.sampled_from(FUNCTIONS), st.sampled_from([LATEST, ONE]), st.booleans(),
                           st.floats(0.0, 2.0)), max_size=150)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, account=st.integers(8, 20), reserved=st.integers(0, 4), provisioned=st.integers(0, 4))
def test_no_limit_is_ever_exceeded_and_no_environment_runs_twice(
        steps: list[tuple[str, str, bool, float]], account: int, reserved: int, provisioned: int) -> None:
    versions = {number: Version("f", number, "r", 128, "x86_64", 3.0, "python3.13") for number in (LATEST, ONE)}

    def function(name: str, kept: int | None = None, ready: int = 0) -> FunctionState:
        config = {"live": Provisioned(ready, 1.0)} if ready else {}
        return FunctionState(name, "arn", versions, {"live": ONE}, kept, config, {}, "group")

    scene = Scene(function("free"), function("other"), function("kept", reserved),
                  function("provisioned", None, provisioned), quotas=Quotas(account_concurrency=account))
    busy: list[Environment] = []
    now = 0.0
    for name, number, release, gap in steps:
        now += gap
        if release and busy:
            scene.fleet.release(busy.pop(0), now)
        taken = scene.ask(now, name, number)
        if isinstance(taken, Environment):
            assert taken not in busy
            busy.append(taken)
        assert scene.fleet.busy.total() == len(busy) <= account
        assert sum(e.function == "kept" for e in busy) <= reserved
        assert sum(e.provisioned for e in busy) <= provisioned
        assert sum(e.function in ("free", "other") for e in busy) <= account - reserved - provisioned
