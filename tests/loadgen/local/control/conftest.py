"""Recorded answers of AWS, and how ours are put in their form and compared with them.

A recorded answer is `{"status", members…}`, an error `{"status", "code", "message", "message_member", "Type"}`. `<…>`
inside a text, and words such as `date`, stand for what differs from run to run; `config` names only the members of a
function's configuration that matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from loadgen.target import Target

Members = Mapping[str, Any]
CASES: Mapping[str, Members] = {
    case["id"]: case for case in json.loads((Path(__file__).parent / "recorded.json").read_text())["cases"]
}
_ANYTHING = ("date", "datetime", "timestamp", "code-sha256")
_NOT_ON_THE_WIRE = ("StatusCode",)
_OPTIONAL_STATE = ("State", "LastUpdateStatus")


class Asker:
    """Asks one local cloud, and says what came back in the recordings' form."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._clients: dict[str, Any] = {}
        self._raw: dict[str, Any] = {}

    def __call__(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        client = self._client(service)
        try:
            parsed = getattr(client, operation)(**parameters)
        except ClientError as refused:
            return _queried(refused.response) if service == "cloudwatch" else self._error()
        metadata = parsed.pop("ResponseMetadata")
        members = parsed if service == "cloudwatch" or operation == "invoke" else json.loads(self._raw["body"] or b"{}")
        if "Payload" in members:
            members["Payload"] = members["Payload"].read().decode()
        return {"status": metadata["HTTPStatusCode"], **members}

    def _error(self) -> dict[str, Any]:
        body = json.loads(self._raw["body"])
        member = next((name for name in ("Message", "message") if name in body), None)
        code = self._raw["headers"].get("x-amzn-errortype", body.get("__type", ""))
        rest = {key: value for key, value in body.items() if key not in (member, "__type")}
        return {"status": self._raw["status_code"], "code": code.rpartition("#")[2], "message": body.get(member),
                "message_member": member, **rest}

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            client = boto3.client(service, endpoint_url=self._target.endpoint_url, region_name=self._target.region,
                                  aws_access_key_id="local", aws_secret_access_key="local",
                                  config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
            client.meta.events.register(f"before-parse.{service}.*", self._keep)
            self._clients[service] = client
        return self._clients[service]

    def _keep(self, response_dict: dict[str, Any], **_: Any) -> None:
        headers = {key.lower(): value for key, value in response_dict["headers"].items()}
        self._raw = {**response_dict, "headers": headers}


def _queried(response: Members) -> dict[str, Any]:
    """An error of a service whose codes are those of its old query protocol: botocore finds them in a header."""
    error = response["Error"]
    return {"status": response["ResponseMetadata"]["HTTPStatusCode"], "code": error["Code"],
            "message": error["Message"],
            "message_member": "message", **{key: error[key] for key in ("QueryErrorCode", "Type") if key in error}}


def differences(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    """What differs, one line each; nothing when the answers are equal."""
    if isinstance(recorded, Mapping):
        if not isinstance(ours, Mapping):
            yield f"{path}: {ours!r}, recorded an object"
            return
        if "config" in recorded:
            absent = {key: None for key in _OPTIONAL_STATE if key not in recorded["config"]}
            yield from _members({**absent, **recorded["config"]}, ours, path, whole=False)
            recorded = {key: value for key, value in recorded.items() if key != "config"}
            yield from _members(recorded, ours, path, whole=False)
        else:
            yield from _members(recorded, ours, path, whole="message_member" in recorded or "code" not in recorded)
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield f"{path}: {len(ours)} items, recorded {len(recorded)}"
        for index, (expected, found) in enumerate(zip(recorded, ours, strict=False)):
            yield from differences(expected, found, f"{path}[{index}]")
    elif not _alike(recorded, ours):
        yield f"{path}: {ours!r}, recorded {recorded!r}"


def _members(recorded: Members, ours: Members, path: str, *, whole: bool) -> Iterator[str]:
    for key, expected in recorded.items():
        if key in _NOT_ON_THE_WIRE:
            continue
        if expected is None and key not in ours:
            continue
        if key not in ours:
            yield f"{path}.{key}: missing, recorded {expected!r}"
        else:
            yield from differences(expected, ours[key], f"{path}.{key}")
    if whole:
        for key in ours.keys() - recorded.keys() - set(_NOT_ON_THE_WIRE):
            yield f"{path}.{key}: {ours[key]!r}, not recorded"


def _alike(recorded: Any, ours: Any) -> bool:
    if isinstance(recorded, str) and (recorded in _ANYTHING or recorded.startswith("<")):
        return ours is not None
    if isinstance(recorded, str) and isinstance(ours, str):
        parts = re.split(r"<[^<>]+>", recorded)
        return re.fullmatch(".+?".join(map(re.escape, parts)), ours, re.DOTALL) is not None
    return bool(recorded == ours)


@pytest.fixture(scope="module")
def ask(local_cloud: Target) -> Asker:
    return Asker(local_cloud)


@pytest.fixture(scope="session")
def deviations() -> Callable[[str, Iterable[tuple[str, Any]]], list[str]]:
    """Play a case's steps (name and our answer; no name when the case is one answer) and list what differs."""
    def compare(case: str, steps: Iterable[tuple[str, Any]]) -> list[str]:
        recorded = CASES[case]["response"]
        return [f"{step}: {line}" for step, ours in steps
                for line in differences(recorded[step] if step else recorded, ours)]
    return compare
