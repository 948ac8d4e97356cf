"""The worst bill: what an hour and a day cost if everything that can be invoked is, and which limit stops it.

The dearest traffic that the limits let through is a linear program, a second of it:

    maximise   requests x gateway price + invocations x (price + response + log) + busy environments x GB x price
    subject to requests of a route           <= its stage's throttle, or its own
               requests of keyed routes      <= the usage plan, for each key
               requests of all APIs          <= the account's limit
               invocations of a function     <= requests of its routes + those of its event sources
               invocations of a schedule     <= how often it fires x 3 (two retries); of other events, x 3 too
               busy environments of a poller <= its maximum concurrency, or shards x parallelization factor
               invocations                   <= 10 a second for each unit of concurrency
               busy environments             <= invocations x timeout
               busy environments             <= reserved, provisioned, or what the account leaves to all the others

A function that nothing leads to is invoked directly: nothing but concurrency stops it unless the rate of its events is
given, and nothing else stops events whose rate is not. What Lambda throttles behind the gateway is billed there. A limit's
shadow price says what one unit of it is worth. Prices are those of the first tier; the bills themselves are metered and
priced as any other. What stands is on the bill where it serves the traffic: provisioned concurrency and caches.

Sources: Lambda developer guide, "Understanding Lambda function scaling" (10 requests a second for each unit of
concurrency) and "Asynchronous invocation" (two retries); API Gateway developer guide, "Throttle requests".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.metering import http_units
from costmodel.planning.event_sources import EventSource, event_sources
from costmodel.planning.flows import Plant
from costmodel.planning.resource_types import NESTED, nested_path
from costmodel.planning.site import Site
from costmodel.planning.throttles import Throttle, throttles
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.services.apigateway import WebSocketTally
from loadgen.deployment import Deployment, Function, Route
from loadgen.quotas import Quotas

ATTEMPTS = 3
"""Invocations of an asynchronous event that fails each time."""
HOUR_S = 3600.0


@dataclass(frozen=True)
class Exposure:
    """What the callers can send: sizes of requests, answers and logs [bytes], events of functions without a route [1/s]."""

    request_bytes: float = 1_024.0
    response_bytes: float = 10_240.0
    log_bytes: float = 1_024.0
    events_per_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("request_bytes", "response_bytes", "log_bytes", "events_per_s"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise InputError(f"{name} = {value}: give 0 or more")


@dataclass(frozen=True)
class Limit:
    """One limit. `usd_per_hour`: what a unit more of it would add to the ceiling; 0: it does not bind."""

    name: str
    value: float
    unit: str
    usd_per_hour: float

    @property
    def binds(self) -> bool:
        return self.usd_per_hour > 0


@dataclass(frozen=True)
class Ceiling:
    """The worst hour and the worst day (its tiers counted from the start of a month)."""

    hour: Bill
    day: Bill
    limits: tuple[Limit, ...]
    flows: Mapping[str, float]
    """Requests a second by route, invocations a second and busy environments by function."""
    notes: tuple[str, ...] = ()
    """What of the template is not in it."""


@dataclass(frozen=True)
class Entries:
    """What leads to the functions besides open routes: event sources, and throttles of methods and usage plans."""

    sources: tuple[EventSource, ...] = ()
    throttles: tuple[Throttle, ...] = ()


def entries_of(site: Site) -> Entries:
    """The entries of a template."""
    return Entries(event_sources(site.deployed, site.deployment.functions), throttles(site.deployed, site.deployment))


def notes_of(site: Site, entries: Entries, exposure: Exposure) -> Iterator[str]:
    """What the ceiling of a template leaves out, or takes without knowing it."""
    for name, resource in site.resources.items():
        if resource.type in NESTED:
            yield f"not in it: {name} ({resource.type}){nested_path(resource.properties)}: a template of its own"
    yield from (f"not known: {doubt.sentence}" for doubt in site.doubts)
    free = [of.label for of in entries.sources if of.per_hour is None and of.at_once is None and of.api is None]
    if free and exposure.events_per_s is None:
        yield f"no limit of their own is known: {', '.join(dict.fromkeys(free))}; give --events-per-s"
    if any(source.api for source in entries.sources):
        yield "not in it: connection minutes of WebSocket APIs"
    if traced := Plant.of(site.deployment, site.deployed).traced:
        yield f"not in it: X-Ray traces of {', '.join(sorted(traced))} (of sampled requests alone: 5 % by default)"


def ceiling(deployment: Deployment, book: PriceBook, quotas: Quotas | None = None, exposure: Exposure | None = None,
            entries: Entries | None = None) -> Ceiling:
    """The dearest hour and day of a deployment. Raises PriceMissingError; InputError when there is nothing to invoke."""
    entries, exposure = entries or Entries(), exposure or Exposure()
    if not deployment.functions and all(api.kind == "url" for api in deployment.apis.values()):
        raise InputError("the template declares no Lambda function and no REST or HTTP API: nothing here can be invoked")
    deployment = _with_doors(deployment)
    program = _program(deployment, book, quotas or Quotas(), exposure, entries, HOUR_S)
    values, shadow_prices = program.solve()
    flows = dict(zip(program.columns, values, strict=True))
    of_day = flows
    if any(throttle.quota is not None for throttle in entries.throttles):
        longer = _program(deployment, book, quotas or Quotas(), exposure, entries, 24 * HOUR_S)
        of_day = dict(zip(longer.columns, longer.solve()[0], strict=True))
    hour, day = (price(meter(Activity(book.region, hours, tuple(_tallies(deployment, rates, exposure, entries, hours)), "assumed")),
                       book) for rates, hours in ((flows, 1.0), (of_day, 24.0)))
    return Ceiling(hour, day, tuple(_limits(program.rows, shadow_prices)), flows)


def _limits(rows: Sequence[_Row], shadow_prices: Sequence[float]) -> Iterator[Limit]:
    """The limits by name: a stage's throttle is a row for each of its routes."""
    named: dict[str, Limit] = {}
    for row, usd in zip(rows, shadow_prices, strict=True):
        if row.name:
            before = named[row.name].usd_per_hour if row.name in named else 0.0
            named[row.name] = Limit(row.name, row.bound, row.unit, before + usd * HOUR_S)
    yield from named.values()


def _with_doors(deployment: Deployment) -> Deployment:
    """APIs whose routes invoke no function of the template are called all the same: each has one open route."""
    leading = {route.api for route in deployment.triggers}
    open_ones = tuple(Route(name, "ANY", "(no function)", "") for name, api in deployment.apis.items()
                      if name not in leading and api.kind != "url")
    return replace(deployment, triggers=(*deployment.triggers, *open_ones))


@dataclass
class _Row:
    """coefficients x columns <= bound. Without a name it is physics, not a limit that someone sets."""

    name: str
    coefficients: Mapping[str, float]
    bound: float
    unit: str = ""


@dataclass
class _Program:
    """USD a second of each column, and the rows that bound them."""

    columns: dict[str, float] = field(default_factory=dict)
    rows: list[_Row] = field(default_factory=list)

    def solve(self) -> tuple[Sequence[float], Sequence[float]]:
        """The columns' values, and by row what a unit of its bound is worth [USD a second]."""
        from scipy.optimize import linprog

        names = list(self.columns)
        matrix = np.array([[row.coefficients.get(name, 0.0) for name in names] for row in self.rows])
        largest = max(self.columns.values())
        scaled = [-usd / largest for usd in self.columns.values()]
        found = linprog(scaled, A_ub=matrix, b_ub=[row.bound for row in self.rows], method="highs")
        if found.status:
            raise InputError(f"the limits bound no bill: {found.message}")
        marginals = np.asarray(found.ineqlin.marginals, dtype=float)
        return np.maximum(np.asarray(found.x, dtype=float), 0.0).tolist(), (np.maximum(-marginals, 0.0) * largest).tolist()


def _program(deployment: Deployment, book: PriceBook, quotas: Quotas, exposure: Exposure, entries: Entries,  # noqa: PLR0917
             horizon_s: float) -> _Program:
    program = _Program()
    for function in deployment.functions.values():
        _add_function(program, function, book, exposure, answers=_routed(deployment, function))
        _add_sources(program, deployment, function, exposure,
                     [source for source in entries.sources if source.function == function.name], book)
    _add_gateway(program, deployment, book, quotas, exposure, entries)
    _add_plans(program, entries, horizon_s)
    _add_concurrency(program, deployment, quotas)
    return program


def _add_function(program: _Program, function: Function, book: PriceBook, exposure: Exposure, *, answers: bool) -> None:
    """Its columns: what an invocation and a busy environment cost."""
    def usd(service: str, item: str) -> float:
        return float(book.price(service, item).tiers[0].usd)

    gb, name = function.memory_mb / 1024.0, function.name
    program.columns[_runs(name)] = (
        usd("lambda", "requests") + exposure.log_bytes / 2**30 * usd("cloudwatch", "logs_ingest_lambda_standard")
        + (exposure.response_bytes / 2**30 * usd("data_transfer_out", "internet") if answers else 0.0))
    program.columns[_busy(name)] = gb * usd("lambda", f"duration_{function.architecture}")
    if function.provisioned:
        program.columns[_provisioned(name)] = gb * usd("lambda", f"provisioned_duration_{function.architecture}")
        bound = {_provisioned(name): 1.0}
        program.rows.append(_Row(f"provisioned concurrency of {name}", bound, function.provisioned, "environments"))
    program.rows.append(_Row(
        "", {_busy(name): 1.0, _provisioned(name): 1.0, _runs(name): -function.timeout_s}, 0.0))


def _add_sources(program: _Program, deployment: Deployment, function: Function, exposure: Exposure,  # noqa: PLR0917
                 sources: Sequence[EventSource], book: PriceBook) -> None:
    """What can invoke it."""
    name = function.name
    routes = {_route(route.api, route.name): -1.0 for route in deployment.triggers if route.function == name}
    if not routes and not sources:
        if exposure.events_per_s is not None:
            program.rows.append(_Row(f"events of {name}, {ATTEMPTS} attempts each", {_runs(name): 1.0 / ATTEMPTS},
                                     exposure.events_per_s, "events/s"))
        return
    message = float(book.price("apigateway", "websocket_messages").tiers[0].usd) if any(of.api for of in sources) else 0.0
    program.columns |= {_events(source): message if source.api else 0.0 for source in sources}
    program.rows.append(_Row("", {_runs(name): 1.0, **routes, **{_events(source): -1.0 for source in sources}}, 0.0))
    for source in sources:
        program.rows += _source_rows(source, exposure)
    polled = [source for source in sources if source.polled and source.at_once is not None]
    if polled:
        others = dict.fromkeys((*routes, *(_events(of) for of in sources if of not in polled)), -function.timeout_s)
        program.rows.append(_Row(f"maximum concurrency of {', '.join(of.label for of in polled)}",
                                 {_busy(name): 1.0, _provisioned(name): 1.0, **others},
                                 sum(of.at_once or 0.0 for of in polled), "environments"))


def _source_rows(source: EventSource, exposure: Exposure) -> Iterator[_Row]:
    """What limits the invocations that come by one source [a second]."""
    tried = f", {source.attempts} attempts each" if source.attempts > 1 else ""
    if source.per_hour is not None:
        yield _Row(f"schedule {source.name}{tried}", {_events(source): 1.0 / source.attempts}, source.per_hour / HOUR_S, "events/s")
    elif source.polled and source.at_once is not None:
        yield _Row("", {_events(source): 1.0}, Quotas().invokes_per_s_per_concurrency * source.at_once)
    elif exposure.events_per_s is not None and source.api is None:
        yield _Row(f"{source.label} of {source.function}{tried}", {_events(source): 1.0 / source.attempts},
                   exposure.events_per_s, "events/s")


def _add_gateway(program: _Program, deployment: Deployment, book: PriceBook, quotas: Quotas, exposure: Exposure,  # noqa: PLR0917
                 entries: Entries) -> None:
    """The routes' columns, the stages' throttles and the account's limit."""
    units = http_units(exposure.request_bytes, exposure.response_bytes)
    through = {_events(source): 1.0 for source in entries.sources if source.api and source.function in deployment.functions}
    throttled = {route for throttle in entries.throttles if throttle.name.startswith("method") for route in throttle.routes}
    for api in deployment.apis.values():
        routes = {_route(api.name, route.name): 1.0 for route in deployment.triggers if route.api == api.name}
        usd = 0.0
        if api.kind != "url":
            usd = float(book.price("apigateway", f"{api.kind}_requests").tiers[0].usd) * (units if api.kind == "http" else 1)
            through |= routes
        program.columns |= dict.fromkeys(routes, usd)
        if routes and api.kind == "url":
            program.rows.append(_Row("", routes, _invokes(deployment, quotas, [r.function for r in deployment.triggers
                                                                               if r.api == api.name])))
        for route in deployment.triggers:
            if route.api == api.name and api.throttle_rps is not None and (api.name, route.name) not in throttled:
                program.rows.append(_Row(f"stage throttle of {api.name}", {_route(api.name, route.name): 1.0}, api.throttle_rps,
                                         "requests/s"))
    if through:
        program.rows.append(_Row("the account's API Gateway limit", through, quotas.gateway_rps, "requests/s"))


def _add_plans(program: _Program, entries: Entries, horizon_s: float) -> None:
    """Throttles of methods and usage plans; a quota may all be used within the horizon."""
    for throttle in entries.throttles:
        columns = {_route(*door): 1.0 for door in throttle.routes}
        if throttle.rps is not None:
            program.rows.append(_Row(throttle.name, columns, throttle.rps, "requests/s"))
        if throttle.quota is not None:
            scaled = dict.fromkeys(columns, horizon_s)
            program.rows.append(_Row(throttle.name, scaled, throttle.quota, "requests"))


def _add_concurrency(program: _Program, deployment: Deployment, quotas: Quotas) -> None:
    """Environments and invocations a second: of each reserved function, and of all the others together."""
    shared = [function for function in deployment.functions.values() if function.reserved is None]
    for function in deployment.functions.values():
        if function.reserved is not None:
            _bound(program, f"reserved concurrency of {function.name}", [function], function.reserved, quotas)
    if shared:
        _bound(program, "the account's unreserved concurrency", shared, _pool(deployment, quotas), quotas)


def _bound(program: _Program, name: str, functions: Sequence[Function], environments: float, quotas: Quotas) -> None:
    standing = sum(function.provisioned for function in functions)
    program.rows += [
        _Row(name, {_busy(function.name): 1.0 for function in functions}, max(0.0, environments - standing), "environments"),
        _Row(f"{name}: invocations a second", {_runs(function.name): 1.0 for function in functions},
             quotas.invokes_per_s_per_concurrency * environments, "invocations/s"),
    ]


def _invokes(deployment: Deployment, quotas: Quotas, names: Sequence[str]) -> float:
    """Invocations a second that Lambda lets through to these functions."""
    reserved = [deployment.functions[name].reserved for name in dict.fromkeys(names)]
    environments = sum(of for of in reserved if of is not None)
    return quotas.invokes_per_s_per_concurrency * (environments + (_pool(deployment, quotas) if None in reserved else 0.0))


def _pool(deployment: Deployment, quotas: Quotas) -> float:
    """What reserved concurrency leaves to the other functions."""
    reserved = sum(function.reserved or 0 for function in deployment.functions.values())
    if reserved > quotas.account_concurrency - quotas.unreserved_minimum:
        raise InputError(f"reserved concurrency: {reserved} in all leaves fewer than {quotas.unreserved_minimum} of the "
                         f"account's {quotas.account_concurrency}: AWS refuses that; ask for a higher account limit")
    return float(quotas.account_concurrency - reserved)


def _tallies(deployment: Deployment, flows: Mapping[str, float], exposure: Exposure, entries: Entries,
             hours: float) -> Iterator[Tally]:
    seconds = hours * HOUR_S
    units = http_units(exposure.request_bytes, exposure.response_bytes)
    for api in deployment.apis.values():
        routes = [route for route in deployment.triggers if route.api == api.name]
        for route in routes:
            requests = flows[_route(api.name, route.name)] * seconds
            yield RouteTally(api.kind, route.name, requests, units=requests * units if api.kind == "http" else 0.0)
        if api.cache_gb is not None:
            yield CacheTally(api.kind, api.cache_gb, hours)
    for source in entries.sources:
        if source.api and source.function in deployment.functions:
            yield WebSocketTally(resource=source.api, messages=flows[_events(source)] * seconds, connection_minutes=0.0)
    for name, function in deployment.functions.items():
        gb, invocations = function.memory_mb / 1024.0, flows[_runs(name)] * seconds
        if _routed(deployment, function):
            first = next(route for route in deployment.triggers if route.function == name)
            yield RouteTally(deployment.apis[first.api].kind, f"answers of {name}", 0.0,
                             response_bytes=invocations * exposure.response_bytes)
        yield FunctionTally(
            name, "anything", function.architecture, function.memory_mb, invocations, gb_s=flows[_busy(name)] * gb * seconds,
            provisioned_gb_s=flows.get(_provisioned(name), 0.0) * gb * seconds, log_bytes=invocations * exposure.log_bytes)
        if function.provisioned:
            yield ProvisionedTally(name, function.architecture, function.provisioned * gb * seconds)


def _routed(deployment: Deployment, function: Function) -> bool:
    return any(route.function == function.name for route in deployment.triggers)


def _route(api: str, name: str) -> str:
    return f"requests of {api} {name}"


def _events(source: EventSource) -> str:
    return f"invocations of {source.function} by {source.label} ({source.name})"


def _runs(function: str) -> str:
    return f"invocations of {function}"


def _busy(function: str) -> str:
    return f"busy environments of {function}"


def _provisioned(function: str) -> str:
    return f"busy provisioned environments of {function}"
