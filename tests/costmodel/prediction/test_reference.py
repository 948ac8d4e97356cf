"""A second simulator, slow and plain, that the kernel must agree with at random settings, request by request."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.prediction.simulator import (
    ACCOUNT,
    BUCKET,
    COLD,
    CONCURRENCY,
    FUNCTION,
    HIT,
    NONE,
    POOL,
    PROVISIONED,
    RESERVED,
    ROUTE,
    SCALING,
    STAGE,
    TABLE_SIZE,
    WARM,
    Arrivals,
    Rules,
    simulate,
)

SIXTY_FOUR = 2**64 - 1


def twelve_bits(seed: int, number: int, position: int) -> int:
    z = (seed + (number + 1) * 0x9E3779B97F4A7C15) & SIXTY_FOUR
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & SIXTY_FOUR
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & SIXTY_FOUR
    return ((z ^ (z >> 31)) >> (12 * position)) & 4095


@dataclass(eq=False)
class Environment:
    born: float
    aged: float
    gone: float = inf
    """When it goes if nothing takes it first; set when it turns idle."""


@dataclass
class Fleet:
    """One function."""

    idle: list[Environment] = field(default_factory=list)
    working: list[Environment] = field(default_factory=list)
    busy: int = 0
    provisioned_busy: int = 0
    peak: int = 0
    last_end: float = 0.0
    lived: float = 0.0


class Reference:
    """Reads the same Rules; every rule is a method, time moves from event to event in one heap."""

    def __init__(self, rules: Rules, seed: int, from_s: float, to_s: float, warm: list[int]) -> None:
        self.rules, self.seed, self.from_s, self.to_s = rules, seed, from_s, to_s
        self.fleets = [Fleet() for _ in rules.functions]
        numbers = iter(range(-2, -2 - sum(warm), -1))
        for fleet, count in zip(self.fleets, warm, strict=True):
            draws = [twelve_bits(seed ^ 0x5851F42D4C957F2D, next(numbers), 0) for _ in range(count)]
            fleet.idle = [Environment(0.0, inf, float(rules.lifetime_s[0, draw])) for draw in draws]
        self.tokens = [float(bucket["burst"]) for bucket in rules.buckets]
        self.filled_at = [0.0] * len(self.tokens)
        self.pool_busy = [0] * len(rules.pools)
        self.fresh: dict[int, float] = {}
        self.ends: list[tuple[float, int, Any]] = []

    def run(self, arrivals: Arrivals) -> list[int]:
        outcomes = []
        for number, (now, route, key) in enumerate(zip(*arrivals, strict=True)):
            self.advance(now)
            outcomes.append(self.answer(now, int(route), int(key), number))
        self.advance(self.to_s)
        for function, fleet in enumerate(self.fleets):
            self.leave(fleet, fleet.idle, self.quiet(function, self.to_s, NONE))
            for environment in fleet.working:
                self.count(fleet, environment, self.to_s)
        return outcomes

    def advance(self, now: float) -> None:
        while self.ends and self.ends[0][0] <= now:
            end, number, (function, environment, key, ttl) = heapq.heappop(self.ends)
            fleet = self.fleets[function]
            fleet.busy -= 1
            fleet.last_end = end
            if ttl > 0 and key >= 0:
                self.fresh[key] = end + ttl
            if environment is None:
                fleet.provisioned_busy -= 1
                continue
            self.pool_busy[self.rules.functions[function]["pool"]] -= 1
            limit = self.rules.lifetime_s[0, twelve_bits(self.seed ^ 0x5851F42D4C957F2D, number, 0)]
            environment.gone = max(min(end + limit, environment.aged), end)
            fleet.working.remove(environment)
            fleet.idle.append(environment)

    def answer(self, now: float, route: int, key: int, number: int) -> int:
        bucket, ttl = int(self.rules.routes[route]["bucket"]), float(self.rules.routes[route]["ttl_s"])
        if not self.take(bucket, now):
            return STAGE
        if not self.take(0, now):
            return ACCOUNT
        if ttl > 0 and now < self.fresh.get(key, -inf):
            return HIT
        function = int(self.rules.routes[route]["function"])
        outcome, environment, busy_s = self.invoke(function, now, number)
        if outcome <= PROVISIONED:
            fleet = self.fleets[function]
            fleet.busy += 1
            fleet.peak = max(fleet.peak, fleet.busy if now >= self.from_s else 0)
            heapq.heappush(self.ends, (now + busy_s, number, (function, environment, key, ttl)))
        return outcome

    def invoke(self, function: int, now: float, number: int) -> tuple[int, Environment | None, float]:
        row, fleet = self.rules.functions[function], self.fleets[function]
        if fleet.provisioned_busy < row["provisioned"] and self.take(int(row["provisioned_bucket"]), now):
            fleet.provisioned_busy += 1
            return PROVISIONED, None, self.draw(function, 0, number, 0)
        pool = int(row["pool"])
        free = self.pool_busy[pool] < self.rules.pools[pool]["limit"]
        if not free or not self.take(int(self.rules.pools[pool]["bucket"]), now):
            return (RESERVED if pool else CONCURRENCY), None, 0.0
        everything_goes = self.quiet(function, now, number)
        gone = [each for each in fleet.idle if min(each.gone, everything_goes) <= now]
        self.leave(fleet, gone, everything_goes)
        if fleet.idle:
            environment, outcome, busy_s = fleet.idle.pop(), WARM, self.draw(function, 0, number, 0)
        elif self.take(int(row["scaling_bucket"]), now):
            age = self.rules.lifetime_s[1, twelve_bits(self.seed ^ 0x5851F42D4C957F2D, number, 1)]
            environment, outcome = Environment(now, now + age), COLD
            busy_s = self.draw(function, 2, number, 1) + self.draw(function, 1, number, 0)
        else:
            return SCALING, None, 0.0
        fleet.working.append(environment)
        self.pool_busy[pool] += 1
        return outcome, environment, busy_s

    def draw(self, function: int, kind: int, number: int, position: int) -> float:
        return float(self.rules.tables_s[function, kind, twelve_bits(self.seed, number, position)])

    def take(self, bucket: int, now: float) -> bool:
        if bucket < 0:
            return True
        rate, burst = self.rules.buckets[bucket]["rate"], self.rules.buckets[bucket]["burst"]
        self.tokens[bucket] = min(burst, self.tokens[bucket] + (now - self.filled_at[bucket]) * rate)
        self.filled_at[bucket] = now
        if self.tokens[bucket] < 1:
            return False
        self.tokens[bucket] -= 1
        return True

    def quiet(self, function: int, now: float, number: int) -> float:
        fleet = self.fleets[function]
        limit = float(self.rules.lifetime_s[2, twelve_bits(self.seed ^ 0x5851F42D4C957F2D, number, 2)])
        return fleet.last_end + limit if fleet.busy == 0 else inf

    def leave(self, fleet: Fleet, gone: list[Environment], everything_goes: float) -> None:
        for environment in list(gone):
            fleet.idle.remove(environment)
            self.count(fleet, environment, min(environment.gone, everything_goes))

    def count(self, fleet: Fleet, environment: Environment, until: float) -> None:
        fleet.lived += max(min(until, self.to_s) - max(environment.born, self.from_s), 0.0)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Arrivals, Rules]:
    """One to three routes of one or two functions, every rule switched on or off, short times so that they collide."""
    functions, routes, n = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 80))
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
                     "scaling_bucket": bucket(1.0, 2.0), "idle_top": NONE})
    values = np.array(draw(st.lists(st.sampled_from([0.01, 0.1, 0.25, 1.0, 4.0]), min_size=1, max_size=3)))
    law = [draw(st.sampled_from([(inf, inf), (2.0, 2.0), (0.5, 6.0)])) for _ in range(3)]
    rules = Rules(
        np.array([(draw(st.integers(0, functions - 1)), bucket(3.0, 2.0), draw(st.sampled_from([0.0, 1.0])))
                  for _ in range(routes)], dtype=ROUTE),
        np.array([(rate, burst, burst, 0.0) for rate, burst in buckets], dtype=BUCKET), np.array(pools, dtype=POOL),
        np.array([tuple(row.get(name, 0) for name in FUNCTION.names or ()) for row in rows], dtype=FUNCTION),
        rng.choice(values, (functions, 3, TABLE_SIZE)),
        np.stack([np.full(TABLE_SIZE, low) if low == high else np.linspace(low, high, TABLE_SIZE) for low, high in law]),
    )
    times = np.cumsum(rng.choice([0.0, 0.01, 0.1, 0.25, 1.0, 9.0], n, p=[0.2, 0.25, 0.25, 0.15, 0.1, 0.05]))
    route = rng.integers(0, routes, n)
    key = np.where(rng.random(n) < 0.3, NONE, route * 3 + rng.integers(0, 3, n))
    return Arrivals(times, route, key), rules


@settings(max_examples=400, deadline=None)
@given(world=worlds(), seed=st.integers(0, SIXTY_FOUR), span=st.tuples(st.floats(0, 1), st.floats(0, 5)),
       warm=st.lists(st.integers(0, 3), min_size=2, max_size=2))
def test_the_kernel_agrees_with_the_plain_simulator_request_by_request(
        world: tuple[Arrivals, Rules], seed: int, span: tuple[float, float], warm: list[int]) -> None:
    arrivals, rules = world
    warm = warm[:rules.functions.size]
    last = float(arrivals.time_s[-1])
    from_s, to_s = span[0] * last, last + span[1]
    trace = simulate(arrivals, rules, seed, from_s=from_s, to_s=to_s, warm=warm)
    reference = Reference(rules, seed, from_s, to_s, warm)
    assert trace.outcome.tolist() == reference.run(arrivals)
    assert trace.peak_busy.tolist() == [fleet.peak for fleet in reference.fleets]
    assert np.allclose(trace.environment_s, [fleet.lived for fleet in reference.fleets])
