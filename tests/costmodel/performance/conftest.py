"""Runs as `fit` sees them, made from stated durations: no file, no network."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from costmodel.performance.fitting import Observation
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.deployment import Api, ApiKind, Architecture, Deployment, Function, Route
from loadgen.measurements.frames import INITS, INVOCATIONS, REQUESTS, conform, to_pandas
from loadgen.quotas import Quotas

TABLE = Path(__file__).parents[3] / "loadgen" / "local" / "data" / "memory_sweep_2020.csv"


@dataclass(frozen=True)
class MeasuredRow:
    """One size of the 2020 table [ms]."""

    mean_ms: float
    median_ms: float
    p10_ms: float
    p90_ms: float

    def samples(self, n: int, scale: float, rng: np.random.Generator) -> np.ndarray:
        """Durations about the median with the row's p10, p90 and mean."""
        spread = (self.p90_ms - self.p10_ms) / 2.563
        values = self.median_ms + spread * rng.standard_normal(n)
        return scale * (values - values.mean() + self.mean_ms)


@pytest.fixture(scope="session")
def table_2020() -> dict[tuple[str, int], MeasuredRow]:
    """Real functions f1 to f4 at 46 memory sizes."""
    with TABLE.open(encoding="utf-8") as lines:
        return {
            (row["function"], int(row["memory_mb"])): MeasuredRow(
                *(float(row[f"{name}_ms"]) for name in ("mean", "median", "p10", "p90")))
            for row in csv.DictReader(lines)
        }


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(
        functions={"Products": Function("Products", runtime="python3.13", memory_mb=256),
                   "Reports": Function("Reports", runtime="python3.13", memory_mb=256)},
        apis={"ShopRest": Api("ShopRest", "rest", "prod"), "ShopHttp": Api("ShopHttp", "http", "$default")},
        triggers=(Route("ShopRest", "GET", "/products", "Products"), Route("ShopHttp", "GET", "/products", "Products"),
                  Route("ShopRest", "GET", "/reports", "Reports"), Route("ShopHttp", "GET", "/reports", "Reports")),
    )


Observe = Callable[..., Observation]


@pytest.fixture
def observe(deployment: Deployment) -> Observe:
    """`observe(warm_ms, memory_mb=…)`: one run of Products with these durations, 12 ms of overhead, `cold` inits."""

    def make(warm_ms: np.ndarray, *, memory_mb: int = 256, kind: ApiKind = "rest", cold_ms: float | None = None,
             inits_ms: tuple[float, ...] = (), failed: int = 0, architecture: Architecture = "x86_64",
             overhead_ms: float = 12.0) -> Observation:
        cold_ms = float(np.mean(warm_ms)) if cold_ms is None else cold_ms
        durations = np.concatenate([np.full(len(inits_ms), cold_ms), warm_ms, np.full(failed, 3000.0)])
        inits = np.full(durations.size, np.nan)
        inits[: len(inits_ms)] = inits_ms
        outcome = np.array(["ok"] * (durations.size - failed) + ["timeout"] * failed)
        ids = [f"id-{number}" for number in range(durations.size)]
        cold = ~np.isnan(inits)
        invocations = pd.DataFrame({
            "lambda_request_id": ids, "function": "Products", "duration_ms": durations,
            "init_ms": pd.array(inits, dtype="Float64"), "memory_mb": memory_mb, "max_memory_mb": 70, "outcome": outcome,
            "initialization": "on-demand", "log_bytes": np.where(cold, 420, 300)})
        requests = pd.DataFrame({
            "phase": "load", "route": "GET /products", "outcome": np.where(outcome == "ok", "ok", "http_error"),
            "latency_ms": durations + np.nan_to_num(inits) + overhead_ms, "response_bytes": 1800})
        joined = to_pandas(conform(requests, REQUESTS)).assign(
            function="Products", duration_ms=pd.array(durations, dtype="Float64"), init_ms=pd.array(inits, dtype="Float64"))
        configuration = Configuration(ApiSettings(kind), {
            name: FunctionSettings(memory_mb, architecture) for name in deployment.functions})
        return Observation(f"{kind}-{memory_mb}", deployment, configuration, Quotas(), joined,
                           to_pandas(conform(invocations, INVOCATIONS)), to_pandas(INITS.arrow.empty_table()))

    return make
