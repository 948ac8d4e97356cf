"""API Gateway v1 (REST): stages and what of the rest moto answers wrongly. Resources, methods and models are moto's.

A stage's settings are changed by patches: `/*/*/throttling/rateLimit`, `/{path with ~1 for /}/{METHOD}/caching/enabled`
and `/cacheClusterEnabled` are such paths; `remove` takes a setting, a method's settings, or the access log away. The
first setting of a method fills in AWS's defaults for the others.
Sources: API Gateway API reference, "UpdateStage"; recorded answers published with localstack/localstack @ 8b9a79f.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadgen.local.control.wire import Answer, Call, Refused

Members = dict[str, Any]


def _flag(text: str) -> bool:
    return text.lower() == "true"


METHOD_DEFAULTS: Mapping[str, Any] = {
    "metricsEnabled": False, "dataTraceEnabled": False, "throttlingBurstLimit": 5000, "throttlingRateLimit": 10000.0,
    "cachingEnabled": True, "cacheTtlInSeconds": 300, "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
_METHOD_SETTINGS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "metrics/enabled": ("metricsEnabled", _flag),
    "logging/loglevel": ("loggingLevel", str),
    "logging/dataTrace": ("dataTraceEnabled", _flag),
    "throttling/burstLimit": ("throttlingBurstLimit", int),
    "throttling/rateLimit": ("throttlingRateLimit", float),
    "caching/enabled": ("cachingEnabled", _flag),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", int),
    "caching/dataEncrypted": ("cacheDataEncrypted", _flag),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", _flag),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", str),
}
_INTEGRATION_OPTIONS: Mapping[str, str] = {
    "credentials": "credentials", "integration_method": "integrationHttpMethod",
    "request_templates": "requestTemplates",
    "passthrough_behavior": "passthroughBehavior", "tls_config": "tlsConfig", "cache_namespace": "cacheNamespace",
    "timeout_in_millis": "timeoutInMillis", "request_parameters": "requestParameters",
    "content_handling": "contentHandling", "connection_type": "connectionType",
}
"""moto's names of what an integration is put with, and the API's."""
CACHE_SIZES = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")


class RestService:
    """The operations on REST APIs that are ours. `backend` is moto's; `flush_cache` empties a stage's cache."""

    def __init__(self, backend: Any, flush_cache: Callable[[str, str], None]) -> None:
        self._backend, self._flush_cache = backend, flush_cache

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "CreateStage": self.create_stage,
            "GetStage": self.get_stage,
            "GetStages": self.get_stages,
            "UpdateStage": self.update_stage,
            "FlushStageCache": self.flush_stage_cache,
            "DeleteDeployment": self.delete_deployment,
            "PutIntegration": self.put_integration,
            "GetIntegration": self.get_integration,
        }

    def create_stage(self, call: Call) -> Answer:
        """A new stage of a deployment."""
        api = self._api(call)
        if call["deploymentId"] not in api.deployments:
            raise Refused(400, "BadRequestException", "Deployment id does not exist")
        if call["stageName"] in api.stages:
            raise Refused(409, "ConflictException", "Stage already exists")
        self._backend.create_stage(
            api.id, call["stageName"], call["deploymentId"], variables=call.get("variables"),
            description=call.get("description", ""), cacheClusterEnabled=bool(call.get("cacheClusterEnabled")),
            cacheClusterSize=call.get("cacheClusterSize"), tags=call.get("tags"),
            tracing_enabled=bool(call.get("tracingEnabled")))
        return Answer(_described(api.stages[call["stageName"]]), 201)

    def get_stage(self, call: Call) -> Answer:
        """One stage."""
        return Answer(_described(self._stage(call)))

    def get_stages(self, call: Call) -> Answer:
        """The stages of an API, perhaps of one deployment only."""
        stages = self._api(call).stages.values()
        wanted = call.get("deploymentId")
        return Answer({"item": [_described(stage) for stage in stages if wanted in (None, stage.deployment_id)]})

    def update_stage(self, call: Call) -> Answer:
        """Apply patches in their order."""
        stage = self._stage(call)
        for patch in call.get("patchOperations") or ():
            _patch(stage, patch["op"], patch["path"], patch.get("value"))
        stage.updated_at = time.time()
        return Answer(_described(stage))

    def flush_stage_cache(self, call: Call) -> Answer:
        """Empty a stage's cache."""
        self._stage(call)
        self._flush_cache(call["restApiId"], call["stageName"])
        return Answer({}, 202)

    def delete_deployment(self, call: Call) -> Answer:
        """Delete a deployment that no stage uses."""
        api = self._api(call)
        if any(stage.deployment_id == call["deploymentId"] for stage in api.stages.values()):
            raise Refused(400, "BadRequestException", "Active stages pointing to this deployment must be moved or "
                                                      "deleted")
        if api.deployments.pop(call["deploymentId"], None) is None:
            raise _missing("Deployment")
        return Answer(status=202)

    def put_integration(self, call: Call) -> Answer:
        """Set a method's integration. moto forgets the cache key's parameters: without them all answers are one."""
        self._method(call)
        options = {name: call.get(key) for name, key in _INTEGRATION_OPTIONS.items()}
        integration = self._backend.put_integration(
            call["restApiId"], call["resourceId"], call["httpMethod"], call["type"], call.get("uri"), **options)
        integration.cache_key_parameters = list(call.get("cacheKeyParameters") or ())
        integration.cache_namespace = integration.cache_namespace or call["resourceId"]
        integration.passthrough_behaviour = integration.passthrough_behaviour or "WHEN_NO_MATCH"
        integration.timeout_in_millis = int(integration.timeout_in_millis or 29_000)
        return Answer(_present(integration), 201)

    def get_integration(self, call: Call) -> Answer:
        """A method's integration."""
        method = self._method(call)
        if method.method_integration is None:
            raise _missing("Integration")
        return Answer(_present(method.method_integration))

    def _method(self, call: Call) -> Any:
        """A resource's method; a missing API is told as a missing resource."""
        api = self._backend.apis.get(call["restApiId"])
        resource = api and api.resources.get(call["resourceId"])
        if not resource:
            raise _missing("Resource")
        method = resource.resource_methods.get(call["httpMethod"])
        if method is None:
            raise _missing("Method")
        return method

    def _api(self, call: Call) -> Any:
        api = self._backend.apis.get(call["restApiId"])
        if api is None:
            raise Refused(404, "NotFoundException", "Invalid API identifier specified "
                          f"{self._backend.account_id}:{call['restApiId']}")
        return api

    def _stage(self, call: Call) -> Any:
        stage = self._api(call).stages.get(call["stageName"])
        if stage is None:
            raise _missing("Stage")
        return stage


def _present(integration: Any) -> Members:
    return {key: value for key, value in integration.to_json().items() if value is not None}


def _missing(what: str) -> Refused:
    return Refused(404, "NotFoundException", f"Invalid {what} identifier specified")


def _described(stage: Any) -> Members:
    now = time.time()
    if not hasattr(stage, "created_at"):
        stage.created_at = stage.updated_at = now
    optional = {
        "description": stage.description, "variables": stage.variables, "tags": stage.tags,
        "cacheClusterSize": stage.cache_cluster_size, "accessLogSettings": stage.access_log_settings,
    }
    return {
        "stageName": stage.name, "deploymentId": stage.deployment_id,
        "cacheClusterEnabled": bool(stage.cache_cluster_enabled),
        "cacheClusterStatus": "AVAILABLE" if stage.cache_cluster_enabled else "NOT_AVAILABLE",
        "methodSettings": stage.method_settings, "tracingEnabled": bool(stage.tracing_enabled),
        "createdDate": stage.created_at, "lastUpdatedDate": stage.updated_at,
        **{key: value for key, value in optional.items() if value},
    }


def _patch(stage: Any, op: str, path: str, value: str | None) -> None:
    parts = path.strip("/").split("/")
    if op == "remove":
        _remove(stage, path, parts)
    elif op not in ("add", "replace"):
        raise Refused(400, "BadRequestException", f"Invalid patch operation specified: {op}")
    elif value is None:
        raise Refused(400, "BadRequestException", f"Invalid patch path {path}: a value is needed")
    elif parts[0] in _STAGE_SETTINGS:
        _STAGE_SETTINGS[parts[0]](stage, parts[1:], value)
    else:
        key, name, convert = _method_setting(path, parts)
        try:
            converted = convert(value)
        except ValueError:
            raise Refused(400, "BadRequestException", f"Invalid value {value!r} for {path}") from None
        stage.method_settings.setdefault(key, dict(METHOD_DEFAULTS))[name] = converted


def _method_setting(path: str, parts: Sequence[str]) -> tuple[str, str, Callable[[str], Any]]:
    known = _METHOD_SETTINGS.get("/".join(parts[2:]))
    if known is None:
        raise Refused(400, "BadRequestException", f"Invalid method setting path: {path}")
    return "/".join(parts[:2]), *known


def _remove(stage: Any, path: str, parts: Sequence[str]) -> None:
    if parts[0] == "accessLogSettings":
        stage.access_log_settings = None
    elif parts[0] == "variables" and len(parts) == 2:
        stage.variables.pop(parts[1], None)
    elif len(parts) == 2 and "/".join(parts) in stage.method_settings:
        del stage.method_settings["/".join(parts)]
    elif len(parts) == 4:
        key, name, _ = _method_setting(path, parts)
        settings = stage.method_settings.get(key)
        if settings is not None and name in METHOD_DEFAULTS:
            settings[name] = METHOD_DEFAULTS[name]
    else:
        raise Refused(400, "BadRequestException", f"Invalid patch path {path}: nothing to remove")


def _set_cache_enabled(stage: Any, rest: Sequence[str], value: str) -> None:
    stage.cache_cluster_enabled = _flag(value)
    if stage.cache_cluster_enabled and not stage.cache_cluster_size:
        stage.cache_cluster_size = CACHE_SIZES[0]


def _set_cache_size(stage: Any, rest: Sequence[str], value: str) -> None:
    if value not in CACHE_SIZES:
        raise Refused(400, "BadRequestException", f"Invalid cache cluster size {value}: there are "
                                                  f"{', '.join(CACHE_SIZES)}")
    stage.cache_cluster_size = value


def _set_access_log(stage: Any, rest: Sequence[str], value: str) -> None:
    stage.access_log_settings = {**(stage.access_log_settings or {}), rest[0]: value}


def _set_variable(stage: Any, rest: Sequence[str], value: str) -> None:
    stage.variables[rest[0]] = value


def _attribute(name: str, convert: Callable[[str], Any] = str) -> Callable[[Any, Sequence[str], str], None]:
    return lambda stage, rest, value: setattr(stage, name, convert(value))


_STAGE_SETTINGS: Mapping[str, Callable[[Any, Sequence[str], str], None]] = {
    "cacheClusterEnabled": _set_cache_enabled,
    "cacheClusterSize": _set_cache_size,
    "accessLogSettings": _set_access_log,
    "variables": _set_variable,
    "description": _attribute("description"),
    "deploymentId": _attribute("deployment_id"),
    "tracingEnabled": _attribute("tracing_enabled", _flag),
}
