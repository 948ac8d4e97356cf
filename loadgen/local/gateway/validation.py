"""What is checked before the function is called: sizes, and for REST the required parameters and the body's JSON
schema.

A required parameter must be there and not blank; the missing ones are listed header, path, query. The body is checked
against draft-04 when its content type is JSON, or absent (then it counts as JSON, so that a missing body fails).
Sources: API Gateway developer guide, "Request validation for REST APIs"; recorded answers (2024); quotas: 10 MB a
request, 6 MB to Lambda.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from loadgen.local.account import RouteState
from loadgen.local.gateway.errors import refuse
from loadgen.local.gateway.exchange import Answer, Exchange
from loadgen.quotas import Quotas

LAMBDA_REQUEST_BYTES = 6 * 1024 * 1024
"""What Lambda takes in a synchronous request."""
_PLACES = ("header", "path", "querystring")


class Validators:
    """The compiled schemas of the routes that have one."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._compiled: dict[int, tuple[RouteState, jsonschema_rs.Draft4Validator]] = {}

    def check_size(self, exchange: Exchange) -> Answer | None:
        """Refuse a body that the gateway, or Lambda behind it, does not take."""
        size = len(exchange.request.body)
        if size > self._quotas.gateway_payload_bytes:
            return refuse(exchange, "too_large")
        return refuse(exchange, "too_long") if size > LAMBDA_REQUEST_BYTES else None

    def check(self, exchange: Exchange) -> Answer | None:
        """REST: refuse with 400 what lacks a parameter, then what does not fit the schema."""
        route = exchange.route
        assert route is not None
        if exchange.kind != "rest":
            return None
        missing = _missing(exchange, route.required_parameters)
        if missing:
            return refuse(exchange, "bad_parameters", ", ".join(missing))
        if route.body_schema is None or not _is_json(exchange):
            return None
        return None if self._fits(route, exchange.request.body) else refuse(exchange, "bad_body")

    def _fits(self, route: RouteState, body: bytes) -> bool:
        try:
            document: Any = json.loads(body)
        except ValueError:
            return False
        return self._validator(route).is_valid(document)

    def _validator(self, route: RouteState) -> jsonschema_rs.Draft4Validator:
        known = self._compiled.get(id(route))
        if known is None or known[0] is not route:
            compiled = jsonschema_rs.Draft4Validator(dict(route.body_schema or {}), validate_formats=False)
            self._compiled[id(route)] = known = (route, compiled)
        return known[1]


def parameter(exchange: Exchange, name: str) -> str | None:
    """The value of `path.id`, `querystring.page` or `header.Accept` (`method.request.` before it is ignored)."""
    place, _, key = name.removeprefix("method.request.").partition(".")
    if place == "path":
        return exchange.path_parameters.get(key)
    if place == "header":
        return exchange.lower.get(key.lower())
    return next((value for found, value in reversed(exchange.query) if found == key), None)


def _missing(exchange: Exchange, required: tuple[str, ...]) -> list[str]:
    blank = [name.removeprefix("method.request.") for name in required if not (parameter(exchange, name) or "").strip()]
    ordered = sorted(blank, key=lambda name: _PLACES.index(name.partition(".")[0]))
    return [name.partition(".")[2] for name in ordered]


def _is_json(exchange: Exchange) -> bool:
    content_type = exchange.lower.get("content-type", "application/json")
    return content_type.partition(";")[0].strip().lower() == "application/json"
