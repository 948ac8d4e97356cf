"""A SAM or CloudFormation template as a Deployment, offline.

aws-sam-translator turns SAM resources into CloudFormation ones, `intrinsics` resolves the references, and what is read
is plain CloudFormation: functions and aliases, and APIs with their routes from OpenAPI bodies or from single resources.

Sources: CloudFormation template reference (AWS::Lambda, AWS::ApiGateway, AWS::ApiGatewayV2); API Gateway developer
guide, "OpenAPI extensions for API Gateway" (x-amazon-apigateway-*).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from loadgen.configuration import MEMORY_MB
from loadgen.deployment import Api, Architecture, Deployment, Function, Route
from loadgen.errors import TemplateError
from loadgen.intrinsics import Stack, as_text, parameter_values

SERVERLESS = "AWS::Serverless-2016-10-31"
APPLICATION = "AWS::Serverless::Application"
CODE_ELSEWHERE = "s3://bucket/key"
FUNCTION_REFERENCE = re.compile(
    r"(?:arn:[^:]+:lambda:[^:]*:[^:]*:function:)?(?P<name>[^:]+?)(?:\.Arn)?(?::(?P<qualifier>[^:]+))?")
"""`F`, `F.Arn`, `F.Arn:live`, the id of an alias or a version, a function's own name or ARN."""
LAMBDA_URI = re.compile(r":lambda:path/[^/]+/functions/(?P<function>.+)/invocations$")
INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"
METHODS = {"get", "post", "put", "patch", "delete", "head", "options", ANY_METHOD}
PARAMETER_PREFIX = "method.request."


def read_template(path: str | Path, parameters: Mapping[str, str] | None = None) -> Deployment:
    """The functions, APIs and routes that the template declares, with these values for its parameters.

    `parameters` may also hold pseudo parameters (`AWS::StackName`). Raises TemplateError, one line: a file that cannot
    be read, a parameter without a value, a reference to nothing, a value that only an account knows.
    """
    source = _load(Path(path))
    stack_name = Path(path).absolute().parent.name
    values = parameter_values(source, {"AWS::StackName": stack_name, **(parameters or {})}, str(path))
    try:
        template = _translate(source, values, str(path)) if _is_serverless(source) else source
        return _deployment(Stack(template, values, str(path)), source)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
        # a property of another form than CloudFormation's: nothing here can know all of them
        raise TemplateError(f"{path}: not understood: {type(problem).__name__}: {problem}") from problem


def read_parameters(path: str | Path) -> tuple[str, ...]:
    """The names of the parameters that the template declares."""
    return tuple(_load(Path(path)).get("Parameters") or ())


def read_stack(path: str | Path, parameters: Mapping[str, str] | None = None) -> Stack:
    """The template's own resources as they stand in it, SAM's untranslated, without those whose condition is false."""
    source = _load(Path(path))
    return Stack(source, parameter_values(source, parameters or {}, str(path)), str(path))


def _deployment(stack: Stack, source: Mapping[str, Any]) -> Deployment:
    routed = [*_rest_routes(stack), *_http_routes(stack)]
    functions = {name: _function(stack, name, _code_uri(source, name), routed)
                 for name in stack.of_type("AWS::Lambda::Function")}
    order = list(functions)
    routed.sort(key=lambda found: (order.index(found.route.function), found.route.path, found.route.method))
    apis = [*_rest_apis(stack, routed), *_http_apis(stack, routed)]
    return Deployment(functions, {api.name: api for api in apis}, tuple(found.route for found in routed))


@dataclass(frozen=True)
class _Routed:
    """A route with what its integration says: the alias that it names and the payload format."""

    route: Route
    alias: str | None
    payload_format: str


def _load(path: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]
    from samtranslator.yaml_helper import yaml_parse

    try:
        source = yaml_parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TemplateError(f"{path}: no such template file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise TemplateError(f"{path}: not readable ({problem})") from None
    except yaml.YAMLError as problem:
        raise TemplateError(f"{path}: not valid YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(source, dict) or not isinstance(source.get("Resources"), dict):
        raise TemplateError(f"{path}: not a template: it has no Resources")
    return source


def _is_serverless(source: Mapping[str, Any]) -> bool:
    transforms = source.get("Transform") or []
    return SERVERLESS in ([transforms] if isinstance(transforms, str) else transforms)


def _translate(source: Mapping[str, Any], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """SAM resources as CloudFormation ones. The translator refuses local code paths, so it is shown another."""
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = copy.deepcopy(dict(source))
    nested = [resource for resource in template["Resources"].values() if resource.get("Type") == APPLICATION]
    for resource in nested:  # the translator would ask AWS for them; they are templates of their own
        resource.update(Type="AWS::CloudFormation::Stack", Properties={"TemplateURL": CODE_ELSEWHERE})
    holders = [resource.get("Properties") or {} for resource in template["Resources"].values()]
    for holder in [*holders, (template.get("Globals") or {}).get("Function") or {}]:
        holder.update({key: CODE_ELSEWHERE for key in ("CodeUri", "ContentUri", "DefinitionUri") if key in holder})
    session = boto3.Session(region_name=str(values["AWS::Region"]))
    translator = Translator({}, Parser(), boto_session=session)
    try:
        translated = translator.translate(template, dict(values))
    except InvalidDocumentException as problem:
        raise TemplateError(f"{where}: {' '.join(problem.causes[0].message.split())}") from None
    finally:
        translator.metrics.publish()  # to nowhere; unpublished ones are complained of when Python ends
    plain: dict[str, Any] = json.loads(json.dumps(translated, default=str))
    return plain


def _code_uri(source: Mapping[str, Any], function: str) -> str | None:
    declared = (source["Resources"].get(function) or {}).get("Properties") or {}
    shared = (source.get("Globals") or {}).get("Function") or {}
    code_uri = declared.get("CodeUri", shared.get("CodeUri"))
    return code_uri if isinstance(code_uri, str) else None


# Functions


def _function(stack: Stack, name: str, code_uri: str | None, routed: list[_Routed]) -> Function:
    declared = stack.properties(name)
    alias = _served_alias(stack, name, routed)
    provisioned = (alias or {}).get("ProvisionedConcurrencyConfig", {})
    number = _Numbers(stack, name)
    return Function(
        name=name,
        runtime=declared.get("Runtime", "container"),
        handler=declared.get("Handler", ""),
        memory_mb=_memory_mb(stack.where, name, number(declared, "MemorySize", 128)),
        timeout_s=number(declared, "Timeout", 3),
        architecture=_architecture(stack.where, name, (declared.get("Architectures") or ["x86_64"])[0]),
        package="image" if declared.get("PackageType") == "Image" else "zip",
        alias=alias["Name"] if alias else None,
        reserved=int(number(declared, "ReservedConcurrentExecutions"))
        if "ReservedConcurrentExecutions" in declared else None,
        provisioned=int(number(provisioned, "ProvisionedConcurrentExecutions", 0)),
        ephemeral_storage_mb=int(number(declared.get("EphemeralStorage", {}), "Size", 512)),
        snap_start=declared.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
        log_format=declared.get("LoggingConfig", {}).get("LogFormat", "Text"),
        code_uri=code_uri,
        metadata=stack.resources[name].get("Metadata") or {},
    )


def _memory_mb(where: str, name: str, size: float) -> int:
    if int(size) not in MEMORY_MB:
        raise TemplateError(f"{where}: {name}.MemorySize = {size:g}: give 128 to 10240 MB")
    return int(size)


def _architecture(where: str, name: str, given: Any) -> Architecture:
    if given not in ("x86_64", "arm64"):
        raise TemplateError(f"{where}: {name}.Architectures = {given!r}: give x86_64 or arm64")
    return cast("Architecture", given)


def _served_alias(stack: Stack, function: str, routed: list[_Routed]) -> Any:
    """The properties of the alias that the routes name; of any alias when no route invokes the function; else None."""
    aliases = [declared for declared in map(stack.properties, stack.of_type("AWS::Lambda::Alias"))
               if _invoked(stack, declared["FunctionName"])[0] == function]
    served = {found.alias for found in routed if found.route.function == function}
    return next((alias for alias in aliases if not served or alias["Name"] in served), None)


def _invoked(stack: Stack, reference: str) -> tuple[str, str | None]:
    """The function (logical id) and the alias, if any, that a reference names. Raises TemplateError for another."""
    match = FUNCTION_REFERENCE.fullmatch(reference)
    name, qualifier = (match["name"], match["qualifier"]) if match else (reference, None)
    resource = stack.resources.get(name, {})
    if resource.get("Type") in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
        declared = stack.properties(name)
        return _invoked(stack, declared["FunctionName"])[0], declared.get("Name")
    for function in stack.of_type("AWS::Lambda::Function"):
        if name in (function, stack.properties(function).get("FunctionName")):
            return function, qualifier
    raise TemplateError(f"{stack.where}: {reference}: no function of this template")


class _Numbers:
    """Reads numbers among one resource's properties, with errors that name the resource and the property."""

    def __init__(self, stack: Stack, resource: str) -> None:
        self.where = f"{stack.where}: {resource}"

    def __call__(self, properties: Mapping[str, Any], key: str, default: float | None = None) -> float:
        value: Any = properties.get(key, default)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TemplateError(f"{self.where}.{key} = {value}: not a number that can be known offline") from None


# REST APIs


def _rest_apis(stack: Stack, routed: list[_Routed]) -> Iterator[Api]:
    stages = [stack.properties(name) for name in stack.of_type("AWS::ApiGateway::Stage")]
    stages += [declared for declared in map(stack.properties, stack.of_type("AWS::ApiGateway::Deployment"))
               if "StageName" in declared]
    for name in stack.of_type("AWS::ApiGateway::RestApi"):
        stage: Any = next((found for found in stages if found.get("RestApiId") == name), {})
        yield _rest_api(stack, name, stage, [found.route for found in routed if found.route.api == name])


def _rest_api(stack: Stack, name: str, stage: Mapping[str, Any], routes: list[Route]) -> Api:
    settings = {_setting_key(found): found for found in stage.get("MethodSettings", [])}
    shared = settings.get("* *", {})
    cached = {route.name: setting for route in routes if route.method == "GET"
              and as_text((setting := settings.get(route.name, shared)).get("CachingEnabled", False)) == "true"}
    number = _Numbers(stack, f"{name} stage")
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


def _throttle(number: _Numbers, settings: Mapping[str, Any]) -> dict[str, Any]:
    if "ThrottlingRateLimit" not in settings:
        return {}
    return {"throttle_rps": number(settings, "ThrottlingRateLimit"),
            "throttle_burst": int(number(settings, "ThrottlingBurstLimit", 0))}


def _rest_routes(stack: Stack) -> Iterator[_Routed]:
    for api in stack.of_type("AWS::ApiGateway::RestApi"):
        body = stack.properties(api).get("Body") or {}
        for method, path, operation in _operations(body):
            route = Route(api, method, path, "", api_key_required="api_key" in _schemes(operation),
                          body_schema=_body_schema(body, operation))
            yield from _routed(stack, route, operation.get(INTEGRATION), "1.0")
    for name in stack.of_type("AWS::ApiGateway::Method"):
        declared = stack.properties(name)
        route = Route(declared["RestApiId"], declared["HttpMethod"], _resource_path(stack, declared["ResourceId"]), "",
                      api_key_required=as_text(declared.get("ApiKeyRequired", False)) == "true",
                      body_schema=_model_schema(stack, declared))
        yield from _routed(stack, route, declared.get("Integration"), "1.0")


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


def _http_apis(stack: Stack, routed: list[_Routed]) -> Iterator[Api]:
    stages = [stack.properties(name) for name in stack.of_type("AWS::ApiGatewayV2::Stage")]
    for name in _http_api_names(stack):
        stage: Any = next((found for found in stages if found.get("ApiId") == name), {})
        formats = {found.payload_format for found in routed if found.route.api == name}
        yield Api(
            name=name,
            kind="http",
            stage=stage.get("StageName", "$default"),
            access_log_format=stage.get("AccessLogSettings", {}).get("Format"),
            payload_format="1.0" if formats == {"1.0"} else "2.0",
            **_throttle(_Numbers(stack, f"{name} stage"), stage.get("DefaultRouteSettings", {})),
        )


def _http_api_names(stack: Stack) -> list[str]:
    return [name for name in stack.of_type("AWS::ApiGatewayV2::Api")
            if stack.properties(name).get("ProtocolType", "HTTP") == "HTTP"]


def _http_routes(stack: Stack) -> Iterator[_Routed]:
    names = _http_api_names(stack)
    for api in names:
        for method, path, operation in _operations(stack.properties(api).get("Body") or {}):
            yield from _routed(stack, Route(api, method, path, ""), operation.get(INTEGRATION), "2.0")
    for name in stack.of_type("AWS::ApiGatewayV2::Route"):
        declared = stack.properties(name)
        if declared["ApiId"] in names:
            method, _, path = declared["RouteKey"].rpartition(" ")
            integration = stack.properties(str(declared.get("Target", "")).removeprefix("integrations/"))
            yield from _routed(stack, Route(declared["ApiId"], method or "ANY", path, ""), integration, "1.0")


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
            payload_format: str) -> Iterator[_Routed]:
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
    function, alias = _invoked(stack, match["function"] if match else uri)
    keys = tuple(key.removeprefix(PARAMETER_PREFIX) for key in plain.get("cachekeyparameters", []))
    format_version = str(plain.get("payloadformatversion", payload_format))
    yield _Routed(replace(route, function=function, cache_keys=keys), alias, format_version)
