"""The usage file: a month's usage in TOML, a table a resource, as an Activity of origin "given".

    region = "us-east-1"
    month = "30 days"              # or hours: "720 h"; 730 h, the twelfth part of a year, unless given
    free_tier = true               # or "first_year"; false unless given
    date = 2026-10-01              # the day whose billing rules hold; today's unless given

    [free_tier_used]               # of an allowance that other Regions or other files of the account use up
    lambda.response_streaming = 100

    [savings_plan]                 # a Compute Savings Plan, nothing upfront
    years = 1
    commitment_usd_per_hour = 0.5  # all that it can cover unless given

    [products]                     # a resource, by its name on the bill
    kind = "lambda.function"
    requests = 3_000_000
    duration_ms = 120
    memory_mb = 1536

The kinds are the table KINDS; their keys are the fields of the class that stands there. Quantities are of the whole
month; what stands (hours of a gateway, a cache, an instance) is there all month unless the file says otherwise.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from costmodel.activity import Activity, Tally
from costmodel.errors import InputError
from costmodel.pricing.bill import SavingsPlan
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.resource import ResourceTally
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
from costmodel.pricing.usage_tables import FunctionTable, FunctionUrlTable, HttpApiTable, Period, RestApiTable

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
SHARES = ("discount", "utilisation")
MONTH_HOURS = 730.0
LARGEST = 1e18
"""More than this is no usage of anything, but a slip."""


@dataclass(frozen=True)
class UsageFile:
    """What a usage file says: what happened, and how it is to be priced."""

    activity: Activity
    free_tier: bool = False
    first_year: bool = False
    free_tier_used: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
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
            raise InputError(f"{key} = {value!r}: no such key{_suggestion(key, TOP)}")
    if settings.get("currency", "USD") != "USD":
        raise InputError(f"currency = {settings['currency']!r}: the price book is in USD")
    period = Period(_hours(settings.get("month", f"{MONTH_HOURS:g} h")), _date(settings.get("date")))
    made = {name: _resource(name, table, period) for name, table in resources.items()}
    tallies = tuple(tally for each, _ in made.values() for tally in each)
    missing = tuple(f"{name}: {sentence}" for name, (_, sentences) in made.items() for sentence in sentences)
    free_tier = settings.get("free_tier", False)
    if free_tier not in (True, False, "first_year"):
        raise InputError(f'free_tier = {free_tier!r}: give true, false or "first_year"')
    used, plan = dict(_used(settings.get("free_tier_used", {}))), _savings_plan(settings.get("savings_plan"))
    region = settings.get("region")
    if not isinstance(region, str):
        raise InputError(f'region = {region!r}: give a Region, as region = "us-east-1"')
    return UsageFile(Activity(region, period.hours, tallies, "given", missing), free_tier=bool(free_tier),
                     first_year=free_tier == "first_year",
                     free_tier_used=used, savings_plan=plan)


def _resource(name: str, table: Mapping[str, Any], period: Period) -> tuple[list[Tally], list[str]]:
    """The tallies of one table, and what it does not say. Raises InputError that names the resource."""
    try:
        kind = str(table.get("kind", ""))
        if kind in UNPRICED:
            raise InputError(f"kind = {kind!r}: {UNPRICED[kind]}")
        if kind not in KINDS:
            there_is = _suggestion(kind, KINDS) or f": give one of {', '.join(KINDS)}"
            raise InputError(f"kind = {kind!r}: no such kind{there_is}")
        made = _build(KINDS[kind], name, {key: value for key, value in table.items() if key != "kind"}, period)
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None
    return ([made], []) if isinstance(made, Tally) else (list(made.tallies(period)), list(made.missing()))


def _build(kind: type[Any], name: str, given: Mapping[str, Any], period: Period) -> Any:
    hints = get_type_hints(kind)
    known = {each.name: each for each in fields(kind) if each.name != "resource"}
    for key in given:
        if key not in known:
            raise InputError(f"{key}: no such key{_suggestion(key, known) or f': give of {_listed(known)}'}")
    values = kind.whole_period(period.hours) if issubclass(kind, ResourceTally) else {}
    values |= {key: _value(key, value, hints[key]) for key, value in given.items()}
    for key, each in known.items():
        if key not in values and each.default is MISSING:
            raise InputError(f"{key}: missing: give it")
    amounts = getattr(kind, "quantities", ())
    if amounts and not given.keys() & set(amounts) and not any(values.get(key, known[key].default) for key in amounts):
        raise InputError(f"no usage: give {' or '.join(amounts)}")
    return kind(resource=name, **values)


def _value(key: str, value: Any, hint: Any) -> Any:
    """A value as its field has it. Raises InputError with the key, the value and what to give."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        if value not in choices:
            raise InputError(f"{key} = {value!r}: give {' or '.join(map(str, choices))}")
        return value
    if hint in (bool, str):
        if not isinstance(value, hint):
            raise InputError(f"{key} = {value!r}: give {'true or false' if hint is bool else 'a text'}")
        return value
    number = _number(key, value)
    if key in SHARES and number > 1:
        raise InputError(f"{key} = {value!r}: give 0 to 1")
    if hint is int:
        if number != int(number):
            raise InputError(f"{key} = {value!r}: give a whole number")
        return int(number)
    return number


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} = {value!r}: give a number")
    if value < 0:
        raise InputError(f"{key} = {value!r}: give 0 or more")
    if not value <= LARGEST:
        raise InputError(f"{key} = {float('inf') if value > LARGEST else value}: give a number up to {LARGEST:.0e}")
    return float(value)


def _hours(month: Any) -> float:
    """`30 days`, `720 h` or a number of hours."""
    text = month if isinstance(month, str) else f"{month} h"
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(days?|d|hours?|h)\s*", text)
    hours = float(found[1]) * (24.0 if found[2].startswith("d") else 1.0) if found else 0.0
    if not 0 < hours <= LARGEST:
        raise InputError(f'month = {month!r}: give its length, as "30 days", "720 h" or "730 h"')
    return hours


def _date(value: Any) -> date | None:
    if value is not None and type(value) is not date:
        raise InputError(f"date = {value!r}: give a day, as date = 2026-10-01")
    return value


def _used(table: Any) -> Iterator[tuple[tuple[str, str], Decimal]]:
    if not isinstance(table, Mapping):
        raise InputError(f"free_tier_used = {table!r}: give a table, as [free_tier_used]")
    for service, items in table.items():
        if not isinstance(items, Mapping):
            raise InputError(f"free_tier_used: {service} = {items!r}: give an item, as lambda.requests = 500_000")
        for item, amount in items.items():
            yield (service, item), Decimal(repr(_number(f"free_tier_used: {service}.{item}", amount)))


def _savings_plan(table: Any) -> SavingsPlan | None:
    if table is None:
        return None
    keys = ("years", "commitment_usd_per_hour")
    if not isinstance(table, Mapping) or table.get("years") not in (1, 3):
        raise InputError("savings_plan: give years = 1 or years = 3")
    for key in table:
        if key not in keys:
            near = _suggestion(key, keys) or f": give of {_listed(keys)}"
            raise InputError(f"savings_plan: {key}: no such key{near}")
    if "commitment_usd_per_hour" not in table:
        return SavingsPlan(table["years"])
    committed = _number("savings_plan: commitment_usd_per_hour", table["commitment_usd_per_hour"])
    return SavingsPlan(table["years"], Decimal(repr(committed)))


def _suggestion(word: str, known: Collection[str]) -> str:
    """` (did you mean requests?)`, or nothing when no word is near."""
    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _listed(words: Collection[str]) -> str:
    return ", ".join(words)
