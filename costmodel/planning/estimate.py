"""The bill of a template before it is deployed: what stands, what given traffic uses, and bounds for what is assumed.

Each quantity has its origin: `measured` (by a run), `given` (by the template, the traffic or a usage file) or `assumed`.
A run brings its mix of routes, durations, sizes and cold starts, scaled to the traffic. What is assumed has a low and a
high value, and the bill is made with each. Traffic in requests a second is spread evenly over the routes; what it would
cost were all of it on one route is told. Resources whose traffic nobody gave, and types that have no price here, are
named with what to give: nothing is free because it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from costmodel.activity import Activity, CacheTally, FunctionTally, Origin, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.metering import billed_ms, gb_s, http_units
from costmodel.planning.resource_types import Resource, kind_of, standing_of
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.usage import Usage
from costmodel.pricing.usage_file import MONTH_HOURS, TOP, parse_usage
from loadgen.deployment import Deployment, Function, Route

Level = Literal[0, 1, 2]
"""Low, likely, high."""
RESPONSE_KB = (1.0, 10.0, 100.0)
LOG_KB = (0.3, 1.0, 5.0)
COLD_SHARE = (0.0, 0.01, 0.1)
INIT_MS = (200.0, 500.0, 2_000.0)
ASSUMED = (f"responses of {RESPONSE_KB[1]:g} KB ({RESPONSE_KB[0]:g}–{RESPONSE_KB[2]:g}), "
           f"{LOG_KB[1]:g} KB of logs an invocation ({LOG_KB[0]:g}–{LOG_KB[2]:g}), "
           f"{COLD_SHARE[1]:.0%} cold starts ({COLD_SHARE[0]:.0%}–{COLD_SHARE[2]:.0%}) of {INIT_MS[1]:g} ms INIT "
           f"({INIT_MS[0]:g}–{INIT_MS[2]:g})")


FREE_STORAGE_MB = 512


@dataclass(frozen=True)
class Question:
    """What is given: requests a second of the whole template, duration [ms] of each invocation, tables of a usage file."""

    rps: float | None = None
    duration_ms: float | None = None
    usage: Mapping[str, Any] | None = None
    measured: Activity | None = None
    """Of a run: in place of the duration."""
    hours: float = MONTH_HOURS

    def __post_init__(self) -> None:
        for name in ("rps", "duration_ms"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"{name} = {value}: give 0 or more")
        if self.measured is not None and self.duration_ms is not None:
            raise InputError(f"duration_ms = {self.duration_ms:g}: the run has measured it: leave it out")
        if self.measured is None and (self.rps is None) != (self.duration_ms is None):
            raise InputError("rps and duration: give both, or neither and a usage file or a run")


@dataclass(frozen=True)
class Part:
    """One item of one resource, all routes together [USD a month]."""

    item: str
    unit: str
    origin: Origin
    quantity: Decimal
    usd: Decimal
    low_usd: Decimal
    high_usd: Decimal


@dataclass(frozen=True)
class Estimate:
    """The likely bill, and with everything assumed at its low and at its high value. `types`: of each resource."""

    bill: Bill
    low: Bill
    high: Bill
    types: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def parts(self, resource: str) -> list[Part]:
        """A resource's quantities by item and origin, over all its routes, dearest first."""
        likely, low, high = (_parts(bill, resource) for bill in (self.bill, self.low, self.high))
        nothing = (Decimal(0), Decimal(0))
        found = [Part(*key, *likely[key], low.get(key, nothing)[1], high.get(key, nothing)[1]) for key in likely]
        return sorted(found, key=lambda part: -part.usd)

    def bounds(self, resource: str | None = None) -> tuple[Decimal, Decimal]:
        """USD of the whole, or of one resource, between which it lies by what is assumed."""
        def usd(bill: Bill) -> Decimal:
            return bill.total if resource is None else bill.by("resource").get(resource, Decimal(0))

        return usd(self.low), usd(self.high)


def estimate(deployment: Deployment, resources: Mapping[str, Resource], book: PriceBook, question: Question, *,
             free_tier: bool = False) -> Estimate:
    """The month of a template that has these resources, by logical id. `free_tier`: as if the usage file asked for it.

    Raises PriceMissingError, and InputError for a usage table that cannot be used.
    """
    tables = {name: table for name, table in (question.usage or {}).items() if name not in TOP}
    settings = {name: value for name, value in (question.usage or {}).items() if name in TOP}
    known = {name: _filled(name, table, deployment, resources) for name, table in tables.items()}
    given = parse_usage({**settings, "region": book.region, **known})
    question = replace(question, hours=given.activity.hours if question.usage else question.hours)
    book = given.book(book)
    routes = [route for route in deployment.triggers if not {route.function, route.api} & known.keys()]
    measured = list(_measured(deployment, question, known))
    if measured or question.rps is None:
        routes = []
    flowing = {name for route in routes for name in (route.api, route.function)}
    flowing |= {of.resource if isinstance(of, RouteTally) else of.function for of in measured}
    standing = _standing(deployment, known, question.hours)
    names = dict.fromkeys((*deployment.functions, *deployment.apis), Resource("")) | dict(resources)
    unknown = [*given.activity.missing, *(question.measured.missing if question.measured is not None else ())]
    for name in [name for name in names if name not in known and name not in flowing]:
        found, sentence = _resource(name, names[name], deployment, question.hours)
        standing += found
        unknown += [sentence] if sentence else []
    unknown += [f"{name}: its ephemeral storage of {function.ephemeral_storage_mb} MB, of which 512 are free: give [{name}] in "
                "--usage" for name, function in deployment.functions.items()
                if name in flowing and function.ephemeral_storage_mb > FREE_STORAGE_MB]

    def bill(level: Level, weights: Mapping[int, float]) -> Bill:
        flows = [tally for number, weight in weights.items()
                 for tally in _flow(deployment, routes[number], question, weight, level)]
        tallies: dict[Origin, Sequence[Tally]] = {
            "measured": measured,
            "given": [*given.activity.tallies, *standing, *(of for of, origin in flows if origin == "given")],
            "assumed": [of for of, origin in flows if origin == "assumed"]}
        usages = [meter(Activity(book.region, question.hours, tuple(of), origin)) for origin, of in tallies.items()]
        return price(_merged(usages, tuple(unknown)), book, free_tier=free_tier or given.free_tier, savings_plan=given.savings_plan)

    even = {number: 1.0 / len(routes) for number in range(len(routes))}
    low, likely, high = (bill(level, even) for level in (0, 1, 2))
    one = {f"{routes[number].api} {routes[number].name}": bill(1, {number: 1.0}).total for number in even}
    types = {name: resource.type for name, resource in resources.items()}
    return Estimate(likely, low, high, types, tuple(_notes(deployment, question, one)))


def _filled(name: str, table: Any, deployment: Deployment, resources: Mapping[str, Resource]) -> Any:
    """A usage table with what the template says of its resource, where the table says nothing."""
    if not isinstance(table, Mapping):
        return table
    found: dict[str, Any] = {}
    if name in resources and (known := kind_of(resources[name])) is not None:
        kind, stands = known
        found |= {"kind": kind, **stands}
    if name in deployment.functions:
        function = deployment.functions[name]
        found |= {"memory_mb": function.memory_mb, "architecture": function.architecture, "package": function.package,
                  "storage_mb": function.ephemeral_storage_mb, "provisioned_concurrency": function.provisioned}
    api = deployment.apis.get(name)
    if api is not None:
        found["kind"] = "lambda.url" if api.kind == "url" else f"apigateway.{api.kind}"
        found |= {"cache_gb": api.cache_gb} if api.cache_gb is not None else {}
    return {**found, **table}


def _measured(deployment: Deployment, question: Question, known: Mapping[str, Any]) -> Iterator[RouteTally | FunctionTally]:
    """A run's requests and invocations as a month of them; what stands is the template's."""
    if question.measured is None:
        return
    run = question.measured
    requests = sum(float(route.requests) for route in run.of(RouteTally)) or sum(
        float(function.invocations) for function in run.of(FunctionTally))
    if not requests:
        raise InputError("the run has no billed request: there is nothing to scale")
    flow = question.hours / run.hours if question.rps is None else question.rps * 3600.0 * question.hours / requests
    names = {api.kind: api.name for api in deployment.apis.values()}
    month = run.scaled(flow, question.hours)
    for route in month.of(RouteTally):
        name = names.get(route.api, "")
        if name not in known:
            yield replace(route, resource=name)
    yield from (function for function in month.of(FunctionTally) if function.function not in known)


def _standing(deployment: Deployment, known: Mapping[str, Any], hours: float) -> list[Tally]:
    """What functions and APIs cost whether used or not."""
    tallies: list[Tally] = []
    for function in deployment.functions.values():
        if function.provisioned and function.name not in known:
            tallies.append(ProvisionedTally.kept(function.name, function.architecture, function.memory_mb,
                                                 function.provisioned, hours))
    for api in deployment.apis.values():
        if api.cache_gb is not None and api.name not in known:
            tallies.append(CacheTally(api.kind, api.cache_gb, hours, resource=api.name))
    return tallies


def _resource(name: str, resource: Resource, deployment: Deployment, hours: float) -> tuple[list[Tally], str | None]:
    """What stands of a resource that no traffic was given for, and what to give for the rest of it."""
    if name in deployment.functions:
        return [], f"{name}: its invocations are not known: give [{name}] with requests and duration_ms in --usage"
    if name in deployment.apis:
        return [], f"{name}: its requests are not known: give [{name}] with requests and response_kb in --usage"
    return standing_of(name, resource, hours)


def _flow(deployment: Deployment, route: Route, question: Question, share: float,
          level: Level) -> Iterator[tuple[Tally, Literal["given", "assumed"]]]:
    """What a share of the traffic does on one route."""
    requests = (question.rps or 0.0) * 3600.0 * question.hours * share
    api, function = deployment.apis[route.api], deployment.functions[route.function]
    response_bytes, log_bytes = RESPONSE_KB[level] * 1024.0, LOG_KB[level] * 1024.0
    units = requests * http_units(0.0, response_bytes) if api.kind == "http" else 0.0
    yield RouteTally(api.kind, route.name, requests, units=units, resource=api.name), "given"
    yield RouteTally(api.kind, route.name, 0.0, response_bytes=requests * response_bytes, resource=api.name), "assumed"
    ran_ms = billed_ms(_duration_ms(function, question))
    cold_ms = billed_ms(_duration_ms(function, question), INIT_MS[level])
    warm = FunctionTally(function.name, route.name, function.architecture, function.memory_mb, requests)
    run_gb_s = gb_s(requests * ran_ms, function.memory_mb)
    init_gb_s = gb_s(requests * COLD_SHARE[level] * (cold_ms - ran_ms), function.memory_mb)
    if function.provisioned:
        yield replace(warm, provisioned_gb_s=run_gb_s), "given"
        init_gb_s = 0.0
    else:
        yield replace(warm, gb_s=run_gb_s), "given"
    yield replace(warm, invocations=0.0, gb_s=init_gb_s, init_gb_s=init_gb_s, log_bytes=requests * log_bytes), "assumed"


def _duration_ms(function: Function, question: Question) -> float:
    return min(question.duration_ms or 0.0, function.timeout_s * 1000.0)


def _parts(bill: Bill, resource: str) -> dict[tuple[str, str, Origin], tuple[Decimal, Decimal]]:
    """Quantity and cost by item, unit and origin."""
    found: dict[tuple[str, str, Origin], tuple[Decimal, Decimal]] = {}
    for component in bill.components:
        if component.resource == resource:
            key = (component.item, component.unit, component.origin)
            quantity, cost = found.get(key, (Decimal(0), Decimal(0)))
            found[key] = (quantity + component.quantity, cost + component.cost)
    return found


def _merged(usages: Sequence[Usage], missing: tuple[str, ...]) -> Usage:
    first = usages[0]
    return replace(first, lines=tuple(line for usage in usages for line in usage.lines), missing=(*first.missing, *missing))


def _notes(deployment: Deployment, question: Question, one: Mapping[str, Decimal]) -> Iterator[str]:
    """What the figures stand on."""
    if question.measured is not None:
        rate = "its own traffic" if question.rps is None else f"{question.rps:g} requests/s"
        yield f"measured: the run's requests, at {rate} for {question.hours:g} h"
        yield from _mismatches(deployment, question.measured)
    elif question.rps is not None:
        yield f"given: {question.rps:g} requests/s for {question.hours:g} h, {question.duration_ms:g} ms an invocation"
        yield f"assumed: {ASSUMED}"
        yield from _limits(deployment, question.duration_ms or 0.0)
    elif question.usage is None:
        yield "no traffic given: only what stands is on the bill; give --rps and --duration, --run or --usage"
    if len(one) > 1:
        least, most = (pick(one, key=lambda name: one[name]) for pick in (min, max))
        yield (f"assumed: evenly over {len(one)} routes; all on {least}: {one[least]:,.2f} USD, "
               f"all on {most}: {one[most]:,.2f} USD")


def _limits(deployment: Deployment, duration_ms: float) -> Iterator[str]:
    for function in deployment.functions.values():
        if duration_ms > function.timeout_s * 1000.0:
            yield f"{function.name}: stops at its timeout of {function.timeout_s:g} s"
        if function.provisioned:
            yield f"{function.name}: all its invocations are taken to run in its {function.provisioned} provisioned environments"


def _mismatches(deployment: Deployment, run: Activity) -> Iterator[str]:
    """Functions that were measured as another setting than the template's."""
    for name, memory_mb, architecture in dict.fromkeys((of.function, of.memory_mb, of.architecture)
                                                       for of in run.of(FunctionTally)):
        declared = deployment.functions.get(name)
        if declared is None:
            yield f"{name}: in the run, not in the template"
        elif (memory_mb, architecture) != (declared.memory_mb, declared.architecture):
            yield (f"{name}: measured at {memory_mb} MB {architecture}, the template has {declared.memory_mb} MB "
                   f"{declared.architecture}: fit a model and predict that")
