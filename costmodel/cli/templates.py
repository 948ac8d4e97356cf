"""Templates for the verbs that price before anything is deployed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.errors import InputError

if TYPE_CHECKING:
    from costmodel.planning.site import Site
    from loadgen.template import Survey

Template = Annotated[Path, typer.Argument(help="A SAM or CloudFormation template.")]
RESOURCES = re.compile(r"""(?:^|[\s{,])["']?Resources["']?\s*:""")
INFRACOST = re.compile(r"^\s*resource_(?:type_default_)?usage\s*:", re.MULTILINE)
Parameters = Annotated[list[str] | None, typer.Option("--parameter", help="A template parameter, as Name=value.")]


def is_template(path: Path) -> bool:
    """Whether a file is a SAM or CloudFormation template, by its ending and its Resources."""
    return may_be_template(path) and RESOURCES.search(path.read_text(encoding="utf-8", errors="replace")) is not None


def may_be_template(path: Path) -> bool:
    """Whether a file is one by its ending and not Infracost's usage file: a template that is broken is one."""
    if path.suffix not in (".yaml", ".yml", ".json", ".template") or not path.is_file():
        return False
    return INFRACOST.search(path.read_text(encoding="utf-8", errors="replace")) is None


def survey_of(template: Path, region: str, given: list[str] | None) -> Survey:
    """The template as it would be in a Region. Raises TemplateError; for parameters without values it asks for them."""
    from loadgen.errors import TemplateError
    from loadgen.template import survey

    try:
        return survey(template, {"AWS::Region": region, **_values(given)})
    except TemplateError as problem:
        names = getattr(problem, "parameters", None)
        if names is None:
            raise
        options = " ".join(f"--parameter {name}=value" for name in names)
        have = "has" if len(names) == 1 else "have"
        what = "parameter" if len(names) == 1 else "parameters"
        raise TemplateError(f"{template}: {what} {', '.join(names)} {have} no default: give {options}") from None


def site_of(template: Path, region: str, given: list[str] | None) -> Site:
    """What the template would put into a Region, for a price. Raises TemplateError as `survey_of`."""
    from costmodel.planning.resource_types import Resource
    from costmodel.planning.site import Doubt, Site

    found = survey_of(template, region, given)
    own, deployed = ({name: Resource(*each) for name, each in of.items()} for of in (found.resources, found.deployed))
    doubts = tuple(Doubt(str(each).removeprefix(f"{template}: "), getattr(each, "resource", None), getattr(each, "setting", None))
                   for each in found.doubts)
    return Site(found.deployment, own, deployed, doubts)


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
