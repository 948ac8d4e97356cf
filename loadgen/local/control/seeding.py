"""Deploy a template's Deployment into a fresh account, by the same boto3 calls that one would make to AWS.

Physical names are `<stack>-<logical id>`; tags carry the logical ids, as CloudFormation's do, so that a discovery finds
the template's names again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from loadgen.aws import client_for
from loadgen.deployment import Api, ApiKind, Deployment, Function, Route
from loadgen.target import Target, TargetApi, TargetFunction

_ROLE = "arn:aws:iam::{account_id}:role/local"
_INVOCATIONS = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"
_TAG = "aws:cloudformation:logical-id"


def function_name(stack: str, logical: str) -> str:
    """A function's name in the account."""
    return f"{stack}-{logical}"


def seed(deployment: Deployment, stack: str, *, endpoint_url: str, data_url: str, region: str,
         account_id: str) -> Target:
    """Deploy everything and say where it is. `data_url`: where the APIs answer."""
    seeding = _Seeding(deployment, stack, endpoint_url, region, account_id)
    for function in deployment.functions.values():
        seeding.deploy_function(function)
    apis: dict[ApiKind, TargetApi] = {}
    for api in deployment.apis.values():
        api_id = seeding.deploy_rest(api) if api.kind == "rest" else seeding.deploy_http(api)
        address = f"{data_url}/{api_id}" if api.stage == "$default" else f"{data_url}/{api_id}/{api.stage}"
        group = seeding.log_group(api) if api.access_log_format else None
        apis[api.kind] = TargetApi(api.kind, api_id, seeding.name(api.name), api.stage, address, group,
                                   api.access_log_format)
    functions = {name: TargetFunction(seeding.name(name), f"/aws/lambda/{seeding.name(name)}")
                 for name in deployment.functions}
    return Target(deployment, apis, functions, region, endpoint_url)


class _Seeding:
    """The clients and names of one deployment."""

    def __init__(self, deployment: Deployment, stack: str, endpoint_url: str, region: str, account_id: str) -> None:
        self._deployment, self._stack, self._region, self._account_id = deployment, stack, region, account_id
        self._lambda, self._rest, self._http, self._logs = (
            client_for(region, endpoint_url, service) for service in ("lambda", "apigateway", "apigatewayv2", "logs"))
        self._code = _placeholder_code()

    def name(self, logical: str) -> str:
        return function_name(self._stack, logical)

    def log_group(self, api: Api) -> str:
        return f"/aws/vendedlogs/{self._stack}/{api.kind}-access"

    def deploy_function(self, function: Function) -> None:
        """The function, and for an alias its first version; concurrency as declared."""
        name = self.name(function.name)
        code = {"ImageUri": f"{name}:local"} if function.package == "image" else {"ZipFile": self._code}
        runtime = {} if function.package == "image" else {"Runtime": function.runtime, "Handler": function.handler}
        self._lambda.create_function(
            FunctionName=name, Role=_ROLE.format(account_id=self._account_id), Code=code, **runtime,
            PackageType=function.package.capitalize(), MemorySize=function.memory_mb, Timeout=int(function.timeout_s),
            Architectures=[function.architecture], EphemeralStorage={"Size": function.ephemeral_storage_mb},
            SnapStart={"ApplyOn": "PublishedVersions" if function.snap_start else "None"},
            LoggingConfig={"LogFormat": function.log_format}, Tags={_TAG: function.name})
        self._logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
        if function.alias:
            version = self._lambda.publish_version(FunctionName=name)["Version"]
            self._lambda.create_alias(FunctionName=name, Name=function.alias, FunctionVersion=version)
        if function.reserved is not None:
            self._lambda.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=function.reserved)
        if function.provisioned and function.alias:
            self._lambda.put_provisioned_concurrency_config(
                FunctionName=name, Qualifier=function.alias, ProvisionedConcurrentExecutions=function.provisioned)

    def deploy_rest(self, api: Api) -> str:
        """A REST API: resources, methods, models, stage. Returns its id."""
        created = self._rest.create_rest_api(name=self.name(api.name), endpointConfiguration={"types": ["REGIONAL"]},
                                             tags={_TAG: api.name})
        api_id = created["id"]
        root = next(item["id"] for item in self._rest.get_resources(restApiId=api_id)["items"] if item["path"] == "/")
        resources, validators = {"/": root}, _Validators(self._rest, api_id)
        for route in self._deployment.routes("rest"):
            resource = self._resource(api_id, resources, route.path)
            self._rest.put_method(
                restApiId=api_id, resourceId=resource, httpMethod=route.method, authorizationType="NONE",
                apiKeyRequired=route.api_key_required, **validators.members(route))
            self._rest.put_integration(
                restApiId=api_id, resourceId=resource, httpMethod=route.method, type="AWS_PROXY",
                integrationHttpMethod="POST",
                uri=_INVOCATIONS.format(region=self._region, function=self._invoked(route)),
                cacheKeyParameters=[f"method.request.{key}" for key in route.cache_keys])
        deployed = self._rest.create_deployment(restApiId=api_id)["id"]
        self._rest.create_stage(restApiId=api_id, stageName=api.stage, deploymentId=deployed,
                                cacheClusterEnabled=api.cache_gb is not None,
                                **({"cacheClusterSize": f"{api.cache_gb:g}"} if api.cache_gb is not None else {}))
        patches = [*self._access_log_patches(api), *_setting_patches(api)]
        if patches:
            self._rest.update_stage(restApiId=api_id, stageName=api.stage, patchOperations=patches)
        return str(api_id)

    def deploy_http(self, api: Api) -> str:
        """An HTTP API: an integration a function, routes, stage. Returns its id."""
        api_id = self._http.create_api(Name=self.name(api.name), ProtocolType="HTTP", Tags={_TAG: api.name})["ApiId"]
        integrations: dict[str, str] = {}
        for route in self._deployment.routes("http"):
            arn = self._invoked(route)
            if arn not in integrations:
                integrations[arn] = self._http.create_integration(
                    ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn,
                    PayloadFormatVersion=api.payload_format)["IntegrationId"]
            key = "$default" if route.path == "$default" else route.name
            self._http.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integrations[arn]}")
        throttle = {} if api.throttle_rps is None else {
            "ThrottlingRateLimit": api.throttle_rps, "ThrottlingBurstLimit": api.throttle_burst or 0}
        log = {"AccessLogSettings": {"DestinationArn": self._access_log(api), "Format": api.access_log_format}} \
            if api.access_log_format else {}
        self._http.create_stage(ApiId=api_id, StageName=api.stage, AutoDeploy=True,
                                DefaultRouteSettings={"DetailedMetricsEnabled": False, **throttle}, **log)
        return str(api_id)

    def _invoked(self, route: Route) -> str:
        alias = self._deployment.functions[route.function].alias
        arn = f"arn:aws:lambda:{self._region}:{self._account_id}:function:{self.name(route.function)}"
        return f"{arn}:{alias}" if alias else arn

    def _resource(self, api_id: str, resources: dict[str, str], path: str) -> str:
        """The id of a path's resource; it and its parents are made when they are missing."""
        if path not in resources:
            parent, _, part = path.rstrip("/").rpartition("/")
            parent_id = self._resource(api_id, resources, parent or "/")
            resources[path] = self._rest.create_resource(restApiId=api_id, parentId=parent_id, pathPart=part)["id"]
        return resources[path]

    def _access_log(self, api: Api) -> str:
        self._logs.create_log_group(logGroupName=self.log_group(api))
        return f"arn:aws:logs:{self._region}:{self._account_id}:log-group:{self.log_group(api)}"

    def _access_log_patches(self, api: Api) -> list[Mapping[str, str]]:
        if not api.access_log_format:
            return []
        return [_replace("/accessLogSettings/destinationArn", self._access_log(api)),
                _replace("/accessLogSettings/format", api.access_log_format)]


class _Validators:
    """One API's request validators and models, made when a route first needs them."""

    def __init__(self, client: Any, api_id: str) -> None:
        self._client, self._api_id = client, api_id
        self._ids: dict[str, str] = {}
        self._models: list[Mapping[str, Any]] = []

    def members(self, route: Route) -> dict[str, Any]:
        """What PutMethod needs so that this route's body is checked, and its cache keys are known."""
        members: dict[str, Any] = {}
        parameters = {f"method.request.{key}": key.startswith("path.") for key in route.cache_keys}
        if parameters:
            members["requestParameters"] = parameters
        if route.body_schema is not None:
            members |= {"requestModels": {"application/json": self._model(route.body_schema)},
                        "requestValidatorId": self._validator("body")}
        return members

    def _model(self, schema: Mapping[str, Any]) -> str:
        if schema not in self._models:
            self._models.append(schema)
            self._client.create_model(restApiId=self._api_id, name=f"Model{len(self._models)}",
                                      contentType="application/json", schema=json.dumps(schema))
        return f"Model{self._models.index(schema) + 1}"

    def _validator(self, name: str) -> str:
        if name not in self._ids:
            self._ids[name] = self._client.create_request_validator(
                restApiId=self._api_id, name=name, validateRequestBody=True, validateRequestParameters=False)["id"]
        return self._ids[name]


def _setting_patches(api: Api) -> list[Mapping[str, str]]:
    """The stage's throttle and what it caches: nothing but the routes named."""
    patches = []
    if api.throttle_rps is not None:
        patches += [_replace("/*/*/throttling/rateLimit", f"{api.throttle_rps:g}"),
                    _replace("/*/*/throttling/burstLimit", str(api.throttle_burst or 0))]
    if api.cached_routes:
        patches.append(_replace("/*/*/caching/enabled", "false"))
    for name in api.cached_routes:
        method, _, path = name.partition(" ")
        key = f"/{path.replace('/', '~1')}/{method}"
        patches += [_replace(f"{key}/caching/enabled", "true"),
                    _replace(f"{key}/caching/ttlInSeconds", str(api.cache_ttl_s))]
        if api.throttle_rps is not None:
            patches += [_replace(f"{key}/throttling/rateLimit", f"{api.throttle_rps:g}"),
                        _replace(f"{key}/throttling/burstLimit", str(api.throttle_burst or 0))]
    return patches


def _replace(path: str, value: str) -> Mapping[str, str]:
    return {"op": "replace", "path": path, "value": value}


def _placeholder_code() -> bytes:
    """A zip that stands for the function's code: the local cloud runs declared profiles."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py"), "def handler(event, context):\n    return {'statusCode': 200}\n")
    return content.getvalue()
