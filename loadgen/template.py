"""A SAM or CloudFormation template as a Deployment, offline.

`transforms` turns SAM resources into CloudFormation ones, `intrinsics` resolves the references, and what is read is plain
CloudFormation: `function_resources` and `api_resources`.

`read_template` refuses what cannot be known offline. `survey` is for those who price: what cannot be known is a doubt that
is told, a default stands in for it, and the rest is read. It has the function URLs too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from loadgen.api_resources import http_apis, http_routes, rest_apis, rest_routes
from loadgen.deployment import Api, Deployment, Route
from loadgen.errors import TemplateError
from loadgen.function_resources import OTHER_FORMS, each, invoked, misunderstood, read_function
from loadgen.intrinsics import NO_VALUE, Stack, parameter_values
from loadgen.transforms import expand, is_serverless, load, translate, unseen

T = TypeVar("T")


@dataclass(frozen=True)
class Survey:
    """A template as who prices it needs it."""

    deployment: Deployment
    resources: Mapping[str, tuple[str, Mapping[str, Any]]]
    """Type and properties by logical id, SAM's untranslated; properties that cannot be known offline are left out."""
    deployed: Mapping[str, tuple[str, Mapping[str, Any]]]
    """The same of what SAM's translator made: event sources, stages, URLs."""
    doubts: tuple[TemplateError, ...]
    """What is not known, each with its way out; of a setting it has `resource` and `setting`."""


def read_template(path: str | Path, parameters: Mapping[str, str] | None = None) -> Deployment:
    """The functions, APIs and routes that the template declares, with these values for its parameters.

    `parameters` may also hold pseudo parameters (`AWS::StackName`). Raises TemplateError, one line: a file that cannot
    be read, a parameter without a value, a reference to nothing, a value that only an account knows.
    """
    source, values = _opened(Path(path), parameters)
    return _understood(str(path), lambda: _deployment(_deployed(source, values, str(path)), source))


def survey(path: str | Path, parameters: Mapping[str, str] | None = None) -> Survey:
    """The same, and all resources, for a price: what only an account knows is a doubt. Raises TemplateError for the rest."""
    source, values = _opened(Path(path), parameters)
    doubts: list[TemplateError] = [TemplateError(sentence) for sentence in unseen(load(Path(path)))]

    def read() -> Survey:
        own, deployed = Stack(source, values, str(path)), _deployed(source, values, str(path), doubts)
        deployment = _with_urls(deployed, _deployment(deployed, source))
        return Survey(deployment, dict(_known(own)), dict(_known(deployed)), tuple(doubts))

    return _understood(str(path), read)


def read_parameters(path: str | Path) -> tuple[str, ...]:
    """The names of the parameters that the template declares."""
    return tuple(load(Path(path)).get("Parameters") or ())


def _opened(path: Path, parameters: Mapping[str, str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template with its loops run, and its parameters' values."""
    source = load(path)
    names = {"AWS::StackName": path.absolute().parent.name, **(parameters or {})}
    values = parameter_values(source, names, str(path))
    return _understood(str(path), lambda: expand(source, values, str(path))), values


def _deployed(source: Mapping[str, Any], values: Mapping[str, Any], where: str,
              doubts: list[TemplateError] | None = None) -> Stack:
    return Stack(translate(source, values, where) if is_serverless(source) else source, values, where, doubts)


def _understood(where: str, read: Callable[[], T]) -> T:
    """What is read; a template of a form that was not foreseen is refused in one line."""
    try:
        return read()
    except OTHER_FORMS as problem:
        raise misunderstood(where, problem) from problem


def _known(stack: Stack) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    """Each resource's type and those of its properties that can be told offline."""
    for name, resource in stack.resources.items():
        found = {}
        for key, value in (resource.get("Properties") or {}).items():
            try:
                found[key] = stack.resolve(value)
            except (TemplateError, *OTHER_FORMS):
                continue
        yield name, (str(resource["Type"]), {key: value for key, value in found.items() if value is not NO_VALUE})


def _deployment(stack: Stack, source: Mapping[str, Any]) -> Deployment:
    routed = [*rest_routes(stack), *http_routes(stack)]
    functions = {name: read_function(stack, name, _code_uri(source, name),
                                     {found.alias for found in routed if found.route.function == name})
                 for name in stack.of_type("AWS::Lambda::Function")}
    order = list(functions)
    routed.sort(key=lambda found: (order.index(found.route.function), found.route.path, found.route.method))
    apis = {api.name: api for api in (*rest_apis(stack, routed), *http_apis(stack, routed))}
    return Deployment(functions, apis, tuple(found.route for found in routed if found.route.api in apis))


def _with_urls(stack: Stack, deployment: Deployment) -> Deployment:
    """The deployment with its function URLs, each a front door of one route."""
    urls = list(each(stack, stack.of_type("AWS::Lambda::Url"), lambda name: [
        Route(name, "ANY", "/", invoked(stack, stack.properties(name)["TargetFunctionArn"])[0])]))
    doors = {route.api: Api(route.api, "url", "$default") for route in urls}
    return replace(deployment, apis={**deployment.apis, **doors}, triggers=(*deployment.triggers, *urls))


def _code_uri(source: Mapping[str, Any], function: str) -> str | None:
    declared = (source["Resources"].get(function) or {}).get("Properties") or {}
    shared = (source.get("Globals") or {}).get("Function") or {}  # the translator has checked its form
    code_uri = declared.get("CodeUri", shared.get("CodeUri"))
    return code_uri if isinstance(code_uri, str) else None
