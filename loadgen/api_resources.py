"""The APIs and routes of a template's plain CloudFormation: from OpenAPI bodies, or from single resources.

Sources: CloudFormation template reference (AWS::ApiGateway, AWS::ApiGatewayV2); API Gateway developer guide, "OpenAPI
extensions for API Gateway" (x-amazon-apigateway-*).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from loadgen.deployment import Api, Route
from loadgen.errors import TemplateError
from loadgen.function_resources import Numbers, each, invoked
from loadgen.intrinsics import Stack, as_text

LAMBDA_URI = re.compile(r":lambda:path/[^/]+/functions/(?P<function>.+)/(?:invocations|response-streaming-invocations)$")
INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"
METHODS = {"get", "post", "put", "patch", "delete", "head", "options", ANY_METHOD}
PARAMETER_PREFIX = "method.request."


@dataclass(frozen=True)
class Routed:
    """A route with what its integration says: the alias that it names and the payload format."""

    route: Route
    alias: str | None
    payload_format: str


# REST APIs


def rest_apis(stack: Stack, routed: list[Routed]) -> Iterator[Api]:
    """The REST APIs with their stages."""
    stages = [stack.properties(name) for name in stack.of_type("AWS::ApiGateway::Stage")]
    stages += [declared for declared in map(stack.properties, stack.of_type("AWS::ApiGateway::Deployment"))
               if "StageName" in declared]

    def read(name: str) -> Iterator[Api]:
        stage: Any = next((found for found in stages if found.get("RestApiId") == name), {})
        yield _rest_api(stack, name, stage, [found.route for found in routed if found.route.api == name])

    yield from each(stack, stack.of_type("AWS::ApiGateway::RestApi"), read)


def _rest_api(stack: Stack, name: str, stage: Mapping[str, Any], routes: list[Route]) -> Api:
    settings = {_setting_key(found): found for found in stage.get("MethodSettings", [])}
    shared = settings.get("* *", {})
    cached = {route.name: setting for route in routes if route.method == "GET"
              and as_text((setting := settings.get(route.name, shared)).get("CachingEnabled", False)) == "true"}
    number = Numbers(stack, f"{name} stage")
    has_cache = as_text(stage.get("CacheClusterEnabled", False)) == "true"
    ttl: Any = next((setting for setting in cached.values() if "CacheTtlInSeconds" in setting), {})
    return Api(
        name=name,
        kind="rest",
        stage=stage.get("StageName", "prod"),
        cache_gb=number(stage, "CacheClusterSize", 0.5) if has_cache else None,
        cache_ttl_s=int(number(ttl, "CacheTtlInSeconds", 300)),
        cached_routes=tuple(cached),
        access_log_format=stage.get("AccessLogSetting", {}).get("Format"),
        **_throttle(number, shared),
    )


def _setting_key(setting: Mapping[str, Any]) -> str:
    """A method setting's route, `GET /products`, or `* *`; slashes come encoded as ~1."""
    path = "/" + str(setting.get("ResourcePath", "/*")).replace("~1", "/").lstrip("/")
    return f"{setting.get('HttpMethod', '*')} {'*' if path == '/*' else path}"


def _throttle(number: Numbers, settings: Mapping[str, Any]) -> dict[str, Any]:
    if "ThrottlingRateLimit" not in settings:
        return {}
    return {"throttle_rps": number(settings, "ThrottlingRateLimit"),
            "throttle_burst": int(number(settings, "ThrottlingBurstLimit", 0))}


def rest_routes(stack: Stack) -> Iterator[Routed]:
    """The routes of REST APIs that invoke a function."""
    yield from each(stack, stack.of_type("AWS::ApiGateway::RestApi"), lambda api: _body_routes(stack, api))
    yield from each(stack, stack.of_type("AWS::ApiGateway::Method"), lambda method: _method_routes(stack, method))


def _body_routes(stack: Stack, api: str) -> Iterator[Routed]:
    body = _body(stack, api)
    if body:
        for method, path, operation in _operations(body):
            route = Route(api, method, path, "", api_key_required="api_key" in _schemes(operation),
                          body_schema=_body_schema(body, operation))
            yield from _routed(stack, route, operation.get(INTEGRATION), "1.0")


def _method_routes(stack: Stack, method: str) -> Iterator[Routed]:
    declared = stack.properties(method)
    route = Route(declared["RestApiId"], declared["HttpMethod"], _resource_path(stack, declared["ResourceId"]), "",
                  api_key_required=as_text(declared.get("ApiKeyRequired", False)) == "true",
                  body_schema=_model_schema(stack, declared))
    yield from _routed(stack, route, declared.get("Integration"), "1.0")


def _body(stack: Stack, api: str) -> Mapping[str, Any]:
    """An API's OpenAPI body; where it lies elsewhere, its routes are not known."""
    declared = stack.properties(api)
    elsewhere = declared.get("BodyS3Location") and "another file"
    body = declared.get("Body") or {}
    if elsewhere or not isinstance(body, Mapping):
        stack.doubt(TemplateError(f"{stack.where}: {api}: its routes are in {elsewhere or 'a body of another form'} and not known "
                                  f"here: give [{api}] and its functions in --usage", resource=api, setting="Body"))
        return {}
    return body


def _resource_path(stack: Stack, resource: str) -> str:
    if resource.endswith(".RootResourceId"):
        return "/"
    declared = stack.properties(resource)
    return f"{_resource_path(stack, declared['ParentId']).rstrip('/')}/{declared['PathPart']}"


def _body_schema(body: Mapping[str, Any], operation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that the operation's body is checked against; None when its validator checks no body."""
    key = "x-amazon-apigateway-request-validator"
    validators = body.get(f"{key}s", {})
    validator = validators.get(operation.get(key, body.get(key)), {})
    if as_text(validator.get("validateRequestBody", False)) != "true":
        return None
    parameters = (found for found in operation.get("parameters", []) if found.get("in") == "body")
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = next((found["schema"] for found in parameters), content.get("schema"))
    return _dereferenced(body, schema) if schema else None


def _dereferenced(body: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a `$ref` names, together with the definitions that it refers to itself."""
    reference = schema.get("$ref", "")
    if reference:
        schema = body
        for key in reference.removeprefix("#/").split("/"):
            schema = schema[key]
    used = json.dumps(schema)
    return {**{key: body[key] for key in ("definitions", "components") if f"#/{key}/" in used}, **schema}


def _model_schema(stack: Stack, method: Mapping[str, Any]) -> Mapping[str, Any] | None:
    validator, model = method.get("RequestValidatorId"), method.get("RequestModels", {}).get("application/json")
    if validator not in stack.resources or model not in stack.resources:
        return None
    if as_text(stack.properties(validator).get("ValidateRequestBody", False)) != "true":
        return None
    schema: Any = stack.properties(model).get("Schema")
    found: Mapping[str, Any] | None = json.loads(schema) if isinstance(schema, str) else schema
    return found


# HTTP APIs


def http_apis(stack: Stack, routed: list[Routed]) -> Iterator[Api]:
    """The HTTP APIs with their stages."""
    stages = [stack.properties(name) for name in stack.of_type("AWS::ApiGatewayV2::Stage")]

    def read(name: str) -> Iterator[Api]:
        stage: Any = next((found for found in stages if found.get("ApiId") == name), {})
        formats = {found.payload_format for found in routed if found.route.api == name}
        yield Api(
            name=name,
            kind="http",
            stage=stage.get("StageName", "$default"),
            access_log_format=stage.get("AccessLogSettings", {}).get("Format"),
            payload_format="1.0" if formats == {"1.0"} else "2.0",
            **_throttle(Numbers(stack, f"{name} stage"), stage.get("DefaultRouteSettings", {})),
        )

    yield from each(stack, _http_api_names(stack), read)


def _http_api_names(stack: Stack) -> list[str]:
    return [name for name in stack.of_type("AWS::ApiGatewayV2::Api")
            if stack.properties(name).get("ProtocolType", "HTTP") == "HTTP"]


def http_routes(stack: Stack) -> Iterator[Routed]:
    """The routes of HTTP APIs that invoke a function."""
    names = _http_api_names(stack)

    def of_body(api: str) -> Iterator[Routed]:
        for method, path, operation in _operations(_body(stack, api)):
            yield from _routed(stack, Route(api, method, path, ""), operation.get(INTEGRATION), "2.0")

    def of_route(name: str) -> Iterator[Routed]:
        declared = stack.properties(name)
        if declared["ApiId"] in names and "Target" in declared:
            method, _, path = declared["RouteKey"].rpartition(" ")
            integration = stack.properties(str(declared["Target"]).removeprefix("integrations/"))
            yield from _routed(stack, Route(declared["ApiId"], method or "ANY", path, ""), integration, "1.0")

    yield from each(stack, names, of_body)
    yield from each(stack, stack.of_type("AWS::ApiGatewayV2::Route"), of_route)


# Both


def _operations(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and operation of an OpenAPI body; the path of HTTP's catch-all route is `$default`."""
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in operations.items():
            if method in METHODS:
                name = "ANY" if method == ANY_METHOD else method.upper()
                yield name, path.replace("/$default", "$default"), operation


def _schemes(operation: Mapping[str, Any]) -> set[str]:
    return {name for requirement in operation.get("security", []) for name in requirement}


def _routed(stack: Stack, route: Route, integration: Mapping[str, Any] | None,
            payload_format: str) -> Iterator[Routed]:
    """The route with its function, if one is behind it: mock, HTTP and service integrations invoke none.

    OpenAPI writes `uri`, REST `Uri`, HTTP `IntegrationUri` for the same thing: keys are compared in lower case.
    """
    plain = {key.lower().removeprefix("integration"): value for key, value in (integration or {}).items()}
    uri = str(plain.get("uri", ""))
    if str(plain.get("type")).upper() not in ("AWS_PROXY", "AWS"):
        return
    match = LAMBDA_URI.search(uri)
    if match is None and (":apigateway:" in uri or "subtype" in plain):
        return
    try:
        function, alias = invoked(stack, match["function"] if match else uri)
    except TemplateError as problem:
        stack.doubt(TemplateError(f"{problem}, but {route.api} {route.name} invokes it"))
        return
    keys = tuple(key.removeprefix(PARAMETER_PREFIX) for key in plain.get("cachekeyparameters", []))
    format_version = str(plain.get("payloadformatversion", payload_format))
    yield Routed(replace(route, function=function, cache_keys=keys), alias, format_version)
