"""Costs along one variable as exact piecewise-linear functions, and where two of them cross.

A quantity is affine in the variable (requests a month, a hit ratio, …), or the largest of such; tiers bend its cost at
their ends; a sum of these is piecewise-linear again. All numbers are fractions, so that the difference of two costs at
a crossing is 0 and not nearly 0.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from costmodel.pricing.bill import Key
from costmodel.pricing.price_book import PriceBook, Tier
from costmodel.pricing.usage import Usage


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous function of x >= 0: straight between its knots (x, y), with `slope` after the last one."""

    knots: tuple[tuple[Fraction, Fraction], ...]
    slope: Fraction

    @classmethod
    def affine(cls, at_zero: Fraction | int, slope: Fraction | int) -> PiecewiseLinear:
        """at_zero + slope x."""
        return cls(((Fraction(0), Fraction(at_zero)),), Fraction(slope))

    @classmethod
    def through(cls, xs: Iterable[Fraction], function: Callable[[Fraction], Fraction]) -> PiecewiseLinear:
        """The function itself, when it bends nowhere but at these x."""
        places = sorted({Fraction(0), *xs})
        knots = tuple((x, function(x)) for x in places)
        return cls(knots, function(places[-1] + 1) - knots[-1][1])

    def __call__(self, x: Fraction | int) -> Fraction:
        number = bisect_right(self.knots, x, key=lambda knot: knot[0]) - 1
        (x0, y0), slope = self.knots[number], self._slopes()[number]
        return y0 + slope * (x - x0)

    def __add__(self, other: PiecewiseLinear) -> PiecewiseLinear:
        return self.through((*self._xs(), *other._xs()), lambda x: self(x) + other(x))

    def __sub__(self, other: PiecewiseLinear) -> PiecewiseLinear:
        return self.through((*self._xs(), *other._xs()), lambda x: self(x) - other(x))

    def largest(self, other: PiecewiseLinear) -> PiecewiseLinear:
        """The larger of the two at each x."""
        crossings = (self - other).where(Fraction(0))
        return self.through((*self._xs(), *other._xs(), *crossings), lambda x: max(self(x), other(x)))

    def priced(self, tiers: Iterable[Tier]) -> PiecewiseLinear:
        """What this quantity costs over the tiers."""
        ends = [Fraction(tier.up_to) for tier in tiers if tier.up_to is not None]
        bends = [x for end in ends for x in self.where(end)]
        return self.through((*self._xs(), *bends), lambda x: _tiered_cost(tiers, self(x)))

    def where(self, level: Fraction) -> Iterator[Fraction]:
        """Each x at which a straight piece reaches the level; of a piece that lies on it, none."""
        ends = [x for x, _ in self.knots[1:]]
        for (x0, y0), slope, end in zip(self.knots, self._slopes(), [*ends, None], strict=True):
            if slope:
                x = x0 + (level - y0) / slope
                if x >= x0 and (end is None or x < end):
                    yield x

    def sign_changes(self, until: Fraction | None = None) -> list[Fraction]:
        """Each x up to `until` where the function goes from one side of 0 to the other, in order."""
        marks = sorted({x for x in (Fraction(0), *self._xs(), *self.where(Fraction(0))) if until is None or x < until})
        last = marks[-1] + 1 if until is None else until
        changes: list[Fraction] = []
        side, left_side = 0, Fraction(0)
        for left, right in pairwise([*marks, last]):
            here = _sign(self((left + right) / 2))
            if here and side and here != side:
                changes.append(left_side)
            if here:
                side, left_side = here, right
        return changes

    def _xs(self) -> list[Fraction]:
        return [x for x, _ in self.knots]

    def _slopes(self) -> list[Fraction]:
        return [*((y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(self.knots)), self.slope]


def quantities(at_zero: Usage, at_one: Usage) -> Mapping[Key, PiecewiseLinear]:
    """Each item's quantity along a variable in which usage is affine, from the usage at 0 and at 1 of it."""
    start, end = _totals(at_zero), _totals(at_one)
    zero = Fraction(0)
    return {key: PiecewiseLinear.affine(start.get(key, zero), end.get(key, zero) - start.get(key, zero))
            for key in {**start, **end}}


@dataclass(frozen=True)
class Cost:
    """USD along a variable, known up to `known_to` (None: everywhere)."""

    usd: PiecewiseLinear
    known_to: Fraction | None


def cost(parts: Iterable[Mapping[Key, PiecewiseLinear]], book: PriceBook) -> Cost:
    """What all these quantities cost together: an item's tiers count their sum, as on a bill.

    Known up to where the first item goes beyond the last tier that the book knows. Raises PriceMissingError for an item
    that the book lacks.
    """
    totals: dict[Key, PiecewiseLinear] = {}
    for part in parts:
        for key, quantity in part.items():
            totals[key] = totals[key] + quantity if key in totals else quantity
    prices = {key: book.price(*key) for key in totals}
    usd = sum((quantity.priced(prices[key].tiers) for key, quantity in totals.items()), PiecewiseLinear.affine(0, 0))
    ends = [x for key, price in prices.items() if price.known_to is not None
            for x in totals[key].where(Fraction(price.known_to))]
    return Cost(usd, min(ends, default=None))


def exact(value: float) -> Fraction:
    """As `bill.price` reads a quantity: the number as it is printed."""
    return Fraction(repr(float(value)))


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


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
