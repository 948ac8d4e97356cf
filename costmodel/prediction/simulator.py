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

All compiled functions are in this file, because numba's cache does not see a change in another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]
Rule = TypeVar("Rule", bound=Callable[..., Any])

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



def _compiled(**options: bool) -> Callable[[Rule], Rule]:
    """A numba decorator. Nothing is allocated in the kernel, so arrays need no reference counts (`_nrt`): with them it is
    six times slower."""
    decorator: Callable[[Rule], Rule] = cast(Any, njit)(cache=True, nogil=True, error_model="numpy", _nrt=False, **options)
    return decorator


_kernel, _rule = _compiled(), _compiled(forceinline=True)

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
    ("free", "i8"), ("used", "i8"), ("hand", "i8"), ("in_flight", "i8"), ("slot_s", "f8"), ("from_s", "f8"),
    ("to_s", "f8"),
])
"""First free node, nodes ever used, the slot that the wheel's hand is at, invocations in flight, the width of a slot,
and the measured span."""


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


class World(NamedTuple):
    """The rules, and all that changes while they are applied."""

    routes: Records
    buckets: Records
    pools: Records
    functions: Records
    tables_s: Floats
    lifetime_s: Floats
    nodes: Records
    slots: Ints
    """The wheel: the first node of each slot."""
    fresh_until: Floats
    """By cache key [s]."""
    clock: Records
    """One record."""
    seed: np.uint64


class Trace(NamedTuple):
    """What became of each request, shape (n,), and of each function, shape (f,). NaN where nothing was invoked."""

    outcome: npt.NDArray[np.int8]
    duration_s: Floats
    init_s: Floats
    overhead_index: Ints
    """Where a table of TABLE_SIZE overheads is to be read, so that configurations share this draw too."""
    peak_busy: Ints
    environment_s: Floats


def simulate(arrivals: Arrivals, rules: Rules, seed: int, *, from_s: float = 0.0, to_s: float | None = None,
             warm: Sequence[int] = ()) -> Trace:
    """Run all arrivals. `warm`: idle environments of each function at time 0; left out: the fleet starts empty. Peaks and
    environment-seconds count from `from_s` to `to_s` (None: the last arrival) only."""
    n = arrivals.time_s.size
    end_s = float(arrivals.time_s[-1]) if to_s is None and n else to_s or 0.0
    world = _world(arrivals, rules, seed, (from_s, end_s), warm)
    trace = Trace(np.empty(n, dtype=np.int8), np.empty(n), np.empty(n), np.empty(n, dtype=np.int64),
                  world.functions["peak"], world.functions["environment_s"])
    _run(arrivals, world, trace.outcome)
    _look_up(arrivals, world, trace)
    return trace


def _world(arrivals: Arrivals, rules: Rules, seed: int, span_s: tuple[float, float], warm: Sequence[int]) -> World:
    n, pools, functions = arrivals.time_s.size, rules.pools.copy(), rules.functions.copy()
    limits = np.minimum(pools["limit"][functions["pool"]], n) + functions["provisioned"]
    slot_s, slots = _wheel_size(arrivals, rules)
    nodes = np.zeros(int(min(limits.sum(), n)) + sum(warm) + 1, dtype=NODE)
    clock = np.array([(NONE, _warm_up(nodes, functions, warm), 0, 0, slot_s, *span_s)], dtype=CLOCK)
    return World(
        rules.routes, rules.buckets.copy(), pools, functions, rules.tables_s, rules.lifetime_s, nodes, slots=np.full(slots, NONE),
        fresh_until=np.full(int(arrivals.key.max(initial=NONE)) + 1, -np.inf), clock=clock, seed=np.uint64(seed),
    )


def _warm_up(nodes: Records, functions: Records, warm: Sequence[int]) -> int:
    """Put environments that are idle since time 0 on the functions' stacks; how many nodes that takes. Their age is not
    known: they do not go for it."""
    used = 0
    for f, count in enumerate(warm):
        for node in range(used, used + count):
            nodes[node]["link"], functions[f]["idle_top"] = functions[f]["idle_top"], node
        used += count
    nodes["aged_s"][:used], nodes["number"][:used] = np.inf, -2 - np.arange(used)
    return used


def _wheel_size(arrivals: Arrivals, rules: Rules) -> tuple[float, int]:
    """Width of a slot [s] and number of slots, a power of two: one turn takes several mean durations."""
    n = arrivals.time_s.size
    mean_s = float(rules.tables_s[:, WARM_TABLE].mean()) or 1.0
    gap_s = float(arrivals.time_s[-1] - arrivals.time_s[0]) / n if n else mean_s
    slot_s = max(min(gap_s, mean_s) / 4, 1e-9)
    return slot_s, 1 << min(max(math.ceil(math.log2(4 * mean_s / slot_s)), 6), 20)


@_rule
def word(seed: Any, number: Any) -> Any:
    """64 random bits of a request: splitmix64 of the seed at this number."""
    z = seed + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_rule
def field(bits: Any, position: int) -> Any:
    """The position-th 12 bits of a word, an index into a table."""
    return np.int64((bits >> (_BITS * np.uint64(position))) & _MASK)


@_kernel
def _run(arrivals: Arrivals, world: World, outcome: npt.NDArray[np.int8]) -> None:
    for number in range(arrivals.time_s.size):
        now, route, key = arrivals.time_s[number], arrivals.route[number], arrivals.key[number]
        _settle(world, now)
        answer = _pass_gateway(world, now, route, key)
        if answer == WARM:
            answer = _invoke(world, now, route, key, number)
        outcome[number] = answer
    _finish(world)


@_rule
def _pass_gateway(world: World, now: float, route: int, key: int) -> int:
    """The gateway's answer, or WARM: on to Lambda."""
    if not _take(world, world.routes[route].bucket, now):
        return STAGE
    if not _take(world, GATEWAY_ACCOUNT_BUCKET, now):
        return ACCOUNT
    if world.routes[route].ttl_s > 0.0 and key >= 0 and now < world.fresh_until[key]:
        return HIT
    return WARM


@_rule
def _invoke(world: World, now: float, route: int, key: int, number: int) -> int:
    """Lambda: provisioned concurrency, limits, a warm environment, or a new one if the scaling rate allows."""
    f, bits = world.routes[route].function, word(world.seed, number)
    function = world.functions[f]
    if function.provisioned_busy < function.provisioned and _take(world, function.provisioned_bucket, now):
        function.provisioned_busy += 1
        node = _allocate(world)
        world.nodes[node].provisioned = 1
        outcome, busy_s = PROVISIONED, world.tables_s[f, WARM_TABLE, field(bits, 0)]
    else:
        pool = world.pools[function.pool]
        if pool.busy >= pool.limit or not _take(world, pool.bucket, now):
            return CONCURRENCY if function.pool == UNRESERVED_POOL else RESERVED
        node = _reuse(world, now, number, f)
        if node >= 0:
            outcome, busy_s = WARM, world.tables_s[f, WARM_TABLE, field(bits, 0)]
        elif _take(world, function.scaling_bucket, now):
            node = _create(world, now, number)
            outcome = COLD
            busy_s = world.tables_s[f, INIT_TABLE, field(bits, 1)] + world.tables_s[f, COLD_TABLE, field(bits, 0)]
        else:
            return SCALING
        pool.busy += 1
    invocation = world.nodes[node]
    invocation.number, invocation.route, invocation.key = number, route, key
    function.busy += 1
    if now >= world.clock[0].from_s and function.busy > function.peak:
        function.peak = function.busy
    _schedule(world, node, now + busy_s)
    return outcome


@_rule
def _take(world: World, b: int, now: float) -> bool:
    """Take a token, if the bucket exists: it fills at its rate up to its burst."""
    if b < 0:
        return True
    bucket = world.buckets[b]
    tokens = min(bucket.tokens + (now - bucket.at) * bucket.rate, bucket.burst)
    bucket.at = now
    taken: bool = tokens >= 1.0
    bucket.tokens = tokens - 1.0 if taken else tokens
    return taken


@_rule
def _create(world: World, now: float, number: int) -> int:
    """A new environment and the age at which it goes."""
    node = _allocate(world)
    environment = world.nodes[node]
    environment.provisioned, environment.born_s = 0, now
    environment.aged_s = now + world.lifetime_s[AGE_TABLE, field(word(world.seed ^ _LIFETIME_SALT, number), 1)]
    return node


@_rule
def _schedule(world: World, node: int, end_s: float) -> None:
    """Put an invocation into the wheel, after those of its slot that end before it or with it."""
    nodes, clock = world.nodes, world.clock[0]
    nodes[node].end_s = end_s
    slot = np.int64(end_s / clock.slot_s) & (world.slots.size - 1)
    before, after = NONE, world.slots[slot]
    while after >= 0 and nodes[after].end_s <= end_s:
        before, after = after, nodes[after].link
    nodes[node].link = after
    if before < 0:
        world.slots[slot] = node
    else:
        nodes[before].link = node
    clock.in_flight += 1


@_rule
def _settle(world: World, now: float) -> None:
    """Turn the wheel's hand to now and end what ends until then, in order."""
    nodes, slots, clock = world.nodes, world.slots, world.clock[0]
    target, hand = np.int64(now / clock.slot_s), clock.hand
    while hand <= target and clock.in_flight > 0:
        slot = hand & (slots.size - 1)
        node = slots[slot]
        while node >= 0 and nodes[node].end_s <= now and np.int64(nodes[node].end_s / clock.slot_s) <= hand:
            slots[slot] = nodes[node].link
            clock.in_flight -= 1
            _end(world, node)
            node = slots[slot]
        hand += 1
    clock.hand = target


@_rule
def _end(world: World, node: int) -> None:
    """An invocation ends: its answer enters the cache, its environment goes on top of the idle stack."""
    ended = world.nodes[node]
    route = world.routes[ended.route]
    function = world.functions[route.function]
    function.busy -= 1
    function.last_end_s = ended.end_s
    if ended.key >= 0 and route.ttl_s > 0.0:
        world.fresh_until[ended.key] = ended.end_s + route.ttl_s
    if ended.provisioned:
        function.provisioned_busy -= 1
        _free(world, node)
    else:
        world.pools[function.pool].busy -= 1
        ended.link = function.idle_top
        function.idle_top = node


@_rule
def _reuse(world: World, now: float, number: int, f: int) -> int:
    """The most recently used environment that is still there, or NONE; what has expired above it is buried."""
    function = world.functions[f]
    all_gone_at = _quiet_end(world, now, number, f)
    while function.idle_top >= 0:
        node: int = function.idle_top
        function.idle_top = world.nodes[node].link
        gone_at = min(_expiry(world, node), all_gone_at)
        if gone_at > now:
            return node
        _bury(world, node, gone_at, f)
    return NONE


@_rule
def _quiet_end(world: World, now: float, number: int, f: int) -> float:
    """When a function that nothing has invoked since its last end loses all its environments."""
    function = world.functions[f]
    if function.busy > 0 or now < function.last_end_s + world.lifetime_s[FUNCTION_IDLE_TABLE, 0]:
        return np.inf
    drawn = world.lifetime_s[FUNCTION_IDLE_TABLE, field(word(world.seed ^ _LIFETIME_SALT, number), 2)]
    gone_at: float = function.last_end_s + drawn
    return gone_at


@_rule
def _expiry(world: World, node: int) -> float:
    """When an idle environment goes: idle or old for too long, but not before its last invocation ended."""
    environment = world.nodes[node]
    drawn = world.lifetime_s[IDLE_TABLE, field(word(world.seed ^ _LIFETIME_SALT, environment.number), 0)]
    gone_at: float = max(min(environment.end_s + drawn, environment.aged_s), environment.end_s)
    return gone_at


@_rule
def _bury(world: World, node: int, gone_at: float, f: int) -> None:
    born, gone = max(world.nodes[node].born_s, world.clock[0].from_s), min(gone_at, world.clock[0].to_s)
    world.functions[f].environment_s += max(gone - born, 0.0)
    _free(world, node)


@_rule
def _allocate(world: World) -> int:
    """A node that is free, or was never used."""
    clock = world.clock[0]
    node: int = clock.free
    if node >= 0:
        clock.free = world.nodes[node].link
    else:
        node = clock.used
        clock.used += 1
    return node


@_rule
def _free(world: World, node: int) -> None:
    world.nodes[node].link = world.clock[0].free
    world.clock[0].free = node


@_rule
def _finish(world: World) -> None:
    """Count the environments that are still there when the measured span ends."""
    until = world.clock[0].to_s
    _settle(world, until)
    for f in range(world.functions.size):
        function, all_gone_at = world.functions[f], _quiet_end(world, until, NONE, f)
        while function.idle_top >= 0:
            node = function.idle_top
            function.idle_top = world.nodes[node].link
            _bury(world, node, min(_expiry(world, node), all_gone_at), f)
    for slot in range(world.slots.size):
        while world.slots[slot] >= 0:
            node = world.slots[slot]
            world.slots[slot] = world.nodes[node].link
            if not world.nodes[node].provisioned:
                _bury(world, node, until, world.routes[world.nodes[node].route].function)


@_kernel
def _look_up(arrivals: Arrivals, world: World, trace: Trace) -> None:
    """Duration and init of each request [s], NaN where it was not invoked, and where to read its overhead."""
    outcome, duration_s, init_s = trace.outcome, trace.duration_s, trace.init_s
    for number in range(outcome.size):
        bits, f = word(world.seed, number), world.routes[arrivals.route[number]].function
        trace.overhead_index[number] = field(bits, 2)
        duration_s[number] = init_s[number] = np.nan
        if outcome[number] == COLD:
            duration_s[number] = world.tables_s[f, COLD_TABLE, field(bits, 0)]
            init_s[number] = world.tables_s[f, INIT_TABLE, field(bits, 1)]
        elif outcome[number] == WARM or outcome[number] == PROVISIONED:
            duration_s[number], init_s[number] = world.tables_s[f, WARM_TABLE, field(bits, 0)], 0.0
