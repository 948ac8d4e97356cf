"""AWS's JSON protocols, read by botocore's own service models: rest-json (Lambda, API Gateway) and json (Logs).

A request becomes a `Call`: its operation and its parameters, keyed by the model's member names; what lies inside a
parameter keeps the names it has on the wire. A refusal is raised as `Refused` and written in the service's error shape.
A value outside the model's constraints is refused in AWS's words ("1 validation error detected: Value …").
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

Parameters = dict[str, Any]
Environ = Mapping[str, Any]


class Refused(Exception):
    """AWS's refusal. `member` is what the text is called in the body: `Message` in some errors, `message` in most."""

    def __init__(self, status: int, code: str, message: str, *, member: str = "message", **more: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.member, self.more = status, code, message, member, more


@dataclass(frozen=True)
class Call:
    """One request to one service: what is asked, of whom, with what."""

    service: str
    operation: str
    parameters: Parameters

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or the default when it was not sent."""
        return self.parameters.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


@dataclass(frozen=True)
class Answer:
    """What goes back: members as the model names them on the wire, or bytes as they are."""

    body: Mapping[str, Any] | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def error_answer(refused: Refused) -> Answer:
    """The error as AWS sends it: the code as a header, the text under its own member name."""
    body = {**refused.more, refused.member: refused.message}
    return Answer(body, refused.status, {"x-amzn-ErrorType": refused.code})


class Wire:
    """One service's protocol, from its model. `read` never fails on an operation it does not know: it answers None."""

    def __init__(self, service: str) -> None:
        self.service = service

    @cached_property
    def model(self) -> Any:
        """botocore's model of the service; loading it takes some 10 ms."""
        import botocore.session

        return botocore.session.get_session().get_service_model(self.service)

    @cached_property
    def _routes(self) -> list[tuple[str, re.Pattern[str], dict[str, list[str]], str]]:
        operations = (self.model.operation_model(name) for name in self.model.operation_names)
        routes = [(o.http["method"], *_path_pattern(o.http["requestUri"]), o.name) for o in operations]
        return sorted(routes, key=lambda route: (-len(route[2]), route[1].pattern.count("(?P")))

    def read(self, environ: Environ, body: bytes) -> Call | None:
        """The call that a request makes, or None when no operation of the model fits."""
        if self.model.metadata["protocol"] == "json":
            target = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
            known = target in self.model.operation_names
            return Call(self.service, target, json.loads(body or b"{}")) if known else None
        path, _, query = _raw_target(environ).partition("?")
        arguments = parse_qs(query, keep_blank_values=True)
        for method, pattern, fixed, operation in self._routes:
            match = pattern.fullmatch(path) if method == environ["REQUEST_METHOD"] else None
            if match and all(arguments.get(key) == value for key, value in fixed.items()):
                found = {key: unquote(value) for key, value in zip(_names(pattern), match.groups(), strict=True)}
                return Call(self.service, operation, self._parameters(operation, found, arguments, environ, body))
        return None

    def _parameters(self, operation: str, path: Mapping[str, str], query: Mapping[str, list[str]], environ: Environ,
                    body: bytes) -> Parameters:
        shape = self.model.operation_model(operation).input_shape
        if shape is None:
            return {}
        payload = shape.serialization.get("payload")
        document = {} if payload else _document(body)
        read: Parameters = {}
        for name, member in shape.members.items():
            key, location = member.serialization.get("name", name), member.serialization.get("location")
            if location == "uri" and key in path:
                read[name] = _typed(member, path[key])
            elif location == "querystring" and key in query:
                read[name] = query[key] if member.type_name == "list" else _typed(member, query[key][-1])
            elif location == "header" and (header := f"HTTP_{key.upper().replace('-', '_')}") in environ:
                read[name] = _typed(member, environ[header])
            elif name == payload:
                read[name] = body if member.type_name == "blob" else _document(body)
            elif location is None and key in document:
                read[name] = base64.b64decode(document[key]) if member.type_name == "blob" else document[key]
        return read

    def check(self, call: Call, but: Collection[str] = ()) -> None:
        """Refuse values of parameters, `but` those named, that the model's constraints do not allow."""
        shape = self.model.operation_model(call.operation).input_shape
        problems = [
            problem
            for name, member in (shape.members if shape else {}).items()
            if name not in but and call.get(name) is not None
            for problem in _problems(member, call[name], _camel(name))
        ]
        if problems:
            noun = "error" if len(problems) == 1 else "errors"
            found = f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
            raise Refused(400, "ValidationException", found)


def _path_pattern(uri: str) -> tuple[re.Pattern[str], dict[str, list[str]]]:
    path, _, query = uri.partition("?")
    parts = re.split(r"\{(\w+)\+?\}", path.rstrip("/"))
    literal_and_names = (f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile("".join(literal_and_names) + "/?"), parse_qs(query)


def _names(pattern: re.Pattern[str]) -> list[str]:
    return sorted(pattern.groupindex, key=lambda name: pattern.groupindex[name])


def _raw_target(environ: Environ) -> str:
    # PATH_INFO is decoded already: an encoded slash inside an ARN or a resource path would look like a separator
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"])
    return re.sub(r"^https?://[^/]+", "", raw)


def _document(body: bytes) -> dict[str, Any]:
    document = json.loads(body) if body else {}
    return document if isinstance(document, dict) else {}


def _typed(member: Any, text: str) -> Any:
    if member.type_name in ("integer", "long"):
        return int(text)
    return text == "true" if member.type_name == "boolean" else text


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            if value.get(key) is not None:
                yield from _problems(member, value[key], f"{path}.{_camel(name)}")
        return
    unmet = list(_unmet(shape, value))
    if shape.type_name == "list" and not unmet:
        unmet = _nested("Member", [text for item in value for text in _unmet(shape.member, item)])
    if shape.type_name == "map":
        unmet = _nested("Map value", [text for item in value.values() for text in _range(shape.value, item)])
    for text in unmet:
        yield f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {text}"


def _nested(what: str, unmet: list[str]) -> list[str]:
    texts = [*dict.fromkeys(unmet), "Member must not be null"]
    return [f"{what} must satisfy constraint: [{', '.join(texts)}]"] if unmet else []


def _unmet(shape: Any, value: Any) -> Iterator[str]:
    if shape.type_name in ("boolean", "timestamp"):
        return
    limits, noun = shape.metadata, "value" if shape.type_name in ("integer", "long", "double", "float") else "length"
    size = value if noun == "value" else len(value)
    if shape.type_name == "string" and limits.get("enum") and value not in limits["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"
        return
    if "max" in limits and size > limits["max"]:
        yield f"Member must have {noun} less than or equal to {limits['max']}"
    elif "min" in limits and size < limits["min"]:
        yield f"Member must have {noun} greater than or equal to {limits['min']}"
    elif "pattern" in limits and isinstance(value, str) and not _fits(limits["pattern"], value):
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True  # a few patterns use Java's classes (\\p{L}), which Python does not know


def _range(shape: Any, value: Any) -> list[str]:
    # inside a map AWS names both ends of the range, whichever was missed
    limits = shape.metadata
    inside = limits.get("min", value) <= value <= limits.get("max", value) if isinstance(value, int | float) else True
    if inside:
        return []
    return [f"Member must have value less than or equal to {limits['max']}, "
            f"Member must have value greater than or equal to {limits['min']}"]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={item}" for key, item in value.items()) + "}"
    return str(value)
