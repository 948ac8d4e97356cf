"""What Lambda keeps of its functions: versions, aliases, concurrency. State alone; the operations are elsewhere.

A version's `configuration` holds members as CreateFunction takes them, completed with Lambda's defaults. A change is
under way until `settles_at` (monotonic seconds), as on AWS: State Pending after a create, LastUpdateStatus InProgress
after an update; the RevisionId changes in the answer and once more when the change settles.
Source: Lambda API reference; recorded answers published with localstack/localstack @ 8b9a79f (Apache-2.0).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from loadgen.local.account import LATEST
from loadgen.local.control.wire import Refused
from loadgen.quotas import Quotas

Members = dict[str, Any]
_UNDER_WAY = {"Reason": "The function is being created.", "ReasonCode": "Creating"}


def utc_text() -> str:
    """Now as Lambda prints times: ISO 8601 with milliseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


@dataclass
class Version:
    """One version. `generation` counts the changes of its settings; a published one keeps that of its `$LATEST`."""

    number: str
    configuration: Members
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))
    last_modified: str = field(default_factory=utc_text)
    generation: int = 1
    change: Literal["create", "update"] | None = "create"
    settles_at: float = 0.0

    def begin(self, change: Literal["create", "update"], settles_at: float) -> None:
        """Mark a change as under way."""
        self.change, self.settles_at = change, settles_at
        self.revision, self.last_modified = str(uuid.uuid4()), utc_text()

    def settle(self, now: float) -> None:
        """End a change whose time has come."""
        if self.change and now >= self.settles_at:
            self.change, self.revision = None, str(uuid.uuid4())

    def status(self) -> Members:
        """The members that tell whether a change is under way."""
        if self.change == "create":
            return {"State": "Pending", **{f"State{key}": text for key, text in _UNDER_WAY.items()}}
        if self.change == "update":
            reasons = {f"LastUpdateStatus{key}": text for key, text in _UNDER_WAY.items()}
            return {"State": "Active", "LastUpdateStatus": "InProgress", **reasons}
        return {"State": "Active", "LastUpdateStatus": "Successful"}


@dataclass
class Alias:
    """An alias and the version it points to."""

    name: str
    version: str
    description: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class ProvisionedConfig:
    """Provisioned concurrency of an alias or version: `allocated` until `ready_at` [monotonic s], then `requested`."""

    requested: int
    ready_at: float
    allocated: int = 0
    last_modified: str = field(default_factory=utc_text)


@dataclass
class Function:
    """One function: `versions` by number, `$LATEST` among them; `provisioned` and `policies` by alias or version."""

    name: str
    arn: str
    versions: dict[str, Version]
    metadata: Mapping[str, Any]
    aliases: dict[str, Alias] = field(default_factory=dict)
    reserved: int | None = None
    provisioned: dict[str, ProvisionedConfig] = field(default_factory=dict)
    policies: dict[str, dict[str, Members]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    published: int = 0
    """The highest version number given out: a number is never used twice."""

    @property
    def latest(self) -> Version:
        return self.versions[LATEST]

    def version(self, qualifier: str | None) -> Version | None:
        """The version that an alias, a number or nothing stands for."""
        alias = self.aliases.get(qualifier or "")
        return self.versions.get(alias.version if alias else qualifier or LATEST)

    def newest(self) -> Version | None:
        """The version published last, of those that still exist."""
        numbers = [int(number) for number in self.versions if number != LATEST]
        return self.versions[str(max(numbers))] if numbers else None

    def claimed(self) -> int:
        """Concurrency that this function takes out of the account's pool."""
        if self.reserved is not None:
            return self.reserved
        return sum(config.requested for config in self.provisioned.values())


class Functions:
    """All functions of the account, looked up as Lambda does: by name, by `name:qualifier`, by partial or full ARN."""

    def __init__(self, quotas: Quotas, region: str, account_id: str, *, settle_s: float = 0.0,
                 provisioned_delay_s: float = 0.0, clock: Callable[[], float] = time.monotonic,
                 metadata: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.quotas, self.region, self.account_id = quotas, region, account_id
        self.settle_s, self.provisioned_delay_s, self.clock = settle_s, provisioned_delay_s, clock
        self.metadata = dict(metadata or {})
        """By function name: what a template's Metadata says, kept aside because Lambda has no member for it."""
        self._functions: dict[str, Function] = {}

    def __iter__(self) -> Iterator[Function]:
        self.settle()
        return iter(list(self._functions.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def settle(self) -> None:
        """End every change whose time has come."""
        now = self.clock()
        for function in self._functions.values():
            for version in function.versions.values():
                version.settle(now)

    def arn(self, name: str, qualifier: str | None = None) -> str:
        """A function's ARN, qualified when a qualifier is given."""
        suffix = f":{qualifier}" if qualifier else ""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{name}{suffix}"

    def add(self, name: str, configuration: Members) -> Function:
        """A new function with its `$LATEST`."""
        latest = Version(LATEST, configuration, settles_at=self.clock() + self.settle_s)
        self._functions[name] = Function(name, self.arn(name), {LATEST: latest}, self.metadata.get(name, {}))
        return self._functions[name]

    def remove(self, name: str) -> None:
        """Forget a function."""
        del self._functions[name]

    def split(self, name: str, qualifier: str | None = None) -> tuple[str, str | None]:
        """Name and qualifier of a FunctionName parameter. Refuses another Region's ARN and two different qualifiers."""
        parts = name.split(":")
        if parts[0] == "arn" and len(parts) > 3 and parts[3] != self.region:
            raise not_found(f"Functions from '{parts[3]}' are not reachable in this region ('{self.region}')")
        start = parts.index("function") + 1 if "function" in parts[:-1] else len(parts) - 1 if parts[0] == "arn" else 0
        own = parts[start + 1] if len(parts) > start + 1 else None
        if own and qualifier and own != qualifier:
            raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
        return parts[start], own or qualifier

    def find(self, name: str, qualifier: str | None = None, *, shown: str | None = None) -> tuple[Function, str | None]:
        """The function and the qualifier that were meant; a refusal prints `shown` when no qualifier was sent."""
        bare, qualifier = self.split(name, qualifier)
        self.settle()
        function = self._functions.get(bare)
        if function is None or function.version(qualifier) is None:
            raise not_found(f"Function not found: {self.arn(bare, qualifier or shown)}")
        return function, qualifier

    def describe(self, function: Function, version: Version, qualifier: str | None = None, *,
                 listed: bool = False) -> Members:
        """A version's configuration as Lambda answers it; lists leave out State and LastUpdateStatus."""
        members = {
            **version.configuration,
            "FunctionName": function.name,
            "FunctionArn": self.arn(function.name, qualifier),
            "Version": version.number,
            "RevisionId": version.revision,
            "LastModified": version.last_modified,
        }
        return members if listed else {**members, **version.status()}

    def unreserved(self, besides: Function | None = None) -> int:
        """Concurrency that no function has claimed, one of them perhaps left out of the sum."""
        claimed = sum(function.claimed() for function in self._functions.values() if function is not besides)
        return self.quotas.account_concurrency - claimed


def not_found(message: str) -> Refused:
    """ResourceNotFoundException: the one whose text is under `Message`."""
    return Refused(404, "ResourceNotFoundException", message, member="Message", Type="User")


def invalid(message: str) -> Refused:
    """InvalidParameterValueException."""
    return Refused(400, "InvalidParameterValueException", message, Type="User")


def conflict(message: str) -> Refused:
    """ResourceConflictException."""
    return Refused(409, "ResourceConflictException", message, Type="User")


def stale() -> Refused:
    """PreconditionFailedException of a RevisionId that is no longer the latest."""
    message = ("The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
               "retrieve the latest Revision Id")
    return Refused(412, "PreconditionFailedException", message, Type="User")
