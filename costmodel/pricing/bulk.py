"""Many bills at once: the rule of `bill.price` on arrays over configurations, in floating point.

    cost of an item = the piecewise-linear curve through its tiers' ends, at the account's quantity

`stacked` turns a grid's activities into one whose quantities are arrays, which `meter` takes as it is. The Decimal bill
remains the truth for what is printed; here each total equals it to 1e-9 of what the usage costs before allowances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from costmodel.activity import Activity, Quantity, Tally
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.bill import Key, SavingsPlan
from costmodel.pricing.price_book import Price, PriceBook, Tier
from costmodel.pricing.usage import Usage, UsageLine

Floats = npt.NDArray[np.float64]
"""One dimension: configurations."""
UNUSED_COMMITMENT: Key = ("savings_plans", "unused_commitment")


@dataclass(frozen=True)
class BulkBill:
    """USD of many configurations over one period; every array has one entry a configuration."""

    region: str
    hours: float
    costs: Mapping[Key, Floats]
    """By service and item."""
    requests: Floats
    missing: tuple[str, ...] = ()

    @property
    def total(self) -> Floats:
        return sum(self.costs.values(), np.zeros_like(self.requests))

    @property
    def usd_per_million(self) -> Floats:
        """USD per million requests; NaN where there were none."""
        return self.total / np.where(self.requests > 0, self.requests, np.nan) * 1e6

    def by_service(self) -> Mapping[str, Floats]:
        """Cost by service."""
        totals: dict[str, Floats] = {}
        for (service, _), cost in self.costs.items():
            totals[service] = totals.get(service, 0.0) + cost
        return totals


def price_bulk(usage: Usage, book: PriceBook, *, free_tier: bool = False, savings_plan: SavingsPlan | None = None) -> BulkBill:
    """The bills of a usage whose quantities are arrays over configurations, or numbers that all of them share.

    Raises PriceMissingError and InputError where `bill.price` does for any one of them.
    """
    if usage.region != book.region:
        raise InputError(f"usage of {usage.region}, prices of {book.region}: load the price book of {usage.region}")
    totals, charged = _totals(usage.lines)
    billable = _after_allowances(totals, book) if free_tier else totals
    costs = {key: _known_costs(book.price(*key), quantity) for key, quantity in billable.items()}
    if savings_plan is not None:
        costs |= _covered(savings_plan, costs, book, usage.hours)
    for key, quantity in charged.items():
        costs[key] = costs[key] * quantity / np.where(totals[key] > 0, totals[key], 1.0)
    (count,) = np.broadcast_shapes((1,), *(np.shape(each) for each in (*costs.values(), usage.requests)))
    whole = {key: np.broadcast_to(cost, (count,)) for key, cost in costs.items()}
    return BulkBill(usage.region, usage.hours, whole, np.broadcast_to(usage.requests, (count,)), usage.missing)


def tiered_costs(tiers: Sequence[Tier], quantities: Floats) -> Floats:
    """USD of each month's quantity over the tiers, as `bill.tiered_cost` has it for one."""
    usd = [float(tier.usd) for tier in tiers]
    cost = quantities * usd[0]
    for before, tier, after in zip(usd, tiers, usd[1:], strict=False):
        above = quantities - float(tier.up_to or 0)
        if above.max(initial=0.0) > 0:
            cost = cost + np.maximum(above, 0.0) * (after - before)
    return cost


def _known_costs(price: Price, quantities: Floats) -> Floats:
    if price.known_to is not None and np.max(quantities, initial=0.0) > float(price.known_to):
        raise PriceMissingError(f"{price.service} {price.item}: the price book knows only what the first "
                                f"{price.known_to:,f} cost", service=price.service, item=price.item)
    return tiered_costs(price.tiers, quantities)


def stacked(activities: Sequence[Activity]) -> Activity:
    """The activities of many configurations as one with arrays; what one of them does not do is 0 there.

    Raises InputError unless all are of one Region, length and origin.
    """
    first, *others = activities
    for other in others:
        if (other.region, other.hours, other.origin) != (first.region, first.hours, first.origin):
            raise InputError("activities of different Regions, hours or origins: stack those of one kind")
    columns: dict[Tally, dict[str, Floats]] = {}
    for number, activity in enumerate(activities):
        for tally in activity.tallies:
            kind = replace(tally, **dict.fromkeys(tally.quantities, 0.0))
            arrays = columns.setdefault(kind, {name: np.zeros(len(activities)) for name in tally.quantities})
            for name in tally.quantities:
                arrays[name][number] += getattr(tally, name)
    tallies = tuple(replace(tally, **arrays) for tally, arrays in columns.items())
    missing = dict.fromkeys(sentence for activity in activities for sentence in activity.missing)
    return replace(first, tallies=tallies, missing=tuple(missing))


def _totals(lines: Sequence[UsageLine]) -> tuple[dict[Key, Floats], dict[Key, Floats]]:
    """Each item's quantity; and what is charged of it, for items of which some line has a discount."""
    totals: dict[Key, Floats] = {}
    charged: dict[Key, Floats] = {}
    for line, quantity in _checked(lines):
        key = (line.service, line.item)
        totals[key] = totals[key] + quantity if key in totals else quantity
        if line.discount:
            charged[key] = charged.get(key, np.zeros(())) - quantity * line.discount
    return totals, {key: totals[key] + less for key, less in charged.items()}


def _checked(lines: Sequence[UsageLine]) -> Iterator[tuple[UsageLine, Floats]]:
    for line in lines:
        quantity = np.asarray(line.quantity, dtype=float)
        if quantity.size and not (quantity.min() >= 0 and quantity.max() < np.inf):
            wrong = quantity[~((quantity >= 0) & (quantity < np.inf))].flat[0]
            raise InputError(f"{line.service} {line.item} of {line.resource}: quantity = {wrong}: "
                             "give numbers of 0 or more")
        yield line, quantity


def _after_allowances(totals: Mapping[Key, Floats], book: PriceBook) -> dict[Key, Floats]:
    """The totals less what is free, shared in proportion, as on the Decimal bill."""
    left = dict(totals)
    for allowance in book.allowances:
        keys = [(allowance.service, item) for item in allowance.items if (allowance.service, item) in totals]
        shared: Quantity = sum((totals[key] for key in keys), np.zeros(()))
        kept = np.maximum(shared - float(allowance.amount), 0.0) / np.where(shared > 0, shared, 1.0)
        for key in keys:
            left[key] = left[key] * kept
    return left


def _covered(plan: SavingsPlan, costs: Mapping[Key, Floats], book: PriceBook, hours: float) -> dict[Key, Floats]:
    """What a Savings Plan covers at its price, the rest as it is, and what is committed and not used."""
    used = [key for key, cost in costs.items() if np.any(cost)]
    multipliers = {key: float(multiplier) for key, multiplier in book.savings_multipliers(plan.years, used).items()}
    left = sum((costs[key] * multiplier for key, multiplier in multipliers.items()), np.zeros(()))
    if plan.commitment_usd_per_hour is not None:
        left = np.asarray(float(plan.commitment_usd_per_hour) * hours)
    covered: dict[Key, Floats] = {}
    for multiplier in sorted(set(multipliers.values())):
        keys = [key for key in multipliers if multipliers[key] == multiplier]
        needed = sum((costs[key] * multiplier for key in keys), np.zeros(()))
        share = np.minimum(1.0, left / np.where(needed > 0, needed, 1.0))
        covered |= {key: costs[key] * (1.0 - share * (1.0 - multiplier)) for key in keys}
        left = np.maximum(left - needed, 0.0)
    return {**covered, UNUSED_COMMITMENT: left}
