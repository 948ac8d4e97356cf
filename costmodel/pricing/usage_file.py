"""The usage file: a month's usage in TOML, a table a resource, as an Activity of origin "given".

    region = "us-east-1"
    month = "30 days"              # or hours: "720 h"; 730 h, the twelfth part of a year, unless given
    free_tier = true               # or "first_year"; false unless given
    date = 2026-10-01              # the day whose billing rules hold; today's unless given

    [free_tier_used]               # of an allowance that other Regions or other files of the account use up
    lambda.response_streaming = 100  # or "all"

    [savings_plan]                 # a Compute Savings Plan, nothing upfront
    years = 1
    commitment_usd_per_hour = 0.5  # all that it can cover unless given

    [products]                     # a resource, by its name on the bill
    kind = "lambda.function"
    requests = 3_000_000
    duration_ms = 120
    memory_mb = 1536

The kinds are the table KINDS; their keys are the fields of the class that stands there, and what they mean is in
`usage_keys.toml`. Quantities are of the whole month; what stands (hours of a gateway, a cache, an instance) is there
all month unless the file says otherwise. What is taken for a key that is not given stands on the bill.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from costmodel.activity import Activity, Tally
from costmodel.errors import InputError
from costmodel.pricing.bill import SavingsPlan
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services.alb import LoadBalancerTally
from costmodel.pricing.services.apigateway import PortalTally, WebSocketTally
from costmodel.pricing.services.cloudfront import DistributionTally
from costmodel.pricing.services.cloudtrail import TrailTally
from costmodel.pricing.services.cloudwatch import LogsTally, MetricsTally
from costmodel.pricing.services.cognito import UserPoolTally
from costmodel.pricing.services.data_transfer import TransferTally
from costmodel.pricing.services.dynamodb import TableTally
from costmodel.pricing.services.ec2 import InstancesTally
from costmodel.pricing.services.eventbridge import BusTally, PipeTally, SchedulerTally
from costmodel.pricing.services.fargate import TasksTally
from costmodel.pricing.services.kinesis import StreamTally
from costmodel.pricing.services.kms import KeysTally
from costmodel.pricing.services.lambda_features import EdgeTally, ManagedInstancesTally, PollerTally
from costmodel.pricing.services.s3 import BucketTally
from costmodel.pricing.services.secretsmanager import SecretsTally
from costmodel.pricing.services.sns import TopicTally
from costmodel.pricing.services.sqs import QueueTally
from costmodel.pricing.services.stepfunctions import ExpressWorkflowTally, StandardWorkflowTally
from costmodel.pricing.services.vpc import EndpointTally, NatGatewayTally, PublicAddressTally
from costmodel.pricing.services.waf import WebAclTally
from costmodel.pricing.services.xray import TracesTally
from costmodel.pricing.usage_keys import FILE, assumed, missing
from costmodel.pricing.usage_tables import FunctionTable, FunctionUrlTable, HttpApiTable, Period, RestApiTable
from costmodel.pricing.usage_values import check_usage, listed, number, suggestion, values_of

KINDS: Mapping[str, type[Any]] = {
    "lambda.function": FunctionTable,
    "lambda.url": FunctionUrlTable,
    "lambda.edge": EdgeTally,
    "lambda.managed_instances": ManagedInstancesTally,
    "lambda.poller": PollerTally,
    "apigateway.rest": RestApiTable,
    "apigateway.http": HttpApiTable,
    "apigateway.websocket": WebSocketTally,
    "apigateway.portal": PortalTally,
    "cloudwatch.logs": LogsTally,
    "cloudwatch.metrics": MetricsTally,
    "xray.traces": TracesTally,
    "cloudtrail.trail": TrailTally,
    "data_transfer.out": TransferTally,
    "vpc.nat_gateway": NatGatewayTally,
    "vpc.endpoint": EndpointTally,
    "vpc.public_address": PublicAddressTally,
    "cloudfront.distribution": DistributionTally,
    "sqs.queue": QueueTally,
    "sns.topic": TopicTally,
    "eventbridge.bus": BusTally,
    "eventbridge.pipe": PipeTally,
    "eventbridge.scheduler": SchedulerTally,
    "kinesis.stream": StreamTally,
    "stepfunctions.standard": StandardWorkflowTally,
    "stepfunctions.express": ExpressWorkflowTally,
    "dynamodb.table": TableTally,
    "s3.bucket": BucketTally,
    "cognito.user_pool": UserPoolTally,
    "kms.keys": KeysTally,
    "secretsmanager.secrets": SecretsTally,
    "waf.web_acl": WebAclTally,
    "alb.load_balancer": LoadBalancerTally,
    "fargate.tasks": TasksTally,
    "ec2.instances": InstancesTally,
}
UNPRICED = {
    "lambda.microvm": "MicroVMs are known only from the pricing page's own examples, not from a price list: not priced",
}
TOP = ("region", "month", "free_tier", "date", "currency", "free_tier_used", "savings_plan")
ALL = "all"
MONTH_HOURS = 730.0
LONGEST_MONTH_HOURS = 31 * 24.0


@dataclass(frozen=True)
class UsageFile:
    """What a usage file says: what happened, and how it is to be priced."""

    activity: Activity
    free_tier: bool = False
    first_year: bool = False
    free_tier_used: Mapping[tuple[str, str], Decimal | None] = field(default_factory=dict)
    """By service and item (see PriceBook.with_used); None: all of it."""
    savings_plan: SavingsPlan | None = None

    def book(self, book: PriceBook) -> PriceBook:
        """The book with the allowances that this account still has. Raises InputError for an unknown one."""
        return (book.in_first_year() if self.first_year else book).with_used(self.free_tier_used)


def read_usage_file(path: Path) -> UsageFile:
    """The usage of a file. Raises InputError, one line: file, resource, key, value and what to give."""
    data = read_tables(path)
    try:
        return parse_usage(data)
    except InputError as problem:
        raise InputError(f"{path}: {problem}") from None


def read_tables(path: Path) -> dict[str, Any]:
    """The file's tables as they stand in it. Raises InputError when there are none to read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InputError(f"{path}: not readable as TOML ({problem})") from None


def parse_usage(data: Mapping[str, Any]) -> UsageFile:
    """The same of TOML that was read. Raises InputError, one line: resource, key, value and what to give."""
    settings = {key: value for key, value in data.items() if key in TOP}
    resources = {key: value for key, value in data.items() if key not in TOP}
    for key, value in resources.items():
        if not isinstance(value, Mapping):
            raise InputError(f"{key} = {value!r}: no such key{suggestion(key, TOP)}")
    if settings.get("currency", "USD") != "USD":
        raise InputError(f"currency = {settings['currency']!r}: the price book is in USD")
    period = Period(_hours(settings.get("month", f"{MONTH_HOURS:g} h")), _date(settings.get("date")))
    made = {name: _resource(name, table, period) for name, table in resources.items()}
    tallies = tuple(tally for each in made.values() for tally in each.tallies)
    lacking = tuple(f"{name}: {sentence}" for name, each in made.items() for sentence in each.missing)
    told = assumed(FILE, settings, {})
    notes = (*([f"assumed: {told}"] if told else ()), *_account_notes(settings),
             *(f"{start}{name}: {sentence}" for name, each in made.items() for start, sentence in each.notes))
    free_tier = settings.get("free_tier", False)
    if free_tier not in (True, False, "first_year"):
        raise InputError(f'free_tier = {free_tier!r}: give true, false or "first_year"')
    used, plan = dict(_used(settings.get("free_tier_used", {}))), _savings_plan(settings.get("savings_plan"))
    region = settings.get("region")
    if not isinstance(region, str):
        raise InputError(f'region = {region!r}: give a Region, as region = "us-east-1"')
    return UsageFile(Activity(region, period.hours, tallies, "given", lacking, notes), free_tier=bool(free_tier),
                     first_year=free_tier == "first_year",
                     free_tier_used=used, savings_plan=plan)


def no_such_kind(kind: str) -> str:
    """What to tell of a kind that there is not."""
    if not kind:
        return f"missing: give one of {listed(KINDS)}"
    return f"no such kind{suggestion(kind, KINDS) or f': give one of {listed(KINDS)}'}"


@dataclass(frozen=True)
class _Made:
    """What one table became: its tallies, what it leaves unsaid, and what holds instead, each note with its start."""

    tallies: tuple[Tally, ...]
    missing: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]


def _resource(name: str, table: Mapping[str, Any], period: Period) -> _Made:
    """What one table says. Raises InputError that names the resource."""
    try:
        kind = str(table.get("kind", ""))
        if kind in UNPRICED:
            raise InputError(f"kind = {kind!r}: {UNPRICED[kind]}")
        if kind not in KINDS:
            raise InputError(f"kind = {kind!r}: {no_such_kind(kind)}")
        given = {key: value for key, value in table.items() if key != "kind"}
        values = values_of(kind, KINDS[kind], given, period.hours)
        made = KINDS[kind](resource=name, **values)
        check_usage(kind, KINDS[kind], given, values)
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None
    told = assumed(kind, given, values, getattr(made, "quantities", ()))
    notes = [("assumed: ", told)] if told else []
    if isinstance(made, Tally):
        return _Made((made,), tuple(missing(kind, given, values)), tuple(notes))
    notes += [("", sentence) for sentence in made.notes(period)]
    return _Made(tuple(made.tallies(period)), tuple(missing(kind, given, values)), tuple(notes))


def _hours(month: Any) -> float:
    """`30 days`, `720 h` or a number of hours."""
    text = month if isinstance(month, str) else f"{month} h"
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(days?|d|hours?|h)\s*", text)
    hours = float(found[1]) * (24.0 if found[2].startswith("d") else 1.0) if found else 0.0
    if not 0 < hours <= LONGEST_MONTH_HOURS:
        raise InputError(f'month = {month!r}: give its length, up to 31 days, as "30 days", "720 h" or "730 h"')
    return hours


def _date(value: Any) -> date | None:
    if value is not None and type(value) is not date:
        raise InputError(f"date = {value!r}: give a day, as date = 2026-10-01")
    return value


def _used(table: Any) -> Iterator[tuple[tuple[str, str], Decimal | None]]:
    if not isinstance(table, Mapping):
        raise InputError(f"free_tier_used = {table!r}: give a table, as [free_tier_used]")
    for service, items in table.items():
        if items == ALL:
            yield (service, ""), None
            continue
        if not isinstance(items, Mapping):
            raise InputError(f'free_tier_used: {service} = {items!r}: give an item, as lambda.requests = 50, or "all"')
        for item, amount in items.items():
            key = f"free_tier_used: {service}.{item}"
            yield (service, item), None if amount == ALL else Decimal(repr(number(key, amount)))


def _account_notes(settings: Mapping[str, Any]) -> Iterator[str]:
    """What of the free tier the account has."""
    if settings.get("free_tier") == "first_year":
        yield "the allowances of an account's first year are taken off too"
    used = [f"{service}{item and '.' + item} {'all' if amount is None else f'{amount:,f}'}"
            for (service, item), amount in _used(settings.get("free_tier_used", {}))]
    if used:
        yield f"used up elsewhere of the free tier: {', '.join(used)}"


def _savings_plan(table: Any) -> SavingsPlan | None:
    if table is None:
        return None
    keys = ("years", "commitment_usd_per_hour")
    if not isinstance(table, Mapping) or table.get("years") not in (1, 3):
        raise InputError("savings_plan: give years = 1 or years = 3")
    for key in table:
        if key not in keys:
            near = suggestion(key, keys) or f": give of {listed(keys)}"
            raise InputError(f"savings_plan: {key}: no such key{near}")
    if "commitment_usd_per_hour" not in table:
        return SavingsPlan(table["years"])
    committed = number("savings_plan: commitment_usd_per_hour", table["commitment_usd_per_hour"])
    return SavingsPlan(table["years"], Decimal(repr(committed)))
