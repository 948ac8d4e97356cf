"""Event-by-event simulation of one API and its functions: arrivals and rules in, an outcome for each request out.

Arrivals meet, in this order: the route's token bucket, the account's token bucket, the stage's cache, provisioned
concurrency, the concurrency limit with its rate of 10 invocations per second and environment (which does not hold for
asynchronous events), a warm environment (most recently used first, unless another routing is asked for), and at last the
bucket from which new environments are started. A refused request leaves no work behind; by its route's policy the client
tries again, and an asynchronous event waits in Lambda's queue. An invocation that reaches the timeout fails, and the next
one in its environment runs the init again within its own duration. So does the first invocation of a new environment whose
init reached the limit of the init phase. Provisioned concurrency follows scheduled changes and target tracking. A cache of
limited size drops what was asked for least recently; what is no longer fresh keeps its place until then.

What is random is drawn by the request's number (of an event's reruns: and how often it ran), not in the order of events:
`word(seed, number)` is splitmix64 (Steele, Lea, Flood 2014), 12 bits of it index a table of equally likely values. Two
configurations given the same arrivals and seed therefore share every draw (common random numbers), and a duration can be
looked up after the run.

Invocations in flight wait in a calendar wheel: short lists sorted by end, one a slot of about a quarter of the gap between
arrivals. Idle environments form one stack a function; whether one has expired is looked at only when it comes
to the top. What is due later (tries, queued events) waits in a heap. Times are seconds.

Rules: AWS Lambda Developer Guide, "Understanding Lambda function scaling", "Lambda quotas", "How Lambda handles errors
and retries with asynchronous invocation" and "Managing provisioned concurrency with Application Auto Scaling"; API
Gateway Developer Guide, "Throttle requests" and "Cache settings".

All compiled functions are in this file, because numba's cache does not see a change in another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from costmodel.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]
Rule = TypeVar("Rule", bound=Callable[..., Any])
Event = tuple[int, int, int, int]
"""Request, row, tries that were throttled (of the client, or since it ran last), executions so far."""
Run = tuple[int, int]
"""Row and number of an execution."""

WARM, COLD, PROVISIONED, HIT, STAGE, ACCOUNT, RESERVED, CONCURRENCY, SCALING, EXPIRED = range(10)
"""What became of a request: invoked in a warm, a new or a provisioned environment, answered by the cache, or throttled
by the route's limit, the gateway account's, the function's reserved concurrency, the account's, or its scaling rate;
an asynchronous event that no environment took before its maximum age has expired."""
OUTCOMES = ("warm", "cold", "provisioned", "hit", "stage", "account", "reserved", "concurrency", "scaling", "expired")
TIMED_OUT, REINITIALISED, ERROR = 1, 2, 4
"""Flags of an invocation: it reached the timeout, its duration holds an init (of a cold start: after one that reached the
init phase's limit), the function ended in an error."""
FAILED = TIMED_OUT | ERROR
MOST_RECENTLY_USED, LEAST_RECENTLY_USED, NEWEST, RANDOM = range(4)
"""Routings: which of the idle environments a request takes. The first is what AWS was seen to do; only it is fast."""

TABLE_SIZE = 4096
"""Points of each table of equally likely values (12 bits of a word)."""
_MOST_KEY = np.iinfo(np.int64).max
_MOST_CONCURRENCY, _UNLIMITED = 100_000, 10**12
NONE = -1
"""No token bucket, no key, no environment."""
GATEWAY_ACCOUNT_BUCKET = 0
UNRESERVED_POOL = 0
WARM_TABLE, COLD_TABLE, INIT_TABLE = range(3)
IDLE_TABLE, AGE_TABLE, FUNCTION_IDLE_TABLE = range(3)
_BITS, _MASK = np.uint64(12), np.uint64(TABLE_SIZE - 1)
_LIFETIME_SALT = np.uint64(0x5851F42D4C957F2D)
_POLICY_SALT = np.uint64(0x14057B7EF767814F)
_ROUTING_SALT = np.uint64(0x9FB21C651E98DF25)
_TRIES_SHIFT = 40
_REQUESTS = 1 << _TRIES_SHIFT
_MOST_DOUBLINGS = 60
_ROUNDING = 1e-6
"""What a token may lack: times are rounded, and a steady client at exactly the rate must not be refused for it."""
_SAMPLES = 1_024
_MOST_SLOTS_LOG2, _STEPS_OF_THE_LONGEST = 20, 1 << 18
RETRY_S, LONGEST_RETRY_S = 1.0, 300.0
"""A throttled event waits this long at first, twice as long each time, at most so long."""
RERUN_S = 60.0
"""After a failed execution an event waits one minute, after the second two."""
MINUTE_S = 60.0
SCALE_IN_BELOW = 0.9
"""Target tracking's lower alarm, as a share of the target."""



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
    ("environment_s", "f8"), ("timeout_s", "f8"), ("requested", "i8"), ("ready_s", "f8"), ("requested_at_s", "f8"),
    ("provisioned_s", "f8"), ("allocation_delay_s", "f8"), ("allocations_per_s", "f8"), ("invocations_per_s", "f8"),
    ("target", "f8"), ("least", "i8"), ("most", "i8"), ("out_points", "i8"), ("in_points", "i8"), ("used", "f8"),
    ("samples", "i8"), ("above", "i8"), ("below", "i8"), ("init_limit_s", "f8"),
    ("provisioned_reset", "i8"), ("integration_timeout_s", "f8"),
])
"""`environment_s`: seconds that on-demand environments lived within the measured span; `timeout_s` 0: none. The gateway
waits for `integration_timeout_s` (0: for ever): what comes later, or never for a timeout, it cannot cache.

`init_limit_s` (0: none) ends the init phase of a new environment; the init then runs again within its first invocation.
`provisioned_reset`: idle provisioned environments whose last invocation timed out.

`provisioned` is what can be used, `requested` what was asked for and is paid for, usable from `ready_s` on, for
`provisioned_s` environment-seconds of the span. `invocations_per_s` is what one environment adds to a bucket's rate.
Target tracking (`target` 0: none) keeps the mean of `used` shares a minute near the target: `out_points` minutes above
it, or `in_points` below 90 % of it, change the request within `least` and `most`."""
POLICY = np.dtype([
    ("asynchronous", "i8"), ("tries", "i8"), ("base_s", "f8"), ("cap_s", "f8"), ("failing", "f8"), ("reruns", "i8"),
    ("max_age_s", "f8"), ("invalidating", "f8"),
])
"""A route's. A throttled client tries up to `tries` times, after U(0, min(cap, base 2^k)). An asynchronous event that
fails (share `failing`, or timeout) runs again up to `reruns` times, none beyond `max_age_s`. The share `invalidating` of
the requests passes the cache by and renews its entry."""
CHANGE = np.dtype([("at_s", "f8"), ("function", "i8"), ("provisioned", "i8")])
"""Provisioned concurrency asked for at a time, in the order of the times."""
DUE = np.dtype([("at_s", "f8"), ("request", "i8"), ("row", "i8"), ("tries", "i8"), ("runs", "i8")])
"""A request that comes back: to the gateway (`runs` -1) or, an event that ran so often already, to Lambda."""
NODE = np.dtype([
    ("link", "i8"), ("end_s", "f8"), ("born_s", "f8"), ("aged_s", "f8"), ("number", "i8"), ("route", "i8"),
    ("key", "i8"), ("provisioned", "i4"), ("reset", "i4"),
])
"""An environment: in a slot of the wheel, in its function's idle stack, or free; `link` is the next one there."""
ENTRY = np.dtype([("fresh_until_s", "f8"), ("bytes", "i8"), ("newer", "i8"), ("older", "i8"), ("held", "i8")])
"""A key's answer in the cache; in one of limited size, between those that were used after and before it."""
CACHE = np.dtype([("capacity", "i8"), ("held", "i8"), ("newest", "i8"), ("oldest", "i8")])
"""Bytes it can hold (NONE: any number) and holds, the keys used last and longest ago."""
CLOCK = np.dtype([
    ("free", "i8"), ("used", "i8"), ("hand", "i8"), ("in_flight", "i8"), ("slots_per_s", "f8"), ("from_s", "f8"),
    ("to_s", "f8"), ("next_s", "f8"), ("control_s", "f8"), ("minute_s", "f8"), ("change", "i8"), ("due", "i8"),
    ("rerun", "i8"), ("first", "i8"), ("busy_s", "f8"), ("routing", "i8"), ("latest", "i8"),
    ("latest_slot", "i8"),
])
"""First free node, nodes ever used, the slot that the wheel's hand is at, invocations in flight, slots a second,
the measured span; when the next thing happens besides arrivals and ends, when provisioned concurrency is looked at next,
the next full minute, the next change, how many are due later, rows of reruns used, the number of the first request, how
long the last invocation takes, the routing, the node that came into the wheel last and its slot."""


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
    policies: Records | None = None
    """By route; None: nobody tries again, nothing is asynchronous."""
    changes: Records | None = None
    routing: int = MOST_RECENTLY_USED
    cache_bytes: int = NONE
    """What the cache can hold; NONE: everything."""


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
    entries: Records
    """By cache key."""
    cache: Records
    """One record."""
    policies: Records
    changes: Records
    due: Records
    """A heap."""
    clock: Records
    """One record."""
    seed: np.uint64
    outcome: npt.NDArray[np.int8]
    flags: npt.NDArray[np.int8]
    at_s: Floats
    rerun: Ints
    """Number of each rerun."""
    throttled: Ints


class Trace(NamedTuple):
    """What became of each request, shape (n,), and of each function, shape (f,). NaN where nothing was invoked.

    Reruns of failed asynchronous events have rows of their own behind those of the requests."""

    outcome: npt.NDArray[np.int8]
    """Of a request, its last try; of an event, its first execution."""
    duration_s: Floats
    init_s: Floats
    overhead_index: Ints
    """Where a table of TABLE_SIZE overheads is to be read, so that configurations share this draw too."""
    peak_busy: Ints
    environment_s: Floats
    provisioned_s: Floats
    """Environment-seconds of provisioned concurrency asked for within the measured span."""
    flags: npt.NDArray[np.int8]
    at_s: Floats
    """When it was tried last [s]."""
    rerun_of: Ints
    """Shape (reruns,): the request of each further row."""
    throttled: Ints
    """Tries that were throttled, of clients that tried again and of events in Lambda's queue, by route and outcome;
    of requests that arrived in the measured span."""


def simulate(arrivals: Arrivals, rules: Rules, seed: int, *, from_s: float = 0.0, to_s: float | None = None,
             warm: Sequence[int] = (), entry_bytes: Ints | None = None) -> Trace:
    """Run all arrivals. `warm`: idle environments of each function at time 0; left out: the fleet starts empty. Peaks and
    environment-seconds count from `from_s` to `to_s` (None: the last arrival) only. `entry_bytes`: by cache key, for a
    cache of limited size. Raises InputError for times that are out of order, for numbers that no rule could have (below 0,
    NaN), and for keys without a size."""
    arrivals = _checked(arrivals, rules)
    end_s = float(arrivals.time_s[-1]) if to_s is None and arrivals.time_s.size else to_s or 0.0
    _check_settings(seed, (from_s, end_s), warm, rules)
    world = _world(arrivals, rules, seed, span_s=(from_s, end_s), warm=warm, entry_bytes=entry_bytes)
    _run(arrivals, world)
    return _trace(arrivals, world, _finish(arrivals, world))


def compile_kernels() -> None:
    """Compile everything to numba's cache on disk, 15 s on a new machine: worth doing beside something else."""
    function = np.zeros(1, dtype=FUNCTION)
    function[["provisioned_bucket", "scaling_bucket", "idle_top"]] = (NONE, NONE, NONE)
    rules = Rules(np.array([(0, NONE, 0.0)], dtype=ROUTE), np.array([(1.0, 1.0, 1.0, 0.0)], dtype=BUCKET),
                  np.array([(1, NONE, 0)], dtype=POOL), function, np.ones((1, 3, TABLE_SIZE)), np.ones((3, TABLE_SIZE)))
    simulate(Arrivals(np.zeros(1), np.zeros(1, dtype=np.int64), np.full(1, NONE)), rules, seed=0)


def simulate_parts(parts: Iterable[Arrivals], rules: Rules, seed: int, *, keys: int = 0) -> Iterator[Trace]:
    """One long run, a part of its arrivals at a time, so that a month fits into memory; `keys`: cache keys in all parts.
    A trace's sums by function are those from the first part up to the part's last request. Raises InputError as `simulate`
    does, and where policies would hold requests back across parts, or where the concurrency has no limit."""
    if rules.policies is not None or rules.pools["limit"].sum() + rules.functions["provisioned"].sum() > _MOST_CONCURRENCY:
        raise InputError(f"simulate_parts: give rules without policies and pools of at most {_MOST_CONCURRENCY:,} environments")
    _check_settings(seed, (0.0, 0.0), (), rules)
    world: World | None = None
    end_s = 0.0
    for part in parts:
        arrivals = _checked(part, rules, after_s=end_s)
        n = arrivals.time_s.size
        if world is None:
            world = _world(arrivals, rules, seed, span_s=(0.0, math.inf), in_parts=True, keys=keys)
        if arrivals.key.max(initial=NONE) >= world.entries.size:
            raise InputError(f"simulate_parts: a key of {arrivals.key.max()}, keys={keys}: give the number of keys in all parts")
        world = world._replace(outcome=np.empty(n, dtype=np.int8), flags=np.zeros(n, dtype=np.int8))
        _run(arrivals, world)
        end_s = float(arrivals.time_s[-1]) if n else end_s
        yield _trace(arrivals, world, end_s)
        world.clock["first"] += n


def _checked(arrivals: Arrivals, rules: Rules, after_s: float = 0.0) -> Arrivals:
    """The arrivals as the kernel takes them. Raises InputError for what cannot be."""
    time_s, n = np.require(arrivals.time_s, np.float64, ["C", "W"]), np.size(arrivals.time_s)
    route, key = (np.require(each, np.int64, ["C", "W"]) for each in (arrivals.route, arrivals.key))
    if time_s.ndim != 1 or route.shape != time_s.shape or key.shape != time_s.shape:
        raise InputError(f"simulate: {n} times, {route.size} routes, {key.size} keys: give one of each for every arrival")
    if not _in_order(time_s, after_s):
        raise InputError(f"simulate: arrivals are out of order, below {after_s:g} or not finite: give seconds in ascending order")
    if n and not (_within(route, 0, rules.routes.size - 1) and _within(key, NONE, _MOST_KEY)):
        raise InputError(f"simulate: routes {route.min()} to {route.max()}, keys from {key.min()}: give routes of 0 to "
                         f"{rules.routes.size - 1}, and keys of 0 or more ({NONE}: none)")
    return Arrivals(time_s, route, key)


@_rule
def _in_order(time_s: Floats, after_s: float) -> bool:
    for now in time_s:
        if not after_s <= now < np.inf:
            return False
        after_s = now
    return True


@_rule
def _within(numbers: Ints, least: int, most: int) -> bool:
    for number in numbers:  # noqa: SIM110 (compiled: no generators)
        if not least <= number <= most:
            return False
    return True


def _check_settings(seed: int, span_s: tuple[float, float], warm: Sequence[int], rules: Rules) -> None:
    """Raises InputError for a number that no rule could have: the kernel would go on with it."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"simulate: seed={seed}: give a whole number of 0 to 2**64 - 1")
    if not 0 <= span_s[0] <= span_s[1] < math.inf:
        raise InputError(f"simulate: from_s={span_s[0]}, to_s={span_s[1]}: give seconds of 0 or more, from_s not after to_s")
    if len(warm) > rules.functions.size or not all(isinstance(each, int | np.integer) and each >= 0 for each in warm):
        raise InputError(f"simulate: warm={warm}: give 0 or more environments for each of {rules.functions.size} functions")
    if rules.routing not in range(RANDOM + 1) or (rules.policies is not None and rules.policies.size != rules.routes.size):
        raise InputError(f"simulate: routing={rules.routing}, a policy for each of {rules.routes.size} routes: give both")
    changes = np.zeros(0, dtype=CHANGE) if rules.changes is None else rules.changes
    if not ((changes["function"] >= 0) & (changes["function"] < rules.functions.size)).all() or (np.diff(changes["at_s"]) < 0).any():
        raise InputError("simulate: changes of provisioned concurrency: give functions by number, and times in ascending order")
    finite = {
        "durations": rules.tables_s, "token buckets": np.stack([rules.buckets["rate"], rules.buckets["burst"]]),
        "pools": rules.pools["limit"], "provisioned": rules.functions["provisioned"], "changes": changes["provisioned"],
        "changes' times": changes["at_s"],
        "timeouts": np.stack([rules.functions[name] for name in ("timeout_s", "init_limit_s", "integration_timeout_s")]),
        "times in the cache": rules.routes["ttl_s"],
    }
    for name, values in finite.items():
        if not (values >= 0).all() or not (values < math.inf).all():
            raise InputError(f"simulate: {name} of {values.min()} to {values.max()}: give finite numbers of 0 or more")
    if not (rules.lifetime_s >= 0).all() or not (rules.lifetime_s[:, 1:] >= rules.lifetime_s[:, :-1]).all():
        raise InputError("simulate: lifetimes below 0 or out of order: give each rule's seconds in ascending order")


def _world(arrivals: Arrivals, rules: Rules, seed: int, *, span_s: tuple[float, float], warm: Sequence[int] = (),
           in_parts: bool = False, keys: int = 0, entry_bytes: Ints | None = None) -> World:
    n, pools, functions = arrivals.time_s.size, rules.pools.copy(), rules.functions.copy()
    policies = np.zeros(rules.routes.size, dtype=POLICY) if rules.policies is None else rules.policies
    held = 0 if rules.policies is None else n
    reruns = int((policies["asynchronous"] * policies["reruns"])[arrivals.route].sum()) if held else 0
    environments = np.zeros(_most_nodes(rules, None if in_parts else n + reruns) + sum(warm) + 1, dtype=NODE)
    clock = np.zeros(1, dtype=CLOCK)
    clock["free"], clock["used"], clock["routing"] = NONE, _warm_up(environments, functions, warm), rules.routing
    (clock["from_s"], clock["to_s"]), (clock["slots_per_s"], slots) = span_s, _wheel_size(arrivals, rules)
    functions["requested"], functions["ready_s"] = functions["provisioned"], np.inf
    tracked, changes = bool((functions["target"] > 0).any()), np.zeros(0, dtype=CHANGE) if rules.changes is None else rules.changes
    clock["minute_s"] = MINUTE_S if tracked else np.inf
    clock["control_s"] = clock["next_s"] = min(float(clock["minute_s"][0]), *changes["at_s"][:1].tolist(), np.inf)
    entries = _entries(max(keys, int(arrivals.key.max(initial=NONE)) + 1), entry_bytes, limited=rules.cache_bytes != NONE)
    return World(
        rules.routes, rules.buckets.copy(), pools, functions, rules.tables_s, rules.lifetime_s, environments,
        slots=np.full(slots, NONE), entries=entries, cache=np.array([(rules.cache_bytes, 0, NONE, NONE)], dtype=CACHE),
        policies=policies, changes=changes, due=np.zeros(held + 1, dtype=DUE), clock=clock, seed=np.uint64(seed),
        outcome=np.empty(n + reruns, dtype=np.int8),
        flags=np.zeros(n + reruns, dtype=np.int8),
        at_s=np.concatenate([arrivals.time_s, np.zeros(reruns)]) if held else np.zeros(0),
        rerun=np.zeros(reruns, dtype=np.int64), throttled=np.zeros((rules.routes.size, len(OUTCOMES)), dtype=np.int64),
    )


def _most_nodes(rules: Rules, invocations: int | None) -> int:
    """Environments that there can be at once. Each function that shares a pool may leave as many idle as the pool allows,
    and provisioned ones that are busy go on beside those that took their place; one an invocation at the most."""
    pool = rules.functions["pool"]
    limits = np.minimum(rules.pools["limit"], _UNLIMITED)
    limits = limits + np.bincount(pool, rules.functions["provisioned"], limits.size).astype(np.int64)
    most = int(2 * limits[pool].sum())
    return most if invocations is None else min(most, invocations)


def _entries(keys: int, entry_bytes: Ints | None, *, limited: bool) -> Records:
    """Nothing is in the cache yet."""
    entries = np.zeros(keys, dtype=ENTRY)
    entries["fresh_until_s"] = -np.inf
    if limited and keys:
        known = 0 if entry_bytes is None else entry_bytes.size
        if entry_bytes is None or known < keys or (entry_bytes < 0).any():
            raise InputError(f"simulate: a cache of limited size, and sizes of {known} of {keys} keys: give entry_bytes of "
                             "each, 0 or more")
        entries["bytes"] = entry_bytes[:keys]
    return entries


def _trace(arrivals: Arrivals, world: World, until_s: float) -> Trace:
    reruns = int(world.clock["rerun"][0])
    n = arrivals.time_s.size + reruns
    rerun_of = world.rerun[:reruns] & (_REQUESTS - 1)
    route = np.concatenate([arrivals.route, arrivals.route[rerun_of]]) if reruns else arrivals.route
    trace = Trace(world.outcome[:n], np.empty(n), np.empty(n), np.empty(n, dtype=np.int64), world.functions["peak"].copy(),
                  np.empty(world.functions.size), np.empty(world.functions.size), world.flags[:n],
                  world.at_s[:n] if world.at_s.size else arrivals.time_s, rerun_of, world.throttled)
    _sum_up(world, until_s, trace)
    _look_up(route, world, trace)
    return trace


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
    """Slots a second and number of slots, a power of two: one turn takes several mean durations.

    A quarter of the gap between arrivals; of gaps that differ, or shorter ones than a duration, what balances steps of the
    hand (busy seconds over the slot) and steps in the lists (arrivals times how many share a slot). No slot is so short that
    the hand would take long to reach the end of the longest invocation, or that slots could not be numbered."""
    time_s, n = arrivals.time_s, arrivals.time_s.size
    warm_s, cold_s, init_s = rules.tables_s[:, WARM_TABLE], rules.tables_s[:, COLD_TABLE], rules.tables_s[:, INIT_TABLE]
    mean_s = float(warm_s.mean()) or 1.0
    longest_s = float(warm_s.max() + cold_s.max() + 2 * init_s.max())
    sample = np.linspace(0, n - 1, min(n, _SAMPLES)).astype(np.int64)
    busy = float((sample + 1 - np.searchsorted(time_s, time_s[sample] - mean_s)).mean()) if n else 1.0
    busy_s = min(float(time_s[-1] - time_s[0]) + mean_s, n * mean_s) if n else mean_s
    slot_s = math.sqrt(busy_s * mean_s / (max(n, 1) * busy)) / 4
    shortest_s = max(1e-9, float(time_s[-1]) * 2.0**-50 if n else 0.0)
    slot_s = max(slot_s, 4 * mean_s / 2**_MOST_SLOTS_LOG2, longest_s / _STEPS_OF_THE_LONGEST, shortest_s)
    return 1 / slot_s, 1 << min(max(math.ceil(math.log2(4 * mean_s / slot_s)), 6), _MOST_SLOTS_LOG2)


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


@_rule
def unit(bits: Any) -> Any:
    """A number from 0 up to 1, of 53 of a word's bits."""
    return float(bits >> np.uint64(11)) * 2.0**-53


@_kernel
def _run(arrivals: Arrivals, world: World) -> None:
    clock = world.clock[0]
    for row in range(arrivals.time_s.size):
        now = arrivals.time_s[row]
        if clock.next_s <= now:
            _advance(arrivals, world, now)
        _settle(world, now)
        _arrive(arrivals, world, now, row, 1)


@_kernel
def _advance(arrivals: Arrivals, world: World, now: float) -> None:
    """What happens until now besides arrivals, in the order of its times."""
    clock = world.clock[0]
    while clock.next_s <= now:
        at_s = clock.next_s
        _settle(world, at_s)
        if clock.control_s <= at_s:
            _control(world, at_s)
        else:
            item = world.due[0]
            event = (item.request, item.row, item.tries, item.runs)
            _pop_due(world)
            if event[3] < 0:
                _arrive(arrivals, world, at_s, event[0], event[2])
            else:
                _deliver(arrivals, world, at_s, event)
        _tell_next(world)


@_rule
def _tell_next(world: World) -> None:
    clock = world.clock[0]
    due_s = world.due[0].at_s if clock.due > 0 else np.inf
    clock.next_s = min(clock.control_s, due_s)


@_rule
def _arrive(arrivals: Arrivals, world: World, now: float, row: int, tries: int) -> None:
    """A request, at its first try or a later one."""
    route, key = arrivals.route[row], arrivals.key[row]
    answer = _pass_gateway(world, now, route, key, world.clock[0].first + row)
    if answer == WARM:
        if world.policies[route].asynchronous:
            _deliver(arrivals, world, now, (row, row, 0, 0))
            return
        answer = _invoke(world, now, route, key, (row, world.clock[0].first + row))
    world.outcome[row] = answer
    if world.at_s.size > 0:
        world.at_s[row] = now
        if answer >= STAGE and tries < world.policies[route].tries:
            _back_off(arrivals, world, now, row, tries)


@_rule
def _back_off(arrivals: Arrivals, world: World, now: float, row: int, tries: int) -> None:
    """A throttled client comes back after a random part of a time that doubles."""
    route = arrivals.route[row]
    policy = world.policies[route]
    _count_throttled(world, arrivals.time_s[row], route, world.outcome[row])
    drawn = unit(word(world.seed ^ _POLICY_SALT, row + (np.int64(tries) << _TRIES_SHIFT)))
    longest_s = min(policy.cap_s, policy.base_s * 2.0 ** min(tries - 1, _MOST_DOUBLINGS))
    _push_due(world, now + drawn * longest_s, (row, row, tries + 1, -1))


@_rule
def _count_throttled(world: World, arrived_s: float, route: int, answer: int) -> None:
    if arrived_s >= world.clock[0].from_s:
        world.throttled[route, answer] += 1


@_kernel
def _deliver(arrivals: Arrivals, world: World, now: float, event: Event) -> None:
    """Lambda reads an asynchronous event from its queue; where nothing may ever run it does not even try."""
    request, row, tries, runs = event
    clock, route = world.clock[0], arrivals.route[request]
    policy, last_s = world.policies[route], arrivals.time_s[request] + world.policies[route].max_age_s
    function = world.functions[world.routes[route].function]
    if function.pool != UNRESERVED_POOL and world.pools[function.pool].limit == 0 and function.requested == 0:
        if runs == 0:
            world.outcome[row], world.at_s[row] = EXPIRED, now
        return
    if runs > 0:
        row = arrivals.time_s.size + clock.rerun
    number = request + runs * _REQUESTS
    answer = _invoke(world, now, route, NONE, (row, number))
    if answer <= PROVISIONED:
        world.outcome[row], world.at_s[row] = answer, now
        if runs > 0:
            world.rerun[clock.rerun] = number
            clock.rerun += 1
        due_s = now + clock.busy_s + RERUN_S * (runs + 1)
        if world.flags[row] & FAILED and runs < policy.reruns and due_s < last_s:
            _push_due(world, due_s, (request, row, 0, runs + 1))
        return
    _count_throttled(world, arrivals.time_s[request], route, answer)
    due_s = now + min(RETRY_S * 2.0 ** min(tries, _MOST_DOUBLINGS), LONGEST_RETRY_S)
    if due_s < last_s:
        _push_due(world, due_s, (request, row, tries + 1, runs))
    elif runs == 0:
        world.outcome[row], world.at_s[row] = EXPIRED, now


@_rule
def _push_due(world: World, at_s: float, event: Event) -> None:
    due, place = world.due, world.clock[0].due
    while place > 0 and _before(at_s, event[0], due[(place - 1) // 2]):
        due[place] = due[(place - 1) // 2]
        place = (place - 1) // 2
    item = due[place]
    item.at_s, item.request, item.row, item.tries, item.runs = at_s, event[0], event[1], event[2], event[3]
    world.clock[0].due += 1
    world.clock[0].next_s = min(world.clock[0].next_s, at_s)


@_rule
def _pop_due(world: World) -> None:
    """Take the first item off the heap: the last one sinks from its place."""
    due, clock = world.due, world.clock[0]
    clock.due -= 1
    last, place, child = due[clock.due], 0, 1
    while child < clock.due:
        if child + 1 < clock.due and _before(due[child + 1].at_s, due[child + 1].request, due[child]):
            child += 1
        if not _before(due[child].at_s, due[child].request, last):
            break
        due[place] = due[child]
        place, child = child, 2 * child + 1
    due[place] = last


@_rule
def _before(at_s: float, request: int, other: Any) -> Any:
    return at_s < other.at_s or (at_s == other.at_s and request < other.request)


@_kernel
def _control(world: World, now: float) -> None:
    """Provisioned concurrency: what was allocated becomes usable, then scheduled changes, then target tracking."""
    clock, next_s = world.clock[0], np.inf
    for f in range(world.functions.size):
        if world.functions[f].ready_s <= now:
            _make_usable(world, f, world.functions[f].requested)
    while clock.change < world.changes.size and world.changes[clock.change].at_s <= now:
        change = world.changes[clock.change]
        _request(world, change.function, change.provisioned, now)
        clock.change += 1
    if clock.minute_s <= now:
        for f in range(world.functions.size):
            _track(world, f, now)
        clock.minute_s += MINUTE_S
    for f in range(world.functions.size):
        next_s = min(next_s, world.functions[f].ready_s)
    if clock.change < world.changes.size:
        next_s = min(next_s, world.changes[clock.change].at_s)
    clock.control_s = min(next_s, clock.minute_s)


@_rule
def _track(world: World, f: int, now: float) -> None:
    """A minute's datapoint, none without an invocation; while an allocation is under way nothing is changed."""
    function = world.functions[f]
    if function.target <= 0.0:
        return
    share = function.used / function.samples if function.samples > 0 else np.nan
    function.above = function.above + 1 if share > function.target else 0
    function.below = function.below + 1 if share < SCALE_IN_BELOW * function.target else 0
    function.used, function.samples = 0.0, 0
    if function.ready_s < np.inf:
        return
    if function.above >= function.out_points or function.below >= function.in_points:
        wanted = np.int64(np.ceil(function.provisioned * share / function.target - 1e-9))
        _request(world, f, min(max(wanted, function.least), function.most), now)


@_rule
def _request(world: World, f: int, wanted: int, now: float) -> None:
    """Ask for provisioned concurrency: less of it is there at once, more of it when all is allocated. It comes out of the
    pool, which cannot give more than it has."""
    function = world.functions[f]
    wanted = min(wanted, function.requested + max(world.pools[function.pool].limit, 0))
    _pay(world, f, now)
    _resize(world, function.pool, function.requested - wanted, function.invocations_per_s)
    function.requested, function.ready_s = wanted, np.inf
    if wanted > function.provisioned:
        function.ready_s = now + function.allocation_delay_s + (wanted - function.provisioned) / function.allocations_per_s
    else:
        _make_usable(world, f, wanted)


@_rule
def _make_usable(world: World, f: int, provisioned: int) -> None:
    function = world.functions[f]
    _grow_bucket(world, function.provisioned_bucket, (provisioned - function.provisioned) * function.invocations_per_s)
    function.provisioned, function.ready_s = provisioned, np.inf
    function.provisioned_reset = min(function.provisioned_reset, provisioned)


@_rule
def _resize(world: World, pool: int, by: int, invocations_per_s: float) -> None:
    world.pools[pool].limit += by
    _grow_bucket(world, world.pools[pool].bucket, by * invocations_per_s)


@_rule
def _grow_bucket(world: World, b: int, by: float) -> None:
    """A bucket of one second's worth: what is added comes full."""
    if b >= 0:
        bucket = world.buckets[b]
        bucket.rate += by
        bucket.burst += by
        bucket.tokens = min(bucket.tokens + max(by, 0.0), bucket.burst)


@_rule
def _pay(world: World, f: int, now: float) -> None:
    """Count the environment-seconds of what was asked for until now."""
    function, clock = world.functions[f], world.clock[0]
    begun, until = max(function.requested_at_s, clock.from_s), min(now, clock.to_s)
    function.provisioned_s += function.requested * max(until - begun, 0.0)
    function.requested_at_s = now


@_rule
def _pass_gateway(world: World, now: float, route: int, key: int, number: int) -> int:
    """The gateway's answer, or WARM: on to Lambda."""
    if not _take(world, world.routes[route].bucket, now):
        return STAGE
    if not _take(world, GATEWAY_ACCOUNT_BUCKET, now):
        return ACCOUNT
    if world.routes[route].ttl_s > 0.0 and key >= 0 and now < world.entries[key].fresh_until_s:
        share = world.policies[route].invalidating
        if share <= 0.0 or unit(word(world.seed ^ _POLICY_SALT, number)) >= share:
            if world.cache[0].capacity >= 0:
                _use(world, key)
            return HIT
    return WARM


@_rule
def _store(world: World, key: int, fresh_until_s: float) -> None:
    """An answer enters the cache; what was used longest ago makes room."""
    cache = world.cache[0]
    world.entries[key].fresh_until_s = fresh_until_s
    if cache.capacity >= 0:
        _use(world, key)
        while cache.held > cache.capacity:
            world.entries[cache.oldest].fresh_until_s = -np.inf
            _take_out(world, cache.oldest)


@_kernel
def _use(world: World, key: int) -> None:
    """The key is the one that was used last."""
    entries, cache = world.entries, world.cache[0]
    if entries[key].held:
        _take_out(world, key)
    entries[key].held, entries[key].newer, entries[key].older = 1, NONE, cache.newest
    if cache.newest >= 0:
        entries[cache.newest].newer = key
    else:
        cache.oldest = key
    cache.newest = key
    cache.held += entries[key].bytes


@_kernel
def _take_out(world: World, key: int) -> None:
    entries, cache, entry = world.entries, world.cache[0], world.entries[key]
    if entry.newer >= 0:
        entries[entry.newer].older = entry.older
    else:
        cache.newest = entry.older
    if entry.older >= 0:
        entries[entry.older].newer = entry.newer
    else:
        cache.oldest = entry.newer
    entry.held = 0
    cache.held -= entry.bytes


@_rule
def _invoke(world: World, now: float, route: int, key: int, run: Run) -> int:
    """Lambda: provisioned concurrency, limits, a warm environment, or a new one if the scaling rate allows. An asynchronous
    event counts against concurrency, not against the rate of invocations."""
    (row, number), f, policy = run, world.routes[route].function, world.policies[route]
    function, bits = world.functions[f], word(world.seed, number)
    if function.target > 0.0 and function.provisioned > 0:
        function.used += min((function.provisioned_busy + 1) / function.provisioned, 1.0)
        function.samples += 1
    init_s = 0.0
    if function.provisioned_busy < function.provisioned and _take(world, function.provisioned_bucket, now):
        function.provisioned_busy += 1
        node = _allocate(world)
        world.nodes[node].provisioned, world.nodes[node].reset = 1, 0
        outcome, run_s = PROVISIONED, _provisioned_run(world, f, row, bits)
    else:
        pool = world.pools[function.pool]
        if pool.busy >= pool.limit or not (policy.asynchronous or _take(world, pool.bucket, now)):
            return CONCURRENCY if function.pool == UNRESERVED_POOL else RESERVED
        node = _reuse(world, now, number, f)
        if node >= 0:
            outcome, run_s = WARM, world.tables_s[f, WARM_TABLE, field(bits, 0)]
            if world.nodes[node].reset:
                run_s = _with_init(world, f, bits)
                world.nodes[node].reset = 0
                world.flags[row] = REINITIALISED
        elif _take(world, function.scaling_bucket, now):
            node = _create(world, now, number)
            outcome, run_s = COLD, world.tables_s[f, COLD_TABLE, field(bits, 0)]
            init_s = world.tables_s[f, INIT_TABLE, field(bits, 1)]
            if 0.0 < function.init_limit_s <= init_s:
                init_s, run_s = function.init_limit_s, _with_init(world, f, bits)
                world.flags[row] = REINITIALISED
        else:
            return SCALING
        pool.busy += 1
    invocation = world.nodes[node]
    if function.timeout_s > 0.0 and run_s >= function.timeout_s:
        run_s, invocation.reset = function.timeout_s, 1
        world.flags[row] |= TIMED_OUT
    elif policy.failing > 0.0 and unit(word(~world.seed, number)) < policy.failing:
        world.flags[row] |= ERROR
    busy_s = init_s + run_s
    invocation.number, invocation.route = number, route
    invocation.key = key if key >= 0 and _answers(world, f, row, busy_s) else NONE
    function.busy += 1
    if now <= world.clock[0].to_s and (function.busy > function.peak or now < world.clock[0].from_s):
        function.peak = function.busy
    world.clock[0].busy_s = busy_s
    _schedule(world, node, now, now + busy_s)
    return outcome


@_rule
def _answers(world: World, f: int, row: int, busy_s: float) -> bool:
    """Whether the gateway gets an answer while it waits for one."""
    waits_s, timed_out = world.functions[f].integration_timeout_s, world.flags[row] & TIMED_OUT > 0
    return not timed_out and (waits_s <= 0.0 or busy_s < waits_s)


@_rule
def _provisioned_run(world: World, f: int, row: int, bits: Any) -> Any:
    """How long an invocation takes in a provisioned environment; one that was reset is used before the others."""
    function = world.functions[f]
    if function.provisioned_reset > 0:
        function.provisioned_reset -= 1
        world.flags[row] = REINITIALISED
        return _with_init(world, f, bits)
    return world.tables_s[f, WARM_TABLE, field(bits, 0)]


@_rule
def _with_init(world: World, f: int, bits: Any) -> Any:
    """A first duration that holds the init."""
    return world.tables_s[f, INIT_TABLE, field(bits, 1)] + world.tables_s[f, COLD_TABLE, field(bits, 0)]


@_rule
def _take(world: World, b: int, now: float) -> bool:
    """Take a token, if the bucket exists: it fills at its rate up to its burst."""
    if b < 0:
        return True
    bucket = world.buckets[b]
    tokens = min(bucket.tokens + (now - bucket.at) * bucket.rate, bucket.burst)
    bucket.at = now
    taken: bool = tokens >= 1.0 - _ROUNDING
    bucket.tokens = tokens - 1.0 if taken else tokens
    return taken


@_rule
def _create(world: World, now: float, number: int) -> int:
    """A new environment and the age at which it goes."""
    node = _allocate(world)
    environment = world.nodes[node]
    environment.provisioned, environment.reset, environment.born_s = 0, 0, now
    environment.aged_s = now + world.lifetime_s[AGE_TABLE, field(word(world.seed ^ _LIFETIME_SALT, number), 1)]
    return node


@_rule
def _schedule(world: World, node: int, now: float, end_s: float) -> None:
    """Put an invocation into the wheel, after those of its slot that end before it or with it: behind the one that came
    last where that is such a one, so that those that begin and end together do not wait for each other."""
    nodes, clock = world.nodes, world.clock[0]
    slot = np.int64(end_s * clock.slots_per_s) & (world.slots.size - 1)
    before, after = NONE, world.slots[slot]
    if slot == clock.latest_slot and now < nodes[clock.latest].end_s <= end_s:
        before, after = clock.latest, nodes[clock.latest].link
    nodes[node].end_s, clock.latest, clock.latest_slot = end_s, node, slot
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
    target, hand = np.int64(now * clock.slots_per_s), clock.hand
    while hand <= target and clock.in_flight > 0:
        slot = hand & (slots.size - 1)
        node = slots[slot]
        while node >= 0 and nodes[node].end_s <= now and np.int64(nodes[node].end_s * clock.slots_per_s) <= hand:
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
    if ended.end_s < world.clock[0].from_s:
        function.peak = function.busy
    if ended.key >= 0 and route.ttl_s > 0.0:
        _store(world, ended.key, ended.end_s + route.ttl_s)
    if ended.provisioned:
        function.provisioned_busy -= 1
        function.provisioned_reset += ended.reset
        _free(world, node)
    else:
        world.pools[function.pool].busy -= 1
        ended.link = function.idle_top
        function.idle_top = node


@_rule
def _reuse(world: World, now: float, number: int, f: int) -> int:
    """The environment that the routing takes, or NONE. Most recently used: the first on the stack that is still there;
    what has expired above it is buried."""
    function = world.functions[f]
    all_gone_at = _quiet_end(world, now, number, f)
    if world.clock[0].routing != MOST_RECENTLY_USED:
        return _choose(world, now, number, f, all_gone_at)
    shortest_s = world.lifetime_s[IDLE_TABLE, 0]
    while function.idle_top >= 0:
        node: int = function.idle_top
        function.idle_top = world.nodes[node].link
        environment = world.nodes[node]
        if now < min(environment.end_s + shortest_s, environment.aged_s, all_gone_at):
            return node
        gone_at = min(_expiry(world, node, f), all_gone_at)
        if gone_at > now:
            return node
        _bury(world, node, gone_at, f)
    return NONE


@_kernel
def _choose(world: World, now: float, number: int, f: int, all_gone_at: float) -> int:
    """Another routing: bury what has expired, then walk the stack to the one that is taken."""
    function, routing, alive = world.functions[f], world.clock[0].routing, 0
    before, node = NONE, function.idle_top
    while node >= 0:
        behind = world.nodes[node].link
        gone_at = min(_expiry(world, node, f), all_gone_at)
        if gone_at > now:
            alive, before = alive + 1, node
        else:
            _unlink(world, f, before, node)
            _bury(world, node, gone_at, f)
        node = behind
    drawn = np.int64(unit(word(world.seed ^ _ROUTING_SALT, number)) * alive)
    chosen, chosen_before, before, node, place = NONE, NONE, NONE, function.idle_top, 0
    while node >= 0:
        last, newer = routing == LEAST_RECENTLY_USED, chosen < 0 or world.nodes[node].born_s > world.nodes[chosen].born_s
        if last or (routing == NEWEST and newer) or (routing == RANDOM and place == drawn):
            chosen, chosen_before = node, before
        before, node, place = node, world.nodes[node].link, place + 1
    if chosen >= 0:
        _unlink(world, f, chosen_before, chosen)
    return chosen


@_rule
def _unlink(world: World, f: int, before: int, node: int) -> None:
    """Take a node out of the idle stack."""
    if before < 0:
        world.functions[f].idle_top = world.nodes[node].link
    else:
        world.nodes[before].link = world.nodes[node].link


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
def _expiry(world: World, node: int, f: int) -> float:
    """When an idle environment goes: idle or old for too long, but not before its last invocation ended. Where pauses of
    the function have a limit, idle environments have theirs only while others work."""
    environment, function = world.nodes[node], world.functions[f]
    if world.lifetime_s[FUNCTION_IDLE_TABLE, 0] < np.inf and function.busy == 0 and function.last_end_s <= environment.end_s:
        old_at: float = max(environment.aged_s, environment.end_s)
        return old_at
    drawn = world.lifetime_s[IDLE_TABLE, field(word(world.seed ^ _LIFETIME_SALT, environment.number), 0)]
    gone_at: float = max(min(environment.end_s + drawn, environment.aged_s), environment.end_s)
    return gone_at


@_rule
def _bury(world: World, node: int, gone_at: float, f: int) -> None:
    world.functions[f].environment_s += _lived(world, node, gone_at)
    _free(world, node)


@_rule
def _lived(world: World, node: int, gone_at: float) -> Any:
    """Seconds within the measured span."""
    born, gone = max(world.nodes[node].born_s, world.clock[0].from_s), min(gone_at, world.clock[0].to_s)
    return max(gone - born, 0.0)


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


@_kernel
def _finish(arrivals: Arrivals, world: World) -> float:
    """Let what is due later happen; when all is over."""
    clock = world.clock[0]
    until: float = clock.to_s
    _advance(arrivals, world, until)
    while clock.due > 0:
        until = max(until, clock.next_s)
        _advance(arrivals, world, until)
    _settle(world, until)
    return until


@_kernel
def _sum_up(world: World, until: float, trace: Trace) -> None:
    """Environment-seconds by function until then: of what is gone, and of what is there, idle or busy."""
    clock, nodes, total_s = world.clock[0], world.nodes, trace.environment_s
    for f in range(world.functions.size):
        function, all_gone_at = world.functions[f], _quiet_end(world, until, NONE, f)
        begun, ended = max(function.requested_at_s, clock.from_s), min(until, clock.to_s)
        trace.provisioned_s[f] = function.provisioned_s + function.requested * max(ended - begun, 0.0)
        total_s[f], node = function.environment_s, function.idle_top
        while node >= 0:
            total_s[f] += _lived(world, node, min(_expiry(world, node, f), all_gone_at, until))
            node = nodes[node].link
    for slot in range(world.slots.size):
        node = world.slots[slot]
        while node >= 0:
            if not nodes[node].provisioned:
                total_s[world.routes[nodes[node].route].function] += _lived(world, node, until)
            node = nodes[node].link


@_kernel
def _look_up(route: Ints, world: World, trace: Trace) -> None:
    """Duration and init of each row [s], NaN where it was not invoked, and where to read its overhead."""
    outcome, duration_s, init_s, first = trace.outcome, trace.duration_s, trace.init_s, world.clock[0].first
    arrived = outcome.size - trace.rerun_of.size
    for row in range(outcome.size):
        number = first + row if row < arrived else world.rerun[row - arrived]
        bits, f = word(world.seed, number), world.routes[route[row]].function
        trace.overhead_index[row] = field(bits, 2)
        duration_s[row] = init_s[row] = np.nan
        if outcome[row] == COLD:
            duration_s[row] = world.tables_s[f, COLD_TABLE, field(bits, 0)]
            init_s[row] = world.tables_s[f, INIT_TABLE, field(bits, 1)]
        elif outcome[row] == WARM or outcome[row] == PROVISIONED:
            duration_s[row], init_s[row] = world.tables_s[f, WARM_TABLE, field(bits, 0)], 0.0
        flags = trace.flags[row]
        if flags & REINITIALISED:
            duration_s[row] = _with_init(world, f, bits)
            if outcome[row] == COLD:
                init_s[row] = world.functions[f].init_limit_s
        if flags & TIMED_OUT:
            duration_s[row] = world.functions[f].timeout_s
