"""Lambda's operations on concurrency: reserved, provisioned, and the account's limits.

Provisioned concurrency is allocated all at once, `provisioned_delay_s` after it was asked for (AWS takes minutes). An
alias and the version behind it cannot both have it. Messages are AWS's own (recorded 2025-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from loadgen.local.account import LATEST
from loadgen.local.control.functions import (
    Function,
    Functions,
    Members,
    ProvisionedConfig,
    conflict,
    invalid,
    not_found,
)
from loadgen.local.control.wire import Answer, Call, Refused

CODE_SIZE_UNZIPPED, CODE_SIZE_ZIPPED, TOTAL_CODE_SIZE = 262_144_000, 52_428_800, 80_530_636_800


class ConcurrencyOperations:
    """Reserve concurrency, provision it, say what is left."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "PutFunctionConcurrency": self.put_reserved,
            "GetFunctionConcurrency": self.get_reserved,
            "DeleteFunctionConcurrency": self.delete_reserved,
            "PutProvisionedConcurrencyConfig": self.put_provisioned,
            "GetProvisionedConcurrencyConfig": self.get_provisioned,
            "ListProvisionedConcurrencyConfigs": self.list_provisioned,
            "DeleteProvisionedConcurrencyConfig": self.delete_provisioned,
            "GetAccountSettings": self.account_settings,
        }

    def put_reserved(self, call: Call) -> Answer:
        """Reserve concurrency for a function: what is left to the others must not fall below the account's minimum."""
        name, qualifier = self.functions.split(call["FunctionName"])
        if qualifier:
            raise invalid("This operation is permitted on Lambda functions only. Aliases and versions do not "
                          "support this operation. Please specify either a function name or an unqualified function "
                          "ARN.")
        function, _ = self.functions.find(name, shown=LATEST)
        wanted: int = call["ReservedConcurrentExecutions"]
        provisioned = sum(config.requested for config in function.provisioned.values())
        if wanted < 0:
            raise Refused(400, "ValidationException", f"1 validation error detected: Value '{wanted}' at "
                          "'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater "
                          "than or equal to 0")
        if wanted < provisioned:
            raise invalid(f"ReservedConcurrentExecutions {wanted} should not be lower than function's total "
                          f"provisioned concurrency [{provisioned}].")
        if wanted and self.functions.unreserved(function) - wanted < self.functions.quotas.unreserved_minimum:
            raise self._below_minimum("ReservedConcurrentExecutions")
        function.reserved = wanted
        return Answer({"ReservedConcurrentExecutions": wanted})

    def get_reserved(self, call: Call) -> Answer:
        """A function's reserved concurrency; an empty object when it has none."""
        function, _ = self.functions.find(call["FunctionName"])
        return Answer({} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved})

    def delete_reserved(self, call: Call) -> Answer:
        """Give a function's reserved concurrency back."""
        self.functions.find(call["FunctionName"])[0].reserved = None
        return Answer(status=204)

    def put_provisioned(self, call: Call) -> Answer:
        """Ask for provisioned concurrency of an alias or a version; asking again replaces what was asked."""
        function, qualifier = self._qualified(call, "Provisioned Concurrency Configs cannot be applied to "
                                                    "unpublished function "
                                                    "versions.")
        self._check_conflicts(function, qualifier)
        self._check_room(function, qualifier, call["ProvisionedConcurrentExecutions"])
        ready_at = self.functions.clock() + self.functions.provisioned_delay_s
        config = ProvisionedConfig(call["ProvisionedConcurrentExecutions"], ready_at)
        function.provisioned[qualifier] = config
        return Answer(_members(config, ready=False), 202)

    def get_provisioned(self, call: Call) -> Answer:
        """How far the allocation is."""
        function, qualifier = self._qualified(call, "The function resource provided must be an alias or a published "
                                                    "version.")
        config = function.provisioned.get(qualifier)
        if config is None:
            raise Refused(404, "ProvisionedConcurrencyConfigNotFoundException",
                          "No Provisioned Concurrency Config found for this function", Type="User")
        return Answer(self._described(config))

    def list_provisioned(self, call: Call) -> Answer:
        """Every provisioned concurrency configuration of a function."""
        function, _ = self.functions.find(call["FunctionName"])
        configs = [{"FunctionArn": self.functions.arn(function.name, qualifier), **self._described(config)}
                   for qualifier, config in function.provisioned.items()]
        return Answer({"ProvisionedConcurrencyConfigs": configs})

    def delete_provisioned(self, call: Call) -> Answer:
        """Give provisioned concurrency back; none is no error."""
        function, qualifier = self._qualified(call, "The function resource provided must be an alias or a published "
                                                    "version.")
        function.provisioned.pop(qualifier, None)
        return Answer(status=204)

    def account_settings(self, call: Call) -> Answer:
        """The account's limits, and how many functions use them."""
        functions = list(self.functions)
        stored = sum(version.configuration["CodeSize"] for function in functions
                     for version in function.versions.values())
        limit = {
            "TotalCodeSize": TOTAL_CODE_SIZE, "CodeSizeUnzipped": CODE_SIZE_UNZIPPED,
            "CodeSizeZipped": CODE_SIZE_ZIPPED,
            "ConcurrentExecutions": self.functions.quotas.account_concurrency,
            "UnreservedConcurrentExecutions": self.functions.unreserved(),
        }
        return Answer({"AccountLimit": limit, "AccountUsage": {"TotalCodeSize": stored,
                                                               "FunctionCount": len(functions)}})

    def _described(self, config: ProvisionedConfig) -> Members:
        return _members(config, ready=self.functions.clock() >= config.ready_at)

    def _qualified(self, call: Call, refusal_of_latest: str) -> tuple[Function, str]:
        name, qualifier = self.functions.split(call["FunctionName"], call.get("Qualifier"))
        if qualifier in (None, LATEST):
            raise invalid(refusal_of_latest)
        assert qualifier is not None
        try:
            function, _ = self.functions.find(name, qualifier)
        except Refused as refused:
            if qualifier.isdigit() or not refused.message.startswith("Function not found"):
                raise
            raise not_found(f"Cannot find alias arn: {self.functions.arn(name, qualifier)}") from None
        return function, qualifier

    def _check_conflicts(self, function: Function, qualifier: str) -> None:
        alias = function.aliases.get(qualifier)
        if alias and alias.version in function.provisioned:
            raise conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
                           "version")
        pointed = (name for name, other in function.aliases.items() if other.version == qualifier)
        if any(name in function.provisioned for name in pointed):
            raise conflict("Version is pointed by a Provisioned Concurrency alias")

    def _check_room(self, function: Function, qualifier: str, wanted: int) -> None:
        others = sum(config.requested for name, config in function.provisioned.items() if name != qualifier)
        if function.reserved is not None:
            if others + wanted > function.reserved:
                raise invalid("Requested Provisioned Concurrency should not be greater than the "
                              "reservedConcurrentExecution for function")
        elif self.functions.unreserved(function) - others - wanted < self.functions.quotas.unreserved_minimum:
            raise self._below_minimum("ConcurrentExecutions")

    def _below_minimum(self, what: str) -> Refused:
        # the one refusal of its code that has no Type
        message = (f"Specified {what} for function decreases account's UnreservedConcurrentExecution below its "
                   f"minimum value of [{self.functions.quotas.unreserved_minimum}].")
        return Refused(400, "InvalidParameterValueException", message)


def _members(config: ProvisionedConfig, *, ready: bool) -> Members:
    allocated = config.requested if ready else config.allocated
    return {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": allocated,
        "AllocatedProvisionedConcurrentExecutions": allocated,
        "Status": "READY" if ready else "IN_PROGRESS",
        "LastModified": config.last_modified,
    }
