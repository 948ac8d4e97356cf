"""Deployed APIs and the functions behind them as a Target, read through boto3, and what they lack for a joined run.

Things are named by the logical id that CloudFormation tagged them with, else by their own name. A path with several
stages needs to be told which: `ID/STAGE` instead of `ID`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadgen.aws import client_for, explained
from loadgen.deployment import Api, ApiKind, Deployment, Function, Route
from loadgen.errors import DeployError, InputError
from loadgen.functions import DeployedFunction, own_settings
from loadgen.gaps import find_gaps
from loadgen.stages import read_stage, to_settings
from loadgen.target import Target, TargetApi, TargetFunction

AWS_INVOKE_URL = "https://{api_id}.execute-api.{region}.amazonaws.com"
LOGICAL_ID_TAG = "aws:cloudformation:logical-id"
_FUNCTION = re.compile(r"(?P<arn>arn:[^:]+:lambda:[^:]+:\d+:function:(?P<name>[^:/]+))(?::(?P<alias>[^:/]+))?")
_LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:(?P<name>[^:]+)")
_CACHE_KEY_PREFIX = "method.request."


@dataclass(frozen=True)
class _FoundRoute:
    """A route as the gateway holds it: with the function's own name and alias, not its logical id."""

    route: Route
    function: str
    alias: str | None
    payload_format: str = "1.0"


@dataclass(frozen=True)
class _FoundApi:
    """One API: its place, what its tags call it, and its routes."""

    place: TargetApi
    logical_id: str
    routes: tuple[_FoundRoute, ...]


def discover(*, region: str, api_ids: Sequence[str], endpoint_url: str | None = None,
             invoke_url: str = AWS_INVOKE_URL) -> Target:
    """The Target of these APIs (one REST, one HTTP at most) and of every function that they invoke.

    `invoke_url`: where the APIs answer, with `{api_id}` and `{region}`; `/STAGE` is appended unless it is `$default`.
    Raises InputError (no such API, no or several stages, two APIs of a kind), DeployError or UnreachableError.
    """
    with explained(DeployError, "discover"):
        clients = {name: client_for(region, endpoint_url, name) for name in
                   ("apigateway", "apigatewayv2", "lambda", "logs")}
        found = [_find_api(clients, api_id, region, invoke_url) for api_id in api_ids]
        _check_kinds(found)
        aliases: dict[str, str | None] = {}
        for routed in (routed for api in found for routed in api.routes):
            aliases[routed.function] = aliases.get(routed.function) or routed.alias
        functions = _unique({name: _find_function(clients["lambda"], name, alias) for name, alias in aliases.items()})
        logical = {place.name: name for name, (_, place) in functions.items()}
        deployment = Deployment(
            functions={name: function for name, (function, _) in functions.items()},
            apis={api.logical_id: _describe_api(clients, api) for api in found},
            triggers=tuple(_named(routed, logical) for api in found for routed in api.routes),
        )
        target = Target(deployment, {api.place.kind: api.place for api in found},
                        {name: place for name, (_, place) in functions.items()}, region, endpoint_url)
        return find_gaps(target, clients)


def _check_kinds(found: Sequence[_FoundApi]) -> None:
    kinds = [api.place.kind for api in found]
    for kind in set(kinds):
        if kinds.count(kind) > 1:
            ids = ", ".join(api.place.id for api in found if api.place.kind == kind)
            raise InputError(f"api = {ids}: one {kind} API at most in a target: write a target file for each")


def _find_api(clients: Mapping[str, Any], wanted: str, region: str, invoke_url: str) -> _FoundApi:
    api_id, _, stage = wanted.partition("/")
    http, rest = clients["apigatewayv2"], clients["apigateway"]
    url = invoke_url.format(api_id=api_id, region=region).rstrip("/")
    try:
        found = http.get_api(ApiId=api_id)
    except http.exceptions.NotFoundException:
        try:
            found = rest.get_rest_api(restApiId=api_id)
        except rest.exceptions.NotFoundException:
            raise InputError(f"api = {api_id}: no REST or HTTP API with this id in {region}: look at `aws apigateway "
                             "get-rest-apis` and `aws apigatewayv2 get-apis`") from None
        return _find_rest(rest, found, stage, url)
    if found.get("ProtocolType") != "HTTP":
        raise InputError(f"api = {api_id}: a {found.get('ProtocolType')} API: only REST and HTTP APIs are understood")
    return _find_http(http, found, stage, url)


def _choose(stages: list[Any], key: str, wanted: str, api_id: str) -> Any:
    names = [stage[key] for stage in stages]
    if wanted in names:
        return stages[names.index(wanted)]
    if wanted or len(stages) != 1:
        raise InputError(f"api = {api_id}{'/' if wanted else ''}{wanted}: give one stage as {api_id}/STAGE (there are: "
                         f"{', '.join(names) or 'none'})")
    return stages[0]


def _place(kind: ApiKind, found: Mapping[str, str], stage: str, url: str, log: Mapping[str, str]) -> TargetApi:
    address = url if stage == "$default" else f"{url}/{stage}"
    group = _LOG_GROUP.match(log.get("destinationarn", ""))
    return TargetApi(kind, found["id"], found["name"], stage, address, group["name"] if group else None,
                     log.get("format") if group else None)


def _lower(members: Mapping[str, Any]) -> dict[str, Any]:
    """REST writes members `destinationArn`, HTTP `DestinationArn`: one way to read both."""
    return {key.lower(): value for key, value in members.items()}


# REST


def _find_rest(client: Any, found: Any, stage_name: str, url: str) -> _FoundApi:
    stage = _choose(client.get_stages(restApiId=found["id"])["item"], "stageName", stage_name, found["id"])
    place = _place("rest", found, stage["stageName"], url, _lower(stage.get("accessLogSettings", {})))
    logical_id = found.get("tags", {}).get(LOGICAL_ID_TAG, found["name"])
    return _FoundApi(place, logical_id, tuple(_rest_routes(client, found["id"], logical_id)))


def _rest_routes(client: Any, api_id: str, logical_id: str) -> Iterator[_FoundRoute]:
    pages = client.get_paginator("get_request_validators").paginate(restApiId=api_id)
    validating = {item["id"] for page in pages for item in page["items"] if item.get("validateRequestBody")}
    for page in client.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"]):
        for resource in page["items"]:
            for name, method in sorted(resource.get("resourceMethods", {}).items()):
                integration = method.get("methodIntegration", {})
                invoked = _FUNCTION.search(integration.get("uri") or "")
                if not invoked or not integration.get("type", "").startswith("AWS"):
                    continue
                keys = tuple(key.removeprefix(_CACHE_KEY_PREFIX) for key in integration.get("cacheKeyParameters") or ())
                model = (method.get("requestModels") or {}).get("application/json")
                checked = method.get("requestValidatorId") in validating and model is not None
                route = Route(logical_id, name, resource["path"], "", cache_keys=keys,
                              api_key_required=bool(method.get("apiKeyRequired")),
                              body_schema=_schema(client, api_id, model) if checked else None)
                yield _FoundRoute(route, invoked["name"], invoked["alias"])


def _schema(client: Any, api_id: str, model: str | None) -> Any:
    schema = client.get_model(restApiId=api_id, modelName=model, flatten=True).get("schema")
    return json.loads(schema) if schema else None


# HTTP


def _find_http(client: Any, found: Any, stage_name: str, url: str) -> _FoundApi:
    api_id = found["ApiId"]
    stages = [stage for page in client.get_paginator("get_stages").paginate(ApiId=api_id) for stage in page["Items"]]
    stage = _choose(stages, "StageName", stage_name, api_id)
    place = _place("http", {"id": api_id, "name": found["Name"]}, stage["StageName"], url,
                   _lower(stage.get("AccessLogSettings") or {}))
    logical_id = (found.get("Tags") or {}).get(LOGICAL_ID_TAG, found["Name"])
    return _FoundApi(place, logical_id, tuple(_http_routes(client, api_id, logical_id)))


def _http_routes(client: Any, api_id: str, logical_id: str) -> Iterator[_FoundRoute]:
    pages = client.get_paginator("get_integrations").paginate(ApiId=api_id)
    integrations = {item["IntegrationId"]: item for page in pages for item in page["Items"]}
    routes = [item for page in client.get_paginator("get_routes").paginate(ApiId=api_id) for item in page["Items"]]
    for route in sorted(routes, key=lambda found: str(found["RouteKey"])):
        integration = integrations.get(str(route.get("Target", "")).removeprefix("integrations/"), {})
        invoked = _FUNCTION.search(integration.get("IntegrationUri") or "")
        if invoked:
            method, _, path = route["RouteKey"].rpartition(" ")
            yield _FoundRoute(Route(logical_id, method or "ANY", path, ""), invoked["name"], invoked["alias"],
                              integration.get("PayloadFormatVersion", "1.0"))


# Functions, and what both kinds share


def _find_function(lambda_: Any, name: str, alias: str | None) -> tuple[Function, TargetFunction]:
    deployed = DeployedFunction(lambda_, name, name, alias, print)
    found, state, served = lambda_.get_function(FunctionName=name), deployed.read(), deployed.served()
    logging = served.get("LoggingConfig", {})
    function = Function(
        name=found.get("Tags", {}).get(LOGICAL_ID_TAG, name),
        runtime=served.get("Runtime", "container"),
        handler=served.get("Handler", ""),
        memory_mb=served["MemorySize"],
        timeout_s=float(served["Timeout"]),
        architecture=served.get("Architectures", ["x86_64"])[0],
        package="image" if served.get("PackageType") == "Image" else "zip",
        vpc=bool(served.get("VpcConfig", {}).get("SubnetIds")),
        package_mb=sum(each.get("CodeSize", 0) for each in (served, *served.get("Layers", ()))) / 1e6 or None,
        alias=alias,
        reserved=state.reserved,
        provisioned=state.provisioned,
        ephemeral_storage_mb=served.get("EphemeralStorage", {}).get("Size", 512),
        snap_start=own_settings(served)["SnapStart"]["ApplyOn"] == "PublishedVersions",
        log_format=logging.get("LogFormat", "Text"),
    )
    return function, TargetFunction(name, logging.get("LogGroup", f"/aws/lambda/{name}"))


def _unique(found: Mapping[str, tuple[Function, TargetFunction]]) -> dict[str, tuple[Function, TargetFunction]]:
    """By logical id; by their own names when two stacks use one logical id."""
    logical = [function.name for function, _ in found.values()]
    if len(set(logical)) == len(logical):
        return {function.name: (function, place) for function, place in found.values()}
    return {name: (replace(function, name=name), place) for name, (function, place) in found.items()}


def _named(routed: _FoundRoute, logical: Mapping[str, str]) -> Route:
    return replace(routed.route, function=logical[routed.function])


def _describe_api(clients: Mapping[str, Any], found: _FoundApi) -> Api:
    place, routes = found.place, tuple(routed.route for routed in found.routes)
    stage = read_stage(place, clients["apigateway" if place.kind == "rest" else "apigatewayv2"])
    settings = to_settings(stage, routes)
    uncached = {name for name, own in settings.routes.items() if own.cached is False}
    cached = tuple(route.name for route in routes if route.method == "GET" and route.name not in uncached)
    formats = {routed.payload_format for routed in found.routes}
    return Api(found.logical_id, place.kind, place.stage, settings.cache_gb, settings.cache_ttl_s,
               cached if uncached else (), settings.throttle_rps, settings.throttle_burst, place.log_format,
               "2.0" if "2.0" in formats else "1.0")
