"""Builders: the simulator's rules from a few words, and a model whose functions take what they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from costmodel.performance.distributions import Distribution
from costmodel.performance.lifetime import Lifetime
from costmodel.performance.model import PerformanceModel
from costmodel.prediction.simulator import BUCKET, FUNCTION, NONE, POOL, ROUTE, TABLE_SIZE, Arrivals, Rules
from loadgen.configuration import FunctionSettings
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.quotas import Quotas

UNLIMITED = 10**9


@pytest.fixture
def rules() -> Callable[..., Rules]:
    """One route of one function, without limits unless said. Durations, ages and idle limits are constants or tables."""
    return build_rules


def build_rules(*, warm: Any = 1.0, cold: Any = None, init: Any = 0.0, ttl: float = 0.0, idle: Any = 600.0,
                age: Any = np.inf, function_idle: Any = np.inf, provisioned: int = 0, limit: int = UNLIMITED,
                reserved: int | None = None, stage: tuple[float, float] | None = None,
                account: tuple[float, float] = (1e12, 1e12), scaling: tuple[float, float] | None = None,
                invocations: tuple[float, float] | None = None,
                provisioned_invocations: tuple[float, float] | None = None, timeout: float = 0.0,
                integration_timeout: float = 0.0) -> Rules:
    buckets = [account]

    def bucket(of: tuple[float, float] | None) -> int:
        if of is None:
            return NONE
        buckets.append(of)
        return len(buckets) - 1

    pools = [(limit, bucket(invocations), 0)] if reserved is None else [(limit, NONE, 0), (reserved, bucket(invocations), 0)]
    function = {"pool": len(pools) - 1, "provisioned": provisioned, "provisioned_bucket": bucket(provisioned_invocations),
                "scaling_bucket": bucket(scaling), "idle_top": NONE, "timeout_s": timeout,
                "integration_timeout_s": integration_timeout}
    routes = np.array([(0, bucket(stage), ttl)], dtype=ROUTE)
    return Rules(
        routes, np.array([(rate, burst, burst, 0.0) for rate, burst in buckets], dtype=BUCKET), np.array(pools, dtype=POOL),
        np.array([tuple(function.get(name, 0) for name in FUNCTION.names or ())], dtype=FUNCTION),
        np.stack([table(warm), table(warm if cold is None else cold), table(init)])[np.newaxis],
        np.stack([table(idle), table(age), table(function_idle)]),
    )


def table(value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.full(TABLE_SIZE, value) if np.isscalar(value) else np.asarray(value, dtype=np.float64)


@pytest.fixture
def at() -> Callable[..., Arrivals]:
    """Arrivals of the only route at these times."""
    def arrivals(times: Sequence[float], keys: Sequence[int] | None = None) -> Arrivals:
        n = len(times)
        key = np.full(n, NONE) if keys is None else np.array(keys, dtype=np.int64)
        return Arrivals(np.array(times, dtype=np.float64), np.zeros(n, dtype=np.int64), key)
    return arrivals


@dataclass(frozen=True)
class ToldFunction:
    """A function model that says what it was told; twice the memory takes half the time."""

    name: str
    ms_at_1024: Distribution
    cold_ms: float = 30.0
    init_of_ms: float = 200.0
    error_share: float = 0.0
    response_bytes: float | None = 1000.0
    log_bytes: float | None = 100.0
    cold_log_bytes: float | None = 150.0
    mean_interval: tuple[float, float] = (1.0, 1.0)
    """Over the mean duration."""
    by_architecture: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration(self) -> ToldFunction:
        return self

    def spread(self, memory_mb: int, architecture: str, level: float) -> tuple[float, float]:
        return self.mean_interval

    def duration_ms(self, settings: FunctionSettings) -> Distribution:
        return self.ms_at_1024.scaled(1024 / settings.memory_mb)

    def cold_duration_ms(self, settings: FunctionSettings) -> Distribution:
        return Distribution(np.array([self.cold_ms]))

    def init_ms(self, settings: FunctionSettings) -> Distribution:
        return Distribution(np.array([self.init_of_ms]))

    def caveats(self, settings: FunctionSettings) -> tuple[str, ...]:
        return (f"{self.name}: told, not measured",)


@pytest.fixture
def model() -> PerformanceModel:
    """`GET /list` and `GET /item/{id}` (cached by id) of function F, `POST /order` of G; both take 20 ms at 1024 MB."""
    functions = {"F": Function("F", alias="live"), "G": Function("G")}
    routes = [("GET", "/list", "F", ()), ("GET", "/item/{id}", "F", ("path.id",)), ("POST", "/order", "G", ())]
    deployment = Deployment(
        functions, {"Rest": Api("Rest", "rest", "prod"), "Http": Api("Http", "http", "$default")},
        tuple(Route(api, method, path, function, cache_keys=keys)
              for api in ("Rest", "Http") for method, path, function, keys in routes),
    )
    told: dict[str, Any] = {name: ToldFunction(name, Distribution(np.array([20.0]))) for name in functions}
    hour = Distribution(np.array([3600.0]))
    return PerformanceModel(deployment, Quotas(), told,
                            {"rest": Distribution(np.array([5.0])), "http": Distribution(np.array([3.0]))},
                            Lifetime(hour, hour, "told"))
