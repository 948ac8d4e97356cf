"""Usage files of Infracost (YAML, version 0.1): measured usage written for its forecasts, and one read as usage.

    version: 0.1
    resource_usage:
      aws_lambda_function.Products: {monthly_requests: 3000000, request_duration_ms: 120}
      aws_apigatewayv2_api.http_api: {monthly_requests: 3000000, request_size_kb: 12}
      aws_api_gateway_rest_api.rest_api: {monthly_requests: 3000000}
      aws_cloudwatch_log_group.Products: {monthly_data_ingested_gb: 1.5}
      aws_data_transfer.internet: {region: us-east-1, monthly_outbound_internet_gb: 50}
      aws_sqs_queue.this["my queue"]: {monthly_requests: 1000000}

A month is 730 hours; requests and durations are whole numbers there. A name that Terraform does not take as a label
stands as the key of `this`, and reads back as it was. Memory and architecture are not in the file: Infracost takes
them from the Terraform code, whoever reads a file must give them. What all other resources have is in
`infracost_resources`.
Source: infracost.io, usage file; infracost/infracost, infracost-usage-example.yml (2026-08).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.metering import GIB, HTTP_UNIT_BYTES, gb_s, http_units
from costmodel.pricing import infracost_resources
from costmodel.pricing.infracost_resources import MONTH_HOURS
from costmodel.pricing.resource import ResourceTally, SenderTally
from costmodel.pricing.services.cloudwatch import LogsTally
from loadgen.deployment import Architecture

API_TYPES = {"rest": "aws_api_gateway_rest_api", "http": "aws_apigatewayv2_api"}
UNNAMED = {"aws_api_gateway_rest_api": "rest_api", "aws_apigatewayv2_api": "http_api"}
"""The label of an API that has no name."""
FUNCTION, LOGS, TRANSFER = "aws_lambda_function", "aws_cloudwatch_log_group", "aws_data_transfer"
PROVISIONED = "aws_lambda_provisioned_concurrency_config"
UNIT_KB = HTTP_UNIT_BYTES // 1024
REQUESTS, DURATION = "monthly_requests", "request_duration_ms"
SIZE, OLD_SIZE = "request_size_kb", "average_request_size"
OWN_KEYS: Mapping[str, tuple[str, ...]] = {
    FUNCTION: (REQUESTS, DURATION), API_TYPES["rest"]: (REQUESTS,), API_TYPES["http"]: (REQUESTS, SIZE, OLD_SIZE)}
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
ADDRESS = re.compile(r"((?:module\.[^.]+\.)*)(\w+)\.(.+)")
KEYED = re.compile(r'this\[(".*")\]')


def infracost_usage(activity: Activity) -> tuple[dict[str, Any], list[str]]:
    """The usage file's content of an activity, scaled to a month, and what has no place in it, each a sentence.

    A function's duration is the mean billed one, rounded up to whole ms; requests to whole requests.
    """
    month = activity.scaled(MONTH_HOURS / activity.hours, MONTH_HOURS)
    found: dict[str, dict[str, Any]] = {}
    lost: list[str] = []
    for kind, name, usage, sentences in (*_functions(month), *_apis(month), *_resources(month)):
        address = _address(kind, name)
        if address in found and kind != LOGS:
            address = _address(kind, f"{name} #{len(found)}")
        before = found.setdefault(address, {})
        before |= {key: before[key] + value if key in before else value for key, value in usage.items()}
        lost += [f"{address}: {sentence}" for sentence in sentences]
    sent_gb = sum(float(route.response_bytes) for route in month.of(RouteTally)) / GIB
    sent_gb += sum(float(tally.transfer_out_gb) for tally in month.tallies if isinstance(tally, SenderTally))
    if sent_gb:
        found[f"{TRANSFER}.sent"] = {"region": activity.region, "monthly_outbound_internet_gb": sent_gb}
    return {"version": 0.1, "resource_usage": found}, lost + list(_unknown(month))


def write_infracost(activity: Activity, path: Path) -> list[str]:
    """Write the usage file; what has no place in it, each a sentence."""
    import yaml  # type: ignore[import-untyped]

    content, lost = infracost_usage(activity)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return lost


def read_infracost(path: Path, region: str, *, memory_mb: int | Mapping[str, int] | None = None,
                   architecture: Architecture = "x86_64") -> Activity:
    """The activity of a usage file; `memory_mb` of every function, or by its name.

    Raises InputError: a file that is none, a quantity that is no amount, a function without a memory size. What
    Infracost has and this does not read is named in `missing`.
    """
    data = _content(path)
    tallies: list[Tally] = []
    missing = [f"resource_type_default_usage of {kind}: not read from Infracost files: not on the bill"
               for kind in data.get("resource_type_default_usage") or ()]
    for address, usage in data["resource_usage"].items():
        kind, name = _named(str(address))
        flat = dict(_flat(usage))
        known = {*OWN_KEYS.get(kind, ()), *infracost_resources.keys(kind)}
        if not known:
            missing.append(f"{address}: not read from Infracost files: not on the bill")
            continue
        amounts = {key: _amount(path, address, key, value) for key, value in flat.items() if key in known}
        if kind in OWN_KEYS and amounts.keys() & set(OWN_KEYS[kind]):
            memory = _memory(path, name, memory_mb) if kind == FUNCTION else 0
            tallies.append(_own(kind, name, amounts, memory, architecture))
        try:
            made, read, assumed = infracost_resources.read(kind, name, amounts)
        except InputError as problem:
            raise InputError(f"{path}: {address}: {problem}") from None
        tallies += made
        missing += [f"{address}: {sentence}" for sentence in assumed]
        missing += [f"{address}: {key} is not read from Infracost files: not on the bill" for key, value in flat.items()
                    if value and key != "region" and key not in read and key not in OWN_KEYS.get(kind, ())]
    return Activity(region, MONTH_HOURS, tuple(_with_functions_logs(tallies)), "given", tuple(missing))


Written = tuple[str, str, dict[str, Any], list[str]]
"""Type, name, usage, and what has no place in it."""


def _functions(month: Activity) -> Iterator[Written]:
    by_name: dict[str, list[FunctionTally]] = {}
    for tally in month.of(FunctionTally):
        by_name.setdefault(tally.function, []).append(tally)
    for name, tallies in by_name.items():
        requests = sum(float(tally.invocations) for tally in tallies)
        billed_s = sum(float(tally.gb_s + tally.provisioned_gb_s) / (tally.memory_mb / 1024.0) for tally in tallies)
        duration_ms = math.ceil(round(billed_s * 1000.0 / requests, 6)) if requests else 0
        provisioned = any(float(tally.provisioned_gb_s) for tally in tallies)
        yield FUNCTION, name, {REQUESTS: round(requests), DURATION: duration_ms}, [
            "its duration in provisioned environments is written as on demand"] if provisioned else []
        logs_gb = sum(float(tally.log_bytes) for tally in tallies) / GIB
        if logs_gb:
            yield LOGS, name, {"monthly_data_ingested_gb": logs_gb}, []
    memory = {tally.function: tally.memory_mb for tally in month.of(FunctionTally)}
    for standing in month.of(ProvisionedTally):
        size = {"memory_mb": memory[standing.function]} if standing.function in memory else {}
        usage = {"monthly_duration_hrs": round(month.hours), "architecture": standing.architecture, **size}
        yield PROVISIONED, standing.function, usage, ["how many environments is in the Terraform code"]


def _apis(month: Activity) -> Iterator[Written]:
    by_api: dict[tuple[str, str], list[RouteTally]] = {}
    for route in month.of(RouteTally):
        if route.api in API_TYPES:
            by_api.setdefault((route.api, route.resource), []).append(route)
    for (kind, name), routes in by_api.items():
        requests = sum(float(route.requests) for route in routes)
        units = sum(max(float(route.units), float(route.requests)) for route in routes)
        each = units / requests if requests else 1.0
        if kind == "rest" and each > 1:
            yield API_TYPES[kind], name, {REQUESTS: round(units)}, [
                "streamed responses are written as a request each 10 MB"]
        elif kind == "rest":
            yield API_TYPES[kind], name, {REQUESTS: round(requests)}, []
        elif each == round(each):
            yield API_TYPES[kind], name, {REQUESTS: round(requests), SIZE: round(each) * UNIT_KB}, []
        else:
            yield API_TYPES[kind], name, {REQUESTS: round(units), SIZE: UNIT_KB}, [
                f"requests of several sizes are written as units of {UNIT_KB} KB"]


def _resources(month: Activity) -> Iterator[Written]:
    for tally in month.tallies:
        found = infracost_resources.written(tally) if isinstance(tally, ResourceTally) else None
        if found is not None:
            kind, name, usage, lost = found
            yield kind, name, {"region": month.region, **usage} if kind == TRANSFER else usage, lost


def _unknown(month: Activity) -> Iterator[str]:
    """What Infracost's files have no type of usage for."""
    from costmodel.pricing.usage_file import KINDS

    names = {made: kind for kind, made in KINDS.items()}
    for tally in month.tallies:
        if isinstance(tally, CacheTally):
            yield f"{tally.resource or 'the REST API'}: its cache is in the Terraform code, not in a usage file"
        elif isinstance(tally, ResourceTally) and infracost_resources.written(tally) is None:
            kind = names.get(type(tally), type(tally).__name__.removesuffix("Tally"))
            yield f"{tally.resource}: {kind}: Infracost's usage files have nothing for it"


def _own(kind: str, name: str, usage: Mapping[str, float], memory_mb: int, architecture: Architecture) -> Tally:
    """A function, or an API in front of functions."""
    requests = usage.get(REQUESTS, 0.0)
    if kind == FUNCTION:
        duration_ms = math.ceil(usage.get(DURATION, 0.0))
        return FunctionTally(name, "", architecture, memory_mb, requests, gb_s=gb_s(requests * duration_ms, memory_mb))
    if kind == API_TYPES["rest"]:
        return RouteTally("rest", "", requests, resource=name)
    units = http_units(usage.get(SIZE, usage.get(OLD_SIZE, 0.0)) * 1024.0)
    return RouteTally("http", "", requests, units=requests * units, resource=name)


def _with_functions_logs(tallies: list[Tally]) -> Iterator[Tally]:
    """A log group that has a function's name is that function's: on Lambda's ladder of prices."""
    functions = {tally.function for tally in tallies if isinstance(tally, FunctionTally)}
    for tally in tallies:
        if isinstance(tally, LogsTally) and tally.resource.removeprefix("/aws/lambda/") in functions:
            yield LogsTally(resource=tally.resource, source="lambda", ingested_gb=tally.ingested_gb,
                            stored_gb_months=tally.stored_gb_months, scanned_gb=tally.scanned_gb)
        else:
            yield tally


def _address(kind: str, name: str) -> str:
    """The Terraform address; an API without a name has the label that UNNAMED has for it."""
    unnamed = UNNAMED.get(kind)
    if not name and unnamed:
        return f"{kind}.{unnamed}"
    plain = LABEL.fullmatch(name) and name not in (unnamed, "this")
    return f"{kind}.{name}" if plain else f"{kind}.this[{json.dumps(name)}]"


def _named(address: str) -> tuple[str, str]:
    """Type and name of an address: the inverse of `_address`; modules are part of the name."""
    parts = ADDRESS.fullmatch(address)
    if parts is None:
        return address, ""
    modules, kind, label = parts.groups()
    keyed = KEYED.fullmatch(label)
    if keyed and not modules:
        try:
            return kind, str(json.loads(keyed[1]))
        except ValueError:
            return kind, label
    return kind, "" if not modules and label == UNNAMED.get(kind) else modules + label


def _flat(usage: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values by key, those of an inner table with a dot."""
    for key, value in usage.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _content(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError(f"{path}: not readable as YAML ({' '.join(str(problem).split())})") from None
    resources = data.get("resource_usage") if isinstance(data, Mapping) else None
    if not isinstance(resources, Mapping) or not all(isinstance(usage, Mapping) for usage in resources.values()):
        raise InputError(f"{path}: resource_usage: no such table: give an Infracost usage file of version 0.1")
    return dict(data)


def _amount(path: Path, address: Any, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"{path}: {address}: {key} = {value!r}: give a number of 0 or more")
    return float(value)


def _memory(path: Path, name: str, memory_mb: int | Mapping[str, int] | None) -> int:
    found = memory_mb.get(name) if isinstance(memory_mb, Mapping) else memory_mb
    if found is None:
        raise InputError(f"{path}: {_address(FUNCTION, name)}: its memory is in the Terraform code, not here: "
                         f"give --memory {name}=MB")
    return found
