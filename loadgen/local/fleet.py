"""Lambda's execution environments: who runs an invocation, cold or warm, on demand or provisioned, or which limit
refuses it.

Pure: no IO, the clock (`now`, monotonic seconds) and the random generator are passed in. The rules, with their sources:

- One invocation at a time an environment; the most recently used idle one is taken (measured on AWS in 2020: 99.7 %
  of choices).
- An idle environment dies after a time drawn from `IDLE_SURVIVAL` (measured, undocumented, drifts over the years).
- Settings that changed leave the old environments behind: they finish what they do and are not used again.
- Reserved concurrency is ceiling and floor; the others share what neither it nor provisioned concurrency takes from
  the account.
- Provisioned environments are usable once all are ready; what finds them busy, or beyond 10 requests/s each, spills
  over to on-demand capacity. Where reserved equals provisioned, nothing but the provisioned version runs.
- A function starts at most 1,000 environments at once, refilled at 100/s; invocations/s stay below 10 x concurrency.

Lambda developer guide: "Understanding Lambda function scaling", "Lambda scaling behavior", "Configuring reserved
concurrency", "Configuring provisioned concurrency"; recorded answers (2025). Unproven: the `Reason` of a scaling
throttle, and that a rate limit lets one second's worth through at once.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadgen.local.account import FunctionState, Version
from loadgen.local.buckets import TokenBucket
from loadgen.local.invocation import Cause
from loadgen.quotas import Quotas

IDLE_SURVIVAL: tuple[tuple[float, float], ...] = (
    (240.0, 1.0), (270.0, 0.97), (300.0, 0.92), (315.0, 0.57), (330.0, 0.32), (345.0, 0.06), (360.0, 0.0))
"""Share of environments still warm after so many idle seconds; linear in between. 100 probes a point, 2025:
ubc-cirrus-lab/demystifying-serverless-costs @ d7729310, dataset/keep_alive/aws."""
REASONS: Mapping[tuple[Cause, bool], str] = {
    ("reserved", True): "ReservedFunctionConcurrentInvocationLimitExceeded",
    ("rate", True): "ReservedFunctionInvocationRateLimitExceeded",
    ("concurrency", False): "ConcurrentInvocationLimitExceeded",
    ("rate", False): "FunctionInvocationRateLimitExceeded",
    ("scaling", True): "ConcurrentInvocationLimitExceeded",
    ("scaling", False): "ConcurrentInvocationLimitExceeded",
}
"""`TooManyRequestsException.Reason` by cause and whether the function has reserved concurrency."""


@dataclass(slots=True, eq=False)
class Environment:
    """One execution environment; its id names its log stream."""

    id: str
    function: str
    version: Version
    provisioned: bool
    created_at: float
    invocations: int = 0
    needs_init: bool = False
    """After a timeout the next invocation runs init again, inside its own duration."""
    idle_until: float = math.inf
    pool: _Pool | None = None
    """Where it goes back to; a pool that was replaced meanwhile takes nothing back."""

    @property
    def cold(self) -> bool:
        """Whether its first invocation pays for init."""
        return self.invocations == 0 and not self.provisioned


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused: by which limit, and in Lambda's words."""

    cause: Cause
    reason: str


@dataclass(slots=True)
class _Pool:
    """Idle environments of one version (revision), the most recently used last; `live` counts the busy ones too."""

    revision: str
    idle: deque[Environment] = field(default_factory=deque)
    live: int = 0
    size: int = 0
    """Provisioned: how many there should be."""


_Key = tuple[str, str]


class Fleet:
    """The environments of all functions of one account."""

    def __init__(self, quotas: Quotas, rng: random.Random, entropy: random.Random,
                 idle_survival: Sequence[tuple[float, float]] = IDLE_SURVIVAL) -> None:
        self._quotas, self._rng, self._entropy = quotas, rng, entropy
        self._survival = tuple(idle_survival)
        self._on_demand: dict[_Key, _Pool] = {}
        self._provisioned: dict[_Key, _Pool] = {}
        self._buckets: dict[tuple[str, ...], TokenBucket] = {}
        self.busy: Counter[str] = Counter()
        """Invocations in flight by function."""
        self.busy_provisioned: Counter[_Key] = Counter()
        """Of these, in provisioned environments, by function and version."""
        self.initialised: list[Environment] = []
        """Provisioned environments made since the caller last took them: their init is to be logged."""

    def acquire(self, functions: Mapping[str, FunctionState], function: FunctionState, version: Version,
                now: float) -> Environment | Throttled:
        """An environment for one invocation, busy from now on, or the limit that refuses it."""
        if function.provisioned or self._provisioned:
            self.settle(function, now)
        rate_limited = self._rate_limit(function, now)
        environment = None if rate_limited else self._take_provisioned(function, version, now)
        if environment is None:
            limit = self._concurrency_limit(functions, function, version) or rate_limited
            if limit is not None:
                return Throttled(limit, REASONS[limit, function.reserved is not None])
            environment = self._take_idle(function, version, now) or self._start(function, version, now)
        if environment is None:
            return Throttled("scaling", REASONS["scaling", function.reserved is not None])
        self._count_rate(function, now)
        self.busy[function.name] += 1
        return environment

    def release(self, environment: Environment, now: float) -> None:
        """The invocation ended: idle from now on, or gone when its settings are no longer served."""
        key = (environment.function, environment.version.number)
        self.busy[environment.function] -= 1
        environment.invocations += 1
        if environment.provisioned:
            self.busy_provisioned[key] -= 1
        pool = environment.pool
        if pool is None or pool is not (self._provisioned if environment.provisioned else self._on_demand).get(key):
            return
        if environment.provisioned and pool.live > pool.size:
            pool.live -= 1
            return
        environment.idle_until = math.inf if environment.provisioned else now + self._draw_idle_s()
        pool.idle.append(environment)

    def settle(self, function: FunctionState, now: float) -> None:
        """Make the provisioned environments that are ready by now, and drop those that are no longer wanted."""
        wanted = {function.aliases.get(name, name): config for name, config in function.provisioned.items()}
        for key in [key for key in self._provisioned if key[0] == function.name and key[1] not in wanted]:
            del self._provisioned[key]
        for number, config in wanted.items():
            version = function.versions.get(number)
            if version is not None:
                self._allocate(function.name, version, config.requested, config.ready_at <= now, now)

    def allocated(self, function: str, number: str) -> int:
        """Provisioned environments of a version that are usable now."""
        pool = self._provisioned.get((function, number))
        return pool.size if pool is not None else 0

    def idle(self, function: str, number: str, now: float) -> int:
        """On-demand environments of a version that are warm and free at `now`."""
        pool = self._on_demand.get((function, number))
        return sum(environment.idle_until > now for environment in pool.idle) if pool is not None else 0

    def _allocate(self, function: str, version: Version, requested: int, ready: bool, now: float) -> None:
        key = (function, version.number)
        pool = self._provisioned.get(key)
        if pool is not None and pool.revision != version.revision:
            del self._provisioned[key]
            pool = None
        if not ready or (pool is not None and pool.size == requested):
            return
        if pool is None:
            pool = self._provisioned[key] = _Pool(version.revision)
        pool.size = requested
        while pool.live > requested and pool.idle:
            pool.idle.popleft()
            pool.live -= 1
        made = [self._new(function, version, pool, now, provisioned=True) for _ in range(requested - pool.live)]
        pool.idle.extendleft(made)
        pool.live += len(made)
        self.initialised += made

    def _take_provisioned(self, function: FunctionState, version: Version, now: float) -> Environment | None:
        key = (function.name, version.number)
        pool = self._provisioned.get(key)
        if pool is None or not pool.idle or pool.revision != version.revision or self._full(function):
            return None
        per_s = self._quotas.invokes_per_s_per_concurrency * pool.size
        if not self._bucket(("provisioned", *key), per_s, per_s, now).take(now):
            return None
        self.busy_provisioned[key] += 1
        return pool.idle.pop()

    def _concurrency_limit(self, functions: Mapping[str, FunctionState], function: FunctionState,
                           version: Version) -> Cause | None:
        if self._full(function):
            return "concurrency" if function.reserved is None else "reserved"
        if function.reserved is not None:
            room = function.reserved - _provisioned_share(function, except_for=self._pending(function, version))
            return None if self._busy_on_demand(function.name) < room else "reserved"
        unreserved = [f for f in functions.values() if f.reserved is None]
        reserved = sum(f.reserved for f in functions.values() if f.reserved is not None)
        room = self._quotas.account_concurrency - reserved - sum(_provisioned_share(f) for f in unreserved)
        busy = sum(self._busy_on_demand(f.name) for f in unreserved)
        return None if busy < room else "concurrency"

    def _full(self, function: FunctionState) -> bool:
        """Whether the account, or the function's reserved concurrency, is all in use: provisioned included."""
        reserved = math.inf if function.reserved is None else function.reserved
        return self.busy[function.name] >= reserved or self.busy.total() >= self._quotas.account_concurrency

    def _pending(self, function: FunctionState, version: Version) -> str | None:
        """The version itself when its provisioned environments are not there yet: it may use their share on demand."""
        return None if (function.name, version.number) in self._provisioned else version.number

    def _busy_on_demand(self, function: str) -> int:
        provisioned = sum(n for key, n in self.busy_provisioned.items() if key[0] == function)
        return self.busy[function] - provisioned

    def _take_idle(self, function: FunctionState, version: Version, now: float) -> Environment | None:
        key = (function.name, version.number)
        pool = self._on_demand.get(key)
        if pool is None or pool.revision != version.revision:
            pool = self._on_demand[key] = _Pool(version.revision)
        while pool.idle and pool.idle[0].idle_until <= now:
            pool.idle.popleft()
        while pool.idle:
            environment = pool.idle.pop()
            if environment.idle_until > now:
                return environment
        return None

    def _start(self, function: FunctionState, version: Version, now: float) -> Environment | None:
        quotas = self._quotas
        bucket = self._bucket(("scaling", function.name), quotas.scaling_refill_per_s, quotas.scaling_capacity, now)
        if not bucket.take(now):
            return None
        return self._new(function.name, version, self._on_demand[function.name, version.number], now, provisioned=False)

    def _new(self, function: str, version: Version, pool: _Pool, now: float, provisioned: bool) -> Environment:
        name = f"{self._entropy.getrandbits(128):032x}"
        return Environment(name, function, version, provisioned, now, pool=pool)

    def _rate_limit(self, function: FunctionState, now: float) -> Cause | None:
        return None if all(bucket.has(now) for bucket in self._rate_buckets(function, now)) else "rate"

    def _count_rate(self, function: FunctionState, now: float) -> None:
        for bucket in self._rate_buckets(function, now):
            bucket.take(now)

    def _rate_buckets(self, function: FunctionState, now: float) -> tuple[TokenBucket, ...]:
        per_s = self._quotas.invokes_per_s_per_concurrency
        most = per_s * self._quotas.account_concurrency
        account = self._bucket(("account",), most, most, now)
        if function.reserved is None:
            return (account,)
        most = per_s * function.reserved
        return account, self._bucket(("reserved", function.name), most, most, now)

    def _bucket(self, key: tuple[str, ...], rate: float, capacity: float, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate, capacity, now)
        bucket.resize(rate, capacity)
        return bucket

    def _draw_idle_s(self) -> float:
        share = self._rng.random()
        for (before_s, more), (after_s, fewer) in itertools.pairwise(self._survival):
            if share >= fewer:
                return before_s + (after_s - before_s) * (more - share) / (more - fewer)
        return self._survival[-1][0]


def _provisioned_share(function: FunctionState, except_for: str | None = None) -> int:
    return sum(config.requested for name, config in function.provisioned.items()
               if function.aliases.get(name, name) != except_for)
