"""Usage files of Infracost (YAML, version 0.1): measured usage written for its forecasts, and one read as usage.

    version: 0.1
    resource_usage:
      aws_lambda_function.Products: {monthly_requests: 3000000, request_duration_ms: 120}
      aws_apigatewayv2_api.http_api: {monthly_requests: 3000000, average_request_size: 12}     # KB
      aws_api_gateway_rest_api.rest_api: {monthly_requests: 3000000}
      aws_cloudwatch_log_group.Products: {monthly_data_ingested_gb: 1.5}
      aws_data_transfer.internet: {region: us-east-1, monthly_outbound_internet_gb: 50}

A month is 730 hours; requests and durations are whole numbers there. Memory and architecture are not in the file: Infracost
takes them from the Terraform code, whoever reads a file must give them. Source: infracost.io, usage file, and its
infracost-usage-example.yml.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.metering import GIB, HTTP_UNIT_BYTES, gb_s, http_units
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.services.data_transfer import TransferTally
from loadgen.deployment import Architecture

MONTH_HOURS = 730.0
API_TYPES = {"rest": "aws_api_gateway_rest_api", "http": "aws_apigatewayv2_api"}
API_NAMES = {"rest": "rest_api", "http": "http_api"}
KEYS: Mapping[str, tuple[str, ...]] = {
    "aws_lambda_function": ("monthly_requests", "request_duration_ms"),
    "aws_api_gateway_rest_api": ("monthly_requests",),
    "aws_apigatewayv2_api": ("monthly_requests", "average_request_size"),
    "aws_cloudwatch_log_group": ("monthly_data_ingested_gb", "storage_gb", "monthly_data_scanned_gb"),
    "aws_data_transfer": ("monthly_outbound_internet_gb",),
}
"""What is read, by type of resource. Log groups are taken for those of functions."""


def infracost_usage(activity: Activity) -> dict[str, Any]:
    """The usage file's content of an activity, scaled to a month.

    A function's duration is the mean billed one, rounded up to whole ms; requests to whole requests.
    """
    month = activity.scaled(MONTH_HOURS / activity.hours, MONTH_HOURS)
    resources = {**_functions(month), **_apis(month)}
    gb = sum(float(route.response_bytes) for route in month.of(RouteTally)) / GIB
    if gb:
        resources["aws_data_transfer.internet"] = {"region": activity.region, "monthly_outbound_internet_gb": gb}
    return {"version": 0.1, "resource_usage": resources}


def write_infracost(activity: Activity, path: Path) -> None:
    """Write the usage file."""
    import yaml  # type: ignore[import-untyped]

    path.write_text(yaml.safe_dump(infracost_usage(activity), sort_keys=False), encoding="utf-8")


def read_infracost(path: Path, region: str, *, memory_mb: int | Mapping[str, int] | None = None,
                   architecture: Architecture = "x86_64") -> Activity:
    """The activity of a usage file; `memory_mb` of every function, or by its name.

    Raises InputError: a file that is none, a quantity that is no amount, a function without a memory size. What Infracost
    has and this does not read is named in `missing`.
    """
    tallies: list[Tally] = []
    missing: list[str] = []
    for address, usage in _resources(path).items():
        kind, _, name = str(address).partition(".")
        if kind not in KEYS:
            missing.append(f"{address}: not read from Infracost files: not on the bill")
            continue
        values = {key: _amount(path, address, key, value) for key, value in usage.items() if key in KEYS[kind]}
        unread = [key for key in usage if key not in (*KEYS[kind], "region")]
        missing += [f"{address}: {key} is not read from Infracost files: not on the bill" for key in unread]
        if kind == "aws_lambda_function":
            tallies.append(_read_function(name, values, _memory(path, name, memory_mb), architecture))
        else:
            tallies.append(_read(kind, name, values))
    return Activity(region, MONTH_HOURS, tuple(tallies), "given", tuple(missing))


def _functions(month: Activity) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    by_name: dict[str, list[FunctionTally]] = {}
    for tally in month.of(FunctionTally):
        by_name.setdefault(tally.function, []).append(tally)
    for name, tallies in by_name.items():
        requests = sum(float(tally.invocations) for tally in tallies)
        billed_s = sum(float(tally.gb_s + tally.provisioned_gb_s) / (tally.memory_mb / 1024.0) for tally in tallies)
        found[f"aws_lambda_function.{_identifier(name)}"] = {
            "monthly_requests": round(requests),
            "request_duration_ms": math.ceil(round(billed_s * 1000.0 / requests, 6)) if requests else 0}
        logs_gb = sum(float(tally.log_bytes) for tally in tallies) / GIB
        if logs_gb:
            found[f"aws_cloudwatch_log_group.{_identifier(name)}"] = {"monthly_data_ingested_gb": logs_gb}
    for standing in month.of(ProvisionedTally):
        key = f"aws_lambda_provisioned_concurrency_config.{_identifier(standing.function)}"
        found[key] = {"monthly_duration_hours": month.hours}
    return found


def _apis(month: Activity) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for kind, resource in API_TYPES.items():
        routes = [route for route in month.of(RouteTally) if route.api == kind]
        requests = sum(float(route.requests) for route in routes)
        if not routes:
            continue
        usage: dict[str, float] = {"monthly_requests": round(requests)}
        if kind == "http" and requests:
            units = sum(float(route.units) for route in routes)
            usage["average_request_size"] = math.ceil(units / requests * HTTP_UNIT_BYTES / 1024)
        found[f"{resource}.{API_NAMES[kind]}"] = usage
    return found


def _read_function(name: str, usage: Mapping[str, float], memory_mb: int, architecture: Architecture) -> FunctionTally:
    requests = usage.get("monthly_requests", 0.0)
    duration_ms = math.ceil(usage.get("request_duration_ms", 0.0))
    return FunctionTally(name, "", architecture, memory_mb, requests, gb_s=gb_s(requests * duration_ms, memory_mb))


def _read(kind: str, name: str, usage: Mapping[str, float]) -> Tally:
    """What is not a function."""
    requests = usage.get("monthly_requests", 0.0)
    if kind == "aws_api_gateway_rest_api":
        return RouteTally("rest", "", requests, resource=name)
    if kind == "aws_apigatewayv2_api":
        units = http_units(usage.get("average_request_size", 0.0) * 1024.0)
        return RouteTally("http", "", requests, units=requests * units, resource=name)
    if kind == "aws_data_transfer":
        return TransferTally(resource=name, internet_gb=usage.get("monthly_outbound_internet_gb", 0.0))
    return LogsTally(resource=name, source="lambda", ingested_gb=usage.get("monthly_data_ingested_gb", 0.0),
                     stored_gb_months=usage.get("storage_gb", 0.0), scanned_gb=usage.get("monthly_data_scanned_gb", 0.0))


def _resources(path: Path) -> Mapping[str, Mapping[str, Any]]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError(f"{path}: not readable as YAML ({' '.join(str(problem).split())})") from None
    resources = data.get("resource_usage") if isinstance(data, Mapping) else None
    if not isinstance(resources, Mapping) or not all(isinstance(usage, Mapping) for usage in resources.values()):
        raise InputError(f"{path}: resource_usage: no such table: give an Infracost usage file of version 0.1")
    return resources


def _amount(path: Path, address: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"{path}: {address}: {key} = {value!r}: give a number of 0 or more")
    return float(value)


def _memory(path: Path, name: str, memory_mb: int | Mapping[str, int] | None) -> int:
    found = memory_mb.get(name) if isinstance(memory_mb, Mapping) else memory_mb
    if found is None:
        raise InputError(f"{path}: aws_lambda_function.{name}: its memory is in the Terraform code, not here: "
                         f"give --memory {name}=MB")
    return found


def _identifier(name: str) -> str:
    """A name as Terraform takes it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
