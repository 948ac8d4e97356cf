"""The bill of a template before it is deployed: what stands, what given traffic uses, and bounds for what is assumed.

Each quantity has its origin: `measured` (by a run), `given` (by the template, the traffic or a usage file) or `assumed`.
A run brings its mix of routes, durations, sizes and cold starts, scaled to the traffic. What is assumed has a low and a
high value, and the bill is made with each. Traffic in requests a second is spread evenly over the routes; what it would
cost were all of it on one route is told. Resources whose traffic nobody gave, and types that have no price here, are
named with what to give: nothing is free because it is unknown. A schedule's invocations are counted: the template gives
them. A setting that only the account knows is taken from its least to its most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from costmodel.activity import Activity, CacheTally, FunctionTally, Origin, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.planning.event_sources import EventSource, event_sources, provisioned_pollers
from costmodel.planning.flows import Flow, Level, Plant, route_flow, schedule_flow, snapshots, traces
from costmodel.planning.premises import Question, besides, doubted, notes_of, schedule_notes
from costmodel.planning.resource_types import Resource, kind_of, standing_of
from costmodel.planning.site import Doubt
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.usage import Usage
from costmodel.pricing.usage_file import TOP, parse_usage
from loadgen.deployment import Deployment, Route


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
             free_tier: bool = False, deployed: Mapping[str, Resource] | None = None, doubts: Sequence[Doubt] = ()) -> Estimate:
    """The month of a template that has these resources, by logical id. `free_tier`: as if the usage file asked for it.

    `deployed`: the resources as CloudFormation makes them, for event sources, tracing and log groups; `doubts`: what the
    template does not tell. Raises PriceMissingError, and InputError for a usage table that cannot be used.
    """
    tables = {name: table for name, table in (question.usage or {}).items() if name not in TOP}
    settings = {name: value for name, value in (question.usage or {}).items() if name in TOP}
    _check_names(tables, {*deployment.functions, *deployment.apis, *resources})
    known = {name: _filled(name, table, deployment, resources) for name, table in tables.items()}
    given = parse_usage({**settings, "region": book.region, **known})
    question = replace(question, hours=given.activity.hours if question.usage else question.hours)
    book = given.book(book)
    measured = list(_measured(deployment, question, known))
    ran = {of.function for of in measured if isinstance(of, FunctionTally)}
    routes = [] if measured or question.rps is None else [
        route for route in deployment.triggers if not {route.function, route.api} & known.keys()]
    sources = event_sources(deployed or {}, deployment.functions)
    schedules = [source for source in sources if source.per_hour is not None and source.function not in known.keys() | ran]
    if question.duration_ms is not None and question.rps is None and not schedules:
        raise InputError("rps and duration: give both, or neither and a usage file or a run")
    asked = {doubt.setting: [of.resource for of in doubts if of.setting == doubt.setting] for doubt in doubts}
    plant = Plant.of(deployment, deployed or {}, *([str(name) for name in asked.get(setting, ()) if name not in known]
                                                   for setting in ("MemorySize", "Timeout")))
    flowing = {name for route in routes for name in (route.api, route.function, plant.log_groups.get(route.api, route.api))}
    flowing |= {of.resource if isinstance(of, RouteTally) else of.function for of in measured}
    flowing |= {source.function for source in schedules}
    standing = _standing(deployment, known, question.hours)
    names = dict.fromkeys((*deployment.functions, *deployment.apis), Resource("")) | dict(resources)
    unknown = [*given.activity.missing, *(question.measured.missing if question.measured is not None else ()),
               *(doubted(doubt) for doubt in doubts if doubt.resource not in known)]
    for name in [name for name in names if name not in known and name not in flowing]:
        found, sentence = _resource(name, names[name], deployment, question.hours, sources)
        standing += found
        unknown += [sentence] if sentence else []
    unknown += provisioned_pollers(deployed or {})
    unknown += besides(sources, {of.function for of in schedules} | {route.function for route in routes}, known)

    def bill(level: Level, weights: Mapping[int, float]) -> Bill:
        flows = list(_flows(plant, [(routes[number], weight) for number, weight in weights.items()], schedules, question, level))
        flows += snapshots(plant, deployment.functions.keys() - known.keys(), question.hours, level)
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
    notes = (*notes_of(plant, question, routes, one), *schedule_notes(schedules, question),
             *(given.activity.notes if question.usage else ()))
    return Estimate(likely, low, high, types, notes)


def _flows(plant: Plant, shares: Sequence[tuple[Route, float]], schedules: Sequence[EventSource], question: Question,
           level: Level) -> Iterator[Flow]:
    """What the traffic and the schedules do, and the traces that X-Ray records of it."""
    hours, duration_ms = question.hours, question.duration_ms or 0.0
    entered: dict[str, float] = {}
    for route, share in shares:
        requests = (question.rps or 0.0) * 3600.0 * hours * share
        yield from route_flow(plant, route, requests, duration_ms, level)
        door = route.api if route.api in plant.traced else route.function
        entered[door] = entered.get(door, 0.0) + requests
    for source in schedules:
        yield from schedule_flow(plant, source, hours, question.duration_ms, level)
        entered[source.function] = entered.get(source.function, 0.0) + (source.per_hour or 0.0) * hours
    yield from traces(plant, entered, hours, level)


def _check_names(tables: Mapping[str, Any], names: Collection[str]) -> None:
    """A table is of a resource of the template, or brings its own kind. Raises InputError."""
    for name, table in tables.items():
        if isinstance(table, Mapping) and name not in names and "kind" not in table:
            near = get_close_matches(name, names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else f" (it has: {', '.join(sorted(names)) or 'none'})"
            raise InputError(f"[{name}]: the template has no such resource{hint}; for one that is not in it give its kind too")


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


def _resource(name: str, resource: Resource, deployment: Deployment, hours: float,
              sources: Sequence[EventSource]) -> tuple[list[Tally], str | None]:
    """What stands of a resource that no traffic was given for, and what to give for the rest of it."""
    if name in deployment.functions:
        labels = dict.fromkeys(source.label for source in sources if source.function == name)
        by = f" (by {', '.join(labels)})" if labels else ""
        return [], f"{name}: its invocations{by} are not known: give [{name}] with requests and duration_ms in --usage"
    if name in deployment.apis:
        return [], f"{name}: its requests are not known: give [{name}] with requests and response_kb in --usage"
    if resource.type == "AWS::Logs::LogGroup" and str(resource.properties.get("LogGroupName", "")).startswith("/aws/lambda/"):
        return [], None  # what a function logs is on the function's own line
    return standing_of(name, resource, hours)


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
