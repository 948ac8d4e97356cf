"""What a deployed API lacks for a run that can be joined, each with the command that mends it.

The commands are for the AWS command line, whole and quoted for a POSIX shell.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from loadgen.access_format import FORMATS, lacking
from loadgen.target import Target, TargetApi, TargetFunction

LOG_ROLE = "loadgen-apigateway-logs"
_LOG_ROLE_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def find_gaps(target: Target, clients: Mapping[str, Any]) -> Target:
    """The target with `missing` filled in. `clients`: of apigateway, lambda and logs."""
    return replace(target, missing=(*_api_gaps(target, clients), *_function_gaps(target, clients)))


def _api_gaps(target: Target, clients: Mapping[str, Any]) -> Iterator[str]:
    for api in target.apis.values():
        what = f"{api.kind.upper()} API {api.name} ({api.id}), stage {api.stage}"
        if api.log_group is None:
            if api.kind == "rest" and not clients["apigateway"].get_account().get("cloudwatchRoleArn"):
                yield _gap(f"{what}: the account has no role for access logs", _role_commands(target, clients))
            group = f"/aws/vendedlogs/{api.name}/{api.stage.strip('$')}"
            yield _gap(f"{what}: access logs are off", [
                _aws(target, "logs", "create-log-group", "--log-group-name", group),
                _log_command(target, api, _arn(target, clients, "logs", f"log-group:{group}")),
            ])
        elif lacks := lacking(api.log_format or "", api.kind):
            arn = _arn(target, clients, "logs", f"log-group:{api.log_group}")
            yield _gap(f"{what}: its access log lacks {', '.join(lacks)}", [_log_command(target, api, arn)])


def _function_gaps(target: Target, clients: Mapping[str, Any]) -> Iterator[str]:
    for name, function in target.functions.items():
        served = clients["lambda"].get_function_configuration(FunctionName=function.name)
        if served.get("LoggingConfig", {}).get("SystemLogLevel") == "WARN":
            yield _gap(f"function {name} ({function.name}): its log level WARN leaves the reports out", [
                _aws(target, "lambda", "update-function-configuration", "--function-name", function.name,
                     "--logging-config", "LogFormat=JSON,SystemLogLevel=INFO")])
        if not _has_group(clients["logs"], function):
            yield _gap(f"function {name} ({function.name}): no log group {function.log_group} yet (made at the first "
                       "invocation, if the function's role may)", [
                _aws(target, "logs", "create-log-group", "--log-group-name", function.log_group)])


def _has_group(logs: Any, function: TargetFunction) -> bool:
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=function.log_group)
    return any(group["logGroupName"] == function.log_group for page in pages for group in page["logGroups"])


def _role_commands(target: Target, clients: Mapping[str, Any]) -> list[str]:
    role = f"arn:aws:iam::{_account(target, clients)}:role/{LOG_ROLE}"
    patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
    return [
        _aws(target, "iam", "create-role", "--role-name", LOG_ROLE,
             "--assume-role-policy-document", json.dumps(_TRUST)),
        _aws(target, "iam", "attach-role-policy", "--role-name", LOG_ROLE, "--policy-arn", _LOG_ROLE_POLICY),
        _aws(target, "apigateway", "update-account", "--patch-operations", json.dumps(patch)),
    ]


def _log_command(target: Target, api: TargetApi, group_arn: str) -> str:
    if api.kind == "http":
        settings = json.dumps({"DestinationArn": group_arn, "Format": FORMATS["http"]})
        return _aws(target, "apigatewayv2", "update-stage", "--api-id", api.id, "--stage-name", api.stage,
                    "--access-log-settings", settings)
    patches = [{"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
               for name, value in (("destinationArn", group_arn), ("format", FORMATS["rest"]))]
    return _aws(target, "apigateway", "update-stage", "--rest-api-id", api.id, "--stage-name", api.stage,
                "--patch-operations", json.dumps(patches))


def _account(target: Target, clients: Mapping[str, Any]) -> str:
    """The account's id, from a function's ARN: no further permission is needed for it."""
    function = next(iter(target.functions.values()))
    return str(clients["lambda"].get_function_configuration(FunctionName=function.name)["FunctionArn"]).split(":")[4]


def _arn(target: Target, clients: Mapping[str, Any], service: str, resource: str) -> str:
    return f"arn:aws:{service}:{target.region}:{_account(target, clients)}:{resource}"


def _aws(target: Target, *words: str) -> str:
    place = ["--region", target.region] + (["--endpoint-url", target.endpoint_url] if target.endpoint_url else [])
    return shlex.join(["aws", *words, *place])


def _gap(what: str, commands: list[str]) -> str:
    return f"{what}: {' && '.join(commands)}"
