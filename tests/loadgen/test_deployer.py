"""Describe, apply and restore, over HTTP against the local cloud's control plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadgen import aws
from loadgen.configuration import ApiSettings, Configuration, RouteSettings
from loadgen.deployer import apply, describe, restore
from loadgen.errors import ConfigurationError, DeployError
from loadgen.journal import Journal
from loadgen.local.cloud import LocalCloud
from loadgen.target import Target

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with LocalCloud(SHOP, provisioned_delay_s=0.05) as target:
        yield target


@pytest.fixture
def journal(target: Target, tmp_path: Path) -> Iterator[Journal]:
    """A journal whose changes are undone after the test, whatever it did."""
    journal = Journal(tmp_path / "journal.jsonl")
    yield journal
    restore(target, journal)


def lambda_of(target: Target) -> Any:
    return aws.client(target, "lambda")


def physical(target: Target, name: str) -> str:
    return target.functions[name].name


def everything(target: Target) -> dict[str, Any]:
    """All that a sweep may change, as the control plane tells it; what changes with every update is left out."""
    client = lambda_of(target)
    found: dict[str, Any] = {kind: describe(target, kind) for kind in target.apis}
    for name, function in target.functions.items():
        versions = client.list_versions_by_function(FunctionName=function.name)["Versions"]
        aliases = client.list_aliases(FunctionName=function.name)["Aliases"]
        latest = client.get_function_configuration(FunctionName=function.name)
        found[name] = (
            [version["Version"] for version in versions],
            [(alias["Name"], alias["FunctionVersion"]) for alias in aliases],
            latest["MemorySize"], latest.get("Description"),
        )
    return found


def changed(target: Target) -> Configuration:
    """A configuration that differs from the deployed one in everything that can be changed."""
    now = describe(target, "rest")
    functions = {name: replace(settings, memory_mb=256, reserved=20,
                               provisioned=2 if target.deployment.functions[name].alias else 0)
                 for name, settings in now.functions.items()}
    routes = {**now.api.routes, "POST /orders": RouteSettings(None, 5.0, 2)}
    return Configuration(ApiSettings("rest", 0.5, 120, 100.0, 50, routes), functions)


def test_what_is_described_is_what_was_deployed(target: Target) -> None:
    assert describe(target, "rest").label == "REST 1024 MB"
    assert describe(target, "rest").api.routes == {"GET /reports": RouteSettings(cached=False)}
    assert describe(target, "http").label == "HTTP 1024 MB"


def test_what_was_applied_is_what_is_described(target: Target, journal: Journal) -> None:
    wanted = changed(target)
    assert apply(target, wanted, journal) == wanted
    assert describe(target, "rest") == wanted


def test_an_http_stage_takes_throttles(target: Target, journal: Journal) -> None:
    wanted = describe(target, "http").with_api(throttle_rps=40.0, throttle_burst=10,
                                               routes={"GET /reports": RouteSettings(None, 3.0, 1)})
    assert apply(target, wanted, journal) == wanted


def test_memory_of_a_function_behind_an_alias_moves_with_the_alias(target: Target, journal: Journal) -> None:
    client, name = lambda_of(target), physical(target, "Orders")
    before = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    apply(target, describe(target, "rest").with_functions(memory_mb=512), journal)
    served = client.get_function_configuration(FunctionName=name, Qualifier="live")
    assert (served["MemorySize"], served["Version"] != before) == (512, True)
    assert client.get_function_configuration(FunctionName=name, Qualifier=before)["MemorySize"] == 1024


def test_every_apply_publishes_a_version_even_of_the_same_settings(target: Target, journal: Journal) -> None:
    client, seen = lambda_of(target), set()
    for _ in range(3):
        apply(target, describe(target, "rest"), journal)
        seen.add(client.get_alias(FunctionName=physical(target, "Product"), Name="live")["FunctionVersion"])
    assert len(seen) == 3


def test_a_function_that_serves_from_latest_is_not_published(target: Target, journal: Journal) -> None:
    apply(target, describe(target, "rest").with_functions(memory_mb=512), journal)
    versions = lambda_of(target).list_versions_by_function(FunctionName=physical(target, "Reports"))["Versions"]
    assert [(version["Version"], version["MemorySize"]) for version in versions] == [("$LATEST", 512)]


def test_restore_undoes_several_applies_and_deletes_their_versions(target: Target, journal: Journal) -> None:
    before = everything(target)
    apply(target, changed(target), journal)
    apply(target, describe(target, "http").with_functions(memory_mb=2048, provisioned=0, reserved=None), journal)
    assert everything(target) != before
    restore(target, journal)
    assert everything(target) == before


def test_restore_can_be_repeated(target: Target, journal: Journal) -> None:
    before = everything(target)
    apply(target, changed(target), journal)
    for _ in range(2):
        restore(target, journal)
    assert everything(target) == before


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def kill_after(messages: int) -> Any:
    """A progress callback that kills at the n-th thing that is said, just before the change it announces."""
    said = iter(range(messages))

    def say(message: str) -> None:
        if next(said, None) is None:
            raise Killed
    return say


def test_a_kill_before_any_change_can_be_restored(target: Target, tmp_path: Path) -> None:
    before, wanted = everything(target), changed(target)
    finished, kills = False, 0
    while not finished:
        journal = Journal(tmp_path / f"{kills}.jsonl")
        try:
            apply(target, wanted, journal, kill_after(kills))
            finished = True
        except Killed:
            kills += 1
        restore(target, journal)
        assert everything(target) == before, f"killed at change {kills}"
    assert kills > 15


def test_a_restore_that_is_killed_can_be_finished(target: Target, tmp_path: Path) -> None:
    before, wanted = everything(target), changed(target)
    for kills in range(0, 15, 3):
        journal = Journal(tmp_path / f"{kills}.jsonl")
        apply(target, wanted, journal)
        with pytest.raises(Killed):
            restore(target, journal, kill_after(kills))
        restore(target, Journal(journal.path))
        assert everything(target) == before


def test_what_a_journal_holds_is_restored_though_its_last_line_is_cut(target: Target, tmp_path: Path) -> None:
    """A line is on disk before the change it belongs to: half a line means that nothing had been changed yet."""
    before, journal = everything(target), Journal(tmp_path / "journal.jsonl")
    with pytest.raises(Killed):
        apply(target, describe(target, "rest").with_functions(memory_mb=512), journal, kill_after(4))
    lines = journal.path.read_bytes().splitlines(keepends=True)
    restored = Journal(tmp_path / "cut.jsonl")
    restored.path.write_bytes(b"".join(lines) + lines[-1][:20])
    restore(target, restored)
    assert everything(target) == before


def test_an_architecture_that_is_not_deployed_is_refused_before_any_change(target: Target, journal: Journal) -> None:
    before = everything(target)
    with pytest.raises(ConfigurationError, match=r"functions\.Products\.architecture=arm64: it is deployed for x86_64"):
        apply(target, describe(target, "rest").with_functions(architecture="arm64", memory_mb=512), journal)
    assert everything(target) == before
    assert not journal.path.exists()


def test_provisioned_concurrency_without_an_alias_is_refused_first(target: Target, journal: Journal) -> None:
    with pytest.raises(ConfigurationError, match="Reports serves from"):
        apply(target, describe(target, "rest").with_functions(provisioned=1), journal)
    assert not journal.path.exists()


def test_what_aws_refuses_is_one_line_and_can_be_restored(target: Target, journal: Journal) -> None:
    before = everything(target)
    with pytest.raises(DeployError) as caught:
        apply(target, describe(target, "rest").with_functions(memory_mb=512, reserved=5_000), journal)
    assert "PutFunctionConcurrency: InvalidParameterValueException" in str(caught.value)
    assert "\n" not in str(caught.value)
    restore(target, journal)
    assert everything(target) == before


def test_what_cannot_be_restored_is_named_and_the_rest_is_restored(target: Target, journal: Journal) -> None:
    before = everything(target)
    apply(target, describe(target, "rest").with_functions(memory_mb=512), journal)
    text = journal.path.read_text()
    journal.path.write_text(text.replace('"version": "1"', '"version": "999"', 1))
    with pytest.raises(DeployError, match=r"not all was restored: restore function .*repeat `loadgen restore"):
        restore(target, journal)
    journal.path.write_text(text)
    restore(target, journal)
    assert everything(target) == before


def test_changes_that_take_time_are_waited_for(tmp_path: Path) -> None:
    """Also one that someone else has begun: AWS refuses a second one until the first has settled."""
    with LocalCloud(SHOP, settle_s=0.3, provisioned_delay_s=0.3) as slow:
        before, said = everything(slow), []  # type: dict[str, Any], list[str]
        lambda_of(slow).update_function_configuration(FunctionName=physical(slow, "Reports"), Timeout=11)
        wanted = describe(slow, "rest").with_functions(memory_mb=512)
        wanted = replace(wanted, functions={name: replace(settings, provisioned=1 if name == "Orders" else 0)
                                            for name, settings in wanted.functions.items()})
        assert apply(slow, wanted, Journal(tmp_path), said.append) == wanted
        assert "Orders: 0 of 1 environments provisioned" in said
        assert said.index("Orders: 1 of 1 environments provisioned") < said.index("Reports: 512 MB")
        restore(slow, Journal(tmp_path))
        assert everything(slow) == before
