"""`loadgen discover`, `check`, `iam` and `restore` on the local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from loadgen import deployer
from loadgen.cli import app
from loadgen.errors import InputError, RunError, TargetError
from loadgen.journal import Journal
from loadgen.local.cloud import LocalCloud
from loadgen.target import Target, read_target, write_target

SHOP = Path(__file__).parents[3] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with LocalCloud(SHOP) as target:
        yield target


@pytest.fixture
def target_file(target: Target, tmp_path: Path) -> Path:
    write_target(target, tmp_path / "target.toml")
    return tmp_path / "target.toml"


def loadgen(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_discover_writes_the_target_and_says_what_it_found(target: Target, tmp_path: Path) -> None:
    out = tmp_path / "found.toml"
    apis = [word for kind in target.apis.values() for word in ("--api", kind.id)]
    result = loadgen("discover", *apis, "--region", "us-east-1", "--endpoint-url", target.endpoint_url,
                     "--invoke-url", target.api("rest").address.rsplit("/", 2)[0] + "/{api_id}", "-o", out)
    assert result.exit_code == 0, result.output
    found = read_target(out)
    assert {kind: api.address for kind, api in found.apis.items()} == {
        kind: api.address for kind, api in target.apis.items()}
    assert "function  Reports: 1024 MB x86_64, $LATEST" in result.output
    assert "function  Orders: 1024 MB x86_64, alias live" in result.output
    assert "missing" not in result.output


def test_discover_of_an_unknown_api_writes_nothing(target: Target, tmp_path: Path) -> None:
    result = loadgen("discover", "--api", "nonesuch", "--region", "us-east-1", "--endpoint-url", target.endpoint_url,
                     "-o", tmp_path / "found.toml")
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "found.toml").exists()


def test_check_finds_the_local_cloud_ready(target_file: Path) -> None:
    result = loadgen("check", "--target", target_file, "--json")
    checks = json.loads(result.stdout)
    assert [check["name"] for check in checks if not check["ok"]] == [], result.stdout
    assert {"rest address", "http settings", "rest access log", "Orders log", "metrics"} <= {
        check["name"] for check in checks}


def test_check_tells_what_is_wrong_in_one_line_each(target: Target, tmp_path: Path) -> None:
    write_target(target, tmp_path / "target.toml")
    text = (tmp_path / "target.toml").read_text()
    text = text.replace(target.api("http").address, "http://127.0.0.1:9/x").replace("$context.status", "$context.stage")
    (tmp_path / "target.toml").write_text(text)
    result = loadgen("check", "--target", tmp_path / "target.toml")
    assert isinstance(result.exception, RunError)
    assert "3 of" in str(result.exception)
    assert "no  http address: http://127.0.0.1:9/x: " in result.output
    assert "no  rest access log: its format lacks $context.status" in result.output


def test_iam_prints_the_policy_of_a_verb(target_file: Path, target: Target) -> None:
    document = json.loads(loadgen("iam", "discover", "--target", target_file).stdout)
    assert document["Version"] == "2012-10-17"
    assert target.api("rest").id in json.dumps(document)
    assert isinstance(loadgen("iam", "nonesuch").exception, InputError)


def test_restore_undoes_what_a_killed_sweep_left(target: Target, tmp_path: Path) -> None:
    before = deployer.describe(target, "rest")
    deployer.apply(target, before.with_functions(memory_mb=256), Journal(tmp_path / "journal.jsonl"))
    result = loadgen("restore", tmp_path)
    assert result.exit_code == 0, result.output
    assert deployer.describe(target, "rest") == before
    assert "restored  function " in result.output
    assert "all is as it was" in loadgen("restore", tmp_path / "journal.jsonl").output


def test_restore_without_a_journal_says_so(tmp_path: Path) -> None:
    assert isinstance(loadgen("restore", tmp_path).exception, RunError)


@pytest.mark.parametrize("verb", ["run", "sweep"])
def test_a_missing_target_file_is_named(verb: str, tmp_path: Path) -> None:
    result = loadgen(verb, "scenarios/steady.py", "--target", tmp_path / "no.toml", "--out", tmp_path / "out")
    assert isinstance(result.exception, TargetError)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["run", "sweep"])
def test_an_api_kind_that_the_target_lacks_is_refused(verb: str, target_file: Path, tmp_path: Path) -> None:
    result = loadgen(verb, "scenarios/steady.py", "--target", target_file, "--out", tmp_path / "out", "--api", "soap")
    assert isinstance(result.exception, InputError)
    assert "this target has no 'soap' API" in str(result.exception)
