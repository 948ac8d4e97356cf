"""The IAM policies that each verb needs against AWS: nothing more than its own calls, on the target's own resources.

Without a target the resources are all APIs, functions and log groups of the account. Actions that take no resource
(`logs:DescribeLogGroups`, `cloudwatch:GetMetricData`) are on `*`. API Gateway's actions are HTTP methods.

Source: AWS service authorization reference, "Actions, resources, and condition keys" of Lambda, API Gateway Management,
CloudWatch Logs and CloudWatch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loadgen.target import Target

Statement = dict[str, Any]


@dataclass(frozen=True)
class Resources:
    """The ARNs that a policy names."""

    apis: tuple[str, ...]
    stages: tuple[str, ...]
    functions: tuple[str, ...]
    versions: tuple[str, ...]
    """Versions and aliases: qualified ARNs."""
    log_groups: tuple[str, ...]


def policy(verb: str, target: Target | None = None) -> dict[str, Any]:
    """The IAM policy document of a verb (a key of `POLICIES`)."""
    resources = _everything() if target is None else _of(target)
    return {"Version": "2012-10-17", "Statement": POLICIES[verb](resources)}


def _read(r: Resources) -> list[Statement]:
    return [
        _allow("ReadApis", ["apigateway:GET"], r.apis),
        _allow("ReadFunctions", ["lambda:GetAlias", "lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration",
                                 "lambda:GetProvisionedConcurrencyConfig"], r.functions + r.versions),
    ]


def _discover(r: Resources) -> list[Statement]:
    return [
        *_read(r),
        _allow("ReadAccountLogRole", ["apigateway:GET"], ("arn:aws:apigateway:*::/account",)),
        _allow("ReadFunctionTags", ["lambda:GetFunction", "lambda:ListTags"], r.functions),
        _allow("FindLogGroups", ["logs:DescribeLogGroups"], ("*",)),
    ]


def _run(r: Resources) -> list[Statement]:
    return [*_read(r), _allow("InvokeDirectly", ["lambda:InvokeFunction"], r.functions + r.versions)]


def _collect(r: Resources) -> list[Statement]:
    return [
        _allow("ReadLogs", ["logs:FilterLogEvents"], r.log_groups),
        _allow("ReadMetrics", ["cloudwatch:GetMetricData"], ("*",)),
    ]


def _metrics(r: Resources) -> list[Statement]:
    return [*_read(r), *_collect(r)]


def _sweep(r: Resources) -> list[Statement]:
    return [
        *_run(r), *_collect(r),
        _allow("ChangeStages", ["apigateway:PATCH", "apigateway:DELETE"], r.stages),
        _allow("ChangeFunctions", [
            "lambda:DeleteFunctionConcurrency", "lambda:ListVersionsByFunction", "lambda:PublishVersion",
            "lambda:PutFunctionConcurrency", "lambda:UpdateFunctionConfiguration"], r.functions),
        _allow("ChangeAliases", [
            "lambda:DeleteProvisionedConcurrencyConfig", "lambda:PutProvisionedConcurrencyConfig",
            "lambda:UpdateAlias"], r.functions + r.versions),
        _allow("DeleteVersionsMade", ["lambda:DeleteFunction"], r.versions),
    ]


POLICIES: Mapping[str, Callable[[Resources], list[Statement]]] = {
    "discover": _discover, "run": _run, "collect": _collect, "metrics": _metrics, "sweep": _sweep,
}


def _allow(name: str, actions: list[str], resources: tuple[str, ...]) -> Statement:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _everything() -> Resources:
    apis = ("arn:aws:apigateway:*::/restapis/*", "arn:aws:apigateway:*::/apis/*")
    stages = ("arn:aws:apigateway:*::/restapis/*/stages/*", "arn:aws:apigateway:*::/apis/*/stages/*")
    return Resources(apis, stages, ("arn:aws:lambda:*:*:function:*",), ("arn:aws:lambda:*:*:function:*:*",),
                     ("arn:aws:logs:*:*:log-group:*",))


def _of(target: Target) -> Resources:
    roots = [f"arn:aws:apigateway:{target.region}::/{'restapis' if api.kind == 'rest' else 'apis'}/{api.id}"
             for api in target.apis.values()]
    stages = [f"{root}/stages/{api.stage}" for root, api in zip(roots, target.apis.values(), strict=True)]
    functions = [f"arn:aws:lambda:{target.region}:*:function:{function.name}" for function in target.functions.values()]
    groups = [function.log_group for function in target.functions.values()]
    groups += [api.log_group for api in target.apis.values() if api.log_group]
    return Resources(
        apis=tuple(arn for root in roots for arn in (root, f"{root}/*")),
        stages=tuple(arn for stage in stages for arn in (stage, f"{stage}/*")),
        functions=tuple(functions),
        versions=tuple(f"{function}:*" for function in functions),
        log_groups=tuple(f"arn:aws:logs:{target.region}:*:log-group:{group}:*" for group in groups),
    )
