"""The price book: what each item of each service costs in one Region, with its tiers, source and date.

Data lies in `prices/`, in a layout of our own:

    regions/<region>.json  {schema_version, region, currency, services: {service: {item: {unit, effective, confidence,
                           sources: [key], tiers: [{up_to, usd}], note?}}}}
    sources.json           {sources: {key: {title, where, as_of}}}
    free_tier.json         {allowances: [{service, items, amount, sources}]}: per account and month

`up_to` is the upper end of the month's quantity that pays `usd` a unit, null without end. `effective` is the day for
which the first source gives the price (the newest of AWS's own where there is one), null where no source is dated.
Numbers become Decimal as they are read, never float.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from costmodel.errors import InputError, PriceMissingError
from loadgen.schema import check_version

SCHEMA_VERSION = 1
PRICES = Path(__file__).parent / "prices"


@dataclass(frozen=True)
class Tier:
    """USD a unit up to this quantity of the month (None: without end)."""

    up_to: Decimal | None
    usd: Decimal


@dataclass(frozen=True)
class Price:
    """One item of the book. `sources` are titles, the first the one that the price was taken from."""

    service: str
    item: str
    unit: str
    tiers: tuple[Tier, ...]
    sources: tuple[str, ...]
    effective: date | None
    confidence: Literal["high", "medium", "low"]
    note: str = ""


@dataclass(frozen=True)
class Allowance:
    """What AWS gives free, per account and month, shared by these items."""

    service: str
    items: tuple[str, ...]
    amount: Decimal


@dataclass(frozen=True)
class PriceBook:
    """The prices of one Region in USD, by service and item."""

    region: str
    prices: Mapping[tuple[str, str], Price]
    allowances: tuple[Allowance, ...] = ()

    @classmethod
    def load(cls, region: str, folder: Path = PRICES) -> PriceBook:
        """The book of a Region. Raises PriceMissingError when there is none: another Region's is never used."""
        path = folder / "regions" / f"{region}.json"
        if region not in regions(folder):
            there_is = ", ".join(regions(folder)) or "none"
            raise PriceMissingError(f"region {region!r}: the price book has no prices for it (there is: {there_is}); "
                                    "another Region's are never used", region=region)
        sources = {key: source["title"] for key, source in _read(folder / "sources.json")["sources"].items()}
        found = _prices(_read(path)["services"], sources)
        return cls(region, {(price.service, price.item): price for price in found}, _allowances(folder))

    def price(self, service: str, item: str) -> Price:
        """The price of an item. Raises PriceMissingError that names service, item and Region."""
        try:
            return self.prices[service, item]
        except KeyError:
            raise PriceMissingError(f"{service} {item}: the price book has no price for it in {self.region}",
                                    service=service, item=item, region=self.region) from None


def regions(folder: Path = PRICES) -> list[str]:
    """The Regions that have a book, by name."""
    return sorted(path.stem for path in (folder / "regions").glob("*.json"))


def _prices(services: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[Price]:
    for service, items in services.items():
        for item, entry in items.items():
            yield Price(
                service=service, item=item, unit=entry["unit"],
                tiers=tuple(_tier(tier) for tier in entry["tiers"]),
                sources=tuple(sources[key] for key in entry["sources"]),
                effective=date.fromisoformat(entry["effective"]) if entry["effective"] else None,
                confidence=entry["confidence"], note=entry.get("note", ""),
            )


def _tier(entry: Mapping[str, Any]) -> Tier:
    return Tier(None if entry["up_to"] is None else Decimal(entry["up_to"]), Decimal(entry["usd"]))


def _allowances(folder: Path) -> tuple[Allowance, ...]:
    entries = _read(folder / "free_tier.json")["allowances"]
    return tuple(Allowance(entry["service"], tuple(entry["items"]), Decimal(entry["amount"])) for entry in entries)


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as problem:
        raise InputError(f"{path}: not readable as JSON ({problem})") from None
    return check_version(data, SCHEMA_VERSION, str(path))
