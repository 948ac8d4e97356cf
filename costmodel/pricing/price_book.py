"""The price book: what each item of each service costs in one Region, with its tiers, source and date.

Data lies in `prices/`, in a layout of our own:

    regions/<region>.json  {schema_version, region, currency, services: {service: {item: {unit, effective, confidence,
                           sources: [key], tiers: [{up_to, usd}], note?}}}, savings_plans?, fractions?}
    global.json            the same for services that have no Region (CloudFront, Lambda@Edge): part of every book
    sources.json           {sources: {key: {title, where, as_of}}}
    free_tier.json         {allowances: [{service, items, amount, kind, sources}]}: per account and month

`up_to` is the upper end of the month's quantity that pays `usd` a unit, null without end; where only the first tiers
are known the last one has an end, and more than that is refused. `effective` is the day for which the first source
gives the price (the newest of AWS's own where there is one), null where no source is dated. `fractions` are prices
that AWS states as a part of another service's price. Numbers become Decimal as they are read, never float.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from costmodel.errors import InputError, PriceMissingError
from loadgen.schema import check_version

SCHEMA_VERSION = 1
PRICES = Path(__file__).parent / "prices"
COVERED = {"lambda": ("duration_", "provisioned_"), "fargate": ("vcpu_", "memory_"), "ec2": ("",)}
"""What a Compute Savings Plan covers: items of a service by the beginning of their names (Savings Plans user guide)."""
INSTANCE_RATE = "_savings_plan_"
"""In an EC2 item that is a rate of a plan: `m7g.large_savings_plan_1_year`."""
REFRESH = "to add it: costmodel prices refresh OFFER_FILE --into FOLDER, then --prices FOLDER"
AllowanceKind = Literal["always", "first_year"]
Confidence = Literal["high", "medium", "low"]


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
    confidence: Confidence
    note: str = ""

    @property
    def known_to(self) -> Decimal | None:
        """The quantity of a month beyond which the book knows no price; None when it knows all tiers."""
        return self.tiers[-1].up_to


@dataclass(frozen=True)
class Allowance:
    """What AWS gives free, per account and month, shared by these items; for good, or in an account's first year."""

    service: str
    items: tuple[str, ...]
    amount: Decimal
    kind: AllowanceKind = "always"

    def covers(self, service: str, item: str) -> bool:
        """Whether it is for this item, or ("") for any of the service."""
        return service == self.service and (not item or item in self.items)

    def less(self, used: Decimal) -> Allowance:
        """What is left of it."""
        return replace(self, amount=max(self.amount - used, Decimal(0)))


@dataclass(frozen=True)
class SavingsRate:
    """What a Compute Savings Plan multiplies the on-demand prices of these items by, by the plan's years."""

    service: str
    items: tuple[str, ...]
    multipliers: Mapping[int, Decimal]


@dataclass(frozen=True)
class PriceBook:
    """The prices of one Region in USD, by service and item."""

    region: str
    prices: Mapping[tuple[str, str], Price]
    allowances: tuple[Allowance, ...] = ()
    """What every account gets, always."""
    first_year: tuple[Allowance, ...] = ()
    """What an account gets in its first year on top (accounts opened before 2025-07-15)."""
    savings_rates: tuple[SavingsRate, ...] = ()

    @classmethod
    def load(cls, region: str, folder: Path | None = None) -> PriceBook:
        """The book of a Region; None: the one that comes with this package. Raises PriceMissingError when there is none:
        another Region's is never used."""
        folder = folder or PRICES
        if region not in regions(folder):
            there_is = ", ".join(regions(folder)) or "none"
            raise PriceMissingError(f"region {region!r}: the price book has no prices for it (there is: {there_is}); "
                                    f"another Region's are never used; {REFRESH}", region=region)
        data = _read(folder / "regions" / f"{region}.json")
        sources = {key: source["title"] for key, source in _read(folder / "sources.json")["sources"].items()}
        everywhere = folder / "global.json"
        found = list(_prices(_read(everywhere)["services"], sources)) if everywhere.exists() else []
        found += _prices(data["services"], sources)
        found += _fractions(data.get("fractions", ()), found, sources)
        allowances = list(_allowances(folder))
        return cls(
            region, {(price.service, price.item): price for price in found},
            allowances=tuple(allowance for allowance in allowances if allowance.kind == "always"),
            first_year=tuple(allowance for allowance in allowances if allowance.kind == "first_year"),
            savings_rates=(*_savings_rates(data.get("savings_plans", ())), *_instance_rates(found)))

    def price(self, service: str, item: str) -> Price:
        """The price of an item. Raises PriceMissingError that names service, item and Region."""
        try:
            return self.prices[service, item]
        except KeyError:
            raise PriceMissingError(f"{service} {item}: the price book has no price for it in {self.region}; {REFRESH}",
                                    service=service, item=item, region=self.region) from None

    def savings_multipliers(self, years: int, used: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Decimal]:
        """What a Compute Savings Plan multiplies the prices of those used items by that it covers.

        Raises PriceMissingError for an item that it covers at a rate the book does not know.
        """
        known = {(of.service, item): of.multipliers[years] for of in self.savings_rates for item in of.items
                 if years in of.multipliers}
        if not known:
            raise PriceMissingError(f"Compute Savings Plan: the price book has none for {self.region}; leave it out",
                                    region=self.region)
        covered = [(service, item) for service, item in used
                   if item.startswith(COVERED.get(service, ())) and INSTANCE_RATE not in item]
        for service, item in covered:
            if (service, item) not in known:
                raise PriceMissingError(
                    f"{service} {item}: a Compute Savings Plan covers it, but the price book has no rate for it in "
                    f"{self.region}: leave savings_plan out, or price it in a file of its own",
                    service=service, item=item, region=self.region)
        return {key: known[key] for key in covered}

    def in_first_year(self) -> PriceBook:
        """The same book for an account in its first year: the allowances that end with it are added."""
        return replace(self, allowances=(*self.allowances, *self.first_year), first_year=())

    def with_used(self, used: Mapping[tuple[str, str], Decimal | None]) -> PriceBook:
        """The same book when so much of an item's allowance is used elsewhere: it spans all Regions of an account.

        `None` stands for all of it, the item "" for every allowance of the service. Raises InputError for an item that
        has no allowance.
        """
        left = self.allowances
        for (service, item), amount in used.items():
            if not any(allowance.covers(service, item) for allowance in left):
                raise InputError(f"free_tier_used: {service}{item and '.' + item}: nothing of it is free: leave it out "
                                 f"or give of {', '.join(self._free_items(service))}")
            left = tuple(allowance.less(allowance.amount if amount is None else amount)
                         if allowance.covers(service, item) else allowance for allowance in left)
        return replace(self, allowances=left)

    def _free_items(self, service: str) -> list[str]:
        """The items of which some are free: of the service, or of all where it has none."""
        free = [f"{of.service}.{item}" for of in self.allowances for item in of.items]
        return [item for item in free if item.startswith(f"{service}.")] or free


def regions(folder: Path = PRICES) -> list[str]:
    """The Regions that have a book, by name."""
    return sorted(path.stem for path in (folder / "regions").glob("*.json"))


def _fractions(entries: Iterable[Mapping[str, Any]], prices: Iterable[Price],
               sources: Mapping[str, str]) -> Iterator[Price]:
    """A price for each item of the service that the fraction is `of`: `<item>_<that item>`."""
    for entry in entries:
        for base in [price for price in prices if price.service == entry["of"]]:
            share = Decimal(entry["fraction"])
            yield Price(
                entry["service"], f"{entry['item']}_{base.item}", base.unit,
                tuple(Tier(tier.up_to, tier.usd * share) for tier in base.tiers),
                tuple(sources[key] for key in entry["sources"]), _day(entry["effective"]), entry["confidence"],
                f"{share:.0%} of the {entry['of']} price of {base.item}, whatever is paid for that")


def _savings_rates(entries: Iterable[Mapping[str, Any]]) -> Iterator[SavingsRate]:
    for entry in entries:
        multipliers = {int(years): Decimal(value) for years, value in entry["multipliers"].items()}
        yield SavingsRate(entry["service"], tuple(entry["items"]), multipliers)


def _instance_rates(prices: Iterable[Price]) -> Iterator[SavingsRate]:
    """Of each instance type whose price under a plan is known."""
    by_item = {price.item: price.tiers[0].usd for price in prices if price.service == "ec2"}
    for item, usd in by_item.items():
        years = {int(rate.removeprefix(f"{item}{INSTANCE_RATE}")[0]): plan / usd for rate, plan in by_item.items()
                 if rate.startswith(f"{item}{INSTANCE_RATE}")}
        if years:
            yield SavingsRate("ec2", (item,), years)


def _prices(services: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[Price]:
    for service, items in services.items():
        for item, entry in items.items():
            yield Price(
                service=service, item=item, unit=entry["unit"],
                tiers=tuple(_tier(tier) for tier in entry["tiers"]),
                sources=tuple(sources[key] for key in entry["sources"]),
                effective=_day(entry["effective"]),
                confidence=entry["confidence"], note=entry.get("note", ""),
            )


def _tier(entry: Mapping[str, Any]) -> Tier:
    return Tier(None if entry["up_to"] is None else Decimal(entry["up_to"]), Decimal(entry["usd"]))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _allowances(folder: Path) -> Iterator[Allowance]:
    for entry in _read(folder / "free_tier.json")["allowances"]:
        kind = entry.get("kind", "always")
        yield Allowance(entry["service"], tuple(entry["items"]), Decimal(entry["amount"]), kind)


def _read(path: Path) -> dict[str, Any]:
    try:
        return _read_once(path, path.stat().st_mtime_ns)
    except OSError as problem:
        raise InputError(f"{path}: not readable ({problem})") from None


@cache
def _read_once(path: Path, _changed_ns: int) -> dict[str, Any]:
    """The file as it was at that time: a book that `refresh` wrote anew is read anew."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as problem:
        raise InputError(f"{path}: not readable as JSON ({problem})") from None
    return check_version(data, SCHEMA_VERSION, str(path))
