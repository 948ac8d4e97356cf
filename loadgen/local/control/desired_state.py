"""The account's desired state, read from what the control plane holds: our functions, moto's APIs.

Resources govern as soon as they are changed: the local cloud has no deployments to wait for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from loadgen.local.account import (
    ApiState,
    FunctionState,
    MethodSettings,
    Provisioned,
    RouteState,
    StageState,
    Version,
)
from loadgen.local.control import functions as held
from loadgen.local.control.functions import Functions

_INVOKED = re.compile(r":function:([^:/]+)(?::([^:/]+))?")
_LOG_GROUP = re.compile(r":log-group:([^:]+)")


def read_functions(functions: Functions) -> dict[str, FunctionState]:
    """Every function by its name."""
    return {function.name: _function(function) for function in functions}


def read_apis(rest: Any, http: Any) -> dict[str, ApiState]:
    """Every API by its id. `rest` and `http` are moto's backends of API Gateway v1 and v2."""
    states = [_rest_api(api) for api in list(rest.apis.values())]
    states += [_http_api(api) for api in list(http.apis.values()) if api.protocol_type == "HTTP"]
    return {state.id: state for state in states}


def _function(function: held.Function) -> FunctionState:
    return FunctionState(
        name=function.name,
        arn=function.arn,
        versions={number: _version(function.name, version) for number, version in function.versions.items()},
        aliases={alias.name: alias.version for alias in function.aliases.values()},
        reserved=function.reserved,
        provisioned={key: Provisioned(c.requested, c.ready_at) for key, c in function.provisioned.items()},
        metadata=function.metadata,
        log_group=function.latest.configuration["LoggingConfig"]["LogGroup"],
    )


def _version(name: str, version: held.Version) -> Version:
    settings, logging = version.configuration, version.configuration["LoggingConfig"]
    return Version(
        function=name,
        number=version.number,
        revision=f"{version.number}:{version.generation}",
        memory_mb=settings["MemorySize"],
        architecture=settings["Architectures"][0],
        timeout_s=float(settings["Timeout"]),
        runtime=settings.get("Runtime", "provided.al2023"),
        package="image" if settings["PackageType"] == "Image" else "zip",
        log_format="JSON" if logging["LogFormat"] == "JSON" else "Text",
        log_level=logging.get("SystemLogLevel", "INFO"),
        snap_start=settings["SnapStart"]["ApplyOn"] == "PublishedVersions",
    )


def _rest_api(api: Any) -> ApiState:
    routes = tuple(route for resource in list(api.resources.values()) for route in _rest_routes(api, resource))
    stages = {name: _rest_stage(stage) for name, stage in api.stages.items()}
    return ApiState(api.id, api.name, "rest", routes, stages)


def _rest_routes(api: Any, resource: Any) -> Iterator[RouteState]:
    for name, method in list(resource.resource_methods.items()):
        integration = method.method_integration
        invoked = _INVOKED.search(integration.uri or "") if integration else None
        if invoked is None:
            continue
        validator = api.request_validators.get(method.request_validator_id)
        parameters = method.request_parameters or {}
        yield RouteState(
            method=name,
            path=resource.get_path(),
            function=invoked[1],
            qualifier=invoked[2],
            timeout_s=int(integration.timeout_in_millis or 29_000) / 1000,
            payload_format="1.0",
            body_schema=_schema(api, method) if validator and validator.validate_request_body else None,
            required_parameters=tuple(_short(key) for key, required in parameters.items() if required)
            if validator and validator.validate_request_parameters else (),
            cache_keys=tuple(_short(key) for key in integration.cache_key_parameters),
        )


def _schema(api: Any, method: Any) -> Mapping[str, Any] | None:
    name = (method.request_models or {}).get("application/json")
    model = next((model for model in api.models.values() if model.name == name), None)
    schema: Mapping[str, Any] | None = json.loads(model.schema) if model else None
    return schema


def _short(parameter: str) -> str:
    return parameter.removeprefix("method.request.")


def _rest_stage(stage: Any) -> StageState:
    settings = {key: _rest_settings(values) for key, values in stage.method_settings.items()}
    log = stage.access_log_settings or {}
    return StageState(
        name=stage.name,
        default=settings.get("*/*", MethodSettings()),
        settings={_route_name(key): values for key, values in settings.items() if key != "*/*"},
        cache_gb=float(stage.cache_cluster_size or 0.5) if stage.cache_cluster_enabled else None,
        access_log_group=_log_group(log),
        access_log_format=log.get("format"),
    )


def _rest_settings(values: Mapping[str, Any]) -> MethodSettings:
    return MethodSettings(
        throttle_rps=values["throttlingRateLimit"],
        throttle_burst=values["throttlingBurstLimit"],
        cached=values["cachingEnabled"],
        cache_ttl_s=values["cacheTtlInSeconds"],
    )


def _route_name(key: str) -> str:
    """`GET /products/{id}` of the method setting `~1products~1{id}/GET`; the first slash may be missing."""
    path, _, method = key.rpartition("/")
    return f"{method} /{path.replace('~1', '/').lstrip('/')}"


def _log_group(log: Mapping[str, str]) -> str | None:
    found = _LOG_GROUP.search(log.get("destinationArn", ""))
    return found[1] if found else None


def _http_api(api: Any) -> ApiState:
    routes = tuple(route for held_route in list(api.routes.values()) for route in _http_route(api, held_route))
    return ApiState(api.api_id, api.name, "http", routes, {name: _http_stage(s) for name, s in api.stages.items()})


def _http_route(api: Any, route: Any) -> Iterator[RouteState]:
    integration = api.integrations.get((route.target or "").removeprefix("integrations/"))
    invoked = _INVOKED.search(integration.integration_uri or "") if integration else None
    if invoked is None:
        return
    method, _, path = route.route_key.partition(" ")
    yield RouteState(
        method=method,
        path=path or route.route_key,
        function=invoked[1],
        qualifier=invoked[2],
        timeout_s=integration.timeout_in_millis / 1000,
        payload_format="1.0" if integration.payload_format_version == "1.0" else "2.0",
    )


def _http_stage(stage: Any) -> StageState:
    log = stage.access_log_settings or {}
    return StageState(
        name=stage.name,
        default=_http_settings(stage.default_route_settings),
        settings={key: _http_settings(values) for key, values in (stage.route_settings or {}).items()},
        access_log_group=_log_group(log),
        access_log_format=log.get("format"),
    )


def _http_settings(values: Mapping[str, Any]) -> MethodSettings:
    return MethodSettings(values.get("throttlingRateLimit"), values.get("throttlingBurstLimit"))
