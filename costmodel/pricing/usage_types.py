"""What AWS calls the items of the price book on its own bills: usage type, operation, service, category, Region prefix.

    usage_types.json  {region_prefixes: {region: prefix}, bare_in_us_east_1: [service],
                       services: {service: {name, code, category, subcategory, items: {item: [usage type, operation]}}}}

A usage type is the item's, after the Region's prefix and a hyphen: `EU-Lambda-GB-Second`. In us-east-1 the services in
`bare_in_us_east_1` have none. An item whose usage type no source gives has None. Item `*` stands for all others, and
`*` in its usage type for the item's name. Categories are those of FOCUS 1.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from loadgen.schema import check_version

FILE = Path(__file__).parent / "usage_types.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class AwsName:
    """An item as AWS's bills name it; `usage_type` without the Region's prefix, None where it is not known."""

    service_name: str
    service_code: str
    category: str
    subcategory: str
    usage_type: str | None
    operation: str | None


def aws_name(service: str, item: str) -> AwsName:
    """The AWS names of an item; a service that is not in the table keeps its own name."""
    entry = _table()["services"].get(service)
    if entry is None:
        return AwsName(service, service, "Other", "Other (Other)", None, None)
    found = entry["items"].get(item) or entry["items"].get("*")
    usage_type, operation = found if found else (None, None)
    return AwsName(entry["name"], entry["code"], entry["category"], entry["subcategory"],
                   usage_type.replace("*", item) if usage_type else None, operation or None)


def full_usage_type(service: str, item: str, region: str) -> str | None:
    """The usage type with the Region's prefix, as on a bill; None where it is not known."""
    usage_type = aws_name(service, item).usage_type
    bare = region == "us-east-1" and service in _table()["bare_in_us_east_1"]
    if usage_type is None or bare or service == "cloudfront":
        return usage_type
    prefix = _table()["region_prefixes"].get(region)
    return f"{prefix}-{usage_type}" if prefix else None


def split_usage_type(text: str) -> tuple[str | None, str]:
    """The Region of a usage type's prefix (None: it has none) and the rest."""
    prefix, hyphen, rest = text.partition("-")
    regions = {short: region for region, short in _table()["region_prefixes"].items()} | {"EUW1": "eu-west-1"}
    return (regions[prefix], rest) if hyphen and prefix in regions else (None, text)


@cache
def items_by_usage_type() -> Mapping[tuple[str, str], tuple[str, str]]:
    """(service, item) by (service code, usage type without prefix), of all that has one."""
    found = {}
    for service, entry in _table()["services"].items():
        for item, (usage_type, _) in entry["items"].items():
            if usage_type and item != "*":
                found[entry["code"], usage_type] = (service, item)
    return found


def item_named(code: str, usage_type: str) -> tuple[str, str] | None:
    """Service and item of a usage type without prefix; every instance type is an item of EC2."""
    for service, entry in _table()["services"].items():
        start = entry["items"].get("*", ["*"])[0].removesuffix("*")
        if entry["code"] == code and start and usage_type.startswith(start):
            return service, usage_type.removeprefix(start)
    return items_by_usage_type().get((code, usage_type))


def service_codes(code_or_name: str) -> list[str]:
    """The codes of the AWS services of this code or name; of all when it is empty."""
    entries = _table()["services"].values()
    return [entry["code"] for entry in entries if code_or_name in ("", entry["code"], entry["name"])]


def is_known_service(code_or_name: str) -> bool:
    """Whether the price book has items of this AWS service."""
    return bool(service_codes(code_or_name))


@cache
def _table() -> dict[str, Any]:
    return check_version(json.loads(FILE.read_text(encoding="utf-8")), SCHEMA_VERSION, str(FILE))
