"""Event-by-event simulation of one API and its functions: arrivals and rules in, an outcome for each request out.

Arrivals meet, in this order: the route's token bucket, the account's token bucket, the stage's cache, provisioned
concurrency, the concurrency limit with its rate of 10 invocations per second and environment, a warm environment
(most recently used first), and at last the bucket from which new environments are started. A refused request leaves
no work behind.

What is random is drawn by the request's number, not in the order of events: `word(seed, number)` is splitmix64
(Steele, Lea, Flood 2014), 12 bits of it index a table of equally likely values. Two configurations given the same
arrivals and seed therefore share every draw (common random numbers), and a duration can be looked up after the run.

Invocations in flight wait in a calendar wheel: short lists sorted by end, one a slot of a quarter of the mean gap
between arrivals. Idle environments form one stack a function; whether one has expired is looked at only when it comes
to the top. Times are seconds. Rules: AWS Lambda Developer Guide, "Understanding Lambda function scaling" and "Lambda
quotas"; API Gateway Developer Guide, "Throttle requests" and "Cache settings".

All compiled functions are in this file, because numba's cache does not see a change in another one. They pass records
and few arrays on purpose: every array that crosses a call is counted, which once made the kernel 30 times slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

WARM, COLD, PROVISIONED, HIT, STAGE, ACCOUNT, RESERVED, CONCURRENCY, SCALING = range(9)
"""What became of a request: invoked in a warm, a new or a provisioned environment, answered by the cache, or throttled
by the route's limit, the gateway account's, the function's reserved concurrency, the account's, or its scaling rate."""
OUTCOMES = ("warm", "cold", "provisioned", "hit", "stage", "account", "reserved", "concurrency", "scaling")

TABLE_SIZE = 4096
"""Points of each table of equally likely values (12 bits of a word)."""
NONE = -1
"""No token bucket, no key, no environment."""
GATEWAY_ACCOUNT_BUCKET = 0
UNRESERVED_POOL = 0
WARM_TABLE, COLD_TABLE, INIT_TABLE = range(3)
IDLE_TABLE, AGE_TABLE, FUNCTION_IDLE_TABLE = range(3)
_BITS, _MASK = np.uint64(12), np.uint64(TABLE_SIZE - 1)
_LIFETIME_SALT = np.uint64(0x5851F42D4C957F2D)

ROUTE = np.dtype([("function", "i8"), ("bucket", "i8"), ("ttl_s", "f8")])
"""`ttl_s` 0: the route is not cached."""
BUCKET = np.dtype([("rate", "f8"), ("burst", "f8"), ("tokens", "f8"), ("at", "f8")])
POOL = np.dtype([("limit", "i8"), ("bucket", "i8"), ("busy", "i8")])
"""`limit`: on-demand environments that may be busy at once."""
FUNCTION = np.dtype([
    ("pool", "i8"), ("provisioned", "i8"), ("provisioned_bucket", "i8"), ("scaling_bucket", "i8"),
    ("provisioned_busy", "i8"), ("busy", "i8"), ("peak", "i8"), ("idle_top", "i8"), ("last_end_s", "f8"),
    ("environment_s", "f8"),
])
"""`environment_s`: seconds that on-demand environments lived within the measured span."""
NODE = np.dtype([
    ("link", "i8"), ("end_s", "f8"), ("born_s", "f8"), ("aged_s", "f8"), ("number", "i8"), ("route", "i8"),
    ("key", "i8"), ("provisioned", "i8"),
])
"""An environment: in a slot of the wheel, in its function's idle stack, or free; `link` is the next one there."""
CLOCK = np.dtype([
    ("free", "i8"), ("used", "i8"), ("hand", "i8"), ("in_flight", "i8"), ("slot_s", "f8"), ("from_s", "f8"), ("to_s", "f8"),
])


class Arrivals(NamedTuple):
    """Requests in the order of their times, shape (n,). `key`: what the cache tells apart, or NONE."""

    time_s: Floats
    route: Ints
    key: Ints


class Rules(NamedTuple):
    """One configuration. Bucket 0 is the gateway's account limit; pool 0 is shared by the functions without reserved
    concurrency. Buckets, pools and functions also hold their state; `simulate` works on copies."""

    routes: Records
    buckets: Records
    pools: Records
    functions: Records
    tables_s: Floats
    """Equally likely durations, shape (functions, 3, TABLE_SIZE): warm, first invocation, init."""
    lifetime_s: Floats
    """Shape (3, TABLE_SIZE), ascending: an environment's idle limit, its maximum age, a function's idle limit."""


@dataclass(frozen=True)
class Trace:
    """What became of each request, shape (n,), and of each function, shape (f,). NaN where nothing was invoked."""

    outcome: npt.NDArray[np.int8]
    duration_s: Floats
    init_s: Floats
    overhead_index: Ints
    """Where a table of TABLE_SIZE overheads is to be read, so that configurations share this draw too."""
    peak_busy: Ints
    environment_s: Floats


def simulate(arrivals: Arrivals, rules: Rules, seed: int, *, from_s: float = 0.0, to_s: float | None = None) -> Trace:
    """Run all arrivals from an empty fleet. Peaks and environment-seconds count from `from_s` to `to_s` (None: the last
    arrival) only."""
    n = arrivals.time_s.size
    pools, buckets, functions = rules.pools.copy(), rules.buckets.copy(), rules.functions.copy()
    limits = np.minimum(pools["limit"][functions["pool"]], n) + functions["provisioned"]
    nodes = np.zeros(int(min(limits.sum(), n)) + 1, dtype=NODE)
    fresh_until = np.full(int(arrivals.key.max(initial=NONE)) + 1, -np.inf)
    clock, slots = _wheel(arrivals, rules)
    clock["from_s"], clock["to_s"] = from_s, (arrivals.time_s[-1] if n else 0.0) if to_s is None else to_s
    outcome = np.empty(n, dtype=np.int8)
    _run(*arrivals, rules.routes, buckets, pools, functions, rules.tables_s, rules.lifetime_s, nodes, slots,
         fresh_until, clock, np.uint64(seed), outcome)
    looked_up = _look_up(arrivals.route, rules.routes, rules.tables_s, np.uint64(seed), outcome)
    return Trace(outcome, *looked_up, functions["peak"], functions["environment_s"])


def _wheel(arrivals: Arrivals, rules: Rules) -> tuple[Records, Ints]:
    """The clock and the empty slots of the wheel, a power of two: one turn takes several mean durations."""
    n = arrivals.time_s.size
    mean_s = float(rules.tables_s[:, WARM_TABLE].mean()) or 1.0
    gap_s = float(arrivals.time_s[-1] - arrivals.time_s[0]) / n if n else mean_s
    clock = np.zeros(1, dtype=CLOCK)
    clock["free"] = NONE
    clock["slot_s"] = slot_s = max(min(gap_s, mean_s) / 4, 1e-9)
    return clock, np.full(1 << min(max(math.ceil(math.log2(4 * mean_s / slot_s)), 6), 20), NONE)


@njit(cache=True, nogil=True, inline="always")
def word(seed: Any, number: Any) -> Any:
    """64 random bits of a request: splitmix64 of the seed at this number."""
    z = seed + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def field(bits: Any, position: int) -> Any:
    """The position-th 12 bits of a word, an index into a table."""
    return np.int64((bits >> (_BITS * np.uint64(position))) & _MASK)


@njit(cache=True, nogil=True)
def _run(time_s, route_of, key_of, routes, buckets, pools, functions, tables_s, lifetime_s, nodes, slots, fresh_until,
         clock, seed, outcome):
    for number in range(time_s.size):
        now, route, key = time_s[number], route_of[number], key_of[number]
        _settle(now, routes, pools, functions, nodes, slots, fresh_until, clock[0])
        answer = _pass_gateway(now, key, routes[route], buckets, fresh_until)
        if answer == WARM:
            answer = _invoke(now, route, key, number, routes[route].function, buckets, pools, functions, tables_s, lifetime_s, nodes, slots,
                             clock[0], seed)
        outcome[number] = answer
    _finish(routes, pools, functions, lifetime_s, nodes, slots, fresh_until, clock[0], seed)


@njit(cache=True, nogil=True)
def _pass_gateway(now, key, route, buckets, fresh_until):
    """The gateway's answer, or WARM: on to Lambda."""
    if not _take(route.bucket, now, buckets):
        return STAGE
    if not _take(GATEWAY_ACCOUNT_BUCKET, now, buckets):
        return ACCOUNT
    if route.ttl_s > 0.0 and key >= 0 and now < fresh_until[key]:
        return HIT
    return WARM


@njit(cache=True, nogil=True)
def _invoke(now, route, key, number, f, buckets, pools, functions, tables_s, lifetime_s, nodes, slots, clock, seed):
    """Lambda: provisioned concurrency, limits, a warm environment, or a new one if the scaling rate allows."""
    function = functions[f]
    bits = word(seed, number)
    if function.provisioned_busy < function.provisioned and _take(function.provisioned_bucket, now, buckets):
        function.provisioned_busy += 1
        node = _allocate(nodes, clock)
        nodes[node].provisioned = 1
        busy_s = tables_s[f, WARM_TABLE, field(bits, 0)]
        outcome = PROVISIONED
    else:
        pool = pools[function.pool]
        refused = CONCURRENCY if function.pool == UNRESERVED_POOL else RESERVED
        if pool.busy >= pool.limit or not _take(pool.bucket, now, buckets):
            return refused
        node = _reuse(now, number, function, lifetime_s, nodes, clock, seed)
        if node >= 0:
            outcome = WARM
            busy_s = tables_s[f, WARM_TABLE, field(bits, 0)]
        elif _take(function.scaling_bucket, now, buckets):
            node = _allocate(nodes, clock)
            nodes[node].provisioned = 0
            nodes[node].born_s = now
            nodes[node].aged_s = now + lifetime_s[AGE_TABLE, field(word(seed ^ _LIFETIME_SALT, number), 1)]
            outcome = COLD
            busy_s = tables_s[f, INIT_TABLE, field(bits, 1)] + tables_s[f, COLD_TABLE, field(bits, 0)]
        else:
            return SCALING
        pool.busy += 1
    function.busy += 1
    if now >= clock.from_s and function.busy > function.peak:
        function.peak = function.busy
    nodes[node].number, nodes[node].route, nodes[node].key = number, route, key
    _schedule(node, now + busy_s, nodes, slots, clock)
    return outcome


@njit(cache=True, nogil=True)
def _take(b, now, buckets):
    """Take a token, if the bucket exists: it fills at its rate up to its burst."""
    if b < 0:
        return True
    bucket = buckets[b]
    tokens = min(bucket.tokens + (now - bucket.at) * bucket.rate, bucket.burst)
    bucket.at = now
    taken = tokens >= 1.0
    bucket.tokens = tokens - 1.0 if taken else tokens
    return taken


@njit(cache=True, nogil=True)
def _schedule(node, end, nodes, slots, clock):
    """Put an invocation into the wheel, after those of its slot that end before it or with it."""
    nodes[node].end_s = end
    slot = np.int64(end / clock.slot_s) & (slots.size - 1)
    before, after = NONE, slots[slot]
    while after >= 0 and nodes[after].end_s <= end:
        before, after = after, nodes[after].link
    nodes[node].link = after
    if before < 0:
        slots[slot] = node
    else:
        nodes[before].link = node
    clock.in_flight += 1


@njit(cache=True, nogil=True)
def _settle(now, routes, pools, functions, nodes, slots, fresh_until, clock):
    """Turn the wheel's hand to now and end what ends until then, in order."""
    target = np.int64(now / clock.slot_s)
    hand = clock.hand
    while hand <= target and clock.in_flight > 0:
        slot = hand & (slots.size - 1)
        node = slots[slot]
        while node >= 0 and nodes[node].end_s <= now and np.int64(nodes[node].end_s / clock.slot_s) <= hand:
            slots[slot] = nodes[node].link
            clock.in_flight -= 1
            route = routes[nodes[node].route]
            _end(node, route, functions[route.function], pools, nodes, fresh_until, clock)
            node = slots[slot]
        hand += 1
    clock.hand = target


@njit(cache=True, nogil=True)
def _end(node, route, function, pools, nodes, fresh_until, clock):
    """An invocation ends: its answer enters the cache, its environment goes on top of the idle stack."""
    ended = nodes[node]
    function.busy -= 1
    function.last_end_s = ended.end_s
    if ended.key >= 0 and route.ttl_s > 0.0:
        fresh_until[ended.key] = ended.end_s + route.ttl_s
    if ended.provisioned:
        function.provisioned_busy -= 1
        _free(node, nodes, clock)
    else:
        pools[function.pool].busy -= 1
        ended.link = function.idle_top
        function.idle_top = node


@njit(cache=True, nogil=True)
def _reuse(now, number, function, lifetime_s, nodes, clock, seed):
    """The most recently used environment that is still there, or NONE; what has expired above it is buried."""
    all_gone_at = _quiet_end(now, number, function, lifetime_s, seed)
    while function.idle_top >= 0:
        node = function.idle_top
        function.idle_top = nodes[node].link
        gone_at = min(_expiry(nodes[node], lifetime_s, seed), all_gone_at)
        if gone_at > now:
            return node
        _bury(node, gone_at, function, nodes, clock)
    return NONE


@njit(cache=True, nogil=True)
def _quiet_end(now, number, function, lifetime_s, seed):
    """When a function that nothing has invoked since its last end loses all its environments."""
    if function.busy > 0 or now - function.last_end_s <= lifetime_s[FUNCTION_IDLE_TABLE, 0]:
        return np.inf
    drawn = lifetime_s[FUNCTION_IDLE_TABLE, field(word(seed ^ _LIFETIME_SALT, number), 2)]
    return function.last_end_s + drawn


@njit(cache=True, nogil=True)
def _expiry(environment, lifetime_s, seed):
    """When an idle environment goes: idle or old for too long, but not before its last invocation ended."""
    drawn = lifetime_s[IDLE_TABLE, field(word(seed ^ _LIFETIME_SALT, environment.number), 0)]
    return max(min(environment.end_s + drawn, environment.aged_s), environment.end_s)


@njit(cache=True, nogil=True)
def _bury(node, gone_at, function, nodes, clock):
    born, gone = max(nodes[node].born_s, clock.from_s), min(gone_at, clock.to_s)
    function.environment_s += max(gone - born, 0.0)
    _free(node, nodes, clock)


@njit(cache=True, nogil=True)
def _allocate(nodes, clock):
    node = clock.free
    if node >= 0:
        clock.free = nodes[node].link
        return node
    clock.used += 1
    return clock.used - 1


@njit(cache=True, nogil=True)
def _free(node, nodes, clock):
    nodes[node].link = clock.free
    clock.free = node


@njit(cache=True, nogil=True)
def _finish(routes, pools, functions, lifetime_s, nodes, slots, fresh_until, clock, seed):
    """Count the environments that are still there when the measured span ends."""
    _settle(clock.to_s, routes, pools, functions, nodes, slots, fresh_until, clock)
    for f in range(functions.size):
        function = functions[f]
        all_gone_at = _quiet_end(clock.to_s, NONE, function, lifetime_s, seed)
        while function.idle_top >= 0:
            node = function.idle_top
            function.idle_top = nodes[node].link
            _bury(node, min(_expiry(nodes[node], lifetime_s, seed), all_gone_at), function, nodes, clock)
    for slot in range(slots.size):
        while slots[slot] >= 0:
            node = slots[slot]
            slots[slot] = nodes[node].link
            if not nodes[node].provisioned:
                _bury(node, clock.to_s, functions[routes[nodes[node].route].function], nodes, clock)


@njit(cache=True, nogil=True)
def _look_up(route_of, routes, tables_s, seed, outcome):
    """Duration and init of each request [s], NaN where it was not invoked, and where to read its overhead."""
    n = outcome.size
    duration_s, init_s, overhead_index = np.full(n, np.nan), np.full(n, np.nan), np.empty(n, np.int64)
    for number in range(n):
        bits = word(seed, number)
        overhead_index[number] = field(bits, 2)
        f = routes[route_of[number]].function
        if outcome[number] == COLD:
            duration_s[number] = tables_s[f, COLD_TABLE, field(bits, 0)]
            init_s[number] = tables_s[f, INIT_TABLE, field(bits, 1)]
        elif outcome[number] == WARM or outcome[number] == PROVISIONED:
            duration_s[number] = tables_s[f, WARM_TABLE, field(bits, 0)]
            init_s[number] = 0.0
    return duration_s, init_s, overhead_index
