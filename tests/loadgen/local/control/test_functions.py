"""Functions, versions and changes, on a clock of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.local.control.concurrency import ConcurrencyOperations
from loadgen.local.control.functions import Functions
from loadgen.local.control.lambda_ import FunctionOperations
from loadgen.local.control.versions import VersionOperations
from loadgen.local.control.wire import Call, Refused
from loadgen.quotas import Quotas


class Lambda:
    """Calls operations by name, with time standing still until it is moved."""

    def __init__(self, **options: Any) -> None:
        self.now = 0.0
        self.functions = Functions(Quotas(), "us-east-1", "123456789012", clock=lambda: self.now, **options)
        families = (FunctionOperations, VersionOperations, ConcurrencyOperations)
        self._operations = {name: operation for family in families
                            for name, operation in family(self.functions).operations.items()}

    def __call__(self, operation: str, **parameters: Any) -> Any:
        call = Call("lambda", operation, {"FunctionName": "f", **parameters})
        return self._operations[operation](call).body


def created(**options: Any) -> Lambda:
    ask = Lambda(**options)
    ask("CreateFunction", Role="role", Runtime="python3.13", Code={"S3Bucket": "b", "S3Key": "k"})
    return ask


def test_a_change_while_another_is_under_way_is_refused_in_lambdas_words() -> None:
    ask = created(settle_s=5.0)
    ask.now = 5.0
    ask("UpdateFunctionConfiguration", MemorySize=256)
    ask.now = 9.9
    with pytest.raises(Refused, match="An update is in progress for resource: "
                                      "arn:aws:lambda:us-east-1:123456789012:function:f"):
        ask("UpdateFunctionCode", S3Bucket="b", S3Key="k2")
    ask.now = 10.0
    assert ask("UpdateFunctionCode", S3Bucket="b", S3Key="k2")["LastUpdateStatus"] == "InProgress"


def test_a_change_gives_a_new_revision_in_its_answer_and_another_when_it_settles() -> None:
    ask = created()
    before = ask("GetFunctionConfiguration")["RevisionId"]
    answered = ask("UpdateFunctionConfiguration", MemorySize=256)["RevisionId"]
    settled = ask("GetFunctionConfiguration")["RevisionId"]
    assert len({before, answered, settled}) == 3
    assert ask("GetFunctionConfiguration")["RevisionId"] == settled


def test_an_update_that_changes_nothing_publishes_the_version_that_is_there() -> None:
    ask = created()
    first = ask("PublishVersion")["Version"]
    ask("UpdateFunctionConfiguration", MemorySize=128)
    assert ask("PublishVersion")["Version"] == first == "1"
    ask("UpdateFunctionConfiguration", MemorySize=129)
    assert ask("PublishVersion")["Version"] == "2"


def test_a_version_number_is_never_given_twice() -> None:
    ask = created()
    for memory in (256, 512):
        ask("UpdateFunctionConfiguration", MemorySize=memory)
        ask("PublishVersion")
    ask("DeleteFunction", Qualifier="2")
    ask("UpdateFunctionConfiguration", MemorySize=1024)
    assert ask("PublishVersion")["Version"] == "3"


def test_a_version_that_an_alias_points_to_is_not_deleted() -> None:
    ask = created()
    ask("PublishVersion")
    ask("CreateAlias", Name="live", FunctionVersion="1")
    with pytest.raises(Refused, match="referenced by alias live"):
        ask("DeleteFunction", Qualifier="1")


def test_provisioned_concurrency_is_there_all_at_once_after_its_delay() -> None:
    ask = created(provisioned_delay_s=60.0)
    ask("PublishVersion")
    ask("PutProvisionedConcurrencyConfig", Qualifier="1", ProvisionedConcurrentExecutions=3)

    def available() -> tuple[str, int]:
        found = ask("GetProvisionedConcurrencyConfig", Qualifier="1")
        return found["Status"], found["AvailableProvisionedConcurrentExecutions"]

    ask.now = 59.9
    assert available() == ("IN_PROGRESS", 0)
    ask.now = 60.0
    assert available() == ("READY", 3)


def test_provisioned_concurrency_stays_within_what_is_reserved() -> None:
    ask = created()
    ask("PublishVersion")
    ask("PutFunctionConcurrency", ReservedConcurrentExecutions=2)
    with pytest.raises(Refused, match="should not be greater than the reservedConcurrentExecution"):
        ask("PutProvisionedConcurrencyConfig", Qualifier="1", ProvisionedConcurrentExecutions=3)
    ask("PutProvisionedConcurrencyConfig", Qualifier="1", ProvisionedConcurrentExecutions=2)
    with pytest.raises(Refused, match=r"total provisioned concurrency \[2\]"):
        ask("PutFunctionConcurrency", ReservedConcurrentExecutions=1)


def test_what_is_reserved_and_provisioned_is_no_longer_unreserved() -> None:
    ask = created()
    ask("PublishVersion")
    ask("PutProvisionedConcurrencyConfig", Qualifier="1", ProvisionedConcurrentExecutions=40)
    assert ask("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 960
    ask("PutFunctionConcurrency", ReservedConcurrentExecutions=900)
    assert ask("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 100


@pytest.mark.parametrize("name", ["f", "f:1", "arn:aws:lambda:us-east-1:123456789012:function:f:1",
                                  "123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f"])
def test_a_function_is_found_by_every_form_of_its_name(name: str) -> None:
    ask = created()
    ask("PublishVersion")
    assert ask("GetFunctionConfiguration", FunctionName=name)["Version"] == ("1" if name.endswith(":1") else "$LATEST")


def test_lists_come_in_pages_of_fifty() -> None:
    ask = Lambda()
    for index in range(60):
        ask("CreateFunction", FunctionName=f"f{index}", Role="role", Runtime="python3.13", Code={"ImageUri": "i"})
    first = ask("ListFunctions")
    rest = ask("ListFunctions", Marker=first["NextMarker"])
    assert [len(first["Functions"]), len(rest["Functions"]), "NextMarker" in rest] == [50, 10, False]
