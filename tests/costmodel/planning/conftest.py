"""A small deployment, a model of it from stated durations, and candidates made by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest

from costmodel.activity import Activity
from costmodel.performance.distributions import Distribution
from costmodel.performance.duration import DurationModel
from costmodel.performance.init import InitModel
from costmodel.performance.lifetime import default_lifetime
from costmodel.performance.model import FunctionModel, PerformanceModel
from costmodel.performance.priors import duration_ratio
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes
from costmodel.planning.plan import Candidate
from costmodel.prediction.prediction import ALL, Interval, Latency, Prediction
from costmodel.pricing.bill import Bill, CostComponent
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings, declared
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.quotas import Quotas

MakeCandidate = Callable[..., Candidate]


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(
        functions={"Products": Function("Products", memory_mb=256, alias="live", timeout_s=10.0)},
        apis={"Rest": Api("Rest", "rest", "prod"), "Http": Api("Http", "http", "$default")},
        triggers=(Route("Rest", "GET", "/products", "Products"), Route("Http", "GET", "/products", "Products")))


@pytest.fixture
def today(deployment: Deployment) -> Configuration:
    return declared(deployment, "rest")


@pytest.fixture
def model(deployment: Deployment, today: Configuration) -> PerformanceModel:
    """Measured at 256 MB (mean 200 ms) and 1,024 MB (mean 60 ms), x86_64."""
    spread = np.linspace(0.8, 1.2, 101)
    sizes = MeasuredSizes.fitted(tuple(MeasuredSize(memory_mb, 500, Distribution(spread * mean_ms))
                                       for memory_mb, mean_ms in ((256, 200.0), (1024, 60.0))))
    function = deployment.functions["Products"]
    products = FunctionModel(
        "Products", DurationModel("Products", {"x86_64": sizes}, duration_ratio(function.runtime)),
        InitModel.fitted(function, {"x86_64": [300.0, 320.0, 340.0]}), response_bytes=1800.0, log_bytes=300.0,
        cold_log_bytes=420.0, error_share=0.0, max_memory_mb=70)
    overhead = Distribution(np.linspace(8.0, 20.0, 51))
    return PerformanceModel(deployment, Quotas(), {"Products": products}, {"rest": overhead, "http": overhead},
                            default_lifetime(), measured=(today,), notes=("a note of the model",))


@pytest.fixture
def candidate() -> MakeCandidate:
    """`candidate(memory_mb, usd=…, p95_ms=…)`: a REST configuration with this monthly bill of 1 M requests."""

    def make(memory_mb: int, *, usd: float, p95_ms: float, throttled: float = 0.0, error_share: float | None = None,
             route_p99_ms: float = 900.0, cold_share: float = 0.01) -> Candidate:
        configuration = Configuration(ApiSettings("rest"), {"Products": FunctionSettings(memory_mb)})
        latency = Latency(1000, p95_ms / 2, p95_ms / 2, p95_ms * 0.9, p95_ms, p95_ms * 2)
        route = Latency(1000, 1.0, 1.0, 1.0, 1.0, route_p99_ms)
        activity = Activity("us-east-1", 730.0, (), "predicted")
        prediction = Prediction(configuration, {ALL: latency, "GET /products": route}, cold_share, {"stage": throttled},
                                0.0, {}, {}, activity, caveats=("one", "two"), error_share=error_share)
        cost = Decimal(str(usd))
        parts = [("lambda", cost / 4), ("apigateway", cost * 3 / 4)]
        components = tuple(CostComponent(service, "item", "r", "request", Decimal(1_000_000), part / 1_000_000, part,
                                         "predicted", "a list", None) for service, part in parts)
        bill = Bill("us-east-1", 730.0, components, Decimal(1_000_000))
        return Candidate(configuration, prediction, bill, Interval(usd * 0.9, usd * 1.1),
                         Interval(prediction.latency[ALL].p95_ms * 0.9, prediction.latency[ALL].p95_ms * 1.1))

    return make
