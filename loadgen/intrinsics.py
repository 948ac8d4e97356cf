"""CloudFormation's intrinsic functions and conditions, resolved without an account.

Stand-ins for what only a deployed stack knows: `Ref X` of a resource is `X`, `GetAtt X.Arn` is `X.Arn`. That is enough
to tell which function an integration's URI names. What cannot be resolved offline (`ImportValue`, `GetAZs`) stays as it
is: an error only for who needs its value.

Source: CloudFormation user guide, "Intrinsic function reference" and "Pseudo parameters reference".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from loadgen.errors import TemplateError

PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
    "AWS::StackId": "stack",
}


class Stack:
    """A template's resources with values for its parameters; `where` names the template in errors."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, Any], where: str) -> None:
        self.template, self.values, self.where = template, values, where
        self.resources: dict[str, Any] = {
            name: resource for name, resource in template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def of_type(self, kind: str) -> list[str]:
        """The logical ids of the resources of a type, in the template's order."""
        return [name for name, resource in self.resources.items() if resource.get("Type") == kind]

    def properties(self, name: str) -> Any:
        """A resource's properties, resolved."""
        return self.resolve(self.resources[name].get("Properties") or {})

    def resolve(self, node: Any) -> Any:
        """The node with its intrinsic functions replaced by their values; an unknown function stays."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name in _INTRINSICS:
                return _INTRINSICS[name](self, argument)
        return {key: value for key, item in node.items() if (value := self.resolve(item)) is not _NO_VALUE}

    def holds(self, condition: Any) -> bool:
        """Whether a condition, by name or as an expression, is true."""
        if isinstance(condition, str):
            return self.holds(self._lookup(self.template.get("Conditions"), condition, "Condition"))
        name, argument = next(iter(condition.items()))
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            left, right = self.resolve(argument)
            return as_text(left) == as_text(right)
        results = [self.holds(item) for item in argument]
        return {"Fn::And": all(results), "Fn::Or": any(results), "Fn::Not": not results[0]}[name]

    def ref(self, name: str) -> Any:
        """What `Ref` gives: a parameter's value, or the logical id of a resource."""
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.values:
            return self.values[name]
        self._lookup(self.template["Resources"], name, "Ref")
        return name

    def attribute(self, argument: str | list[str]) -> str:
        """What `GetAtt` gives: `X.Arn`."""
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        self._lookup(self.template["Resources"], name, "GetAtt")
        return f"{name}.{attribute}"

    def sub(self, argument: Any) -> str:
        """What `Sub` gives; `${!x}` is a literal `${x}`."""
        text, names = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def value(match: re.Match[str]) -> str:
            name = match["name"]
            if name in names:
                return str(names[name])
            return self.attribute(name) if "." in name else str(self.ref(name))

        return re.sub(r"\$\{(?P<name>[^!}]+)\}", value, text).replace("${!", "${")

    def join(self, argument: Any) -> str:
        """What `Join` gives."""
        separator, items = argument
        return str(separator).join(map(str, self.resolve(items)))

    def find_in_map(self, argument: Any) -> Any:
        """What `FindInMap` gives."""
        found = self.template.get("Mappings")
        for key in self.resolve(argument):
            found = self._lookup(found, str(key), "FindInMap")
        return found

    def choose(self, argument: Any) -> Any:
        """What `If` gives."""
        condition, if_true, if_false = argument
        return self.resolve(if_true if self.holds(condition) else if_false)

    def _lookup(self, table: Any, name: str, function: str) -> Any:
        if not isinstance(table, Mapping) or name not in table:
            raise TemplateError(f"{self.where}: {function} {name}: the template defines no {name}")
        return table[name]


_NO_VALUE = object()
_INTRINSICS: Mapping[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack.ref,
    "Fn::GetAtt": Stack.attribute,
    "Fn::Sub": Stack.sub,
    "Fn::Join": Stack.join,
    "Fn::FindInMap": Stack.find_in_map,
    "Fn::If": Stack.choose,
}


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str], where: str) -> dict[str, Any]:
    """The value of every parameter and pseudo parameter. Raises TemplateError: no value, or one that is not allowed."""
    declared = template.get("Parameters") or {}
    for name in given:
        if name not in declared and name not in PSEUDO_PARAMETERS:
            known = ", ".join(declared) or "none"
            raise TemplateError(f"{where}: parameter {name}: no such parameter (there are: {known})")
    values = {name: _parameter_value(name, parameter, given, where) for name, parameter in declared.items()}
    return {**PSEUDO_PARAMETERS, **given, **values}


def as_text(value: Any) -> str:
    """A scalar as CloudFormation compares it: YAML's true is the text `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parameter_value(name: str, parameter: Mapping[str, Any], given: Mapping[str, str], where: str) -> Any:
    if name not in given and "Default" not in parameter:
        raise TemplateError(f"{where}: parameter {name}: it has no default: give its value", parameter=name)
    value = given.get(name, parameter.get("Default"))
    allowed = [as_text(choice) for choice in parameter.get("AllowedValues", [])]
    if allowed and as_text(value) not in allowed:
        raise TemplateError(f"{where}: parameter {name} = {value!r}: give one of {', '.join(allowed)}")
    return value
