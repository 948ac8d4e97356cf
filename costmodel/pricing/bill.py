"""Usage x prices = Bill: the only arithmetic on prices. Quantities become Decimal here; rounding happens when printed.

A tiered item is priced on the whole account's quantity, and each line pays its share of that: splitting usage over
functions changes nothing (AWS bills tiers by account, Region and month; with consolidated billing, by organisation:
then the usage of all its accounts belongs into one usage).

A Compute Savings Plan pays the multiplied price for what its commitment covers, at prices after tiers and allowances,
the highest discount first (Savings Plans user guide, "how plans apply to usage"); items of one discount share alike:

    covered share = min(1, what is left of commitment x hours / (on-demand cost of these items x multiplier))

spread evenly over the hours; what is committed and not used is a component of its own. What such a plan covers at a
rate that the book does not know is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from costmodel.activity import Origin
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.price_book import REFRESH, Confidence, Price, PriceBook, Tier
from costmodel.pricing.usage import Usage, UsageLine

CENT = Decimal("0.01")
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
    confidence: Confidence = "high"


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
    free_tier: bool = False
    """Whether the monthly allowances are taken off."""
    notes: tuple[str, ...] = ()
    """What the quantities and prices stand on, each a sentence: what was assumed, which rule holds."""

    @property
    def total(self) -> Decimal:
        return sum((component.cost for component in self.components), Decimal(0))

    @property
    def invoice_total(self) -> Decimal:
        """The total as an invoice and AWS's own examples add it: each item of a service to the cent, half a cent up."""
        items: dict[Key, Decimal] = {}
        for component in self.components:
            key = (component.service, component.item)
            items[key] = items.get(key, Decimal(0)) + component.cost
        return sum((cost.quantize(CENT, ROUND_HALF_UP) for cost in items.values()), Decimal(0))

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


@dataclass(frozen=True)
class SavingsPlan:
    """A Compute Savings Plan, nothing upfront. Without a commitment it covers all that it can."""

    years: Literal[1, 3]
    commitment_usd_per_hour: Decimal | None = None

    @property
    def sentence(self) -> str:
        """What it is, as a bill says it."""
        covers = ("covers all that it can: no commitment is given" if self.commitment_usd_per_hour is None
                  else f"{self.commitment_usd_per_hour} USD an hour")
        return f"Compute Savings Plan of {self.years} year{'s' if self.years > 1 else ''}, nothing upfront: {covers}"


def price(usage: Usage, book: PriceBook, *, free_tier: bool = False, savings_plan: SavingsPlan | None = None) -> Bill:
    """The bill of a usage. `free_tier` takes the book's monthly allowances off, whatever the period's length.

    Raises PriceMissingError for an item that the book lacks or whose price it does not know at this quantity,
    InputError for a quantity that is negative, unknown (NaN) or an array.
    """
    if usage.region != book.region:
        raise InputError(f"usage of {usage.region}, prices of {book.region}: load the price book of {usage.region}")
    quantities = [_quantity(line) for line in usage.lines]
    totals = _totals(usage, quantities)
    billable = _after_allowances(totals, book) if free_tier else totals
    paid = {key: _blended(book, book.price(*key), billable[key], totals[key]) for key in totals}
    unused: tuple[CostComponent, ...] = ()
    notes = usage.notes
    if savings_plan is not None:
        notes = (*notes, savings_plan.sentence)
        unused = _apply(savings_plan, paid, totals, book, usage.hours)
    components = tuple(
        _component(line, quantity, book.price(line.service, line.item), paid[line.service, line.item])
        for line, quantity in zip(usage.lines, quantities, strict=True)
    ) + unused
    return Bill(usage.region, usage.hours, components, Decimal(repr(float(usage.requests))), usage.missing,
                free_tier, notes)


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
            free = totals[key] if shared <= allowance.amount else allowance.amount * totals[key] / shared
            left[key] -= free
    return left


def _blended(book: PriceBook, price: Price, billable: Decimal, total: Decimal) -> Decimal:
    """USD a unit of the total. Exactly the first tier's price as long as nothing else is paid."""
    first = price.tiers[0]
    if price.known_to is not None and billable > price.known_to:
        raise PriceMissingError(
            f"{price.service} {price.item}: the price book knows only what the first {price.known_to:,f} cost in "
            f"{book.region}, not {float(billable):,.0f}; {REFRESH}",
            service=price.service, item=price.item, region=book.region)
    if billable == total and (first.up_to is None or total <= first.up_to):
        return first.usd
    return tiered_cost(price.tiers, billable) / total


def _apply(plan: SavingsPlan, paid: dict[Key, Decimal], totals: Mapping[Key, Decimal], book: PriceBook,
           hours: float) -> tuple[CostComponent, ...]:
    """Lower what is paid by the plan; the component of what is committed and not used, if any."""
    multipliers = book.savings_multipliers(plan.years, [key for key, total in totals.items() if total])
    needed = {key: paid[key] * totals[key] * multiplier for key, multiplier in multipliers.items()}
    left = sum(needed.values(), Decimal(0))
    if plan.commitment_usd_per_hour is not None:
        left = plan.commitment_usd_per_hour * Decimal(repr(float(hours)))
    for multiplier in sorted(set(multipliers.values())):
        keys = [key for key in multipliers if multipliers[key] == multiplier]
        cost = sum((needed[key] for key in keys), Decimal(0))
        covered = min(Decimal(1), left / cost) if cost else Decimal(1)
        for key in keys:
            paid[key] *= 1 - covered * (1 - multiplier)
        left -= min(left, cost)
    unused = left
    if unused <= 0:
        return ()
    return (CostComponent("savings_plans", "unused_commitment", "Compute Savings Plan", "USD", quantity=unused,
                          price=Decimal(1), cost=unused, origin="given", source="the usage's own savings_plan",
                          effective=None),)


def _component(line: UsageLine, quantity: Decimal, price: Price, paid: Decimal) -> CostComponent:
    if line.discount:
        paid *= 1 - Decimal(repr(line.discount))
    return CostComponent(
        service=line.service, item=line.item, resource=line.resource, unit=price.unit, quantity=quantity, price=paid,
        cost=quantity * paid, origin=line.origin, source=price.sources[0], effective=price.effective, route=line.route,
        confidence=price.confidence,
    )
