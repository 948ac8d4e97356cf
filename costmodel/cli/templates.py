"""Templates for the verbs that price before anything is deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.errors import InputError

if TYPE_CHECKING:
    from costmodel.planning.resource_types import Resource
    from loadgen.deployment import Deployment
    from loadgen.intrinsics import Stack

Template = Annotated[Path, typer.Argument(help="A SAM or CloudFormation template.")]
Parameters = Annotated[list[str] | None, typer.Option("--parameter", help="A template parameter, as Name=value.")]


def is_template(path: Path) -> bool:
    """Whether a file is a SAM or CloudFormation template, by its ending and its Resources."""
    if path.suffix not in (".yaml", ".yml", ".json", ".template") or not path.is_file():
        return False
    return re.search(r'^\s*"?Resources"?\s*:', path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE) is not None


def deployment_of(template: Path, region: str, given: list[str] | None) -> Deployment:
    """What the template deploys in a Region. Raises TemplateError; for a parameter without a value it asks for it."""
    from loadgen.errors import TemplateError
    from loadgen.template import read_template

    try:
        return read_template(template, {"AWS::Region": region, **_values(given)})
    except TemplateError as problem:
        name = getattr(problem, "parameter", None)
        if name is None:
            raise
        raise TemplateError(f"{template}: parameter {name} has no default: give --parameter {name}=value") from None


def resources_of(template: Path, region: str, given: list[str] | None) -> dict[str, Resource]:
    """The resources of a template that was read, by logical id; without those whose condition is false."""
    from costmodel.planning.resource_types import Resource
    from loadgen.template import read_stack

    stack = read_stack(template, {"AWS::Region": region, **_values(given)})
    return {str(name): Resource(str(resource["Type"]), _known(stack, resource.get("Properties") or {}))
            for name, resource in stack.resources.items() if isinstance(resource, Mapping) and "Type" in resource}


def _known(stack: Stack, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties whose values can be told offline."""
    from loadgen.errors import TemplateError

    found = {}
    for name, value in properties.items():
        try:
            found[name] = stack.resolve(value)
        except (TemplateError, AttributeError, KeyError, TypeError, ValueError):
            continue
    return found


def shared_out(given: list[str], old: Path, new: Path) -> tuple[list[str], list[str]]:
    """The parameters that each of two templates declares; what neither does goes to the new one, which refuses it."""
    from loadgen.template import read_parameters

    declared, later = read_parameters(old), read_parameters(new)
    older = [one for one in given if one.partition("=")[0] in declared]
    return older, [one for one in given if one not in older or one.partition("=")[0] in later]


def _values(given: list[str] | None) -> dict[str, str]:
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InputError(f"--parameter = {text!r}: give Name=value")
        found[name] = value
    return found
