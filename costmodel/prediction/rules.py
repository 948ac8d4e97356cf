"""A configuration as the simulator's rules: which token bucket, concurrency pool and table holds for what.

    route bucket        the route's own limit, else the stage's, which holds for each route by itself
    account bucket      the gateway's account limit
    unreserved pool     account - sum of reserved - sum of provisioned of functions without reserved, 100 at the least
    reserved pool       reserved - provisioned
    invocation rate     10/s for each environment of a pool (not for events), and of a function's provisioned concurrency
    scaling bucket      1,000 new environments, 100/s more, for each function
    init phase          10 s of a new environment (no SnapStart); then the init runs again within the first invocation
    cache               the cluster's nominal size in bytes of response bodies; larger ones than 1 MiB are not cached

Assumptions, for AWS does not say: the invocation rate is a bucket of one second's worth; all of a cluster's GB (10^9
bytes) hold bodies, and the least recently used goes first; an init within an invocation takes as long as the init phase
would have, although it may have less CPU; the 10 s of an init phase that was cut off are billed.

Sources: AWS Lambda Developer Guide, "Understanding Lambda function scaling", "Lambda quotas", "Lambda execution
environment lifecycle"; API Gateway Developer Guide, "Throttle requests to your REST APIs" (stage settings "are applied
at the API method level"), "Cache settings for REST APIs".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from costmodel.errors import InputError
from costmodel.performance.distributions import Distribution
from costmodel.performance.lifetime import Lifetime
from costmodel.performance.model import PerformanceModel
from costmodel.prediction.provisioning import Provisioning, TargetTracking
from costmodel.prediction.simulator import (
    BUCKET,
    FUNCTION,
    NONE,
    POLICY,
    POOL,
    ROUTE,
    TABLE_SIZE,
    Floats,
    Records,
    Rules,
)
from costmodel.workload import Demand
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings, RouteSettings
from loadgen.deployment import Route
from loadgen.quotas import Quotas

INIT_LIMIT_S = 10.0
LARGEST_CACHED_BYTES = 1_048_576
USABLE_CACHE_SHARE = 1.0
"""Of a cache cluster's size; assumed."""


def routes_of(model: PerformanceModel, configuration: Configuration, triggers: Iterable[str]) -> list[Route]:
    """The routes that triggers name, behind the configuration's API. Raises InputError for one that is not there."""
    routes = {route.name: route for route in model.deployment.routes(configuration.api.kind)}
    for trigger in triggers:
        if trigger not in routes:
            known = ", ".join(routes) or "none"
            raise InputError(f"workload: no route {trigger!r} behind the {configuration.api.kind} API (there are: {known})")
        if routes[trigger].function not in configuration.functions:
            name = routes[trigger].function
            raise InputError(f"configuration.functions.{name}: missing, and {trigger!r} invokes it: give its settings")
    return [routes[trigger] for trigger in triggers]


def rules_of(model: PerformanceModel, configuration: Configuration, routes: Sequence[Route], quotas: Quotas,
             provisioning: Mapping[str, Provisioning] | None = None) -> Rules:
    """The rules for these routes, numbered in their order; functions in the order in which the routes name them. Raises
    InputError for limits that no account has, and for more concurrency than AWS lets one reserve."""
    _check_quotas(quotas)
    names = list(dict.fromkeys(route.function for route in routes))
    settings = {name: configuration.functions[name] for name in names}
    buckets = _Buckets()
    buckets.add(quotas.gateway_rps, quotas.gateway_burst)
    route_rows = [_route(route, names.index(route.function), configuration.api, quotas, buckets) for route in routes]
    unreserved = _unreserved(configuration.functions, quotas)
    own = sum(each.provisioned for each in configuration.functions.values() if each.reserved is None)
    pools = [_pool(unreserved, quotas.account_concurrency - own, quotas, buckets)]
    functions = [
        {**_function(each, pools, quotas, buckets), "timeout_s": model.deployment.functions[name].timeout_s,
         "integration_timeout_s": quotas.rest_integration_timeout_s,
         **_provisioning(name, each, (provisioning or {}).get(name), quotas)} for name, each in settings.items()]
    for name, each in settings.items():
        _check_room(name, each, (provisioning or {}).get(name), max(unreserved - quotas.unreserved_minimum, 0))
    _check_room_for_all(configuration.functions, provisioning or {}, quotas)
    tables = np.stack([_tables(model, name, each) for name, each in settings.items()])
    return Rules(_records(ROUTE, route_rows), _records(BUCKET, buckets.rows), _records(POOL, pools),
                 _records(FUNCTION, functions), tables, lifetime_tables(model.lifetime),
                 cache_bytes=cache_bytes(configuration.api))


def _check_quotas(quotas: Quotas) -> None:
    for name, value in vars(quotas).items():
        if not 0 <= value < math.inf:
            raise InputError(f"quotas.{name}={value}: give a finite number of 0 or more")


def cache_bytes(api: ApiSettings) -> int:
    """What the stage's cache can hold; NONE: there is none."""
    return NONE if api.cache_gb is None else round(api.cache_gb * 1e9 * USABLE_CACHE_SHARE)


def lifetime_tables(lifetime: Lifetime) -> Floats:
    """The lifetime law as the simulator's tables [s]; a rule that does not exist never ends anything."""
    quiet = lifetime.function_idle_s
    never = np.full(TABLE_SIZE, np.inf)
    return np.stack([_table(lifetime.idle_s), _table(lifetime.maximum_age_s), never if quiet is None else _table(quiet)])


class _Buckets:
    """Token buckets, numbered as they are added; each starts full."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def add(self, rate: float, burst: float) -> int:
        self.rows.append({"rate": rate, "burst": burst, "tokens": burst})
        return len(self.rows) - 1


def _route(route: Route, function: int, api: ApiSettings, quotas: Quotas, buckets: _Buckets) -> dict[str, float]:
    own = api.routes.get(route.name, RouteSettings())
    rate = api.throttle_rps if own.throttle_rps is None else own.throttle_rps
    burst = api.throttle_burst if own.throttle_burst is None else own.throttle_burst
    bucket = NONE
    for name, value in (("throttle_rps", rate), ("throttle_burst", burst)):
        if value is not None and not 0 <= value < math.inf:
            raise InputError(f"{name}={value} of {route.name!r}: give a finite number of 0 or more")
    if rate is not None or burst is not None:
        bucket = buckets.add(quotas.gateway_rps if rate is None else rate, quotas.gateway_burst if burst is None else burst)
    return {"function": function, "bucket": bucket, "ttl_s": api.cache_ttl_s if api.caches(route.name) else 0.0}


def _unreserved(functions: Mapping[str, FunctionSettings], quotas: Quotas) -> int:
    taken = sum(each.provisioned if each.reserved is None else each.reserved for each in functions.values())
    left = quotas.account_concurrency - taken
    if taken and left < quotas.unreserved_minimum:
        raise InputError(f"configuration: reserved and provisioned concurrency take {taken} environments, the account has "
                         f"{quotas.account_concurrency} and AWS keeps {quotas.unreserved_minimum} unreserved: reserve less")
    return left


def _pool(limit: int, concurrency: int, quotas: Quotas, buckets: _Buckets) -> dict[str, float]:
    """`concurrency`: what the rate of invocations is a multiple of; where nothing is reserved the account's, less what is
    provisioned and has a rate of its own. That functions with reserved concurrency take of the account's too is left out."""
    rate = concurrency * quotas.invokes_per_s_per_concurrency
    return {"limit": limit, "bucket": buckets.add(rate, rate)}


def _function(settings: FunctionSettings, pools: list[dict[str, float]], quotas: Quotas,
              buckets: _Buckets) -> dict[str, float]:
    """A function's row; one with reserved concurrency gets a pool of its own."""
    pool, provisioned = 0, settings.provisioned
    if settings.reserved is not None:
        pools.append(_pool(settings.reserved - provisioned, settings.reserved - provisioned, quotas, buckets))
        pool = len(pools) - 1
    rate = provisioned * quotas.invokes_per_s_per_concurrency
    return {
        "pool": pool, "provisioned": provisioned, "provisioned_bucket": buckets.add(rate, rate),
        "scaling_bucket": buckets.add(quotas.scaling_refill_per_s, quotas.scaling_capacity), "idle_top": NONE,
        "init_limit_s": 0.0 if settings.snap_start else INIT_LIMIT_S,
    }


def _provisioning(name: str, settings: FunctionSettings, how: Provisioning | None, quotas: Quotas) -> dict[str, float]:
    """How a function's provisioned concurrency changes; None: it does not. Raises InputError where target tracking could
    not begin: without an environment there is no utilisation, and no alarm."""
    if how is None:
        return {}
    if isinstance(how, TargetTracking) and not how.least <= settings.provisioned <= how.most:
        raise InputError(f"target tracking of {name!r} from provisioned={settings.provisioned}: let the configuration begin "
                         f"with {how.least} to {how.most} environments")
    row = {"allocation_delay_s": how.allocation.delay_s, "allocations_per_s": how.allocation.environments_per_s,
           "invocations_per_s": quotas.invokes_per_s_per_concurrency}
    if isinstance(how, TargetTracking):
        row |= {"target": how.target, "least": how.least, "most": how.most, "out_points": how.minutes_above,
                "in_points": how.minutes_below}
    return row


def _check_room(name: str, settings: FunctionSettings, how: Provisioning | None, left: int) -> None:
    """AWS refuses a request for more than there is; it is not cut down to it. `left`: of what is not reserved."""
    if how is None:
        return
    room = settings.provisioned + left if settings.reserved is None else settings.reserved
    if how.most > room:
        raise InputError(f"provisioning of {name!r}: up to {how.most} environments, and AWS lets it have {room}: ask for fewer, or "
                         "raise its reserved concurrency or the account's")


def _check_room_for_all(functions: Mapping[str, FunctionSettings], provisioning: Mapping[str, Provisioning],
                        quotas: Quotas) -> None:
    """Functions that have room each by itself may have none all at the same time."""
    most = {name: how.most for name, how in provisioning.items()}
    taken = sum(most.get(name, each.provisioned) if each.reserved is None else each.reserved for name, each in functions.items())
    if most and quotas.account_concurrency - taken < quotas.unreserved_minimum:
        raise InputError(f"provisioning of {', '.join(most)}: with what is reserved up to {taken} environments, the account has "
                         f"{quotas.account_concurrency} and AWS keeps {quotas.unreserved_minimum} unreserved: provision less")


def policies_of(model: PerformanceModel, routes: Sequence[Route], demands: Iterable[Demand]) -> Records | None:
    """What clients and Lambda do with requests that fail, by route; None: no request comes back."""
    rows = [_policy(demand, model.function(route.function).error_share) for route, demand in zip(routes, demands, strict=True)]
    return _records(POLICY, rows) if any(rows) else None


def _policy(demand: Demand, failing: float) -> dict[str, float]:
    row: dict[str, float] = {}
    if demand.retries is not None:
        row |= {"tries": demand.retries.tries, "base_s": demand.retries.base_s, "cap_s": demand.retries.cap_s}
    if demand.events is not None:
        row |= {"asynchronous": 1, "reruns": demand.events.reruns, "max_age_s": demand.events.max_age_s, "failing": failing}
    if demand.invalidating:
        row |= {"invalidating": demand.invalidating}
    return row


def _tables(model: PerformanceModel, name: str, settings: FunctionSettings) -> Floats:
    """Warm, first and init durations [s]."""
    function = model.function(name)
    each = (function.duration_ms(settings), function.cold_duration_ms(settings), function.init_ms(settings))
    return np.stack([_table(distribution) / 1000 for distribution in each])


def _table(distribution: Distribution) -> Floats:
    return distribution.samples(TABLE_SIZE)


def _records(kind: np.dtype[Any], rows: list[dict[str, float]]) -> Records:
    records = np.zeros(len(rows), dtype=kind)
    for record, row in zip(records, rows, strict=True):
        for name, value in row.items():
            record[name] = value
    return records
