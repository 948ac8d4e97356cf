"""A template's text and its transforms, offline: read, `Fn::ForEach` expanded, SAM turned into plain CloudFormation.

A loop is `Fn::ForEach::Name: [Identifier, [values], {key: body}]`: the key and the body once a value, with `${Identifier}`,
`&{Identifier}` (letters and digits of the value alone) and `Ref Identifier` replaced. Other macros and `AWS::Include` run
in the account only: `unseen` names them.

Sources: CloudFormation template reference, "AWS::LanguageExtensions transform", "Fn::ForEach", "AWS::Include transform".
"""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadgen.errors import TemplateError
from loadgen.intrinsics import Stack, as_list

SERVERLESS = "AWS::Serverless-2016-10-31"
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
OF_SAM = "AWS::Serverless::"
NESTED = ("AWS::Serverless::Application", "AWS::CloudFormation::Stack")
CODE_ELSEWHERE = "s3://bucket/key"
LOOP = "Fn::ForEach::"
TRANSFORM = "Fn::Transform"
MOST_EXPANDED = 100_000
"""Nodes of loops; CloudFormation's own limit is a template of 1 MB."""


def load(path: Path) -> dict[str, Any]:
    """The template of a file. Raises TemplateError, one line: not there, not YAML (with the line), not a template."""
    import yaml  # type: ignore[import-untyped]
    from samtranslator.yaml_helper import yaml_parse

    try:
        text = path.read_text(encoding="utf-8-sig")
        source = _json(text) or yaml_parse(text)
    except FileNotFoundError:
        raise TemplateError(f"{path}: no such template file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TemplateError(f"{path}: not readable ({problem})") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise TemplateError(f"{path}: not valid YAML: {line}{problem.problem or problem}") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as problem:
        raise TemplateError(f"{path}: not valid YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(source, dict) or not isinstance(source.get("Resources"), dict):
        raise TemplateError(f"{path}: not a template: it has no Resources")
    return source


def _json(text: str) -> Any:
    """A JSON document, which may be indented by tabs as YAML may not; None when it is none."""
    try:
        return json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None


def expand(source: Mapping[str, Any], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The template with its loops run and without inclusions among the resources; `values`: of its parameters.

    Raises TemplateError, one line: a loop of another form, or over what is not known; a resource without a type.
    """
    expanded = _Loops(Stack({**source, "Resources": {}}, values, where)).run(dict(source))
    resources = {str(name): resource for name, resource in expanded["Resources"].items() if name != TRANSFORM}
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise TemplateError(f"{where}: resource {name} = {str(resource)[:60]}: give it a Type and Properties")
        if not isinstance(resource.get("Properties") or {}, dict):
            raise TemplateError(f"{where}: {name}.Properties: not understood: give a mapping")
    return {**expanded, "Resources": resources}


def unseen(source: Mapping[str, Any]) -> Iterator[str]:
    """What only the account could add to the template, each a sentence."""
    for name in _transforms(source):
        if name not in (SERVERLESS, LANGUAGE_EXTENSIONS):
            yield f"Transform {name}: a macro that runs in the account: price the template that it makes of this one"
    for resource, body in source["Resources"].items():
        for included in _inclusions({resource: body} if resource == TRANSFORM else body):
            yield f"{resource}: {included}: what it adds is not known here: put its text into the template"


def is_serverless(source: Mapping[str, Any]) -> bool:
    """Whether SAM has to translate it: by its Transform, or by its resources."""
    return SERVERLESS in _transforms(source) or any(
        str(resource["Type"]).startswith(OF_SAM) for resource in source["Resources"].values())


def translate(source: Mapping[str, Any], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """SAM resources as CloudFormation ones. The translator refuses local code paths, so it is shown another."""
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)  # it warns of its own feature flags
    template = copy.deepcopy(dict(source))
    _show_code(template)
    session = boto3.Session(region_name=str(values["AWS::Region"]))
    translator = Translator({}, Parser(), boto_session=session)
    try:
        translated = translator.translate(template, dict(values))
        plain: dict[str, Any] = json.loads(json.dumps(translated, default=str))
    except InvalidDocumentException as problem:
        raise TemplateError(f"{where}: {' '.join(problem.causes[0].message.split())}") from None
    except Exception as problem:  # whatever a template of another form makes of the translator
        raise TemplateError(f"{where}: not understood by SAM's translator: {type(problem).__name__}: {problem}") from problem
    finally:
        translator.metrics.publish()  # to nowhere; unpublished ones are complained of when Python ends
    return plain


def _show_code(template: dict[str, Any]) -> None:
    """Stand-ins for code, and for nested templates, which the translator would ask AWS for."""
    for resource in template["Resources"].values():
        if resource["Type"] in NESTED:
            resource.update(Type=NESTED[1], Properties={"TemplateURL": CODE_ELSEWHERE})
    holders = [resource.get("Properties") or {} for resource in template["Resources"].values()]
    shared = template.get("Globals")
    common = shared.get("Function") if isinstance(shared, dict) else None
    for holder in [*holders, common if isinstance(common, dict) else {}]:
        holder.update({key: CODE_ELSEWHERE for key in ("CodeUri", "ContentUri", "DefinitionUri") if key in holder})
    for resource in template["Resources"].values():
        if resource["Type"] == f"{OF_SAM}Function":
            own = resource.setdefault("Properties", {}) or {}
            _one_code(own, common if isinstance(common, dict) else {})


def _one_code(own: dict[str, Any], common: Mapping[str, Any]) -> None:
    """A function's code in one place: an image's address, or the code itself where shared code is named too."""
    package = own.get("PackageType", common.get("PackageType"))
    if package == "Image" and "ImageUri" not in {**common, **own}:
        own["ImageUri"] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:latest"
    if "InlineCode" in own and "CodeUri" in {**common, **own}:
        del own["InlineCode"]
        own["CodeUri"] = CODE_ELSEWHERE


def _transforms(source: Mapping[str, Any]) -> list[str]:
    """The names of the template's transforms, whichever way they are written."""
    return [str(each.get("Name", each) if isinstance(each, dict) else each) for each in as_list(source.get("Transform") or [])]


def _inclusions(node: Any) -> Iterator[str]:
    """The `Fn::Transform`s in a resource, by name and place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == TRANSFORM and isinstance(value, dict):
                place = (value.get("Parameters") or {}).get("Location", "")
                yield f"{TRANSFORM} {value.get('Name', '')} {place if isinstance(place, str) else ''}".rstrip()
            else:
                yield from _inclusions(value)
    elif isinstance(node, list):
        for item in node:
            yield from _inclusions(item)


class _Loops:
    """Runs loops. `left`: nodes that may still be made."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.values, self.where, self.left = stack, stack.values, stack.where, MOST_EXPANDED

    def run(self, node: Any) -> Any:
        """The node with every loop in it replaced by what it makes."""
        if isinstance(node, list):
            return [self.run(item) for item in node]
        if not isinstance(node, dict):
            return node
        made: dict[Any, Any] = {}
        for key, value in node.items():
            if str(key).startswith(LOOP):
                made |= self._repeated(str(key), value)
            else:
                made[key] = self.run(value)
        return made

    def _repeated(self, loop: str, argument: Any) -> dict[str, Any]:
        if not (isinstance(argument, list) and len(argument) == 3 and isinstance(argument[0], str)
                and isinstance(argument[2], dict)):
            raise TemplateError(f"{self.where}: {loop}: give [identifier, [values], {{key: body}}]")
        identifier, collection, body = argument
        made: dict[str, Any] = {}
        for value in self._collection(loop, collection):
            for key, each in body.items():
                made |= self.run({self._filled(key, identifier, value): self._filled(each, identifier, value)})
        return made

    def _collection(self, loop: str, collection: Any) -> list[str]:
        """A loop's values: texts, lists of a parameter or a mapping, or both. A parameter's list is split at its commas."""
        found: list[str] = []
        for item in as_list(collection):
            name = item.get("Ref") if isinstance(item, dict) and len(item) == 1 else None
            if name is not None and name not in self.values:
                raise TemplateError(f"{self.where}: {loop}: Ref {name}: the template has no parameter {name}")
            known = as_list(self.stack.resolve(item)) if name is None else _texts(self.values[name])
            if any(isinstance(each, dict) for each in known):
                raise TemplateError(f"{self.where}: {loop}: its values are not known offline: write them out")
            found += [str(each).strip() for each in known]
        return found

    def _filled(self, node: Any, identifier: str, value: str) -> Any:
        self.left -= 1
        if self.left < 0:
            raise TemplateError(f"{self.where}: its loops make more than {MOST_EXPANDED:,} values: CloudFormation takes 1 MB")
        if isinstance(node, str):
            bare = re.sub(r"[^A-Za-z0-9]", "", value)
            return node.replace(f"${{{identifier}}}", value).replace(f"&{{{identifier}}}", bare)
        if isinstance(node, list):
            return [self._filled(item, identifier, value) for item in node]
        if not isinstance(node, dict):
            return node
        if node == {"Ref": identifier}:
            return value
        return {self._filled(key, identifier, value): self._filled(item, identifier, value) for key, item in node.items()}


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else str(value).split(",")
