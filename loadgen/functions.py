"""A deployed function's settings: as AWS keeps them, and the changes from one state to another.

How a function takes new settings depends on how it is served. From `$LATEST`: the update is enough. From an alias:
update `$LATEST`, publish a version, move the alias. Provisioned concurrency is taken away before the alias moves, else
AWS would provision the new version with the old number first.

Sources: Lambda developer guide, "Manage Lambda function versions", "Lambda function states", "Configuring provisioned
concurrency for a function".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from loadgen.aws import patiently, until
from loadgen.errors import DeployError
from loadgen.journal import FunctionState

SETTLE_DEADLINE_S = 300.0
PROVISION_DEADLINE_S = 1_800.0
"""AWS starts after a minute or two and allocates up to 6,000 environments a minute."""


@dataclass(frozen=True)
class DeployedFunction:
    """One function in an account, the alias that serves it, and a `lambda` client. `label` names it in what is said."""

    lambda_: Any
    label: str
    name: str
    alias: str | None
    say: Callable[[str], None]

    def read(self) -> FunctionState:
        """The function as it is."""
        lambda_ = self.lambda_
        settings = own_settings(lambda_.get_function_configuration(FunctionName=self.name))
        reserved = lambda_.get_function_concurrency(FunctionName=self.name).get("ReservedConcurrentExecutions")
        if self.alias is None:
            return FunctionState(self.name, settings, reserved)
        alias = lambda_.get_alias(FunctionName=self.name, Name=self.alias)
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})
        return FunctionState(self.name, settings, reserved, self.alias, alias["FunctionVersion"], weights,
                             self._provisioned(self.alias))

    def served(self) -> Any:
        """The configuration that requests meet: of the version behind the alias, or of `$LATEST`."""
        qualifier = {"Qualifier": self.alias} if self.alias else {}
        return self.lambda_.get_function_configuration(FunctionName=self.name, **qualifier)

    def move(self, now: FunctionState, wanted: FunctionState, *, wait: bool) -> None:
        """Change what differs. Version None is a new one; `wait`: until provisioned concurrency is ready."""
        moves = wanted.alias is not None and (wanted.version, wanted.weights) != (now.version, now.weights)
        reprovision = moves or wanted.provisioned != now.provisioned
        if now.provisioned and reprovision:
            self.say(f"{self.label}: taking provisioned concurrency away")
            self.lambda_.delete_provisioned_concurrency_config(FunctionName=self.name, Qualifier=now.alias)
        if wanted.reserved != now.reserved:
            self._reserve(wanted.reserved)
        changed = {key: value for key, value in wanted.settings.items() if now.settings.get(key) != value}
        if changed:
            self._update(changed)
        if moves:
            self._point(wanted.version or self._publish(), wanted.weights, now.weights)
        if wanted.provisioned and reprovision:
            self._provision(wanted.provisioned, wait=wait)

    def delete_versions(self, marker: str) -> None:
        """Delete the versions whose description starts with the marker."""
        pages = self.lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=self.name)
        ours = [version["Version"] for page in pages for version in page["Versions"]
                if version["Version"] != "$LATEST" and version.get("Description", "").startswith(marker)]
        for version in ours:
            self.say(f"{self.label}: deleting version {version}")
            patiently(partial(self.lambda_.delete_function, FunctionName=self.name, Qualifier=version))

    def _provisioned(self, alias: str) -> int:
        """How many environments are asked for; 0 when there is no such configuration."""
        try:
            found = self.lambda_.get_provisioned_concurrency_config(FunctionName=self.name, Qualifier=alias)
        except self.lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return 0
        return int(found["RequestedProvisionedConcurrentExecutions"])

    def _reserve(self, reserved: int | None) -> None:
        self.say(f"{self.label}: reserved concurrency {reserved}")
        if reserved is None:
            self.lambda_.delete_function_concurrency(FunctionName=self.name)
        else:
            self.lambda_.put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=reserved)

    def _update(self, changed: Mapping[str, Any]) -> None:
        self.say(f"{self.label}: {changed['MemorySize']} MB" if "MemorySize" in changed else f"{self.label}: updating")
        self._settle()
        patiently(lambda: self.lambda_.update_function_configuration(FunctionName=self.name, **changed))
        self._settle()

    def _publish(self) -> str:
        self.say(f"{self.label}: publishing")
        version = str(patiently(lambda: self.lambda_.publish_version(FunctionName=self.name))["Version"])
        self._settle(version)
        return version

    def _point(self, version: str, weights: Mapping[str, float], weights_now: Mapping[str, float]) -> None:
        self.say(f"{self.label}: {self.alias} to version {version}")
        routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights or weights_now else {}
        patiently(lambda: self.lambda_.update_alias(FunctionName=self.name, Name=self.alias,
                                                     FunctionVersion=version, **routing))

    def _provision(self, wanted: int, *, wait: bool) -> None:
        key = {"FunctionName": self.name, "Qualifier": self.alias}
        self.say(f"{self.label}: provisioning {wanted}")
        patiently(lambda: self.lambda_.put_provisioned_concurrency_config(
            **key, ProvisionedConcurrentExecutions=wanted))
        if wait:
            until(self._is_provisioned, f"{self.label}: provisioned concurrency", PROVISION_DEADLINE_S)

    def _is_provisioned(self) -> bool:
        found = self.lambda_.get_provisioned_concurrency_config(FunctionName=self.name, Qualifier=self.alias)
        if found["Status"] == "FAILED":
            raise DeployError(f"{self.label}: provisioned concurrency failed: {found.get('StatusReason', 'no reason')}")
        ready, wanted = (found.get(f"{word}ProvisionedConcurrentExecutions", 0) for word in ("Available", "Requested"))
        self.say(f"{self.label}: {ready} of {wanted} environments provisioned")
        return bool(found["Status"] == "READY")

    def _settle(self, version: str | None = None) -> None:
        """Wait until no change of the function, or of a version of it, is under way."""
        key = {"FunctionName": self.name} | ({"Qualifier": version} if version else {})

        def settled() -> bool:
            found = self.lambda_.get_function_configuration(**key)
            if "Failed" in (found.get("State"), found.get("LastUpdateStatus")):
                reason = found.get("LastUpdateStatusReason") or found.get("StateReason") or "no reason given"
                raise DeployError(f"{self.label}: the update failed: {reason}")
            return bool(found.get("State") != "Pending" and found.get("LastUpdateStatus") != "InProgress")

        until(settled, f"{self.label}: its update", SETTLE_DEADLINE_S)


def own_settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a function's configuration that are ours to change, in the form in which AWS takes them."""
    return {
        "Description": found.get("Description", ""),
        "MemorySize": found["MemorySize"],
        "SnapStart": {"ApplyOn": found.get("SnapStart", {}).get("ApplyOn", "None")},
    }
