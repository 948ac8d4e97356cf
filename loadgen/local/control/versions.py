"""Lambda's operations on versions and aliases."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from loadgen.local.account import LATEST
from loadgen.local.control.functions import (
    Alias,
    Function,
    Functions,
    Members,
    Version,
    conflict,
    invalid,
    not_found,
    stale,
)
from loadgen.local.control.wire import Answer, Call, Refused


class VersionOperations:
    """Publish versions, point aliases at them."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "PublishVersion": self.publish,
            "ListVersionsByFunction": self.list_versions,
            "CreateAlias": self.create_alias,
            "GetAlias": self.get_alias,
            "UpdateAlias": self.update_alias,
            "DeleteAlias": self.delete_alias,
            "ListAliases": self.list_aliases,
        }

    def publish(self, call: Call) -> Answer:
        """Publish `$LATEST`; when nothing changed since the last version, the answer is that version."""
        function, _ = self.functions.find(call["FunctionName"])
        if call.get("RevisionId") not in (None, function.latest.revision):
            raise stale()
        if call.get("CodeSha256") not in (None, function.latest.configuration["CodeSha256"]):
            raise invalid("CodeSHA256 does not match")
        version = self.publish_version(function, call.get("Description"))
        return Answer(self.functions.describe(function, version, version.number), 201)

    def publish_version(self, function: Function, description: str | None) -> Version:
        """The version that `$LATEST` is now published as."""
        newest = function.newest()
        if newest and newest.generation == function.latest.generation:
            return newest
        function.published += 1
        configuration = dict(function.latest.configuration)
        if description is not None:
            configuration["Description"] = description
        version = Version(str(function.published), configuration, generation=function.latest.generation, change=None)
        function.versions[version.number] = version
        return version

    def list_versions(self, call: Call) -> Answer:
        """`$LATEST` and every published version."""
        function, _ = self.functions.find(call["FunctionName"])
        members = [self.functions.describe(function, version, version.number, listed=True)
                   for version in function.versions.values()]
        return Answer({"Versions": members})

    def create_alias(self, call: Call) -> Answer:
        """A new alias of a version."""
        function, _ = self.functions.find(call["FunctionName"])
        self._check_target(function, call["FunctionVersion"], _weights(call) or {})
        if call["Name"] in function.aliases:
            raise conflict(f"Alias already exists: {self.functions.arn(function.name, call['Name'])}")
        alias = Alias(call["Name"], call["FunctionVersion"], call.get("Description", ""), _weights(call) or {})
        function.aliases[alias.name] = alias
        return Answer(self._members(function, alias), 201)

    def get_alias(self, call: Call) -> Answer:
        """One alias."""
        function, alias = self._alias(call)
        return Answer(self._members(function, alias))

    def update_alias(self, call: Call) -> Answer:
        """Point an alias elsewhere; its provisioned concurrency follows, and has to be allocated anew."""
        function, alias = self._alias(call)
        if call.get("RevisionId") not in (None, alias.revision):
            raise stale()
        weights = alias.weights if _weights(call) is None else _weights(call) or {}
        target = call.get("FunctionVersion", alias.version)
        self._check_target(function, target, weights)
        moved = target != alias.version
        function.aliases[alias.name] = replace(alias, version=target, weights=weights, revision=str(uuid.uuid4()),
                                               description=call.get("Description", alias.description))
        if moved and alias.name in function.provisioned:
            self._move_provisioned(function, alias.name)
        return Answer(self._members(function, function.aliases[alias.name]))

    def delete_alias(self, call: Call) -> Answer:
        """Delete an alias with its provisioned concurrency; one that does not exist is no error."""
        function, _ = self.functions.find(call["FunctionName"])
        function.aliases.pop(call["Name"], None)
        function.provisioned.pop(call["Name"], None)
        return Answer(status=204)

    def list_aliases(self, call: Call) -> Answer:
        """Every alias, or those of one version."""
        function, _ = self.functions.find(call["FunctionName"])
        wanted = call.get("FunctionVersion")
        chosen = [alias for alias in function.aliases.values() if wanted in (None, alias.version)]
        return Answer({"Aliases": [self._members(function, alias) for alias in chosen]})

    def _alias(self, call: Call) -> tuple[Function, Alias]:
        name, _ = self.functions.split(call["FunctionName"])
        if name not in self.functions or call["Name"] not in self.functions.find(name)[0].aliases:
            raise not_found(f"Cannot find alias arn: {self.functions.arn(name, call['Name'])}")
        function, _ = self.functions.find(name)
        return function, function.aliases[call["Name"]]

    def _members(self, function: Function, alias: Alias) -> Members:
        members: Members = {
            "AliasArn": self.functions.arn(function.name, alias.name), "Name": alias.name,
            "FunctionVersion": alias.version, "Description": alias.description, "RevisionId": alias.revision,
        }
        if alias.weights:
            members["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
        return members

    def _check_target(self, function: Function, version: str, weights: Mapping[str, float]) -> None:
        if len(weights) > 1:
            raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
        if version in weights:
            raise invalid(f"Invalid function version {version}. Function version {version} is already included in "
                          "routing configuration.")
        if weights and version == LATEST:
            raise Refused(400, "InvalidParameterValueException",
                          "$LATEST is not supported for an alias pointing to more than 1 version")
        for number in (version, *weights):
            if number not in function.versions:
                raise not_found(f"Function not found: {self.functions.arn(function.name, number)}")

    def _move_provisioned(self, function: Function, name: str) -> None:
        config = function.provisioned[name]
        now = self.functions.clock()
        allocated = config.requested if now >= config.ready_at else config.allocated
        ready_at = now + self.functions.provisioned_delay_s
        function.provisioned[name] = replace(config, ready_at=ready_at, allocated=allocated)


def _weights(call: Call) -> dict[str, float] | None:
    if call.get("RoutingConfig") is None:
        return None
    weights = call["RoutingConfig"].get("AdditionalVersionWeights") or {}
    return {number: float(share) for number, share in weights.items()}
