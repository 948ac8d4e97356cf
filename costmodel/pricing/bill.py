"""Usage x prices = Bill: the only arithmetic on prices. Quantities become Decimal here; rounding happens when printed.

A tiered item is priced on the whole account's quantity, and each line pays its share of that: splitting usage over
functions changes nothing (AWS bills tiers by account, Region and month).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from costmodel.activity import Origin
from costmodel.errors import InputError
from costmodel.pricing.price_book import Price, PriceBook, Tier
from costmodel.pricing.usage import Usage, UsageLine

Key = tuple[str, str]
"""Service and item."""


@dataclass(frozen=True)
class CostComponent:
    """One line of the bill. `price` is the blended unit price that this quantity paid."""

    service: str
    item: str
    resource: str
    unit: str
    quantity: Decimal
    price: Decimal
    cost: Decimal
    origin: Origin
    source: str
    effective: date | None
    route: str | None = None


@dataclass(frozen=True)
class Bill:
    """The components of one period in one Region, in USD."""

    region: str
    hours: float
    components: tuple[CostComponent, ...]
    requests: Decimal
    """Client requests of the period that the gateway billed, the denominator of `usd_per_million`."""
    missing: tuple[str, ...] = ()
    """What is not on the bill because it could not be counted, each a sentence."""

    @property
    def total(self) -> Decimal:
        return sum((component.cost for component in self.components), Decimal(0))

    @property
    def usd_per_million(self) -> Decimal:
        """USD per million requests; NaN when there were none."""
        return self.total / self.requests * 1_000_000 if self.requests else Decimal("NaN")

    def by(self, key: Literal["service", "item", "resource", "route"]) -> Mapping[str, Decimal]:
        """Cost by one attribute, dearest first; what no route caused alone is under `(shared)`."""
        totals: dict[str, Decimal] = {}
        for component in self.components:
            name = getattr(component, key) or "(shared)"
            totals[name] = totals.get(name, Decimal(0)) + component.cost
        return dict(sorted(totals.items(), key=lambda item: -item[1]))


def price(usage: Usage, book: PriceBook, *, free_tier: bool = False) -> Bill:
    """The bill of a usage. `free_tier` takes AWS's monthly allowances off, whatever the period's length.

    Raises PriceMissingError for an item that the book lacks, InputError for a quantity that is negative, unknown (NaN)
    or an array.
    """
    if usage.region != book.region:
        raise InputError(f"usage of {usage.region}, prices of {book.region}: load the price book of {usage.region}")
    quantities = [_quantity(line) for line in usage.lines]
    totals = _totals(usage, quantities)
    billable = _after_allowances(totals, book) if free_tier else totals
    paid = {key: _blended(book.price(*key), billable[key], totals[key]) for key in totals}
    components = tuple(
        _component(line, quantity, book.price(line.service, line.item), paid[line.service, line.item])
        for line, quantity in zip(usage.lines, quantities, strict=True)
    )
    return Bill(usage.region, usage.hours, components, Decimal(repr(float(usage.requests))), usage.missing)


def tiered_cost(tiers: tuple[Tier, ...], quantity: Decimal) -> Decimal:
    """USD of a month's quantity over the tiers: each part pays the price of the tier that it lies in."""
    cost, start = Decimal(0), Decimal(0)
    for tier in tiers:
        end = quantity if tier.up_to is None else min(quantity, tier.up_to)
        cost += max(end - start, Decimal(0)) * tier.usd
        start = end
    return cost


def _quantity(line: UsageLine) -> Decimal:
    what = f"{line.service} {line.item} of {line.resource}: quantity"
    try:
        quantity = Decimal(repr(float(line.quantity)))
    except TypeError:
        raise InputError(f"{what} is an array: price one configuration at a time") from None
    if not quantity.is_finite() or quantity < 0:
        raise InputError(f"{what} = {quantity}: give a number of 0 or more")
    return quantity


def _totals(usage: Usage, quantities: list[Decimal]) -> dict[Key, Decimal]:
    totals: dict[Key, Decimal] = {}
    for line, quantity in zip(usage.lines, quantities, strict=True):
        key = (line.service, line.item)
        totals[key] = totals.get(key, Decimal(0)) + quantity
    return totals


def _after_allowances(totals: dict[Key, Decimal], book: PriceBook) -> dict[Key, Decimal]:
    """The totals less what is free; items that share an allowance get it in proportion to what they used."""
    left = dict(totals)
    for allowance in book.allowances:
        keys = [(allowance.service, item) for item in allowance.items if totals.get((allowance.service, item))]
        shared = sum((totals[key] for key in keys), Decimal(0))
        for key in keys:
            left[key] -= min(allowance.amount, shared) * totals[key] / shared
    return left


def _blended(price: Price, billable: Decimal, total: Decimal) -> Decimal:
    """USD a unit of the total. Exactly the first tier's price as long as nothing else is paid."""
    first = price.tiers[0]
    if billable == total and (first.up_to is None or total <= first.up_to):
        return first.usd
    return tiered_cost(price.tiers, billable) / total


def _component(line: UsageLine, quantity: Decimal, price: Price, paid: Decimal) -> CostComponent:
    return CostComponent(
        service=line.service, item=line.item, resource=line.resource, unit=price.unit, quantity=quantity, price=paid,
        cost=quantity * paid, origin=line.origin, source=price.sources[0], effective=price.effective, route=line.route,
    )
