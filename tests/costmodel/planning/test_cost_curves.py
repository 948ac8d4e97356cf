from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.errors import InputError, PriceMissingError
from costmodel.planning.cost_curves import PiecewiseLinear, SignChange, cost, quantities
from costmodel.pricing.bill import SavingsPlan, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.usage import Usage, UsageLine

BOOK = PriceBook.load("us-east-1")
REST = BOOK.price("apigateway", "rest_requests").tiers

numbers = st.fractions(-100, 100, max_denominator=50)
places = st.fractions(0, 1000, max_denominator=50)


@st.composite
def curves(draw: st.DrawFn) -> PiecewiseLinear:
    xs = sorted(draw(st.sets(st.fractions(1, 100, max_denominator=10), max_size=4)))
    ys = draw(st.lists(numbers, min_size=len(xs) + 1, max_size=len(xs) + 1))
    return PiecewiseLinear(tuple(zip([Fraction(0), *xs], ys, strict=True)), draw(numbers))


@given(curves(), curves(), places)
def test_sums_differences_and_the_larger_are_exact_everywhere(one: PiecewiseLinear, other: PiecewiseLinear,
                                                             x: Fraction) -> None:
    assert (one + other)(x) == one(x) + other(x)
    assert (one - other)(x) == one(x) - other(x)
    assert one.largest(other)(x) == max(one(x), other(x))


@given(curves())
def test_every_sign_change_is_an_exact_zero_with_opposite_signs_around(curve: PiecewiseLinear) -> None:
    changes = [change.at for change in curve.sign_changes()]
    for number, change in enumerate(curve.sign_changes()):
        at = change.at
        assert curve(at) == 0
        around = [x for x, _ in curve.knots if x != at] + [other for other in changes if other != at]
        step = min((abs(x - at) for x in around), default=Fraction(1)) / 2
        before, after = curve(at - step), curve(at + step)
        assert before * after < 0 or before == 0 or after == 0, number
        assert after * change.after >= 0


@given(curves(), places)
def test_between_two_sign_changes_the_sign_does_not_change(curve: PiecewiseLinear, x: Fraction) -> None:
    marks = [Fraction(0), *(change.at for change in curve.sign_changes())]
    start = max(mark for mark in marks if mark <= x)
    end = min((mark for mark in marks if mark > x), default=start + 2000)
    signs = {(curve(at) > 0) - (curve(at) < 0) for at in (x, (start + end) / 2, start + (end - start) / 7)}
    assert not {-1, 1} <= signs


def test_a_stretch_at_zero_counts_once_where_it_begins_and_only_when_sides_are_changed() -> None:
    through = PiecewiseLinear(((Fraction(0), Fraction(-1)), (Fraction(1), Fraction(0)), (Fraction(2), Fraction(0))), Fraction(1))
    touching = PiecewiseLinear(through.knots, Fraction(-1))
    assert through.sign_changes() == [SignChange(Fraction(1), 1)]
    assert touching.sign_changes() == []


def test_what_crosses_at_the_end_of_the_range_or_later_is_not_found() -> None:
    line = PiecewiseLinear.affine(-1, 1)
    here = [SignChange(Fraction(1), 1)]
    assert (line.sign_changes(), line.sign_changes(Fraction(1)), line.sign_changes(Fraction(2))) == (here, [], here)


@pytest.mark.parametrize(("requests", "usd"), [
    (0, "0"), (333_000_000, "1165.5"), (333_000_001, "1165.5000028"), (1_000_000_000, "3033.1"), (21_000_000_000, "49763.1"),
])
def test_a_quantity_pays_its_tiers_exactly(requests: int, usd: str) -> None:
    assert PiecewiseLinear.affine(0, 1).priced(REST)(requests) == Fraction(Decimal(usd))


@given(st.floats(0, 1e10), st.floats(0, 1e10), st.floats(0, 1))
def test_the_curve_is_the_decimal_bill_at_each_place(standing: float, flow: float, at: float) -> None:
    def usage(*parts: float) -> Usage:
        lines = tuple(UsageLine("apigateway", "rest_requests", f"r{n}", q, "request", "given") for n, q in enumerate(parts))
        return Usage("us-east-1", 730.0, lines, 1.0)

    curve = cost(quantities(usage(standing), usage(standing, flow)), BOOK).usd
    exact = price(usage(standing, flow * at), BOOK).total
    assert float(curve(Fraction(repr(at)))) == pytest.approx(float(exact), rel=1e-9, abs=1e-18)


def test_the_curve_says_up_to_where_the_book_knows_prices() -> None:
    rest = BOOK.price("apigateway", "rest_requests")
    book = replace(BOOK, prices={("apigateway", "rest_requests"): replace(rest, tiers=rest.tiers[:1])})
    part = {("apigateway", "rest_requests"): PiecewiseLinear.affine(0, 2)}
    assert cost(part, book).known_to == Fraction(333_000_000, 2)
    assert cost(part, BOOK).known_to is None


@given(st.fractions(Fraction(1, 10), 10, max_denominator=20), st.integers(0, 3), st.fractions(0, 3, max_denominator=20))
def test_stairs_are_what_a_load_needs_in_whole_ones(rate: Fraction, least: int, x: Fraction) -> None:
    assert PiecewiseLinear.stairs(rate, least, 40)(x) == max(least, ceil(rate * x))


def test_a_jump_can_change_the_sign_more_than_once() -> None:
    """x against 0.9 x in steps of 9: dearer from the first step's height, cheaper again after its end."""
    stairs = PiecewiseLinear.stairs(Fraction(1, 10), 1, 4).times(Fraction(9))
    changes = (PiecewiseLinear.affine(0, 1) - stairs).sign_changes(Fraction(40))
    assert [(change.at, change.after) for change in changes] == [(9, 1), (10, -1), (18, 1), (20, -1), (27, 1), (30, -1),
                                                                 (36, 1)]


def test_a_jump_over_a_level_exceeds_it_where_it_is() -> None:
    stairs = PiecewiseLinear.stairs(Fraction(1), 1, 5)
    assert (stairs.exceeds(Fraction(5, 2)), stairs.exceeds(Fraction(9))) == (2, None)


def test_every_item_without_a_price_is_named() -> None:
    part = {("moon", item): PiecewiseLinear.affine(0, 1) for item in ("cheese", "dust")}
    with pytest.raises(PriceMissingError, match=r"moon cheese, moon dust: the price book has no price for it in us-east-1"):
        cost(part, BOOK)


@given(st.integers(0, 10**8), st.integers(1, 10**8), st.sampled_from([Fraction(n, 8) for n in range(9)]))
def test_allowances_and_a_savings_plan_are_those_of_the_bill(standing: int, flow: int, at: Fraction) -> None:
    def usage(flow: float) -> Usage:
        used = standing + flow
        lines = tuple(UsageLine("lambda", item, "F", quantity, "unit", "given") for item, quantity in
                      (("requests", used), ("duration_x86_64", 2 * used), ("duration_arm64", used)))
        return Usage("us-east-1", 730.0, lines, 1.0)

    plan = SavingsPlan(1)
    curve = cost(quantities(usage(0.0), usage(flow)), BOOK, free_tier=True, savings_plan=plan).usd
    bill = price(usage(flow * float(at)), BOOK, free_tier=True, savings_plan=plan)
    assert float(curve(at)) == pytest.approx(float(bill.total), rel=1e-9, abs=1e-9)


def test_an_allowance_that_is_shared_at_a_changing_rate_is_refused() -> None:
    part = {("lambda", "duration_x86_64"): PiecewiseLinear.affine(5, 1),
            ("lambda", "duration_arm64"): PiecewiseLinear.affine(0, 1)}
    with pytest.raises(InputError, match="shares its allowance"):
        cost(part, BOOK, free_tier=True)
