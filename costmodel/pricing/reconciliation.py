"""Our bill beside AWS's charges, item by item, and why they differ.

A difference is taken apart into amounts that sum to it exactly. With q ours and Q AWS's quantity, L(·) what a quantity
costs over the book's tiers, F what of Q AWS charged nothing for:

    ours       L(q) less what our bill took off (free tier, agreed discounts)
    quantity   L(Q) - L(q)
    free tier  L(Q - F) - L(Q)
    tier       AWS's charge less L(Q - F), where AWS's unit price lies within the book's tiers: other usage of the
               account fills the dearer ones
    price      the same where it does not: another price, another day's, or a discount
    rounding   the same where it is less than a millionth: AWS's lines are rounded

AWS's free quantity is that of the lines with no cost; where lines were summed (Cost Explorer), the book's allowance is
tried and taken when it gives AWS's amount to the cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from costmodel.pricing.bill import Bill, Key, tiered_cost
from costmodel.pricing.invoices import Charge
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.usage_types import is_known_service, items_by_usage_type, service_codes

CENT = Decimal("0.01")
ROUNDING = Decimal("1e-6")
"""Of an amount: what differs less is equal, AWS's lines are rounded."""
FREE_TIER_USAGE = {"Global-Request": "Request", "Global-Lambda-GB-Second": "Lambda-GB-Second"}
"""Usage types of Lambda's free tier, which is of no Region."""


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
    """All items; `unmatched` are AWS's charges for usage that the bill has no item for; `outside` what was not compared."""

    region: str
    items: tuple[Compared, ...]
    unmatched: tuple[Charge, ...]
    outside: Mapping[str, Decimal]

    @property
    def our_usd(self) -> Decimal:
        return sum((item.our_usd for item in self.items), Decimal(0))

    @property
    def aws_usd(self) -> Decimal:
        """Of what was compared and of what our side lacks."""
        return sum((item.aws_usd for item in self.items), sum((charge.usd for charge in self.unmatched), Decimal(0)))


def reconcile(bill: Bill, charges: Iterable[Charge], book: PriceBook) -> BillReconciliation:
    """Compare a bill with AWS's charges of the same period and Region."""
    by_item: dict[Key, list[Charge]] = {}
    unmatched: dict[tuple[str, str], list[Charge]] = {}
    outside: dict[str, Decimal] = {}
    for charge in charges:
        key, reason = _key(charge, bill.region)
        if key is not None:
            by_item.setdefault(key, []).append(charge)
        elif reason:
            outside[reason] = outside.get(reason, Decimal(0)) + charge.usd
        else:
            unmatched.setdefault((charge.service, charge.usage_type), []).append(charge)
    ours: dict[Key, tuple[Decimal, Decimal]] = {}
    for component in bill.components:
        quantity, usd = ours.get((component.service, component.item), (Decimal(0), Decimal(0)))
        ours[component.service, component.item] = (quantity + component.quantity, usd + component.cost)
    items = [_compared(key, ours.get(key), by_item.get(key, ()), book) for key in {**ours, **by_item}]
    items.sort(key=lambda item: -abs(item.difference))
    return BillReconciliation(bill.region, tuple(items), tuple(_summed(lines) for lines in unmatched.values()), outside)


def _key(charge: Charge, region: str) -> tuple[Key | None, str]:
    """The item that a charge is for; or the reason why it is not compared ("": our side has no such item)."""
    if charge.kind != "usage":
        return None, f"{charge.description or 'other'} (no usage)"
    if charge.usage_type in FREE_TIER_USAGE:
        return items_by_usage_type().get(("AWSLambda", FREE_TIER_USAGE[charge.usage_type])), ""
    if charge.region not in (None, region) and charge.region != "global":
        return None, f"usage in {charge.region}"
    key = _item(charge.service, charge.usage_type)
    return key, "" if key or is_known_service(charge.service) else charge.service


def _item(service: str, usage_type: str) -> Key | None:
    """The item of a usage type; one that only one service has is found under another's name too.

    NAT gateways and load balancers come under EC2 in some reports, data transfer under the service that sends.
    """
    if usage_type.startswith("BoxUsage:"):
        return "ec2", usage_type.removeprefix("BoxUsage:")
    plain = "Request" if usage_type == "Request-ARM" else usage_type
    known = items_by_usage_type()
    own = [known[code, plain] for code in service_codes(service) if (code, plain) in known]
    alike = [item for (_, name), item in known.items() if name == plain]
    found = own or alike
    return found[0] if len(found) == 1 else None


def _compared(key: Key, ours: tuple[Decimal, Decimal] | None, charges: Sequence[Charge], book: PriceBook) -> Compared:
    our_quantity, our_usd = ours or (Decimal(0), Decimal(0))
    aws_quantity = sum((charge.quantity for charge in charges), Decimal(0))
    aws_usd = sum((charge.usd for charge in charges), Decimal(0))
    price = book.prices.get(key)
    found = Compared(*key, price.unit if price else "", our_quantity, aws_quantity, our_usd, aws_usd, {}, ())
    if price is None or ours is None or not charges:
        side = "missing on our side" if ours is None else "missing in AWS's file" if not charges else "no price in the book"
        return replace(found, parts={side: found.difference} if found.difference else {}, why=(side,))
    parts = {reason: usd for reason, usd in _parts(found, charges, book) if usd}
    return replace(found, parts=parts, why=tuple(_sentence(reason, found, usd) for reason, usd in parts.items()))


def _parts(found: Compared, charges: Sequence[Charge], book: PriceBook) -> Iterator[tuple[str, Decimal]]:
    key = (found.service, found.item)
    tiers = book.price(*key).tiers
    list_ours, list_aws = tiered_cost(tiers, found.our_quantity), tiered_cost(tiers, found.aws_quantity)
    free, exactness = _free_quantity(key, found.aws_quantity, found.aws_usd, charges, book)
    paid = found.aws_quantity - free
    list_paid = tiered_cost(tiers, paid)
    yield "taken off on our side", list_ours - found.our_usd
    yield "quantity", list_aws - list_ours
    yield "free tier", list_paid - list_aws
    rest = found.aws_usd - list_paid
    if abs(rest) <= max(exactness, ROUNDING * abs(found.aws_usd)):
        yield "rounding", rest
        return
    prices = [tier.usd for tier in tiers]
    unit_price = found.aws_usd / paid if paid else Decimal(0)
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


def _sentence(reason: str, found: Compared, usd: Decimal) -> str:
    amount = f"{reason} {usd:+,.4f} USD"
    if reason == "quantity" and found.our_quantity:
        return f"{amount}: AWS counted {(found.aws_quantity / found.our_quantity - 1) * 100:+.1f} %"
    if reason == "price" and found.our_usd and found.our_quantity and found.aws_quantity:
        ratio = (found.aws_usd / found.aws_quantity) / (found.our_usd / found.our_quantity) * 100
        return f"{amount}: AWS's unit price is {ratio:.1f} % of ours: another day's price, or a discount"
    return f"{amount}: the account's other usage fills other tiers" if reason == "tier" else amount


def _summed(charges: Sequence[Charge]) -> Charge:
    first = charges[0]
    return Charge(first.service, first.usage_type, first.region, sum((charge.quantity for charge in charges), Decimal(0)),
                  sum((charge.usd for charge in charges), Decimal(0)), first.kind, first.description)
