"""Our bill beside AWS's charges, item by item, and why they differ.

A difference is taken apart into amounts that sum to it exactly. With q ours and Q AWS's quantity, L(·) what a quantity
costs over the book's tiers, F what of Q AWS charged nothing for:

    ours       L(q) less what our bill took off (free tier, agreed discounts)
    quantity   L(Q) - L(q)
    free tier  L(Q - F) - L(Q)
    commitment what a Savings Plan or a reservation takes off the on-demand cost of the lines that it covers
    tier       AWS's on-demand cost less L(Q - F), where AWS's unit price lies within the book's tiers: other usage of
               the account fills the dearer ones
    price      the same where it does not: another price, another day's, or a discount
    rounding   the same where it is less than a millionth: AWS's lines are rounded

AWS's free quantity is that of the lines with no cost; where lines were summed (Cost Explorer), the book's allowance is
tried and taken when it gives AWS's amount to the cent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from costmodel.pricing.bill import Bill, Key, tiered_cost
from costmodel.pricing.invoices import COMMITMENTS, RESERVATIONS, SAVINGS_PLANS, Charge
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.usage_types import HOME, is_known_service, items_named

CENT = Decimal("0.01")
ROUNDING = Decimal("1e-6")
"""Of an amount: what differs less is equal, AWS's lines are rounded."""
COMMITTED = (SAVINGS_PLANS, RESERVATIONS, COMMITMENTS)

@dataclass(frozen=True)
class Compared:
    """One item. `parts`: USD by reason, they sum to the difference; `why` says each in words."""

    service: str
    item: str
    unit: str
    our_quantity: Decimal
    aws_quantity: Decimal
    our_usd: Decimal
    aws_usd: Decimal
    parts: Mapping[str, Decimal]
    why: tuple[str, ...]

    @property
    def difference(self) -> Decimal:
        """AWS's charge less ours."""
        return self.aws_usd - self.our_usd


@dataclass(frozen=True)
class BillReconciliation:
    """All items; `unmatched` are AWS's charges for usage that the bill has no item for; `outside` what is not compared.

    Together they are the whole file: nothing of AWS's charge is left out.
    """

    region: str
    items: tuple[Compared, ...]
    unmatched: tuple[Charge, ...]
    outside: Mapping[str, Decimal]
    aws_hours: float | None = None
    """From the first of AWS's lines to the end of the last, where they tell it."""

    @property
    def our_usd(self) -> Decimal:
        return sum((item.our_usd for item in self.items), Decimal(0))

    @property
    def aws_usd(self) -> Decimal:
        """Of what was compared and of what our side lacks."""
        return sum((item.aws_usd for item in self.items), sum((charge.usd for charge in self.unmatched), Decimal(0)))

    @property
    def invoice_usd(self) -> Decimal:
        """Of everything in AWS's file."""
        return sum(self.outside.values(), self.aws_usd)


def reconcile(bill: Bill, charges: Sequence[Charge], book: PriceBook) -> BillReconciliation:
    """Compare a bill with AWS's charges of the same period and Region."""
    ours: dict[Key, tuple[Decimal, Decimal]] = {}
    for component in bill.components:
        quantity, usd = ours.get((component.service, component.item), (Decimal(0), Decimal(0)))
        ours[component.service, component.item] = (quantity + component.quantity, usd + component.cost)
    by_item: dict[Key, list[Charge]] = {}
    unmatched: dict[tuple[str, str], list[Charge]] = {}
    outside: dict[str, Decimal] = {}
    for charge in charges:
        key, reason = _key(charge, bill.region, ours)
        if key is not None:
            by_item.setdefault(key, []).append(charge)
        elif reason:
            outside[reason] = outside.get(reason, Decimal(0)) + charge.usd
        else:
            unmatched.setdefault((charge.service, charge.usage_type), []).append(charge)
    items = [_compared(key, ours.get(key), by_item.get(key, ()), book) for key in {**ours, **by_item}]
    items.sort(key=lambda item: -abs(item.difference))
    return BillReconciliation(bill.region, tuple(items), tuple(_summed(lines) for lines in unmatched.values()), outside,
                              _hours(charges))


def _key(charge: Charge, region: str, ours: Collection[Key]) -> tuple[Key | None, str]:
    """The item that a charge is for; or the reason why it is not compared ("": our side has no such item).

    A usage type that several items share is that one's which is on our bill. One without a Region is of us-east-1.
    """
    if charge.kind != "usage":
        by_service = f" ({charge.service})" if charge.service and charge.description not in COMMITTED else ""
        return None, f"{charge.description or 'other'}{by_service}"
    found = items_named(charge.service, charge.usage_type, charge.operation)
    where = charge.region or (HOME if charge.usage_type else region)
    if where not in (region, "global") and not (found and found[0].everywhere):
        return None, f"usage in {where}"
    keys = [(each.service, each.item) for each in found]
    if keys:
        return next((key for key in keys if key in ours), keys[0]), ""
    return None, "" if is_known_service(charge.service) else charge.service


def _hours(charges: Iterable[Charge]) -> float | None:
    """From the begin of the first to the end of the last of the lines that are usage."""
    times = [(charge.start, charge.end) for charge in charges if charge.kind == "usage" and charge.start and charge.end]
    return (max(end for _, end in times) - min(start for start, _ in times)).total_seconds() / 3600.0 if times else None


def _compared(key: Key, ours: tuple[Decimal, Decimal] | None, charges: Sequence[Charge], book: PriceBook) -> Compared:
    our_quantity, our_usd = ours or (Decimal(0), Decimal(0))
    aws_quantity = sum((charge.quantity for charge in charges), Decimal(0))
    aws_usd = sum((charge.usd for charge in charges), Decimal(0))
    price = book.prices.get(key)
    found = Compared(*key, price.unit if price else "", our_quantity, aws_quantity, our_usd, aws_usd, {}, ())
    if price is None or ours is None or not charges:
        side = "missing on our side" if ours is None else "missing in AWS's file"
        side = side if ours is None or not charges else "no price in the book"
        return replace(found, parts={side: found.difference} if found.difference else {}, why=(side,))
    parts = {reason: usd for reason, usd in _parts(found, charges, book) if usd}
    return replace(found, parts=parts, why=tuple(_sentence(reason, found, usd) for reason, usd in parts.items()))


def _parts(found: Compared, charges: Sequence[Charge], book: PriceBook) -> Iterator[tuple[str, Decimal]]:
    key = (found.service, found.item)
    tiers = book.price(*key).tiers
    list_ours, list_aws = tiered_cost(tiers, found.our_quantity), tiered_cost(tiers, found.aws_quantity)
    on_demand = sum((charge.usd if charge.on_demand_usd is None else charge.on_demand_usd for charge in charges),
                    Decimal(0))
    free, exactness = _free_quantity(key, found.aws_quantity, on_demand, charges, book)
    paid = found.aws_quantity - free
    list_paid = tiered_cost(tiers, paid)
    yield "taken off on our side", list_ours - found.our_usd
    yield "quantity", list_aws - list_ours
    yield "free tier", list_paid - list_aws
    yield "commitment", found.aws_usd - on_demand
    rest = on_demand - list_paid
    if abs(rest) <= max(exactness, ROUNDING * abs(on_demand)):
        yield "rounding", rest
        return
    prices = [tier.usd for tier in tiers]
    unit_price = on_demand / paid if paid else Decimal(0)
    within = len(tiers) > 1 and min(prices) * (1 - ROUNDING) <= unit_price <= max(prices) * (1 + ROUNDING)
    yield ("tier" if within else "price"), rest


def _free_quantity(key: Key, quantity: Decimal, usd: Decimal, charges: Sequence[Charge],
                   book: PriceBook) -> tuple[Decimal, Decimal]:
    """What AWS charged nothing for: its lines of no cost, or the book's allowance where that gives AWS's amount.

    And to how much USD that is known.
    """
    tiers, nothing = book.price(*key).tiers, Decimal(0)
    if not tiers[0].usd:
        return nothing, nothing
    free = sum((charge.quantity for charge in charges if not charge.usd), nothing)
    if free or not quantity:
        return free, nothing
    allowed = sum((allowance.amount for allowance in (*book.allowances, *book.first_year)
                   if allowance.service == key[0] and key[1] in allowance.items), nothing)
    left = max(quantity - allowed, nothing)
    fits = abs(tiered_cost(tiers, left) - usd) <= CENT < abs(tiered_cost(tiers, quantity) - usd)
    return (quantity - left, CENT) if fits else (nothing, nothing)


SENTENCES = {"tier": "the account's other usage fills other tiers",
             "commitment": "a Savings Plan or a reservation covers a part",
             "taken off on our side": "a free tier, discount or Savings Plan of our bill"}


def _sentence(reason: str, found: Compared, usd: Decimal) -> str:
    amount = f"{reason} {usd:+,.4f} USD"
    if reason == "quantity" and found.our_quantity:
        return f"{amount}: AWS counted {(found.aws_quantity / found.our_quantity - 1) * 100:+,.1f} %"
    if reason == "price" and found.our_usd and found.our_quantity and found.aws_quantity:
        ratio = (found.aws_usd / found.aws_quantity) / (found.our_usd / found.our_quantity) * 100
        return f"{amount}: AWS's unit price is {ratio:.1f} % of ours: another day's price, or a discount"
    return f"{amount}: {SENTENCES[reason]}" if reason in SENTENCES else amount


def _summed(charges: Sequence[Charge]) -> Charge:
    first = charges[0]
    return Charge(first.service, first.usage_type, first.region, sum((charge.quantity for charge in charges), Decimal(0)),
                  sum((charge.usd for charge in charges), Decimal(0)), first.kind, first.description)
