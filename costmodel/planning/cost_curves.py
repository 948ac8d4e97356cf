"""Costs along one variable as exact piecewise-linear functions, and where two of them cross.

A quantity is affine in the variable (requests a month, a hit ratio, …), the largest of such, or stairs (whole
instances); tiers bend its cost at their ends; a sum of these is piecewise-linear again. All numbers are fractions, so
that the difference of two costs at a crossing is 0 and not nearly 0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.bill import Key, SavingsPlan
from costmodel.pricing.price_book import REFRESH, PriceBook, Tier
from costmodel.pricing.usage import Usage


@dataclass(frozen=True)
class SignChange:
    """Where a function goes from one side of 0 to the other; `after`: the sign that it has then, 1 or -1."""

    at: Fraction
    after: int


@dataclass(frozen=True)
class PiecewiseLinear:
    """A function of x >= 0: straight between its knots (x, y), with `slope` after the last one.

    Two knots at one x are a jump; there the function has the value of the first.
    """

    knots: tuple[tuple[Fraction, Fraction], ...]
    slope: Fraction

    @classmethod
    def affine(cls, at_zero: Fraction | int, slope: Fraction | int) -> PiecewiseLinear:
        """at_zero + slope x."""
        return cls(((Fraction(0), Fraction(at_zero)),), Fraction(slope))

    @classmethod
    def stairs(cls, rate: Fraction, least: int, most: int) -> PiecewiseLinear:
        """ceil(rate x), `least` at least; beyond `most` it stays."""
        steps = range(least, most + 1)
        starts = [Fraction(0), *((n - 1) / rate for n in steps[1:])]
        ends = [n / rate for n in steps]
        knots = [knot for n, start, end in zip(steps, starts, ends, strict=True)
                 for knot in ((start, Fraction(n)), (end, Fraction(n)))]
        return cls(tuple(dict.fromkeys(knots)), Fraction(0))

    @classmethod
    def through(cls, xs: Iterable[Fraction], function: Callable[[Fraction], Fraction]) -> PiecewiseLinear:
        """The function itself, when it bends and jumps nowhere but at these x."""
        places = sorted({Fraction(0), *xs})
        knots, slope = [(Fraction(0), function(Fraction(0)))], Fraction(0)
        for start, end in pairwise([*places, places[-1] + 3]):
            third = (end - start) / 3
            one, two = function(start + third), function(start + 2 * third)
            slope = (two - one) / third
            knots += [(start, 2 * one - two), (end, 2 * two - one)]
        return cls(_straightened(knots[:-1]), slope)

    def __call__(self, x: Fraction | int) -> Fraction:
        number = max(bisect_left(self.knots, x, key=lambda knot: knot[0]) - 1, 0)
        (x0, y0), slope = self.knots[number], self._slopes[number]
        return y0 + slope * (x - x0)

    def __add__(self, other: PiecewiseLinear) -> PiecewiseLinear:
        return self.through((*self.xs, *other.xs), lambda x: self(x) + other(x))

    def __sub__(self, other: PiecewiseLinear) -> PiecewiseLinear:
        return self.through((*self.xs, *other.xs), lambda x: self(x) - other(x))

    def times(self, factor: Fraction) -> PiecewiseLinear:
        """So many times the function."""
        return PiecewiseLinear(tuple((x, y * factor) for x, y in self.knots), self.slope * factor)

    def largest(self, other: PiecewiseLinear) -> PiecewiseLinear:
        """The larger of the two at each x."""
        crossings = (self - other).where(Fraction(0))
        return self.through((*self.xs, *other.xs, *crossings), lambda x: max(self(x), other(x)))

    def less(self, free: Fraction) -> PiecewiseLinear:
        """What is left when so much is taken off: not below 0."""
        return (self - self.affine(free, 0)).largest(self.affine(0, 0))

    def priced(self, tiers: Iterable[Tier]) -> PiecewiseLinear:
        """What this quantity costs over the tiers; nothing where it is below 0."""
        ends = [Fraction(0), *(Fraction(tier.up_to) for tier in tiers if tier.up_to is not None)]
        bends = [x for end in ends for x in self.where(end)]
        return self.through((*self.xs, *bends), lambda x: _tiered_cost(tiers, self(x)))

    def where(self, level: Fraction) -> Iterator[Fraction]:
        """Each x at which a straight piece reaches the level; of a piece that lies on it, none."""
        ends = [x for x, _ in self.knots[1:]]
        for (x0, y0), slope, end in zip(self.knots, self._slopes, [*ends, None], strict=True):
            if slope:
                x = x0 + (level - y0) / slope
                if x >= x0 and (end is None or x < end):
                    yield x

    def exceeds(self, level: Fraction) -> Fraction | None:
        """From which x on the function is first above the level; None: nowhere."""
        above = (self - self.affine(level, 0)).stretches()
        return next((start for start, _, sign in above if sign > 0), None)

    def stretches(self, until: Fraction | None = None) -> list[tuple[Fraction, Fraction, int]]:
        """Start, end and sign of the stretches up to `until`; without it the last one ends somewhere."""
        marks = sorted({x for x in (Fraction(0), *self.xs, *self.where(Fraction(0))) if until is None or x < until})
        last = marks[-1] + 1 if until is None else until
        return [(start, end, _sign(self((start + end) / 2))) for start, end in pairwise([*marks, last])]

    def sign_changes(self, until: Fraction | None = None) -> list[SignChange]:
        """Each change up to `until`, in order; where the function stays at 0 in between, where that begins."""
        changes: list[SignChange] = []
        side, side_end = 0, Fraction(0)
        for _, end, sign in self.stretches(until):
            if sign and side and sign != side:
                changes.append(SignChange(side_end, sign))
            if sign:
                side, side_end = sign, end
        return changes

    def points(self, until: Fraction) -> list[tuple[Fraction, Fraction]]:
        """What to draw lines through from 0 up to there; a jump has two."""
        return [*(knot for knot in self.knots if knot[0] < until), (until, self(until))]

    @property
    def xs(self) -> list[Fraction]:
        """Where it may bend or jump."""
        return [x for x, _ in self.knots]

    @cached_property
    def _slopes(self) -> list[Fraction]:
        return [*((y1 - y0) / (x1 - x0) if x1 > x0 else Fraction(0)
                  for (x0, y0), (x1, y1) in pairwise(self.knots)), self.slope]


Quantities = Mapping[Key, PiecewiseLinear]
"""How much of each item is used along the variable."""


def quantities(at_zero: Usage, at_one: Usage) -> Quantities:
    """Each item's quantity along a variable in which usage is affine, from the usage at 0 and at 1 of it.

    What is never used is left out.
    """
    start, end = _totals(at_zero), _totals(at_one)
    zero = Fraction(0)
    return {key: PiecewiseLinear.affine(start.get(key, zero), end.get(key, zero) - start.get(key, zero))
            for key in {**start, **end} if start.get(key) or end.get(key)}


def together(parts: Iterable[Quantities]) -> Quantities:
    """The sums, item by item: an item's tiers count what all parts use of it. What is never used is left out."""
    totals: dict[Key, PiecewiseLinear] = {}
    for part in parts:
        for key, quantity in part.items():
            totals[key] = totals[key] + quantity if key in totals else quantity
    return {key: quantity for key, quantity in totals.items() if quantity != PiecewiseLinear.affine(0, 0)}


@dataclass(frozen=True)
class Cost:
    """USD along a variable by item, known up to `known_to` (None: everywhere)."""

    items: Quantities
    known_to: Fraction | None

    @cached_property
    def usd(self) -> PiecewiseLinear:
        """All items together."""
        return sum(self.items.values(), PiecewiseLinear.affine(0, 0))

    def at(self, x: Fraction | int) -> Mapping[Key, Fraction]:
        """USD by item there; what costs nothing is left out."""
        return {key: usd for key, curve in self.items.items() if (usd := curve(x))}


def cost(used: Quantities, book: PriceBook, *, free_tier: bool = False, savings_plan: SavingsPlan | None = None) -> Cost:
    """What these quantities cost, as `bill.price` has it; a Savings Plan covers all that it can.

    Known up to where the first item goes beyond the last tier that the book knows. Raises PriceMissingError that names
    every item that the book lacks.
    """
    check_prices(used, book)
    billable = _after_allowances(used, book) if free_tier else used
    factors = _factors(book, savings_plan)
    usd = {key: quantity.priced(book.price(*key).tiers).times(factors.get(key, Fraction(1)))
           for key, quantity in billable.items()}
    ends = [end for key, quantity in billable.items() if (known_to := book.price(*key).known_to) is not None
            and (end := quantity.exceeds(Fraction(known_to))) is not None]
    return Cost(usd, min(ends, default=None))


def check_prices(keys: Iterable[Key], book: PriceBook) -> None:
    """Raises PriceMissingError that names every item that the book lacks."""
    missing = [key for key in dict.fromkeys(keys) if key not in book.prices]
    if missing:
        names = ", ".join(" ".join(key) for key in missing)
        raise PriceMissingError(f"{names}: the price book has no price for it in {book.region}; {REFRESH}",
                                service=missing[0][0], item=missing[0][1], region=book.region)


def exact(value: float) -> Fraction:
    """As `bill.price` reads a quantity: the number as it is printed."""
    return Fraction(repr(float(value)))


def _after_allowances(used: Quantities, book: PriceBook) -> Quantities:
    """The quantities less what is free; items that share an allowance get it in proportion to what they used."""
    left = dict(used)
    for allowance in book.allowances:
        sharing = {key: left[key] for key in left if allowance.covers(*key)}
        if not sharing:
            continue
        total = sum(sharing.values(), PiecewiseLinear.affine(0, 0))
        paid = total.less(Fraction(allowance.amount))
        for key, quantity in sharing.items():
            left[key] = paid.times(_share(key, quantity, total))
    return left


def _share(key: Key, quantity: PiecewiseLinear, total: PiecewiseLinear) -> Fraction:
    """What the quantity is of the total, everywhere. Raises InputError when that is not one number."""
    somewhere = next(x for x in (*total.xs, total.xs[-1] + 1) if total(x))
    share = quantity(somewhere) / total(somewhere)
    if total.times(share) != quantity:
        raise InputError(f"free tier: {' '.join(key)} shares its allowance with another item at a changing rate: leave it "
                         "off")
    return share


def _factors(book: PriceBook, plan: SavingsPlan | None) -> dict[Key, Fraction]:
    """By item, what a Savings Plan multiplies its price by. Raises PriceMissingError where the book has none."""
    if plan is None:
        return {}
    if not book.savings_rates:
        raise PriceMissingError(f"Compute Savings Plan: the price book has none for {book.region}; leave it out",
                                region=book.region)
    return {(rate.service, item): Fraction(rate.multipliers[plan.years])
            for rate in book.savings_rates for item in rate.items}


def _totals(usage: Usage) -> dict[Key, Fraction]:
    totals: dict[Key, Fraction] = {}
    for line in usage.lines:
        key = (line.service, line.item)
        totals[key] = totals.get(key, Fraction(0)) + exact(float(line.quantity))
    return totals


def _tiered_cost(tiers: Iterable[Tier], quantity: Fraction) -> Fraction:
    """As `bill.tiered_cost`, in fractions."""
    total, start = Fraction(0), Fraction(0)
    for tier in tiers:
        end = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        total += max(end - start, Fraction(0)) * Fraction(tier.usd)
        start = end
    return total


def _straightened(knots: list[tuple[Fraction, Fraction]]) -> tuple[tuple[Fraction, Fraction], ...]:
    """The knots without those that repeat the one before."""
    return tuple(knot for number, knot in enumerate(knots) if number == 0 or knot != knots[number - 1])


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
