"""Usage files: every kind with every key, what follows from them, and what is refused."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.activity import CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.bill import Bill, SavingsPlan, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.resource import ResourceTally
from costmodel.pricing.services import meter
from costmodel.pricing.usage_file import KINDS, TOP, UNPRICED, UsageFile, parse_usage, read_usage_file

BOOK = PriceBook.load("us-east-1")
DESCRIPTIVE = {"memory_mb", "storage_mb", "instance_type", "cache_gb", "message_kb", "event_kb", "payload_kb", "record_kb",
               "item_kb", "discount", "utilisation", "vcpus", "rules", "cache_hours", "provisioned_hours",
               "provisioned_duration_ms", "snapstart_hours", "provisioned_requests", "gb_seconds"}
"""Number fields of which more is no more usage: they describe a request or a resource, or stand for another field."""
FUNCTION = {"lambda.function": {"cold_starts": 0.0}}
EXACT = {"instance_type": "m7g.large", "memory_mb": 512, "storage_mb": 1024, "cache_gb": 1.6, "vcpu": 2.0, "least": 0}


def parsed(text: str) -> UsageFile:
    return parse_usage(tomllib.loads(text))


def bill(resources: dict[str, Any], free_tier: bool = False) -> Bill:
    usage = parse_usage({"region": "us-east-1", **resources})
    return price(meter(usage.activity), BOOK, free_tier=free_tier)


def numbers(kind: type[Any]) -> list[str]:
    """The keys of a kind that say how much: more of it is more usage."""
    hints = get_type_hints(kind)
    return [each.name for each in fields(kind)
            if (each.name not in DESCRIPTIVE or each.name in getattr(kind, "quantities", ())) and each.name != "resource"
            and hints[each.name] not in (str, bool) and get_origin(hints[each.name]) is not Literal]


def table(kind: str, amount: float, **values: Any) -> dict[str, Any]:
    """A table of a kind in which all that is a quantity is `amount`."""
    made = {"kind": kind} | dict.fromkeys(numbers(KINDS[kind]), amount)
    hints = get_type_hints(KINDS[kind])
    for each in fields(KINDS[kind]):
        if each.name in EXACT and each.name in hints:
            made[each.name] = EXACT[each.name]
        elif get_origin(hints[each.name]) is Literal and each.default is MISSING:
            made[each.name] = get_args(hints[each.name])[0]
    return made | FUNCTION.get(kind, {}) | values


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_price_in_the_unit_that_it_is_metered_in(kind: str) -> None:
    usage = parse_usage({"region": "us-east-1", "r": table(kind, 40.0)})
    lines = meter(usage.activity).lines
    assert lines and {line.resource for line in lines} == {"r"}
    assert all(BOOK.price(line.service, line.item).unit == line.unit for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_of_every_kind_has_a_price_but_windows(kind: str) -> None:
    hints = get_type_hints(KINDS[kind])
    for each in fields(KINDS[kind]):
        for choice in get_args(hints[each.name]) if get_origin(hints[each.name]) is Literal else ():
            if choice != "windows":
                assert bill({"r": table(kind, 40.0, **{each.name: choice})}).total >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_zero_usage_costs_zero(kind: str) -> None:
    none = {"cache_hours": 0.0} if kind == "apigateway.rest" else {}
    assert bill({"r": table(kind, 0.0, **none)}).total == 0


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_more_usage_never_costs_less(kind: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(numbers(KINDS[kind])))
    less, more = sorted((data.draw(st.integers(0, 90)), data.draw(st.integers(0, 90))))
    base = {"requests": 90.0} if key == "cold_starts" else {}
    low, high = (table(kind, 90.0, **base, **{key: float(amount)}) for amount in (less, more))
    assert bill({"r": high}).total >= bill({"r": low}).total


@pytest.mark.parametrize("kind", [kind for kind, made in KINDS.items() if issubclass(made, ResourceTally)])
@settings(max_examples=20)
@given(share=st.integers(0, 64), free_tier=st.booleans())
def test_splitting_usage_over_two_resources_changes_nothing(kind: str, share: int, free_tier: bool) -> None:
    whole = table(kind, 64.0)
    parts = [whole | dict.fromkeys(KINDS[kind].quantities, amount) for amount in (float(share), 64.0 - share)]
    split = bill({"one": parts[0], "other": parts[1]}, free_tier)
    assert split.total == pytest.approx(bill({"r": whole}, free_tier).total, rel=Decimal("1e-12"))


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=5), st.booleans())
def test_splitting_requests_over_functions_of_one_account_changes_nothing(requests: list[int], free_tier: bool) -> None:
    common = {"kind": "lambda.function", "duration_ms": 100, "memory_mb": 1024, "log_kb": 1}
    one = bill({"F": common | {"requests": sum(requests)}}, free_tier).total
    many = bill({f"F{n}": common | {"requests": count} for n, count in enumerate(requests)}, free_tier).total
    assert many == pytest.approx(one, rel=Decimal("1e-12"))


@given(st.sets(st.sampled_from(sorted(KINDS)), max_size=6), st.integers(0, 90), st.booleans())
def test_the_bill_is_the_sum_of_its_components(kinds: set[str], amount: int, free_tier: bool) -> None:
    made = bill({kind.replace(".", "_"): table(kind, float(amount)) for kind in kinds}, free_tier)
    assert made.total == sum((component.cost for component in made.components), Decimal(0))
    assert abs(made.invoice_total - made.total) <= Decimal("0.005") * len(made.by("item")) * 2


@pytest.mark.parametrize("kind", [kind for kind, made in KINDS.items() if issubclass(made, ResourceTally)])
def test_what_stands_grows_with_the_hours_and_what_flows_with_the_traffic(kind: str) -> None:
    (tally,) = parse_usage({"region": "us-east-1", "r": table(kind, 3.0)}).activity.tallies
    assert isinstance(tally, ResourceTally)
    scaled = tally.scaled(2.0, 5.0)
    for name in tally.quantities:
        assert getattr(scaled, name) == getattr(tally, name) * (5.0 if name in tally.hourly else 2.0)


def test_a_function_becomes_what_it_did() -> None:
    text = """
    region = "eu-west-1"
    month = "30 days"
    [F]
    kind = "lambda.function"
    trigger = "GET /products"
    architecture = "arm64"
    memory_mb = 512
    requests = 1_000
    duration_ms = 99.5
    cold_starts = 10
    init_ms = 200.6
    log_kb = 2
    provisioned_concurrency = 3
    provisioned_requests = 400
    provisioned_duration_ms = 50
    """
    activity = parsed(text).activity
    assert (activity.region, activity.hours, activity.origin) == ("eu-west-1", 720.0, "given")
    (function,) = activity.of(FunctionTally)
    assert (function.function, function.trigger, function.invocations) == ("F", "GET /products", 1000.0)
    assert function.gb_s == pytest.approx((600 * 0.100 + 10 * (0.301 - 0.100)) / 2)
    assert function.provisioned_gb_s == pytest.approx(400 * 0.050 / 2)
    assert function.log_bytes == 2_048_000
    (kept,) = activity.of(ProvisionedTally)
    assert kept.gb_s == 3 * 720 * 3600 / 2


@pytest.mark.parametrize(("on", "package", "billed_s"), [
    ("2025-07-31", "zip", 1.0), ("2025-07-31", "image", 4.0), ("2025-08-01", "zip", 4.0)])
def test_init_is_billed_by_the_rule_of_the_file_s_date(on: str, package: str, billed_s: float) -> None:
    (function, *_) = parsed(f"""
    region = "us-east-1"
    date = {on}
    [F]
    kind = "lambda.function"
    memory_mb = 1024
    requests = 10
    duration_ms = 100
    cold_starts = 10
    init_ms = 300
    package = "{package}"
    """).activity.of(FunctionTally)
    assert function.gb_s == pytest.approx(billed_s)


def test_what_a_table_does_not_say_is_told_and_not_taken_for_nothing() -> None:
    activity = parsed("""
    region = "us-east-1"
    [F]
    kind = "lambda.function"
    requests = 10
    [G]
    kind = "lambda.function"
    requests = 10
    duration_ms = 5
    cold_starts = 0
    log_kb = 0
    [api]
    kind = "apigateway.http"
    requests = 10
    """).activity
    assert activity.missing == (
        "F: duration_ms is not given: its duration is not on the bill",
        "F: cold_starts is not given: INIT is not on the bill",
        "F: log_kb is not given: its logs are not on the bill",
        "api: response_kb is not given: its data transfer is not on the bill",
    )


def test_apis_become_routes_with_units_and_a_cache_that_stands_all_month() -> None:
    activity = parsed("""
    region = "us-east-1"
    [rest]
    kind = "apigateway.rest"
    requests = 10
    response_kb = 25_000
    streams = true
    cache_gb = 0.5
    [http]
    kind = "apigateway.http"
    requests = 10
    request_kb = 4_608
    response_kb = 0
    [private]
    kind = "apigateway.rest"
    requests = 10
    response_kb = 4
    transfer = "none"
    """).activity
    rest, http, private = activity.of(RouteTally)
    assert (rest.units, http.units, private.units) == (30.0, 90.0, 10.0)
    assert (rest.response_bytes, private.response_bytes) == (10 * 25_000 * 1024, 0.0)
    (cache,) = activity.of(CacheTally)
    assert (cache.resource, cache.size_gb, cache.hours) == ("rest", 0.5, 730.0)


def test_provisioned_concurrency_counts_in_started_five_minutes_and_a_cache_in_started_hours() -> None:
    activity = parsed("""
    region = "us-east-1"
    [F]
    kind = "lambda.function"
    memory_mb = 1024
    provisioned_concurrency = 1
    provisioned_hours = 0.01
    [api]
    kind = "apigateway.rest"
    cache_gb = 0.5
    cache_hours = 1.2
    """).activity
    assert [kept.gb_s for kept in activity.of(ProvisionedTally)] == pytest.approx([300.0])
    assert [cache.hours for cache in activity.of(CacheTally)] == [2.0]


def test_what_the_file_says_of_the_account_is_kept() -> None:
    usage = parsed("""
    region = "us-east-1"
    free_tier = "first_year"
    [free_tier_used]
    lambda.requests = 500_000
    [savings_plan]
    years = 3
    commitment_usd_per_hour = 0.5
    """)
    assert usage.free_tier and usage.first_year
    assert usage.savings_plan == SavingsPlan(3, Decimal("0.5"))
    allowance = next(each for each in usage.book(BOOK).allowances if each.items == ("requests",))
    assert allowance.amount == 500_000


F = 'region = "us-east-1"\n[F]\nkind = "lambda.function"\n'


@pytest.mark.parametrize(("text", "line"), [
    (F + "reqests = 1", "F: reqests: no such key (did you mean requests?)"),
    (F + "requests = -1", "F: requests = -1: give 0 or more"),
    (F + "requests = nan", "F: requests = nan: give a number up to 1e+18"),
    (F + "requests = inf", "F: requests = inf: give a number up to 1e+18"),
    (F + 'requests = "many"', "F: requests = 'many': give a number"),
    (F + "requests = true", "F: requests = True: give a number"),
    (F + 'architecture = "arm"', "F: architecture = 'arm': give x86_64 or arm64"),
    (F + "memory_mb = 127", "F: memory_mb = 127: give 128 to 10240"),
    (F + "memory_mb = 10241", "F: memory_mb = 10241: give 128 to 10240"),
    (F + "memory_mb = 128.5", "F: memory_mb = 128.5: give a whole number"),
    (F + "storage_mb = 100", "F: storage_mb = 100: give 512 to 10240"),
    (F + "requests = 1\nprovisioned_requests = 2", "F: provisioned_requests = 2: more than requests = 1"),
    (F + "requests = 1\ncold_starts = 2", "F: cold_starts = 2: more than the requests outside provisioned"),
    (F + "requests = 1\ngb_seconds = 2\nduration_ms = 3", "F: gb_seconds = 2: give it or duration_ms, not both"),
    (F + 'snapstart_java = "yes"', "F: snapstart_java = 'yes': give true or false"),
    (F.replace("function", "functions"), "F: kind = 'lambda.functions': no such kind (did you mean lambda.function?)"),
    ("[F]\nrequests = 1", "F: kind = '': no such kind: give one of lambda.function, lambda.url, "),
    ("[F]\nkind = 'xray.traces'\nrecorded = 1", "region = None: give a Region"),
    ("regoin = 'us-east-1'", "regoin = 'us-east-1': no such key (did you mean region?)"),
    ("month = 'May'", "month = 'May': give its length"),
    ("month = 0", "month = 0: give its length"),
    ("date = 'today'", "date = 'today': give a day"),
    ("free_tier = 'yes'", "free_tier = 'yes': give true, false"),
    ("currency = 'EUR'", "currency = 'EUR': the price book is in USD"),
    ("savings_plan = {years = 2}", "savings_plan: give years = 1 or years = 3"),
    ("savings_plan = {years = 1, comitment = 2}", "savings_plan: comitment: no such key: give of years"),
    ("free_tier_used = 3", "free_tier_used = 3: give a table"),
    ("free_tier_used = {lambda = 3}", "free_tier_used: lambda = 3: give an item"),
    ("[E]\nkind = 'ec2.instances'\ninstance_type = 'm5.large'\ndiscount = 2", "E: discount = 2: give 0 to 1"),
    ("[E]\nkind = 'ec2.instances'\ninstance_type = 'm5.large'\nutilisation = 0", "E: utilisation = 0"),
    ("[Q]\nkind = 'sqs.queue'\nmessage_kb = 3", "Q: no usage: give requests or fair_requests"),
    ("[E]\nkind = 'ec2.instances'", "E: instance_type: missing"),
    ("[E]\nkind = 'lambda.edge'\nrequests = 1\nduration_ms = 1\nmemory_mb = 64", "E: memory_mb = 64: give 128"),
])
def test_what_cannot_be_used_is_refused_in_one_line_that_says_what_to_give(text: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "usage.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_usage_file(path)
    assert str(error.value).startswith(f"{path}: {line}") and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", UNPRICED)
def test_a_kind_without_a_price_list_is_refused_by_name(kind: str) -> None:
    with pytest.raises(InputError, match=f"r: kind = '{kind}': .* not priced"):
        parse_usage({"region": "us-east-1", "r": {"kind": kind}})


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_usage_file(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("= 3")
    with pytest.raises(InputError, match="not readable as TOML"):
        read_usage_file(tmp_path / "bad.toml")


@pytest.mark.parametrize(("month", "hours"), [("30 days", 720.0), ("31 days", 744.0), ("720 h", 720.0), (730, 730.0)])
def test_the_month_has_the_length_that_the_file_states(month: str | int, hours: float) -> None:
    assert parse_usage({"region": "us-east-1", "month": month}).activity.hours == hours
    assert parse_usage({"region": "us-east-1", "date": date(2026, 1, 1)}).activity.hours == 730.0


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2), max_leaves=4)


@given(data=st.data())
def test_whatever_stands_in_a_file_is_priced_or_refused_in_one_line(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS)) | anything)
    keys = [each.name for each in fields(KINDS[kind])] if isinstance(kind, str) and kind in KINDS else ["requests"]
    resource = data.draw(st.dictionaries(st.sampled_from(keys), anything, max_size=3)) | {"kind": kind}
    top = data.draw(st.dictionaries(st.sampled_from(TOP), anything, max_size=2))
    try:
        usage = parse_usage({"region": "us-east-1", "r": resource} | top)
        price(meter(usage.activity), PriceBook.load(usage.activity.region))
    except (InputError, PriceMissingError) as refusal:
        assert "\n" not in str(refusal)
