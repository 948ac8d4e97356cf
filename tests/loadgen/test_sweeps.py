"""Sweeps, over HTTP against the local cloud's control plane; the runner has tests of its own and is stood in for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadgen import runner
from loadgen.collectors import collection
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings, RouteSettings, grid
from loadgen.deployer import describe
from loadgen.errors import CollectError, DeployError, InputError, RunError, ScenarioError
from loadgen.local.cloud import LocalCloud
from loadgen.measurements.run import Finished, Intent, Run, write_record
from loadgen.quotas import Quotas
from loadgen.sweeps import name_directories, outcomes, sweep
from loadgen.target import Target

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"
SCENARIO = "steady.py"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with LocalCloud(SHOP) as target:
        yield target


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Configuration]:
    """The configurations that a scenario was run under; it writes what tells that a run is complete."""
    found: list[Configuration] = []

    def run_scenario(scenario: str, target: Target, configuration: Configuration, *, out: Path, seed: int,
                     **options: Any) -> Run:
        found.append(configuration)
        out.mkdir()
        intent = Intent(scenario, seed, {}, target, configuration, Quotas())
        write_record(intent, out / "intent.json")
        now = datetime.now(UTC)
        write_record(Finished(True, "done", now, now, 1, 1), out / "finished.json")
        return Run(out)

    monkeypatch.setattr(runner, "describe_scenario", lambda scenario, target: None)
    monkeypatch.setattr(runner, "run_scenario", run_scenario)
    monkeypatch.setattr(collection, "collect", lambda run, **options: collection.Collection({}), raising=False)
    return found


def failing_at(step: int, error: BaseException, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, which raises the error at its n-th time."""
    calls = itertools.count(1)

    def attempt(*arguments: Any, **options: Any) -> Any:
        if next(calls) == step:
            raise error
        return call(*arguments, **options)
    return attempt


def two(target: Target) -> list[Configuration]:
    return grid(target.deployment, memory_mb=(256, 512))


def test_each_configuration_is_applied_and_run_in_its_own_directory(target: Target, ran: list[Configuration],
                                                                    tmp_path: Path) -> None:
    runs = sweep(SCENARIO, target, two(target), out=tmp_path / "out")
    assert [run.path.name for run in runs] == ["rest-256-mb", "rest-512-mb"]
    assert [configuration.label for configuration in ran] == ["REST 256 MB", "REST 512 MB"]
    assert [outcome.error for outcome in outcomes(tmp_path / "out")] == [None, None]


def test_afterwards_everything_is_as_it_was(target: Target, ran: list[Configuration], tmp_path: Path) -> None:
    before = describe(target, "rest")
    sweep(SCENARIO, target, two(target), out=tmp_path)
    assert describe(target, "rest") == before


def test_a_configuration_that_is_refused_does_not_stop_the_others(target: Target, ran: list[Configuration],
                                                                  tmp_path: Path) -> None:
    said: list[str] = []
    arm = two(target)[0].with_functions(architecture="arm64")
    runs = sweep(SCENARIO, target, [arm, *two(target)], out=tmp_path, progress=said.append)
    assert len(runs) == 2
    assert [outcome.error is None for outcome in outcomes(tmp_path)] == [False, True, True]
    assert any("1/3 REST 256 MB arm64 failed: functions.Products.architecture=arm64" in line for line in said)


@pytest.mark.parametrize(("failing", "error"), [
    ((runner, "run_scenario"), RunError("the run ended early")),
    ((collection, "collect"), CollectError("logs: AccessDenied")),
])
def test_a_run_that_fails_does_not_stop_the_others(
        target: Target, ran: list[Configuration], tmp_path: Path, failing: tuple[Any, str], error: Exception) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*failing, failing_at(1, error, getattr(*failing)))
        runs = sweep(SCENARIO, target, two(target), out=tmp_path)
    assert [run.path.name for run in runs] == ["rest-512-mb"]
    assert [outcome.error for outcome in outcomes(tmp_path)] == [str(error), None]


def test_what_was_not_collected_of_a_run_is_in_its_outcome(target: Target, ran: list[Configuration], tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    late = collection.Collected("logs", {"invocations": 90}, missing={"REPORT lines": 10})
    whole = collection.Collected("access_logs", {"access": 100})
    found = collection.Collection({"logs": late, "access_logs": whole})
    monkeypatch.setattr(collection, "collect", lambda run, **options: found)
    assert len(sweep(SCENARIO, target, two(target), out=tmp_path)) == 2
    assert {outcome.missing for outcome in outcomes(tmp_path)} == {("logs: 90 invocations; 10 REPORT lines missing",)}


def test_a_sweep_of_which_nothing_works_fails_with_the_first_reason(target: Target, ran: list[Configuration],
                                                                    tmp_path: Path) -> None:
    arm = [configuration.with_functions(architecture="arm64") for configuration in two(target)]
    with pytest.raises(DeployError, match=r"no configuration of the sweep worked: REST 256 MB arm64: functions\."):
        sweep(SCENARIO, target, arm, out=tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("a mistake of ours")])
def test_an_interrupted_sweep_restores_and_keeps_its_finished_runs(
        target: Target, ran: list[Configuration], tmp_path: Path, error: BaseException,
        monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe(target, "rest")
    monkeypatch.setattr(runner, "run_scenario", failing_at(2, error, runner.run_scenario))
    with pytest.raises(type(error)):
        sweep(SCENARIO, target, two(target), out=tmp_path)
    assert describe(target, "rest") == before
    assert [outcome.label for outcome in outcomes(tmp_path)] == ["REST 256 MB"]


def test_a_sweep_goes_on_where_an_earlier_one_ended(target: Target, ran: list[Configuration], tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runner, "run_scenario", failing_at(2, KeyboardInterrupt(), runner.run_scenario))
        sweep(SCENARIO, target, two(target), out=tmp_path)
    runs = sweep(SCENARIO, target, two(target), out=tmp_path)
    assert [configuration.label for configuration in ran] == ["REST 256 MB", "REST 512 MB"]
    assert [run.path.name for run in runs] == ["rest-256-mb", "rest-512-mb"]


def test_an_incomplete_run_is_set_aside_and_done_again(target: Target, ran: list[Configuration],
                                                       tmp_path: Path) -> None:
    sweep(SCENARIO, target, two(target)[:1], out=tmp_path)
    (tmp_path / "rest-256-mb" / "finished.json").unlink()
    sweep(SCENARIO, target, two(target)[:1], out=tmp_path)
    assert len(ran) == 2
    assert (tmp_path / "rest-256-mb.incomplete" / "intent.json").exists()


def test_another_seed_in_the_directory_is_refused(target: Target, ran: list[Configuration], tmp_path: Path) -> None:
    sweep(SCENARIO, target, two(target)[:1], out=tmp_path)
    with pytest.raises(DeployError, match=r"holds a run of steady\.py with seed 0: give another directory"):
        sweep(SCENARIO, target, two(target)[:1], out=tmp_path, seed=1)


def test_a_missing_scenario_is_told_before_anything_is_made(target: Target, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no\.py: no such scenario"):
        sweep(tmp_path / "no.py", target, two(target), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_directories_are_named_by_the_label_and_never_shared() -> None:
    base = Configuration(ApiSettings("rest", cache_gb=0.5), {"F": FunctionSettings(512, "arm64")})
    uncached = base.with_api(routes={"GET /a": RouteSettings(cached=False)})
    longer = replace(base, functions={f"Function{n}": FunctionSettings(512 + n) for n in range(9)})
    named = name_directories([base, uncached, base, longer, longer.with_api(cache_gb=None)])
    assert list(named.values()) == [base, uncached, longer, longer.with_api(cache_gb=None)]
    assert list(named)[:2] == ["rest-512-mb-arm64-cache0.5", "rest-512-mb-arm64-cache0.5.2"]
    assert max(map(len, named)) <= 90


def test_two_sweeps_into_one_directory_do_not_mix(target: Target, ran: list[Configuration], tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    def second(run: Run, **options: Any) -> Any:
        with pytest.raises(InputError, match="another sweep runs into this directory"):
            sweep(SCENARIO, target, two(target), out=tmp_path)
        return collection.Collection({})

    monkeypatch.setattr(collection, "collect", second)
    assert len(sweep(SCENARIO, target, two(target), out=tmp_path)) == 2


def test_a_sweep_does_not_take_for_the_original_what_another_has_not_restored(
        target: Target, ran: list[Configuration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(run: Run, **options: Any) -> Any:
        with pytest.raises(DeployError, match=r"another sweep changes it.*`loadgen restore`"):
            sweep(SCENARIO, target, two(target)[1:], out=tmp_path / "second")
        return collection.Collection({})

    before = describe(target, "rest")
    monkeypatch.setattr(collection, "collect", second)
    assert len(sweep(SCENARIO, target, two(target)[:1], out=tmp_path / "first")) == 1
    assert describe(target, "rest") == before
