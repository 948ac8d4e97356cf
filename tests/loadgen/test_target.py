"""target.toml: a Deployment and where it lives."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from loadgen.deployment import ApiKind
from loadgen.errors import ConfigurationError, TargetError
from loadgen.target import Target, TargetApi, TargetFunction, read_target, write_target
from loadgen.template import read_template

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="module")
def target() -> Target:
    deployment = read_template(SHOP)
    apis: dict[ApiKind, TargetApi] = {"rest": TargetApi("rest", "abc", "shop-rest", "prod", "http://127.0.0.1:1/abc/prod",
                                                        "/aws/rest", '{"id": "$context.requestId"}')}
    functions = {name: TargetFunction(f"shop-{name}", f"/aws/lambda/shop-{name}") for name in deployment.functions}
    return Target(deployment, apis, functions, endpoint_url="http://127.0.0.1:2", missing=("access logs: `aws …`",))


def test_a_target_survives_its_file(target: Target, tmp_path: Path) -> None:
    write_target(target, tmp_path / "target.toml")
    assert read_target(tmp_path / "target.toml") == target


def test_what_is_null_is_left_out_of_the_file(target: Target, tmp_path: Path) -> None:
    schema = {"type": "string", "default": None, "enum": ["a", None]}
    triggers = tuple(replace(route, body_schema=schema) for route in target.deployment.triggers[:1])
    write_target(replace(target, deployment=replace(target.deployment, triggers=triggers)), tmp_path / "target.toml")
    data = tomllib.loads((tmp_path / "target.toml").read_text())
    assert data["schema_version"] == 1
    assert "reserved" not in data["deployment"]["functions"]["Orders"]
    assert data["deployment"]["triggers"][0]["body_schema"] == {"type": "string", "enum": ["a"]}


def test_a_wrong_key_is_named_with_its_place(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    write_target(target, path)
    path.write_text(path.read_text().replace("region =", "regoin ="))
    with pytest.raises(TargetError, match=r"target\.toml: regoin: no such key"):
        read_target(path)


def test_a_wrong_value_is_named_with_what_is_expected(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    write_target(target, path)
    path.write_text(path.read_text().replace("memory_mb = 1024", 'memory_mb = "much"', 1))
    with pytest.raises(TargetError, match=r"deployment\.functions\.Products\.memory_mb = 'much'"):
        read_target(path)


@pytest.mark.parametrize(("text", "said"), [
    ("region = ", "not readable as TOML"),
    ("region = 'us-east-1'", "schema_version = None"),
    ("schema_version = 1", "missing"),
])
def test_a_broken_file_gets_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "target.toml"
    path.write_text(text)
    with pytest.raises(TargetError) as caught:
        read_target(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no such target file: `loadgen discover`"):
        read_target(tmp_path / "no.toml")


def test_an_api_kind_that_the_target_lacks_is_named(target: Target) -> None:
    with pytest.raises(ConfigurationError, match=r"no 'http' API \(it has: rest\)"):
        target.api("http")
