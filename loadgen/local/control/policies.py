"""Lambda's operations on who may call a function, and on its tags. Nothing is enforced: there are no identities."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping

from loadgen.local.account import LATEST
from loadgen.local.control.functions import Function, Functions, Members, conflict, invalid, not_found
from loadgen.local.control.wire import Answer, Call

_PRINCIPAL = re.compile(r"\d{12}|\*|arn:aws[\w-]*:iam::\d{12}:.+|[\w.-]+\.amazonaws\.com(\.cn)?")
_CONDITIONS = {"SourceArn": ("ArnLike", "AWS:SourceArn"), "SourceAccount": ("StringEquals", "AWS:SourceAccount")}
MOST_TAGS = 50


class PolicyOperations:
    """Permissions and tags."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "AddPermission": self.add,
            "GetPolicy": self.get,
            "RemovePermission": self.remove,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTags": self.list_tags,
            "GetFunctionRecursionConfig": self.recursion,
        }

    def add(self, call: Call) -> Answer:
        """Add one statement to the policy of a function, alias or version."""
        function, qualifier = self.functions.find(call["FunctionName"], call.get("Qualifier"))
        if qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        if not _PRINCIPAL.fullmatch(call["Principal"]):
            raise invalid("The provided principal was invalid. Please check the principal and try again.")
        statements = function.policies.setdefault(qualifier or "", {})
        if call["StatementId"] in statements:
            raise conflict(f"The statement id ({call['StatementId']}) provided already exists. Please provide a new "
                           "statement id, or remove the existing statement.")
        statement = _statement(call, self.functions.arn(function.name, qualifier))
        statements[call["StatementId"]] = statement
        return Answer({"Statement": json.dumps(statement)}, 201)

    def get(self, call: Call) -> Answer:
        """The policy, as JSON text inside the answer."""
        function, statements = self._policy(call)
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": list(statements.values())}
        return Answer({"Policy": json.dumps(policy), "RevisionId": function.latest.revision})

    def remove(self, call: Call) -> Answer:
        """Remove one statement."""
        _, statements = self._policy(call)
        if statements.pop(call["StatementId"], None) is None:
            raise not_found(f"Statement {call['StatementId']} is not found in resource policy.")
        return Answer(status=204)

    def tag(self, call: Call) -> Answer:
        """Set tags of a function."""
        function = self._tagged(call["Resource"])
        if len({**function.tags, **call["Tags"]}) > MOST_TAGS:
            raise invalid("Number of tags exceeds resource tag limit.")
        function.tags.update(call["Tags"])
        function.latest.revision = str(uuid.uuid4())
        return Answer(status=204)

    def untag(self, call: Call) -> Answer:
        """Remove tags of a function."""
        function = self._tagged(call["Resource"])
        for key in call["TagKeys"]:
            function.tags.pop(key, None)
        function.latest.revision = str(uuid.uuid4())
        return Answer(status=204)

    def list_tags(self, call: Call) -> Answer:
        """The tags of a function."""
        return Answer({"Tags": self._tagged(call["Resource"]).tags})

    def recursion(self, call: Call) -> Answer:
        """What Lambda does about recursive loops: its default."""
        self.functions.find(call["FunctionName"])
        return Answer({"RecursiveLoop": "Terminate"})

    def _policy(self, call: Call) -> tuple[Function, dict[str, Members]]:
        function, qualifier = self.functions.find(call["FunctionName"], call.get("Qualifier"))
        statements = function.policies.get(qualifier or "")
        if not statements:
            raise not_found("No policy is associated with the given resource.")
        return function, statements

    def _tagged(self, arn: str) -> Function:
        name, qualifier = self.functions.split(arn)
        if qualifier:
            raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
        return self.functions.find(name)[0]


def _statement(call: Call, resource: str) -> Members:
    principal = call["Principal"]
    who = {"Service": principal} if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else {"AWS": principal}
    statement: Members = {"Sid": call["StatementId"], "Effect": "Allow", "Principal": "*" if principal == "*" else who,
                          "Action": call["Action"], "Resource": resource}
    for parameter, (operator, key) in _CONDITIONS.items():
        if call.get(parameter):
            statement.setdefault("Condition", {}).setdefault(operator, {})[key] = call[parameter]
    return statement
