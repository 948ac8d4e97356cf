"""Usage files: every kind with every key, what follows from them, and what is refused."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields, replace
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
from costmodel.pricing.bulk import price_bulk, stacked
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.resource import ResourceTally
from costmodel.pricing.services import meter
from costmodel.pricing.usage_file import KINDS, TOP, UNPRICED, UsageFile, parse_usage, read_usage_file
from costmodel.pricing.usage_keys import FILE, keys_of

BOOK = PriceBook.load("us-east-1")
DESCRIPTIVE = {"memory_mb", "storage_mb", "instance_type", "cache_gb", "message_kb", "event_kb", "payload_kb", "record_kb",
               "item_kb", "discount", "utilisation", "vcpus", "rules", "cache_hours", "provisioned_hours",
               "provisioned_duration_ms", "snapstart_hours", "provisioned_requests", "gb_seconds", "vcpu", "memory_gb",
               "storage_gb"}
"""Number fields of which more is no more usage: they describe a request or a resource, or stand for another field."""
OF_EACH = {"duration_ms", "init_ms", "log_kb", "streamed_mb", "request_kb", "response_kb", "run_seconds", "gateways",
           "endpoints", "zones", "addresses", "busy_vcpus", "tasks", "instances", "shards", "consumers",
           "least", "cold_starts"}
"""Numbers that multiply others: only one factor of a product is split."""
FUNCTION = {"lambda.function": {"cold_starts": 0.0}}
EXACT: dict[str, str | float] = {
    "instance_type": "m7g.large", "memory_mb": 512, "storage_mb": 1024, "cache_gb": 1.6, "vcpu": 2.0, "least": 0,
    "memory_gb": 8.0, "storage_gb": 40.0, "vcpus": 2.0}
UNPRICED_KEYS = {"sms_deliveries", "replicated_write_units"}
"""What no price book of ours has a price for: refused by name."""
OTHER_MODE = {"extended_retention_gb_months"}
"""What only a stream on demand has."""
ALSO: dict[tuple[str, str], dict[str, float]] = {
    ("kinesis.stream", "on_demand"): dict.fromkeys(
        ("consumers", "extended_retention_shard_hours", "long_term_retrieved_gb"), 0.0),
    ("sns.topic", "fifo"): {"message_kb": 3.0, "sqs_deliveries": 0.0},
    ("sqs.queue", "fifo"): {"fair_requests": 0.0},
}
"""What a choice needs beside it."""


def parsed(text: str) -> UsageFile:
    return parse_usage(tomllib.loads(text))


def bill(resources: dict[str, Any], free_tier: bool = False) -> Bill:
    usage = parse_usage({"region": "us-east-1", **resources})
    return price(meter(usage.activity), BOOK, free_tier=free_tier)


def numbers(kind: type[Any]) -> list[str]:
    """The keys of a kind that say how much: more of it is more usage."""
    hints = get_type_hints(kind)
    return [each.name for each in fields(kind) if each.name not in UNPRICED_KEYS | OTHER_MODE
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
                others = ALSO.get((kind, choice), {})
                assert bill({"r": table(kind, 40.0, **{each.name: choice}, **others)}).total >= 0


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


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(share=st.integers(0, 64), free_tier=st.booleans())
def test_splitting_usage_over_two_resources_changes_nothing(kind: str, share: int, free_tier: bool) -> None:
    whole, split = table(kind, 64.0), [key for key in numbers(KINDS[kind]) if key not in OF_EACH]
    if kind == "apigateway.rest":
        whole, split = whole | {"cache_hours": 64.0}, [*split, "cache_hours"]
    parts = [whole | dict.fromkeys(split, amount) for amount in (float(share), 64.0 - share)]
    halves = bill({"one": parts[0], "other": parts[1]}, free_tier)
    assert halves.total == pytest.approx(bill({"r": whole}, free_tier).total, rel=Decimal("1e-12"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bill_is_continuous_where_any_of_its_lines_passes_from_tier_to_tier(kind: str) -> None:
    activity = parse_usage({"region": "us-east-1", "r": table(kind, 40.0)}).activity
    ends = {float(tier.up_to) / float(line.quantity) for line in meter(activity).lines
            for tier in BOOK.price(line.service, line.item).tiers[:-1] if tier.up_to is not None}
    for times in ends:
        below, at, above = (price(meter(activity.scaled(times * near, times * near)), BOOK).total
                            for near in (1 - 1e-9, 1.0, 1 + 1e-9))
        assert below <= at <= above <= below * (1 + Decimal("1e-8"))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(times=st.lists(st.just(0.0) | st.floats(1e-6, 2), min_size=1, max_size=4), free_tier=st.booleans())
def test_bills_on_arrays_are_the_decimal_bills_of_every_kind(kind: str, times: list[float], free_tier: bool) -> None:
    month = parse_usage({"region": "us-east-1", "r": table(kind, 40.0)}).activity
    months = [replace(month.scaled(each, each), hours=730.0) for each in times]
    bulk = price_bulk(meter(stacked(months)), BOOK, free_tier=free_tier)
    for number, each in enumerate(months):
        whole = float(price(meter(each), BOOK).total)
        exact = float(price(meter(each), BOOK, free_tier=free_tier).total)
        assert abs(bulk.total[number] - exact) <= 1e-9 * whole


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
    memory_mb = 128
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
        "api: response_kb is not given: its data transfer and payload units are not on the bill",
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


@pytest.mark.parametrize(("kind", "values", "note"), [
    ("sqs.queue", {"requests": 1}, "queue_type = standard; message_kb = 0 (64 KB or less: one unit each, at most 16); no fair_requests"),
    ("lambda.edge", {"requests": 1, "duration_ms": 1}, "memory_mb = 128 (the least; 10,240 MB would cost 80 times the GB-seconds)"),
    ("dynamodb.table", {"reads": 1, "writes": 1, "stored_gb_months": 0},
     "item_kb = 1 (the least; 400 KB are 400 write units or 100 read units); consistency = eventual; no write_units, read_units, "
     "replicated_write_units, backup_gb_months, on_demand_backup_gb_months, restored_gb, stream_reads, "
     "provisioned_write_unit_hours, provisioned_read_unit_hours"),
    ("fargate.tasks", {"vcpu": 1, "memory_gb": 2, "tasks": 1},
     "architecture = x86_64; operating_system = linux; storage_gb = 20; hours = 730 (all month); no transfer_out_gb, runs"),
    ("lambda.function", {"requests": 1, "duration_ms": 1, "memory_mb": 128, "cold_starts": 0, "log_kb": 0, "provisioned_concurrency": 1},
     "architecture = x86_64; event_kb = 0 (one request each; an asynchronous event of 1 MB is 13); storage_mb = 512; "
     "provisioned_hours (all month); provisioned_requests = 0 (every request is billed as on demand, the dearer way)"),
])
def test_every_default_that_is_taken_is_noted(kind: str, values: dict[str, Any], note: str) -> None:
    usage = parse_usage({"region": "us-east-1", "month": "730 h", "date": date(2026, 1, 1), "r": {"kind": kind, **values}})
    assert usage.activity.notes == (f"assumed: r: {note}",)


def test_what_the_file_does_not_say_of_itself_is_noted() -> None:
    assert parsed('region = "us-east-1"').activity.notes == (
        "assumed: month (730 h, the twelfth part of a year); date (the rules in force today)",)


def test_what_the_account_has_of_the_free_tier_is_noted() -> None:
    usage = parse_usage({"region": "us-east-1", "month": 730, "date": date(2026, 1, 1), "free_tier": "first_year",
                         "free_tier_used": {"sqs": "all", "lambda": {"requests": 5}}})
    assert usage.activity.notes == ("the allowances of an account's first year are taken off too",
                                    "used up elsewhere of the free tier: sqs all, lambda.requests 5.0")


@pytest.mark.parametrize(("kind", "values", "sentences"), [
    ("alb.load_balancer", {}, ["transfer_out_gb is not given: its data transfer is not on the bill",
                               "lcu_hours is not given: its capacity units are not on the bill"]),
    ("alb.load_balancer", {"processed_gb": 0, "transfer_out_gb": 0}, []),
    ("apigateway.rest", {"cache_gb": 0.5}, ["requests is not given: its requests are not on the bill"]),
    ("apigateway.rest", {"requests": 1, "transfer": "none"}, []),
    ("kinesis.stream", {}, ["records is not given: what is put into it is not on the bill"]),
    ("lambda.function", {"snapstart_versions": 1, "memory_mb": 128},
     ["requests is not given: its requests are not on the bill", "snapstart_restores is not given: its restores are not on the bill"]),
])
def test_what_is_surely_not_all_is_told_as_missing(kind: str, values: dict[str, Any], sentences: list[str]) -> None:
    missing = parse_usage({"region": "us-east-1", "r": {"kind": kind, **values}}).activity.missing
    assert missing == tuple(f"r: {sentence}" for sentence in sentences)


@pytest.mark.parametrize(("on", "note"), [
    ("2026-01-01", "INIT of cold starts is billed as duration: AWS's rule since 2025-08-01"),
    ("2025-07-31", "F: INIT of its cold starts is not billed: a ZIP package before 2025-08-01")])
def test_the_rule_by_which_init_is_billed_is_noted_with_its_date(on: str, note: str) -> None:
    text = F + "requests = 10\nmemory_mb = 128\nduration_ms = 5\ncold_starts = 2\ninit_ms = 300"
    assert note in meter(parsed(f"date = {on}\n{text}").activity).notes
    assert not any("INIT" in sentence for sentence in meter(parsed(text.replace("= 2", "= 0")).activity).notes)


@pytest.mark.parametrize("used", [{"lambda": {"response_streaming": "all"}}, {"lambda": "all"}])
def test_a_whole_allowance_can_be_used_up_elsewhere(used: dict[str, Any]) -> None:
    usage = parse_usage({"region": "us-east-1", "free_tier": True, "free_tier_used": used})
    allowance = next(each for each in usage.book(BOOK).allowances if each.items == ("response_streaming",))
    assert allowance.amount == 0


@pytest.mark.parametrize("key", sorted({(kind, key) for kind in KINDS for key in keys_of(kind)}), ids=".".join)
def test_every_key_has_a_meaning_and_the_table_of_meanings_has_no_other(key: tuple[str, str]) -> None:
    kind, name = key
    entry = keys_of(kind)[name]
    assert entry.about and name in {each.name for each in fields(KINDS[kind])}
    others = {condition.partition(" = ")[0] for condition in (*entry.of, *entry.unless, *entry.needs, *entry.unlimited)}
    assert others <= set(keys_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_is_described_and_a_number_has_its_unit(kind: str) -> None:
    assert set(keys_of(kind)) == {each.name for each in fields(KINDS[kind])} - {"resource"}
    without_unit = {"discount", "utilisation", "cache_gb", "trigger"}
    for name in numbers(KINDS[kind]):
        assert keys_of(kind)[name].unit or name in without_unit


def test_the_file_s_own_keys_are_described() -> None:
    assert set(keys_of(FILE)) == set(TOP)


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
    ("[F]\nrequests = 1", "F: kind = '': missing: give one of lambda.function, lambda.url, "),
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
    ("[E]\nkind = 'ec2.instances'\ninstance_type = 'm5.large'", "E: no usage: give instances or busy_vcpus or least"),
    ("[E]\nkind = 'ec2.instances'\ninstance_type = 'm5.large'\nbusy_vcpus = 3",
     "E: busy_vcpus = 3: give vcpus too: how many one instance has"),
    (F + "requests = 1\ncold_starts = 1", "F: cold_starts = 1: says nothing alone: give init_ms or gb_seconds too"),
    (F + "requests = 1\nduration_ms = 1", "F: duration_ms = 1: says nothing alone: give memory_mb too"),
    (F + "requests = 1\nmemory_mb = 128\nduration_ms = 900_001", "F: duration_ms = 900001: give 0 to 900000 ms"),
    (F + "streamed_responses = 1", "F: streamed_responses = 1: says nothing alone: give streamed_mb too"),
    (F + "requests = 1\nstreamed_mb = 8", "F: streamed_mb = 8: says nothing alone: give streamed_responses too"),
    (F + "requests = 1\nevent_kb = 2000", "F: event_kb = 2000: give 0 to 1024 KB"),
    (F + "trigger = 'x'", "F: no usage: give requests or gb_seconds or "),
    (F + "memory_mb = 128\nprovisioned_concurrency = 1\nprovisioned_hours = 731",
     "F: provisioned_hours = 731: more than the month has: give up to 730, or another month"),
    ("[A]\nkind = 'apigateway.rest'\nrequests = 1\ncache_hours = 3", "A: cache_hours = 3: says nothing alone: give cache_gb too"),
    ("[A]\nkind = 'apigateway.rest'\ncache_gb = 2", "A: cache_gb = 2: give one of 0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118, 237"),
    ("[A]\nkind = 'apigateway.rest'\nrequests = 1\nresponse_kb = 20_000", "A: response_kb = 20000: give up to 10240, or streams"),
    ("[A]\nkind = 'apigateway.http'\nrequests = 1\nresponse_kb = 20_000", "A: response_kb = 20000: give 0 to 10240 KB"),
    ("[A]\nkind = 'apigateway.websocket'\nmessages = 1\nmessage_kb = 500", "A: message_kb = 500: give 0 to 128 KB"),
    ("[T]\nkind = 'sns.topic'\ntopic_type = 'fifo'\npublishes = 1", "T: message_kb: missing: a FIFO topic pays by the GB"),
    ("[T]\nkind = 'sns.topic'\ntopic_type = 'fifo'\nsqs_deliveries = 1", "T: sqs_deliveries: those of a FIFO topic are charged"),
    ("[Q]\nkind = 'sqs.queue'\nqueue_type = 'fifo'\nrequests = 1\nfair_requests = 1", "Q: fair_requests: only a standard queue"),
    ("[N]\nkind = 'vpc.nat_gateway'\nhours = 745", "N: hours = 745: more than the month has: give up to 730"),
    ("[K]\nkind = 'kinesis.stream'\nmode = 'on_demand'\nconsumers = 2", "K: consumers = 2.0: not of mode on_demand"),
    ("[T]\nkind = 'fargate.tasks'\nvcpu = 3\nmemory_gb = 1\ntasks = 1", "T: vcpu = 3: give one of 0.25, 0.5, 1, 2, 4, 8, 16"),
    ("[T]\nkind = 'fargate.tasks'\nvcpu = 1\nmemory_gb = 1\ntasks = 1",
     "T: memory_gb = 1: with 1 vCPU give one of 2, 3, 4, 5, 6, 7, 8"),
    ("[T]\nkind = 'fargate.tasks'\nvcpu = 1\nmemory_gb = 2", "T: no usage: give tasks or runs"),
    ("[T]\nkind = 'fargate.tasks'\nvcpu = 1\nmemory_gb = 2\nruns = 3", "T: runs = 3: says nothing alone: give run_seconds too"),
    ("month = '40 days'", "month = '40 days': give its length, up to 31 days"),
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
