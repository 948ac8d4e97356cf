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
    """A template's resources with values for its parameters; `where` names the template in errors.

    `doubts` collects what cannot be known offline; without it that is an error.
    """

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, Any], where: str,
                 doubts: list[TemplateError] | None = None) -> None:
        self.template, self.values, self.where, self.doubts = template, values, where, doubts
        self.resources: dict[str, Any] = {
            name: resource for name, resource in template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def doubt(self, problem: TemplateError) -> None:
        """Note what cannot be known. Raises it where nobody collects doubts."""
        if self.doubts is None:
            raise problem
        if str(problem) not in map(str, self.doubts):
            self.doubts.append(problem)

    def of_type(self, kind: str) -> list[str]:
        """The logical ids of the resources of a type, in the template's order."""
        return [name for name, resource in self.resources.items() if resource.get("Type") == kind]

    def properties(self, name: str) -> Any:
        """A resource's properties, resolved."""
        return self.resolve(self.resources[name].get("Properties") or {})

    def resolve(self, node: Any) -> Any:
        """The node with its intrinsic functions replaced by their values; an unknown function stays."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, argument = next(iter(node.items()))
            if name in _INTRINSICS:
                return _INTRINSICS[name](self, argument)
        return {key: value for key, item in node.items() if (value := self.resolve(item)) is not NO_VALUE}

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
            return NO_VALUE
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
        return str(separator).join(map(str, as_list(self.resolve(items))))

    def select(self, argument: Any) -> Any:
        """What `Select` gives; the function itself where its list is not known."""
        index, items = self.resolve(argument)
        parts = str(items).split(",") if isinstance(items, str) else items
        if not isinstance(parts, list) or not str(index).isdigit():
            return {"Fn::Select": [index, items]}
        if int(index) >= len(parts):
            raise TemplateError(f"{self.where}: Select {index}: its list has {len(parts)} items")
        part = parts[int(index)]
        return part.strip() if isinstance(part, str) else part

    def split(self, argument: Any) -> Any:
        """What `Split` gives; the function itself where its text is not known."""
        separator, text = self.resolve(argument)
        return text.split(separator) if isinstance(text, str) and separator else {"Fn::Split": [separator, text]}

    def length(self, argument: Any) -> Any:
        """What `Length` gives; the function itself where its list is not known."""
        items = self.resolve(argument)
        return len(items) if isinstance(items, list) else {"Fn::Length": items}

    def find_in_map(self, argument: Any) -> Any:
        """What `FindInMap` gives."""
        found, keys = self.template.get("Mappings"), self.resolve(argument)
        default = next((key["DefaultValue"] for key in keys if isinstance(key, dict) and "DefaultValue" in key), None)
        for key in (key for key in keys if not (isinstance(key, dict) and "DefaultValue" in key)):
            if default is not None and (not isinstance(found, Mapping) or str(key) not in found):
                return default
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


NO_VALUE = object()
"""What `Ref AWS::NoValue` gives: whoever resolves leaves the property out."""
_INTRINSICS: Mapping[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack.ref,
    "Fn::GetAtt": Stack.attribute,
    "Fn::Sub": Stack.sub,
    "Fn::Join": Stack.join,
    "Fn::FindInMap": Stack.find_in_map,
    "Fn::Select": Stack.select,
    "Fn::Split": Stack.split,
    "Fn::Length": Stack.length,
    "Fn::If": Stack.choose,
}


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str], where: str) -> dict[str, Any]:
    """The value of every parameter and pseudo parameter. Raises TemplateError: no value, or one that is not allowed."""
    declared = template.get("Parameters") or {}
    if not isinstance(declared, Mapping) or not all(isinstance(each, Mapping) for each in declared.values()):
        raise TemplateError(f"{where}: Parameters: give a mapping of names to their Type and Default")
    for name in given:
        if name not in declared and name not in PSEUDO_PARAMETERS:
            known = ", ".join(declared) or "none"
            raise TemplateError(f"{where}: parameter {name}: no such parameter (there are: {known})")
    _ask(declared, given, where)
    values = {name: _parameter_value(name, parameter, given, where) for name, parameter in declared.items()}
    return {**PSEUDO_PARAMETERS, **given, **values}


def as_list(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str:
    """A scalar as CloudFormation compares it: YAML's true is the text `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ask(declared: Mapping[str, Any], given: Mapping[str, str], where: str) -> None:
    """Raise TemplateError when parameters have no value; it names the first, and all in `parameters`."""
    missing = tuple(name for name, parameter in declared.items() if name not in given and "Default" not in parameter)
    if missing:
        more = f" (and that of {', '.join(missing[1:])})" if missing[1:] else ""
        raise TemplateError(f"{where}: parameter {missing[0]}: it has no default: give its value{more}", parameter=missing[0],
                            parameters=missing)


def _parameter_value(name: str, parameter: Mapping[str, Any], given: Mapping[str, str], where: str) -> Any:
    value = given.get(name, parameter.get("Default"))
    allowed = [as_text(choice) for choice in parameter.get("AllowedValues", [])]
    if allowed and as_text(value) not in allowed:
        raise TemplateError(f"{where}: parameter {name} = {value!r}: give one of {', '.join(allowed)}")
    return value
