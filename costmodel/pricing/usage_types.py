"""What AWS calls the items of the price book on its own bills: service, usage type, operation, and FOCUS's categories.

    usage_types.json  {sources: {key: where}, region_prefixes: {region: prefix},
                       services: {service: {names, codes, category, subcategory, under_others?,
                                  items: {item: {types, operation?, source, elsewhere?, everywhere?, code?,
                                                 attributes?, note?} | {types: [], why}}}}}

A usage type stands there as bills of us-east-1 have it: bare (`Request`), with the Region's prefix (`USE1-WebACLV2`)
or its id (`us-east-1-KMS-Keys`). Other Regions put theirs in front: `EU-Request`. `elsewhere` is their own type,
where it is not the same; `everywhere` says that no Region has a prefix. The first type is the one to export (null:
none alone), the others are names for the same charge. `source` is null where none confirms the type; `why` says why
an item has none.
`*` in an item and its types is the same text on both sides. Categories are those of FOCUS 1.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from loadgen.schema import check_version

FILE = Path(__file__).parent / "usage_types.json"
SCHEMA_VERSION = 2
HOME = "us-east-1"
PREFIX = re.compile(r"(Global|EU|[A-Z]{3}\d{1,2}|[a-z]{2}(?:-[a-z]+)+-\d)-(?=.)")
FREE = "Global-"
"""Usage of no Region: what the free tier took of an account, and CloudFront's share of WAF."""
SECOND_PREFIXES = {"EUW1": "eu-west-1"}


@dataclass(frozen=True)
class AwsName:
    """An item as AWS's bills of one Region name it; `usage_type` is None where no source gives it."""

    service_name: str
    service_code: str
    category: str
    subcategory: str
    usage_type: str | None
    operation: str | None


@dataclass(frozen=True)
class NamedItem:
    """An item that a usage type can mean; `rank` 0 where it is the item's own type, more where it is another name.

    `everywhere`: usage of no Region, whatever the bill says. `attributes` of its product in the price list, where the
    usage type alone does not tell it.
    """

    service: str
    item: str
    operation: str | None
    rank: int
    everywhere: bool
    attributes: Mapping[str, str]


def aws_name(service: str, item: str, region: str) -> AwsName:
    """The AWS names of an item in a Region; a service that is not in the table keeps its own name."""
    entry = _table()["services"].get(service)
    if entry is None:
        return AwsName(service, service, "Other", "Other (Other)", None, None)
    found, wild = _entry(entry["items"], item)
    return AwsName(entry["names"][0], found.get("code", entry["codes"][0]), entry["category"], entry["subcategory"],
                   _usage_type(found, wild, region), found.get("operation"))


def split_usage_type(text: str) -> tuple[str | None, str]:
    """The Region of a usage type's prefix (None: it has none) and the rest; `global` keeps its prefix.

    A prefix that the table does not know is its own Region.
    """
    match = PREFIX.match(text)
    if match is None:
        return None, text
    if match[1] == "Global":
        return "global", text
    prefixes = {short: region for region, short in _table()["region_prefixes"].items()} | SECOND_PREFIXES
    region = match[1] if "-" in match[1] else prefixes.get(match[1], match[1])
    return region, text[match.end():]


def items_named(service: str, usage_type: str, operation: str = "") -> list[NamedItem]:
    """The items that a usage type without prefix can mean, likeliest first.

    `service` is AWS's code or name; "" where it is not told: then the type must be one service's only. An operation
    that one of them has excludes the others.
    """
    found = list(_matches(usage_type)) or [
        replace(each, everywhere=True) for each in _matches(usage_type.removeprefix(FREE))]
    services = _table()["services"]
    own = [each for each in found if service in (*services[each.service]["codes"], *services[each.service]["names"])]
    chosen = own or [each for each in found if services[each.service].get("under_others")]
    if not service:
        chosen = found if len({each.service for each in found}) == 1 else []
    same = [each for each in chosen if operation and each.operation == operation]
    return sorted(same or chosen, key=lambda each: each.rank)


def is_known_service(code_or_name: str) -> bool:
    """Whether the price book has items of this AWS service."""
    return any(code_or_name in ("", *entry["codes"], *entry["names"]) for entry in _table()["services"].values())


def _entry(items: Mapping[str, Any], item: str) -> tuple[Mapping[str, Any], str]:
    """The entry of an item, and what stands for its `*`: the longest pattern that fits, an empty entry if none."""
    if item in items:
        return items[item], ""
    for pattern in sorted(items, key=len, reverse=True):
        wild = _fitted(pattern, item)
        if wild is not None:
            return items[pattern], wild
    return {"types": []}, ""


def _fitted(pattern: str, text: str) -> str | None:
    """What stands for the pattern's `*` in the text; None where it does not fit."""
    if "*" not in pattern:
        return None
    start, end = pattern.split("*")
    fits = text.startswith(start) and text.endswith(end) and len(text) > len(start) + len(end)
    return text[len(start):len(text) - len(end)] if fits else None


def _usage_type(entry: Mapping[str, Any], wild: str, region: str) -> str | None:
    usage_type = next(iter(entry["types"]), None)
    if region != HOME:
        usage_type = entry.get("elsewhere", usage_type)
    if usage_type is None:
        return None
    text = usage_type.replace("*", wild)
    if region == HOME or entry.get("everywhere"):
        return str(text)
    if text.startswith(f"{HOME}-"):
        return f"{region}-{text.removeprefix(f'{HOME}-')}"
    prefix = _table()["region_prefixes"].get(region)
    return f"{prefix}-{split_usage_type(text)[1]}" if prefix else None


@cache
def _matches(usage_type: str) -> tuple[NamedItem, ...]:
    """All items with this usage type."""
    found = []
    for service, entry in _table()["services"].items():
        for item, names in entry["items"].items():
            for rank, text in enumerate(names["types"]):
                if text is None:
                    continue
                plain = split_usage_type(text)[1]
                wild = _fitted(plain, usage_type)
                if plain == usage_type or wild is not None:
                    found.append(NamedItem(service, item.replace("*", wild or "*"), names.get("operation"), rank,
                                           text.startswith(FREE) or names.get("everywhere", False),
                                           names.get("attributes", {})))
    return tuple(found)


@cache
def _table() -> dict[str, Any]:
    return check_version(json.loads(FILE.read_text(encoding="utf-8")), SCHEMA_VERSION, str(FILE))
