"""A second simulator, slow and plain, that the kernel must agree with at random settings, request by request."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.prediction.simulator import (
    ACCOUNT,
    BUCKET,
    CHANGE,
    COLD,
    CONCURRENCY,
    ERROR,
    EXPIRED,
    FAILED,
    FUNCTION,
    HIT,
    LEAST_RECENTLY_USED,
    MOST_RECENTLY_USED,
    NEWEST,
    NONE,
    POLICY,
    POOL,
    PROVISIONED,
    RANDOM,
    REINITIALISED,
    RESERVED,
    ROUTE,
    SCALING,
    STAGE,
    TABLE_SIZE,
    TIMED_OUT,
    WARM,
    Arrivals,
    Rules,
    simulate,
    simulate_parts,
)

SIXTY_FOUR = 2**64 - 1
LIFETIME_SALT, POLICY_SALT, ROUTING_SALT = 0x5851F42D4C957F2D, 0x14057B7EF767814F, 0x9FB21C651E98DF25
NO_POLICY = np.zeros(1, dtype=POLICY)[0]


def word(seed: int, number: int) -> int:
    z = (seed + (number + 1) * 0x9E3779B97F4A7C15) & SIXTY_FOUR
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & SIXTY_FOUR
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & SIXTY_FOUR
    return z ^ (z >> 31)


def twelve_bits(seed: int, number: int, position: int) -> int:
    return (word(seed, number) >> (12 * position)) & 4095


def unit(seed: int, number: int) -> float:
    return (word(seed & SIXTY_FOUR, number) >> 11) * 2.0**-53


@dataclass(eq=False)
class Environment:
    born: float
    aged: float
    gone: float = inf
    """When it goes if nothing takes it first; set when it turns idle."""
    ended: float = 0.0
    reset: bool = False


@dataclass
class Fleet:
    """One function."""

    provisioned: int
    requested: int
    idle: list[Environment] = field(default_factory=list)
    """The one that was used last is at the end."""
    working: list[Environment] = field(default_factory=list)
    busy: int = 0
    provisioned_busy: int = 0
    provisioned_reset: int = 0
    levels: list[tuple[float, int]] = field(default_factory=list)
    """Busy environments after each invocation's start or end."""
    last_end: float = 0.0
    lived: float = 0.0
    ready: float = inf
    paid: float = 0.0
    paid_until: float = 0.0
    shares: list[float] = field(default_factory=list)
    """Of the provisioned environments in use, at each invocation of this minute."""
    points: list[float] = field(default_factory=list)
    """By minute, NaN without an invocation."""


class Reference:
    """Reads the same Rules; every rule is a method, time moves from event to event in one heap.

    At the same time invocations end first, then provisioned concurrency changes, then what is due comes, then arrivals.
    """

    END, CONTROL, DUE, ARRIVAL = range(4)

    def __init__(self, rules: Rules, seed: int, span_s: tuple[float, float], warm: list[int], entry_bytes: list[int]) -> None:
        self.entry_bytes = entry_bytes
        (self.from_s, self.to_s), self.rules, self.seed = span_s, rules, seed
        self.fleets = [Fleet(int(row["provisioned"]), int(row["provisioned"])) for row in rules.functions]
        numbers = iter(range(-2, -2 - sum(warm), -1))
        for fleet, count in zip(self.fleets, warm, strict=True):
            draws = [twelve_bits(seed ^ LIFETIME_SALT, next(numbers), 0) for _ in range(count)]
            fleet.idle = [Environment(0.0, inf, float(rules.lifetime_s[0, draw])) for draw in draws]
        self.rates = [float(bucket["rate"]) for bucket in rules.buckets]
        self.bursts = [float(bucket["burst"]) for bucket in rules.buckets]
        self.tokens = list(self.bursts)
        self.filled_at = [0.0] * len(self.tokens)
        self.pool_busy = [0] * len(rules.pools)
        self.limits = [int(pool["limit"]) for pool in rules.pools]
        self.fresh: dict[int, float] = {}
        """Of the keys in the cache, the one that was used last at the end."""
        self.events: list[tuple[float, int, int, Any]] = []
        self.throttled = Counter[tuple[int, int]]()

    def run(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        n = arrivals.time_s.size
        self.outcome, self.flags, self.at = [-1] * n, [0] * n, arrivals.time_s.tolist()
        self.took, self.numbers = [(nan, nan)] * n, list(range(n))
        self.rerun_of: list[int] = []
        self.sequence = 0
        for number, time in enumerate(arrivals.time_s):
            heapq.heappush(self.events, (float(time), self.ARRIVAL, number, (number, 1)))
        for change in () if self.rules.changes is None else self.rules.changes:
            heapq.heappush(self.events, (float(change["at_s"]), self.CONTROL, 1, (int(change["function"]), int(change["provisioned"]))))
        if (self.rules.functions["target"] > 0).any():
            heapq.heappush(self.events, (60.0, self.CONTROL, 2, None))
        now = 0.0
        while self.events and (self.events[0][0] <= self.to_s or any(kind >= self.DUE for _, kind, _, _ in self.events)):
            now, kind, order, what = heapq.heappop(self.events)
            (self.end, self.control, self.come_back, self.arrive)[kind](now, order, what)
        self.finish(max(now, self.to_s))

    def finish(self, now: float) -> None:
        for number, fleet in enumerate(self.fleets):
            self.pay(fleet, self.to_s)
            self.leave(fleet, fleet.idle, self.quiet(number, now, NONE))
            for environment in fleet.working:
                self.count(fleet, environment, now)

    def end(self, now: float, _: int, what: Any) -> None:
        function, environment, key, ttl, number, reset = what
        fleet = self.fleets[function]
        fleet.busy -= 1
        fleet.levels.append((now, fleet.busy))
        fleet.last_end = now
        if ttl > 0 and key >= 0:
            self.store(key, now + ttl)
        if environment is None:
            fleet.provisioned_busy -= 1
            fleet.provisioned_reset += reset
            return
        self.pool_busy[self.rules.functions[function]["pool"]] -= 1
        limit = self.rules.lifetime_s[0, twelve_bits(self.seed ^ LIFETIME_SALT, number, 0)]
        environment.gone, environment.ended = max(min(now + limit, environment.aged), now), now
        fleet.working.remove(environment)
        fleet.idle.append(environment)

    def store(self, key: int, fresh_until: float) -> None:
        self.fresh.pop(key, None)
        self.fresh[key] = fresh_until
        if self.rules.cache_bytes != NONE:
            while sum(self.entry_bytes[each] for each in self.fresh) > self.rules.cache_bytes:
                del self.fresh[next(iter(self.fresh))]

    def control(self, now: float, order: int, what: Any) -> None:
        if order == 0:
            function, ready = what
            if self.fleets[function].ready == ready:
                self.make_usable(function, self.fleets[function].requested)
        elif order == 1:
            self.request(what[0], what[1], now)
        else:
            for function, row in enumerate(self.rules.functions):
                if row["target"] > 0:
                    self.track(function, row, now)
            heapq.heappush(self.events, (now + 60.0, self.CONTROL, 2, None))

    def track(self, function: int, row: Any, now: float) -> None:
        fleet, target = self.fleets[function], float(row["target"])
        fleet.points.append(sum(fleet.shares) / len(fleet.shares) if fleet.shares else nan)
        fleet.shares = []
        share = fleet.points[-1]
        out, down = (fleet.points[-int(row[name]):] for name in ("out_points", "in_points"))
        above = len(out) == row["out_points"] and all(point > target for point in out)
        below = len(down) == row["in_points"] and all(point < 0.9 * target for point in down)
        if fleet.ready == inf and (above or below):
            wanted = math.ceil(fleet.provisioned * share / target - 1e-9)
            self.request(function, min(max(wanted, int(row["least"])), int(row["most"])), now)

    def request(self, function: int, wanted: int, now: float) -> None:
        fleet, row = self.fleets[function], self.rules.functions[function]
        pool = int(row["pool"])
        wanted = min(wanted, fleet.requested + max(self.limits[pool], 0))
        self.pay(fleet, now)
        self.limits[pool] += fleet.requested - wanted
        self.grow(int(self.rules.pools[pool]["bucket"]), (fleet.requested - wanted) * float(row["invocations_per_s"]))
        fleet.requested = wanted
        if wanted <= fleet.provisioned:
            self.make_usable(function, wanted)
        else:
            more = wanted - fleet.provisioned
            fleet.ready = now + float(row["allocation_delay_s"]) + more / float(row["allocations_per_s"])
            heapq.heappush(self.events, (fleet.ready, self.CONTROL, 0, (function, fleet.ready)))

    def make_usable(self, function: int, provisioned: int) -> None:
        fleet, row = self.fleets[function], self.rules.functions[function]
        more = provisioned - fleet.provisioned
        self.grow(int(row["provisioned_bucket"]), more * float(row["invocations_per_s"]))
        fleet.provisioned, fleet.ready = provisioned, inf
        fleet.provisioned_reset = min(fleet.provisioned_reset, provisioned)

    def grow(self, bucket: int, by: float) -> None:
        if bucket >= 0:
            self.rates[bucket] += by
            self.bursts[bucket] += by
            self.tokens[bucket] = min(self.tokens[bucket] + max(by, 0.0), self.bursts[bucket])

    def pay(self, fleet: Fleet, now: float) -> None:
        begun, until = max(fleet.paid_until, self.from_s), min(now, self.to_s)
        fleet.paid += fleet.requested * max(until - begun, 0.0)
        fleet.paid_until = now

    def policy(self, route: int) -> Any:
        return NO_POLICY if self.rules.policies is None else self.rules.policies[route]

    def arrive(self, now: float, _: int, what: tuple[int, int]) -> None:
        number, tries = what
        route, key = int(self.arrivals.route[number]), int(self.arrivals.key[number])
        policy = self.policy(route)
        answer = self.gateway(now, route, key, number)
        if answer == WARM and policy["asynchronous"]:
            self.deliver(now, number, number, 0, 0)
            return
        if answer == WARM:
            answer, _ = self.lambda_(now, route, key, (number, number))
        self.outcome[number], self.at[number] = answer, now
        if answer >= STAGE and tries < policy["tries"]:
            self.throttled[route, answer] += int(self.arrivals.time_s[number] >= self.from_s)
            longest = min(float(policy["cap_s"]), float(policy["base_s"]) * 2.0 ** (tries - 1))
            wait = unit(self.seed ^ POLICY_SALT, number + (tries << 40)) * longest
            heapq.heappush(self.events, (now + wait, self.DUE, number, ("try", tries + 1)))

    def come_back(self, now: float, number: int, what: Any) -> None:
        if what[0] == "try":
            self.arrive(now, number, (number, what[1]))
        else:
            self.deliver(now, number, *what[1:])

    def deliver(self, now: float, request: int, row: int, tries: int, runs: int) -> None:
        route = int(self.arrivals.route[request])
        policy, last = self.policy(route), self.arrivals.time_s[request] + self.policy(route)["max_age_s"]
        row_of = self.rules.functions[self.rules.routes[route]["function"]]
        fleet = self.fleets[int(self.rules.routes[route]["function"])]
        if row_of["pool"] != 0 and self.limits[row_of["pool"]] == 0 and fleet.requested == 0:
            if not runs:
                self.outcome[row], self.at[row] = EXPIRED, now
            return
        number = request + runs * 2**40
        if runs:
            row = len(self.outcome)
            for column, nothing in ((self.outcome, -1), (self.flags, 0), (self.at, 0.0), (self.took, (nan, nan)), (self.numbers, number)):
                column.append(nothing)
        answer, busy_s = self.lambda_(now, route, NONE, (row, number))
        if answer <= PROVISIONED:
            if runs:
                self.rerun_of.append(request)
            self.outcome[row], self.at[row] = answer, now
            due = now + busy_s + 60.0 * (runs + 1)
            if self.flags[row] & FAILED and runs < policy["reruns"] and due < last:
                heapq.heappush(self.events, (due, self.DUE, request, ("event", row, 0, runs + 1)))
            return
        if runs:
            for column in (self.outcome, self.flags, self.at, self.took, self.numbers):
                column.pop()
        self.throttled[route, answer] += int(self.arrivals.time_s[request] >= self.from_s)
        due = now + min(2.0**tries, 300.0)
        if due < last:
            heapq.heappush(self.events, (due, self.DUE, request, ("event", row, tries + 1, runs)))
        elif not runs:
            self.outcome[row], self.at[row] = EXPIRED, now

    def gateway(self, now: float, route: int, key: int, number: int) -> int:
        bucket, ttl = int(self.rules.routes[route]["bucket"]), float(self.rules.routes[route]["ttl_s"])
        if not self.take(bucket, now):
            return STAGE
        if not self.take(0, now):
            return ACCOUNT
        passes_by = unit(self.seed ^ POLICY_SALT, number) < self.policy(route)["invalidating"]
        if ttl > 0 and now < self.fresh.get(key, -inf) and not passes_by:
            self.fresh[key] = self.fresh.pop(key)
            return HIT
        return WARM

    def lambda_(self, now: float, route: int, key: int, run: tuple[int, int]) -> tuple[int, float]:
        """For the execution's row and number: its outcome, and how long it keeps an environment busy."""
        row, number = run
        function = int(self.rules.routes[route]["function"])
        fleet, ttl, settings = self.fleets[function], float(self.rules.routes[route]["ttl_s"]), self.rules.functions[function]
        if settings["target"] > 0 and fleet.provisioned > 0:
            fleet.shares.append(min((fleet.provisioned_busy + 1) / fleet.provisioned, 1.0))
        outcome, environment, init_s, run_s = self.invoke(function, now, run, bool(self.policy(route)["asynchronous"]))
        if outcome > PROVISIONED:
            return outcome, 0.0
        timeout, gateway_waits = float(settings["timeout_s"]), float(settings["integration_timeout_s"]) or inf
        if 0 < timeout <= run_s:
            run_s = timeout
            self.flags[row] |= TIMED_OUT
            if environment:
                environment.reset = True
        elif unit(~self.seed, number) < self.policy(route)["failing"]:
            self.flags[row] |= ERROR
        fleet.busy += 1
        fleet.levels.append((now, fleet.busy))
        self.sequence += 1
        busy_s = init_s + run_s
        self.took[row] = run_s, init_s
        reset = bool(self.flags[row] & TIMED_OUT)
        stored = NONE if reset or busy_s >= gateway_waits else key
        heapq.heappush(self.events, (now + busy_s, self.END, self.sequence, (function, environment, stored, ttl, number, reset)))
        return outcome, busy_s

    def invoke(self, function: int, now: float, run: tuple[int, int],
               asynchronous: bool) -> tuple[int, Environment | None, float, float]:
        """Outcome, environment, init and duration."""
        row, number = run
        settings, fleet = self.rules.functions[function], self.fleets[function]
        warm_s, cold_s, init_s = (self.draw(function, kind, number, position) for kind, position in ((0, 0), (1, 0), (2, 1)))
        both_s, limit_s = init_s + cold_s, float(settings["init_limit_s"])
        if fleet.provisioned_busy < fleet.provisioned and self.take(int(settings["provisioned_bucket"]), now):
            fleet.provisioned_busy += 1
            if fleet.provisioned_reset == 0:
                return PROVISIONED, None, 0.0, warm_s
            fleet.provisioned_reset -= 1
            self.flags[row] |= REINITIALISED
            return PROVISIONED, None, 0.0, both_s
        pool = int(settings["pool"])
        free = self.pool_busy[pool] < self.limits[pool]
        if not free or not (asynchronous or self.take(int(self.rules.pools[pool]["bucket"]), now)):
            return (RESERVED if pool else CONCURRENCY), None, 0.0, 0.0
        everything_goes = self.quiet(function, now, number)
        gone = [each for each in fleet.idle if min(self.goes(fleet, each), everything_goes) <= now]
        self.leave(fleet, gone, everything_goes)
        if fleet.idle:
            environment = self.choose(fleet.idle, number)
            outcome, run_s = WARM, warm_s
            if environment.reset:
                run_s, environment.reset = both_s, False
                self.flags[row] |= REINITIALISED
            init_s = 0.0
        elif self.take(int(settings["scaling_bucket"]), now):
            age = self.rules.lifetime_s[1, twelve_bits(self.seed ^ LIFETIME_SALT, number, 1)]
            environment, outcome, run_s = Environment(now, now + age), COLD, cold_s
            if 0 < limit_s <= init_s:
                init_s, run_s = limit_s, both_s
                self.flags[row] |= REINITIALISED
        else:
            return SCALING, None, 0.0, 0.0
        fleet.working.append(environment)
        self.pool_busy[pool] += 1
        return outcome, environment, init_s, run_s

    def choose(self, idle: list[Environment], number: int) -> Environment:
        newest = max(reversed(idle), key=lambda each: each.born)
        chosen = {
            MOST_RECENTLY_USED: idle[-1], LEAST_RECENTLY_USED: idle[0], NEWEST: newest,
            RANDOM: idle[::-1][int(unit(self.seed ^ ROUTING_SALT, number) * len(idle))],
        }[self.rules.routing]
        idle.remove(chosen)
        return chosen

    def draw(self, function: int, kind: int, number: int, position: int) -> float:
        return float(self.rules.tables_s[function, kind, twelve_bits(self.seed, number, position)])

    def take(self, bucket: int, now: float) -> bool:
        if bucket < 0:
            return True
        self.tokens[bucket] = min(self.bursts[bucket], self.tokens[bucket] + (now - self.filled_at[bucket]) * self.rates[bucket])
        self.filled_at[bucket] = now
        if self.tokens[bucket] < 1 - 1e-6:
            return False
        self.tokens[bucket] -= 1
        return True

    def peak(self, fleet: Fleet) -> int:
        """Busy when the measured span begins, or after an invocation that starts in it."""
        before = [busy for time, busy in fleet.levels if time < self.from_s][-1:] if self.from_s <= self.to_s else []
        return max([0, *before, *(busy for time, busy in fleet.levels if self.from_s <= time <= self.to_s)])

    def quiet(self, function: int, now: float, number: int) -> float:
        fleet = self.fleets[function]
        limit = float(self.rules.lifetime_s[2, twelve_bits(self.seed ^ LIFETIME_SALT, number, 2)])
        return fleet.last_end + limit if fleet.busy == 0 else inf

    def goes(self, fleet: Fleet, environment: Environment) -> float:
        alone = fleet.busy == 0 and fleet.last_end <= environment.ended
        return max(environment.aged, environment.ended) if alone and self.rules.lifetime_s[2, 0] < inf else environment.gone

    def leave(self, fleet: Fleet, gone: list[Environment], everything_goes: float) -> None:
        for environment in list(gone):
            fleet.idle.remove(environment)
            self.count(fleet, environment, min(self.goes(fleet, environment), everything_goes))

    def count(self, fleet: Fleet, environment: Environment, until: float) -> None:
        fleet.lived += max(min(until, self.to_s) - max(environment.born, self.from_s), 0.0)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Arrivals, Rules]:
    """Up to five routes of four functions, every rule switched on or off, short times so that they collide."""
    functions, routes, n = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(0, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    buckets = [draw(st.sampled_from([(1e9, 1e9), (20.0, 5.0)]))]

    def bucket(rate: float, burst: float) -> int:
        if draw(st.booleans()):
            return NONE
        buckets.append((rate, burst))
        return len(buckets) - 1

    pools = [(draw(st.integers(0, 6)), bucket(5.0, 3.0), 0)]
    rows = []
    for _ in range(functions):
        pool = 0
        if draw(st.booleans()):
            pools.append((draw(st.integers(0, 4)), bucket(6.0, 4.0), 0))
            pool = len(pools) - 1
        rows.append({"pool": pool, "provisioned": draw(st.integers(0, 2)), "provisioned_bucket": bucket(4.0, 2.0),
                     "scaling_bucket": bucket(1.0, 2.0), "idle_top": NONE, "timeout_s": draw(st.sampled_from([0.0, 0.25, 2.0])),
                     "init_limit_s": draw(st.sampled_from([0.0, 0.1, 1.0])),
                     "integration_timeout_s": draw(st.sampled_from([0.0, 0.25])),
                     **draw(provisioning())})
    values = np.array(draw(st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.25, 1.0, 4.0, 40.0]), min_size=1, max_size=3)))
    law = [draw(st.sampled_from([(inf, inf), (2.0, 2.0), (0.5, 6.0)])) for _ in range(3)]
    rules = Rules(
        np.array([(draw(st.integers(0, functions - 1)), bucket(3.0, 2.0), draw(st.sampled_from([0.0, 1.0])))
                  for _ in range(routes)], dtype=ROUTE),
        np.array([(rate, burst, burst, 0.0) for rate, burst in buckets], dtype=BUCKET), np.array(pools, dtype=POOL),
        np.array([tuple(row.get(name, 0) for name in FUNCTION.names or ()) for row in rows], dtype=FUNCTION),
        rng.choice(values, (functions, 3, TABLE_SIZE)),
        np.stack([np.full(TABLE_SIZE, low) if low == high else np.linspace(low, high, TABLE_SIZE) for low, high in law]),
        policies=draw(st.none() | policies(routes)), changes=draw(st.none() | changes(functions)),
        routing=draw(st.sampled_from([MOST_RECENTLY_USED, LEAST_RECENTLY_USED, NEWEST, RANDOM])),
        cache_bytes=draw(st.sampled_from([NONE, 0, 25, 60])),
    )
    gaps = [0.0, 0.01, 0.1, 0.25, 1.0, draw(st.sampled_from([9.0, 45.0]))]
    times = np.cumsum(rng.choice(gaps, n, p=[0.2, 0.25, 0.25, 0.15, 0.1, 0.05]))
    route = rng.integers(0, routes, n)
    key = np.where(rng.random(n) < 0.3, NONE, route * 3 + rng.integers(0, 3, n))
    return Arrivals(times, route, key), rules


@st.composite
def provisioning(draw: st.DrawFn) -> dict[str, float]:
    """How provisioned concurrency is allocated, with target tracking or without."""
    how = {"allocation_delay_s": draw(st.sampled_from([0.5, 3.0, 70.0])), "allocations_per_s": draw(st.sampled_from([0.5, 100.0])),
           "invocations_per_s": draw(st.sampled_from([1.0, 10.0]))}
    tracked = {"target": draw(st.sampled_from([0.2, 0.7])), "least": draw(st.integers(0, 1)), "most": draw(st.integers(1, 6)),
               "out_points": draw(st.integers(1, 3)), "in_points": draw(st.integers(1, 3))}
    return how | (tracked if draw(st.booleans()) else {})


@st.composite
def policies(draw: st.DrawFn, routes: int) -> Any:
    rows = [(draw(st.integers(0, 1)), draw(st.integers(0, 4)), draw(st.sampled_from([0.0, 0.5])), 2.0,
             draw(st.sampled_from([0.0, 0.5, 1.0])), draw(st.integers(0, 2)), draw(st.sampled_from([0.0, 90.0, 21_600.0])),
             draw(st.sampled_from([0.0, 0.3]))) for _ in range(routes)]
    return np.array(rows, dtype=POLICY)


@st.composite
def changes(draw: st.DrawFn, functions: int) -> Any:
    times = sorted(draw(st.lists(st.sampled_from([0.0, 1.0, 5.0, 60.0, 75.5]), max_size=4, unique=True)))
    return np.array([(time, draw(st.integers(0, functions - 1)), draw(st.integers(0, 5))) for time in times], dtype=CHANGE)


@settings(max_examples=400, deadline=None)
@given(world=worlds(), seed=st.integers(0, SIXTY_FOUR), span=st.tuples(st.floats(0, 1), st.floats(0, 5)),
       warm=st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_the_kernel_agrees_with_the_plain_simulator_request_by_request(
        world: tuple[Arrivals, Rules], seed: int, span: tuple[float, float], warm: list[int]) -> None:
    last = float(world[0].time_s.max(initial=0.0))
    agree(*world, seed, (span[0] * last, last + span[1]), warm)


@settings(max_examples=100, deadline=None)
@given(world=worlds(), seed=st.integers(0, SIXTY_FOUR), tracked=provisioning())
def test_they_agree_on_target_tracking_over_many_minutes(
        world: tuple[Arrivals, Rules], seed: int, tracked: dict[str, float]) -> None:
    arrivals, rules = world
    functions = rules.functions.copy()
    for name, value in ({"target": 0.4, "least": 1, "most": 5, "out_points": 1, "in_points": 2} | tracked).items():
        functions[name] = value
    times = arrivals.time_s * 30
    agree(arrivals._replace(time_s=times), rules._replace(functions=functions), seed, (0.0, float(times.max(initial=0.0))), [0] * 4)


@settings(max_examples=100, deadline=None)
@given(world=worlds(), seed=st.integers(0, SIXTY_FOUR), cuts=st.lists(st.integers(0, 80), max_size=3))
def test_a_run_in_parts_is_the_run_as_a_whole(world: tuple[Arrivals, Rules], seed: int, cuts: list[int]) -> None:
    arrivals, rules = world[0], world[1]._replace(policies=None, cache_bytes=NONE)
    edges = [0, *sorted(min(cut, arrivals.time_s.size) for cut in cuts), arrivals.time_s.size]
    parts = [Arrivals(*(each[low:high] for each in arrivals)) for low, high in itertools.pairwise(edges)]
    traces = list(simulate_parts(parts, rules, seed, keys=15))
    whole = simulate(arrivals, rules, seed)
    for name in ("outcome", "flags", "duration_s", "init_s", "overhead_index", "at_s"):
        in_parts = np.concatenate([getattr(trace, name) for trace in traces])
        assert np.array_equal(in_parts, getattr(whole, name), equal_nan=name.endswith("_s"))
    for name in ("environment_s", "provisioned_s", "peak_busy"):
        assert np.allclose(getattr(traces[-1], name), getattr(whole, name))


def agree(arrivals: Arrivals, rules: Rules, seed: int, span_s: tuple[float, float], warm: list[int]) -> None:
    warm = warm[:rules.functions.size]
    from_s, to_s = span_s
    entry_bytes = np.array([20, 30, 7] * rules.routes.size)
    trace = simulate(arrivals, rules, seed, from_s=from_s, to_s=to_s, warm=warm, entry_bytes=entry_bytes)
    reference = Reference(rules, seed, span_s, warm, entry_bytes.tolist())
    reference.run(arrivals)
    assert trace.outcome.tolist() == reference.outcome
    assert trace.flags.tolist() == reference.flags
    assert trace.rerun_of.tolist() == reference.rerun_of
    assert np.allclose(trace.at_s, reference.at)
    counted = {(route, outcome): int(count) for (route, outcome), count in np.ndenumerate(trace.throttled) if count}
    assert counted == {cell: count for cell, count in reference.throttled.items() if count}
    assert np.allclose(trace.provisioned_s, [fleet.paid for fleet in reference.fleets])
    assert trace.peak_busy.tolist() == [reference.peak(fleet) for fleet in reference.fleets]
    assert np.allclose(trace.duration_s, [duration for duration, _ in reference.took], equal_nan=True)
    assert np.allclose(trace.init_s, [init for _, init in reference.took], equal_nan=True)
    assert trace.overhead_index.tolist() == [twelve_bits(seed, number, 2) for number in reference.numbers]
    assert np.allclose(trace.environment_s, [fleet.lived for fleet in reference.fleets])
