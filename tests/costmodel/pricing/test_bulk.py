from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.bill import SavingsPlan, price
from costmodel.pricing.bulk import price_bulk, stacked, tiered_costs
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.usage import Usage, UsageLine

BOOK = PriceBook.load("us-east-1")
ITEMS = sorted(key for key, item in BOOK.prices.items() if item.known_to is None)

quantities = st.one_of(st.just(0.0), st.floats(1e-6, 1e11))
architectures = st.sampled_from(["x86_64", "arm64"])


@st.composite
def configurations(draw: st.DrawFn) -> Activity:
    """One configuration's month: some function behind some API, with or without what stands."""
    requests, api = draw(quantities), draw(st.sampled_from(["rest", "http", "url"]))
    tallies: list[Tally] = [
        RouteTally(api, "GET /", requests, units=draw(st.floats(1, 3)) * requests, response_bytes=draw(quantities)),
        FunctionTally("F", "GET /", draw(architectures), 512, draw(quantities), gb_s=draw(quantities),
                      provisioned_gb_s=draw(quantities), log_bytes=draw(quantities)),
        FunctionTally("G", "GET /", draw(architectures), 512, draw(quantities), gb_s=draw(quantities)),
    ]
    if draw(st.booleans()):
        tallies.append(ProvisionedTally("F", draw(architectures), draw(quantities)))
    if api == "rest" and draw(st.booleans()):
        tallies.append(CacheTally("rest", 0.5, hours=730.0))
    return Activity("us-east-1", 730.0, tuple(tallies), "predicted")


def usage_of(*lines: tuple[tuple[str, str], object]) -> Usage:
    made = tuple(UsageLine(*key, f"r{n}", quantity, "", "given")  # type: ignore[arg-type]
                 for n, (key, quantity) in enumerate(lines))
    return Usage("us-east-1", 730.0, made, requests=1.0)


@settings(deadline=None)
@given(st.lists(configurations(), min_size=1, max_size=6), st.booleans())
def test_each_of_many_bills_is_the_decimal_bill_of_its_configuration(months: list[Activity], free: bool) -> None:
    bulk = price_bulk(meter(stacked(months)), BOOK, free_tier=free)
    for number, month in enumerate(months):
        exact, whole = price(meter(month), BOOK, free_tier=free), float(price(meter(month), BOOK).total)
        assert abs(bulk.total[number] - float(exact.total)) <= 1e-9 * (whole if free else float(exact.total))
        for service, usd in exact.by("service").items():
            assert bulk.by_service()[service][number] == pytest.approx(float(usd), rel=1e-9, abs=1e-9 * whole)
        assert bulk.requests[number] == pytest.approx(float(exact.requests), rel=1e-12)


@given(st.lists(st.tuples(st.sampled_from(ITEMS), st.lists(quantities, min_size=3, max_size=3)), min_size=1, max_size=8))
def test_any_item_of_the_book_costs_the_same_in_bulk(lines: list[tuple[tuple[str, str], list[float]]]) -> None:
    bulk = price_bulk(usage_of(*((key, np.array(values)) for key, values in lines)), BOOK)
    for number in range(3):
        exact = price(usage_of(*((key, values[number]) for key, values in lines)), BOOK).total
        assert bulk.total[number] == pytest.approx(float(exact), rel=1e-9)


@settings(deadline=None)
@given(st.lists(configurations(), min_size=1, max_size=4), st.booleans(), st.sampled_from([None, "0", "0.5", "40"]))
def test_a_savings_plan_and_discounts_count_in_bulk_as_on_one_bill(months: list[Activity], free: bool,
                                                                    commitment: str | None) -> None:
    plan = SavingsPlan(1, None if commitment is None else Decimal(commitment))

    def discounted(usage: Usage) -> Usage:
        return replace(usage, lines=tuple(replace(line, discount=0.3) if line.resource == "F" else line
                                          for line in usage.lines))

    bulk = price_bulk(discounted(meter(stacked(months))), BOOK, free_tier=free, savings_plan=plan)
    for number, month in enumerate(months):
        exact = price(discounted(meter(month)), BOOK, free_tier=free, savings_plan=plan).total
        whole = float(price(meter(month), BOOK).total) + 730 * float(commitment or 0)
        assert abs(bulk.total[number] - float(exact)) <= 1e-9 * whole


def test_more_than_the_known_tiers_is_refused() -> None:
    book = PriceBook.load("eu-central-1")
    line = UsageLine("apigateway", "rest_requests", "REST API", np.array([1e6, 4e8]), "request", "given")
    with pytest.raises(PriceMissingError, match=r"apigateway rest_requests: the price book knows only .*333,000,000"):
        price_bulk(Usage("eu-central-1", 730.0, (line,), 1.0), book)


def test_a_number_counts_for_every_configuration() -> None:
    key = ("lambda", "requests")
    bulk = price_bulk(usage_of((key, 5e6), (key, np.array([0.0, 5e6]))), BOOK)
    assert bulk.total.tolist() == pytest.approx([1.0, 2.0])
    assert bulk.usd_per_million.shape == (2,)


def test_numbers_alone_are_one_configuration() -> None:
    assert price_bulk(usage_of((("apigateway", "rest_requests"), 1e9)), BOOK).total.tolist() == pytest.approx([3033.1])


def test_all_four_tiers_of_rest_requests_are_paid() -> None:
    tiers = BOOK.price("apigateway", "rest_requests").tiers
    assert tiered_costs(tiers, np.array([21e9, 0.0])).tolist() == pytest.approx([49763.10, 0.0])


def test_per_million_is_unknown_where_there_were_no_requests() -> None:
    empty = Activity("us-east-1", 1.0, (RouteTally("rest", "GET /", 0.0),), "given")
    bulk = price_bulk(meter(stacked([empty, replace(empty, tallies=(RouteTally("rest", "GET /", 2e6),))])), BOOK)
    assert np.isnan(bulk.usd_per_million[0]) and bulk.usd_per_million[1] == pytest.approx(3.5)


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_a_quantity_that_is_no_amount_is_refused_by_name(wrong: float) -> None:
    with pytest.raises(InputError, match=r"lambda requests of r0: quantity = .*: give numbers of 0 or more"):
        price_bulk(usage_of((("lambda", "requests"), np.array([1.0, wrong]))), BOOK)


def test_a_missing_price_and_another_region_are_refused() -> None:
    with pytest.raises(PriceMissingError, match="lambda teleportation"):
        price_bulk(usage_of((("lambda", "teleportation"), np.array([1.0]))), BOOK)
    with pytest.raises(InputError, match="usage of eu-west-1, prices of us-east-1"):
        price_bulk(replace(usage_of(), region="eu-west-1"), BOOK)


def test_activities_of_different_kinds_are_not_stacked() -> None:
    month = Activity("us-east-1", 730.0, (), "given")
    with pytest.raises(InputError, match="stack those of one kind"):
        stacked([month, replace(month, hours=720.0)])


def test_what_is_missing_of_any_configuration_is_said_once() -> None:
    month = Activity("us-east-1", 730.0, (), "given", ("no log sizes",))
    assert stacked([month, month]).missing == ("no log sizes",)
    assert price_bulk(meter(stacked([month, month])), BOOK).missing == ("no log sizes",)
    assert Decimal(0) == price(meter(month), BOOK).total
