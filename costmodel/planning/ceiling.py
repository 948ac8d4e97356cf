"""The worst bill: what an hour and a day cost if everything that can be invoked is, and which limit stops it.

The dearest traffic that the limits let through is a linear program, a second of it:

    maximise   requests x gateway price + invocations x (price + response + log) + busy environments x GB x price
    subject to requests of a stage           <= its throttle
               requests of all REST and HTTP <= the account's limit
               invocations of a function     <= requests of its routes, or 3 x its events (two retries)
               invocations                   <= 10 a second for each unit of concurrency
               busy environments             <= invocations x timeout
               busy environments             <= reserved, provisioned, or what the account leaves to all the others

A function that no API route leads to is invoked by events or directly: nothing but concurrency stops it unless the rate
of its events is given. What Lambda throttles behind the gateway is billed there. A limit's shadow price says what one
unit of it is worth. Prices are those of the first tier; the bills themselves are metered and priced as any other.

Sources: Lambda developer guide, "Understanding Lambda function scaling" (10 requests a second for each unit of
concurrency) and "Asynchronous invocation" (two retries); API Gateway developer guide, "Throttle requests".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

import numpy as np

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.metering import http_units
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from loadgen.deployment import Deployment, Function
from loadgen.quotas import Quotas

ATTEMPTS = 3
"""Invocations of an asynchronous event that fails each time."""
HOUR_S = 3600.0


@dataclass(frozen=True)
class Exposure:
    """What the callers can send: sizes of requests, answers and logs [bytes], events of functions without a route [1/s]."""

    request_bytes: float = 1_000.0
    response_bytes: float = 10_000.0
    log_bytes: float = 1_000.0
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
class Cap:
    """What one setting can do. `value`: the most it may be for the ceiling to stay at what is wanted; None: nothing does."""

    setting: str
    unit: str
    value: int | None
    usd_per_hour: Decimal
    """The ceiling with that value, or with 0 where no value is enough."""


@dataclass(frozen=True)
class Ceiling:
    """The worst hour and the worst day (its tiers counted from the start of a month)."""

    hour: Bill
    day: Bill
    limits: tuple[Limit, ...]
    flows: Mapping[str, float]
    """Requests a second by route, invocations a second and busy environments by function."""


def ceiling(deployment: Deployment, book: PriceBook, quotas: Quotas | None = None,
            exposure: Exposure | None = None) -> Ceiling:
    """The dearest hour and day of a deployment. Raises PriceMissingError; InputError when there is nothing to invoke."""
    if not deployment.functions:
        raise InputError("the template declares no Lambda function: nothing here can be invoked")
    program = _program(deployment, book, quotas or Quotas(), exposure or Exposure())
    values, shadow_prices = program.solve()
    flows = dict(zip(program.columns, values, strict=True))
    hour, day = (
        price(meter(_activity(deployment, book, flows, exposure or Exposure(), hours)), book) for hours in (1.0, 24.0))
    limits = tuple(Limit(row.name, row.bound, row.unit, usd * HOUR_S)
                   for row, usd in zip(program.rows, shadow_prices, strict=True) if row.name)
    return Ceiling(hour, day, limits, flows)


def caps(deployment: Deployment, book: PriceBook, usd_per_hour: Decimal, quotas: Quotas | None = None,
         exposure: Exposure | None = None) -> list[Cap]:
    """What each single setting would have to be to hold the ceiling at `usd_per_hour`; those that can come first."""
    found = []
    for setting, unit, most, changed in _settings(deployment, quotas or Quotas()):
        def hour(value: int, changed: Callable[[int], Deployment] = changed) -> Decimal:
            return ceiling(changed(value), book, quotas, exposure).hour.total

        reaches = partial(_at_most, hour, usd_per_hour)
        value = _largest(reaches, most) if reaches(0) else None
        found.append(Cap(setting, unit, value, hour(value or 0)))
    return sorted(found, key=lambda cap: (cap.value is None, cap.usd_per_hour if cap.value is None else 0))


def _at_most(hour: Callable[[int], Decimal], usd: Decimal, value: int) -> bool:
    return hour(value) <= usd


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


def _program(deployment: Deployment, book: PriceBook, quotas: Quotas, exposure: Exposure) -> _Program:
    program = _Program()
    for function in deployment.functions.values():
        _add_function(program, function, book, exposure, answers=_routed(deployment, function))
        _add_sources(program, deployment, function, exposure)
    _add_gateway(program, deployment, book, quotas, exposure)
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


def _add_sources(program: _Program, deployment: Deployment, function: Function, exposure: Exposure) -> None:
    """What can invoke it."""
    routes = {_route(route.api, route.name): -1.0 for route in deployment.triggers if route.function == function.name}
    if routes:
        program.rows.append(_Row("", {_runs(function.name): 1.0, **routes}, 0.0))
    elif exposure.events_per_s is not None:
        program.rows.append(_Row(f"events of {function.name}, {ATTEMPTS} attempts each",
                                 {_runs(function.name): 1.0 / ATTEMPTS}, exposure.events_per_s, "events/s"))


def _add_gateway(program: _Program, deployment: Deployment, book: PriceBook, quotas: Quotas, exposure: Exposure) -> None:
    """The routes' columns, the stages' throttles and the account's limit."""
    units = http_units(exposure.request_bytes, exposure.response_bytes)
    through: dict[str, float] = {}
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
        if routes and api.throttle_rps is not None:
            program.rows.append(_Row(f"stage throttle of {api.name}", routes, api.throttle_rps, "requests/s"))
    if through:
        program.rows.append(_Row("the account's API Gateway limit", through, quotas.gateway_rps, "requests/s"))


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


def _activity(deployment: Deployment, book: PriceBook, flows: Mapping[str, float], exposure: Exposure,
              hours: float) -> Activity:
    return Activity(book.region, hours, tuple(_tallies(deployment, flows, exposure, hours)), "assumed")


def _tallies(deployment: Deployment, flows: Mapping[str, float], exposure: Exposure, hours: float) -> Iterator[Tally]:
    seconds = hours * HOUR_S
    units = http_units(exposure.request_bytes, exposure.response_bytes)
    for api in deployment.apis.values():
        routes = [route for route in deployment.triggers if route.api == api.name]
        for route in routes:
            requests = flows[_route(api.name, route.name)] * seconds
            yield RouteTally(api.kind, route.name, requests, units=requests * units if api.kind == "http" else 0.0)
        if api.cache_gb is not None:
            yield CacheTally(api.kind, api.cache_gb, hours)
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


def _settings(deployment: Deployment, quotas: Quotas) -> Iterator[tuple[str, str, int, Callable[[int], Deployment]]]:
    """Each setting that can cap: its name, unit, the most it could be, and the deployment with a value of it."""
    stages = [name for name, api in deployment.apis.items() if api.kind != "url"]
    most_rps = {name: min(quotas.gateway_rps, deployment.apis[name].throttle_rps or quotas.gateway_rps) for name in stages}
    for name in stages:
        yield f"throttle of stage {name}", "requests/s", int(most_rps[name]), partial(_throttled, deployment, [name])
    if len(stages) > 1:
        yield ("the same throttle of each stage", "requests/s", int(max(most_rps.values())),
               partial(_throttled, deployment, stages))
    reserved = sum(function.reserved or 0 for function in deployment.functions.values())
    for name, function in deployment.functions.items():
        left = quotas.account_concurrency - quotas.unreserved_minimum - reserved
        most = left if function.reserved is None else function.reserved
        yield f"reserved concurrency of {name}", "environments", most, partial(_reserved, deployment, [name])
    if len(deployment.functions) > 1:
        most = (quotas.account_concurrency - quotas.unreserved_minimum) // len(deployment.functions)
        yield ("the same reserved concurrency of each function", "environments", most,
               partial(_reserved, deployment, list(deployment.functions)))


def _throttled(deployment: Deployment, names: Sequence[str], value: int) -> Deployment:
    changed = {name: replace(deployment.apis[name], throttle_rps=float(value)) for name in names}
    return replace(deployment, apis={**deployment.apis, **changed})


def _reserved(deployment: Deployment, names: Sequence[str], value: int) -> Deployment:
    changed = {name: replace(deployment.functions[name], reserved=value,
                             provisioned=min(value, deployment.functions[name].provisioned)) for name in names}
    return replace(deployment, functions={**deployment.functions, **changed})


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to `most` for which it holds; it holds for 0."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _routed(deployment: Deployment, function: Function) -> bool:
    return any(route.function == function.name for route in deployment.triggers)


def _route(api: str, name: str) -> str:
    return f"requests of {api} {name}"


def _runs(function: str) -> str:
    return f"invocations of {function}"


def _busy(function: str) -> str:
    return f"busy environments of {function}"


def _provisioned(function: str) -> str:
    return f"busy provisioned environments of {function}"
