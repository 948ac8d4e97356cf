"""Which API, stage and route a request is for.

An address is `/{api id}/{stage}/path`; an HTTP API's `$default` stage has no segment of its own. Of several routes
that match, a literal segment beats `{parameter}`, which beats `{proxy+}`, which beats the route `$default`. REST
first finds the resource and then its method; an HTTP API finds both at once. Source: API Gateway developer guide,
"HTTP API routes"; recorded answers for the proxy parameter (it loses the trailing slash, keeps `//`, is not decoded
on REST). Unproven: that REST takes `/path/` for `/path`, and that an HTTP API decodes path parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from loadgen.local.account import ApiState, RouteState
from loadgen.local.gateway.errors import refuse
from loadgen.local.gateway.exchange import DEFAULT, Answer, Exchange


class Match(NamedTuple):
    """A route and the values of its path parameters."""

    route: RouteState
    parameters: Mapping[str, str]


class Router:
    """The routes of one API, the most specific first."""

    def __init__(self, api: ApiState) -> None:
        self._rest = api.kind == "rest"
        self._exact = {(r.method, r.path): Match(r, {}) for r in api.routes if "{" not in r.path}
        patterns = [(_segments(r.path), r) for r in api.routes if DEFAULT not in (r.path, r.method)]
        self._patterns = sorted(patterns, key=lambda pattern: (_ranks(pattern[0]), pattern[1].method == "ANY"))
        self._fallback = next((r for r in api.routes if DEFAULT in (r.path, r.method)), None)

    def find(self, method: str, path: str) -> Match | None:
        """The route for a method and a path below the stage; None when there is none."""
        exact = self._exact.get((method, path))
        return exact or self._search(method, path) or (Match(self._fallback, {}) if self._fallback else None)

    def _search(self, method: str, path: str) -> Match | None:
        given = _segments(path.rstrip("/") if self._rest else path)
        resource: str | None = None
        for segments, route in self._patterns:
            if resource not in (None, route.path):
                break
            parameters = _bind(segments, given)
            if parameters is None:
                continue
            if route.method in (method, "ANY"):
                return Match(route, parameters if self._rest else {k: unquote(v) for k, v in parameters.items()})
            resource = route.path if self._rest else None
        return None


def locate(exchange: Exchange, apis: Mapping[str, ApiState]) -> Answer | None:
    """Find the API and the stage; an unknown one is Forbidden on REST, Not Found on HTTP."""
    raw_path, _, query = exchange.request.target.partition("?")
    exchange.query = tuple(parse_qsl(query, keep_blank_values=True))
    api_id, _, rest = raw_path.lstrip("/").partition("/")
    exchange.api = api = apis.get(api_id)
    if api is None:
        return refuse(exchange, "no_stage")
    name, _, below = rest.lstrip("/").partition("/")
    exchange.stage, exchange.path = api.stages.get(name), "/" + below
    if exchange.stage is None and DEFAULT in api.stages:
        exchange.stage, exchange.path = api.stages[DEFAULT], "/" + rest
    return refuse(exchange, "no_stage") if exchange.stage is None else None


def route(exchange: Exchange, router: Router) -> Answer | None:
    """Find the route below the stage; REST answers an unknown one with 403, HTTP with 404."""
    match = router.find(exchange.request.method, exchange.path)
    if match is None:
        return refuse(exchange, "no_route")
    exchange.route, exchange.path_parameters = match
    return None


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").split("/"))


def _ranks(segments: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    return tuple((2 if s.endswith("+}") else 1 if s.startswith("{") else 0, s) for s in segments)


def _bind(segments: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, segment in enumerate(segments):
        if segment.endswith("+}"):
            rest = "/".join(given[index:]).removesuffix("/")
            return {**parameters, segment[1:-2]: rest} if rest else None
        if index >= len(given):
            return None
        if segment.startswith("{"):
            parameters[segment[1:-1]] = given[index]
            if not given[index]:
                return None
        elif segment != given[index]:
            return None
    return parameters if len(segments) == len(given) else None
