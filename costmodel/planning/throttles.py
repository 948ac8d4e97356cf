"""Throttles of single methods, and usage plans with their quotas, as a template's plain CloudFormation has them.

A stage's own throttle holds for each route by itself, and not for a route with a throttle of its own. A usage plan holds for
each API key, and only on routes that ask for one; its quota is of requests a day, week or month.

Sources: API Gateway developer guide, "Throttle requests to your REST APIs", "Usage plans and API keys".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from costmodel.planning.resource_types import Resource
from loadgen.deployment import Deployment

Door = tuple[str, str]
"""An API and a route's name."""


@dataclass(frozen=True)
class Throttle:
    """Requests a second of these routes together at most, or in all at most `quota` of a day or longer."""

    name: str
    routes: tuple[Door, ...]
    rps: float | None = None
    quota: float | None = None


def throttles(deployed: Mapping[str, Resource], deployment: Deployment) -> tuple[Throttle, ...]:
    """All of them whose values are known and that hold for a route."""
    found = [*_methods(deployed, deployment), *_plans(deployed, deployment)]
    return tuple(throttle for throttle in found if throttle.routes)


def _methods(deployed: Mapping[str, Resource], deployment: Deployment) -> Iterator[Throttle]:
    for resource in deployed.values():
        of = resource.properties
        if resource.type == "AWS::ApiGateway::Stage":
            for setting in _mappings(of.get("MethodSettings")):
                path = "/" + str(setting.get("ResourcePath", "/*")).replace("~1", "/").lstrip("/")
                yield from _method(deployment, str(of.get("RestApiId")), str(setting.get("HttpMethod", "*")), path, setting)
        elif resource.type == "AWS::ApiGatewayV2::Stage" and isinstance(of.get("RouteSettings"), Mapping):
            for key, setting in of["RouteSettings"].items():
                method, _, path = str(key).rpartition(" ")
                if isinstance(setting, Mapping):
                    yield from _method(deployment, str(of.get("ApiId")), method or "ANY", path, setting)


def _method(deployment: Deployment, api: str, method: str, path: str, setting: Mapping[str, Any]) -> Iterator[Throttle]:
    rps = _number(setting.get("ThrottlingRateLimit"))
    if rps is None or rps < 0 or (method == "*" and path == "/*"):
        return
    for route in deployment.triggers:
        if route.api == api and path in (route.path, "/*") and method in (route.method, "*"):
            yield Throttle(f"method throttle of {api} {route.name}", ((api, route.name),), rps)


def _plans(deployed: Mapping[str, Resource], deployment: Deployment) -> Iterator[Throttle]:
    for name, resource in deployed.items():
        if resource.type != "AWS::ApiGateway::UsagePlan":
            continue
        apis = {str(stage.get("ApiId")) for stage in _mappings(resource.properties.get("ApiStages"))}
        routes = tuple((route.api, route.name) for route in deployment.triggers if route.api in apis and route.api_key_required)
        keys = sum(each.type == "AWS::ApiGateway::UsagePlanKey" and each.properties.get("UsagePlanId") == name
                   for each in deployed.values()) or 1
        each = f", {keys} keys" if keys > 1 else ""
        throttle, quota = (_mapping(resource.properties.get(key)) for key in ("Throttle", "Quota"))
        rps, limit = _number(throttle.get("RateLimit")), _number(quota.get("Limit"))
        if rps is not None:
            yield Throttle(f"usage plan {name}{each}", routes, rps=rps * keys)
        if limit is not None:
            yield Throttle(f"quota of usage plan {name}{each}, a {str(quota.get('Period', 'MONTH')).lower()}", routes, quota=limit * keys)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in (value if isinstance(value, list) else ()) if isinstance(each, Mapping))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
