"""The local cloud in virtual time beside the simulator: two implementations of AWS's rules, given the same arrivals and the
durations exactly. What is left between them is chance: no machine is slow, and no duration is guessed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from costmodel.activity import FunctionTally
from costmodel.performance.distributions import Distribution
from costmodel.performance.duration import DurationModel
from costmodel.performance.init import InitModel
from costmodel.performance.lifetime import default_lifetime
from costmodel.performance.model import FunctionModel, PerformanceModel
from costmodel.performance.priors import duration_ratio
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes
from costmodel.prediction.prediction import ALL, Prediction
from costmodel.prediction.predictor import predict
from costmodel.workload import Demand, Workload
from loadgen.configuration import Configuration, grid
from loadgen.deployment import Deployment, Route
from loadgen.local.account import (
    LATEST,
    Account,
    ApiState,
    FunctionState,
    MethodSettings,
    Provisioned,
    RouteState,
    StageState,
    Version,
)
from loadgen.local.clock import Clock
from loadgen.local.gateway.exchange import Request
from loadgen.local.gateway.stages import GatewayOptions
from loadgen.local.handlers import Quantiles, durations, first_ratio, inits, read_profile
from loadgen.local.server import DataPlane
from loadgen.quotas import Quotas
from loadgen.shapes import spike
from loadgen.template import read_template

SHOP = read_template("scenarios/shop/template.yaml", {})
BURST = spike(base_rps=60, peak_rps=600, before_s=3, rise_s=0.5, hold_s=4, fall_s=0.5, after_s=3)
WEIGHTS = {"GET /products": 2, "GET /products/{id}": 2, "POST /orders": 1, "GET /reports": 6}
PRODUCTS = 200


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes at once, and only when nothing is left to do now."""

    _at = 0.0

    def time(self) -> float:
        return self._at

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._at = max(self._at, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class Reports:
    """The sink: what Lambda's logs say, as text."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def logs(self, group: str, stream: str, events: Any) -> None:
        self.lines += [event.message for event in events]

    def metrics(self, data: Any) -> None:
        """Nobody asks."""


@dataclass(frozen=True)
class Observed:
    """What the local cloud made of the arrivals."""

    latency_ms: np.ndarray[Any, Any]
    throttled: int
    cold: int
    gb_s: float


def account(configuration: Configuration, quotas: Quotas) -> Account:
    """The shop with these settings, as the control plane would hold it."""
    api, functions = configuration.api, {}
    for name, settings in configuration.functions.items():
        function = SHOP.functions[name]
        number = "1" if function.alias else LATEST
        version = Version(name, number, "r", settings.memory_mb, settings.architecture, function.timeout_s, function.runtime)
        provisioned = {"live": Provisioned(settings.provisioned, ready_at=0.0)} if settings.provisioned else {}
        functions[name] = FunctionState(name, name, {number: version}, {"live": number}, settings.reserved, provisioned,
                                        function.metadata, name)
    routes = SHOP.routes(api.kind)
    states = tuple(RouteState(r.method, r.path, r.function, SHOP.functions[r.function].alias, cache_keys=r.cache_keys) for r in routes)
    limits = MethodSettings(api.throttle_rps, api.throttle_burst, cached=False, cache_ttl_s=api.cache_ttl_s)
    stage = StageState(SHOP.api(api.kind).stage, limits, {r.name: replace(limits, cached=api.caches(r.name)) for r in routes},
                       api.cache_gb)
    return Account(quotas, functions=functions, apis={"a1": ApiState("a1", "Shop", api.kind, states, {stage.name: stage})})


@dataclass(frozen=True)
class Arrivals:
    """Times [s], each with a number of its route and of its product."""

    time_s: np.ndarray[Any, Any]
    route: np.ndarray[Any, Any]
    product: np.ndarray[Any, Any]

    @classmethod
    def drawn(cls, seed: int) -> Arrivals:
        rng = np.random.default_rng(seed)
        time_s, weights = BURST.arrivals(rng), np.array(list(WEIGHTS.values()))
        return cls(time_s, rng.choice(weights.size, time_s.size, p=weights / weights.sum()), rng.integers(PRODUCTS, size=time_s.size))

    def workload(self) -> Workload:
        demands = {}
        for number, name in enumerate(WEIGHTS):
            own = self.route == number
            keys = self.product[own] if "{id}" in name else np.zeros(own.sum(), dtype=np.int64)
            demands[name] = Demand(self.time_s[own], keys, response_bytes=100.0)
        return Workload(demands, BURST.duration_s)

    def requests(self, routes: Sequence[Route], address: str) -> list[Request]:
        by_name = {route.name: route for route in routes}
        called = [by_name[name] for name in WEIGHTS]
        return [Request(called[number].method, address + called[number].path.replace("{id}", f"p{product}"), body=b"{}")
                for number, product in zip(self.route, self.product, strict=True)]


def observe(configuration: Configuration, arrivals: Arrivals, quotas: Quotas, seed: int) -> Observed:
    """Let the local cloud answer the arrivals, in no time."""
    kind, sink = configuration.api.kind, Reports()
    requests = arrivals.requests(SHOP.routes(kind), "/a1/prod" if kind == "rest" else "/a1")

    async def answer(plane: DataPlane, at_s: float, request: Request) -> tuple[int, float]:
        await asyncio.sleep(at_s)
        status = (await plane.handle(request)).status
        return status, (asyncio.get_running_loop().time() - at_s) * 1000

    async def scene() -> list[tuple[int, float]]:
        now = asyncio.get_running_loop().time
        plane = DataPlane(account(configuration, quotas), sink, seed=seed, clock=Clock(now, now))
        answers = await asyncio.gather(*(answer(plane, *each) for each in zip(arrivals.time_s, requests, strict=True)))
        plane.reporter.send(plane.reporter.collect(float("inf")))
        return answers

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        answers = runner.run(scene())
    memory_gb = next(iter(configuration.functions.values())).memory_mb / 1024
    billed_ms = [int(found[1]) for line in sink.lines if (found := re.search(r"Billed Duration: (\d+) ms", line))]
    return Observed(np.array([latency_ms for status, latency_ms in answers if status == 200]),
                    sum(status != 200 for status, _ in answers), sum(line.startswith("INIT_START") for line in sink.lines),
                    sum(billed_ms) / 1000 * memory_gb)


def informed(deployment: Deployment, memory_mb: int, quotas: Quotas) -> PerformanceModel:
    """The model that knows this size's durations as the local cloud draws them."""
    (configuration, *_) = grid(deployment, memory_mb=[memory_mb])
    states, functions = account(configuration, quotas).functions, {}
    for name, function in deployment.functions.items():
        profile, settings = read_profile(states[name]), (memory_mb, "x86_64", function.runtime)
        warm = curve(durations(profile, *settings))
        first = warm.scaled(first_ratio(profile, *settings) / warm.mean)
        sizes = MeasuredSizes.fitted([MeasuredSize(memory_mb, 1000, warm)])
        init = InitModel.fitted(function, {"x86_64": curve(inits(profile, *settings, "zip")).quantiles.tolist()})
        functions[name] = FunctionModel(name, DurationModel(name, {"x86_64": sizes}, duration_ratio(function.runtime), first), init,
                                        error_share=0.0, log_bytes=300.0)
    overheads = {kind: Distribution(np.array([ms])) for kind, ms in GatewayOptions().overhead_ms.items()}
    return PerformanceModel(deployment, quotas, functions, overheads, default_lifetime())


def curve(known: Quantiles) -> Distribution:
    return Distribution.from_curve(known.shares, known.values, 1000)


def gb_s(prediction: Prediction) -> float:
    return float(sum(tally.gb_s + (tally.provisioned_gb_s if tally.trigger != "init" else 0.0)
                     for tally in prediction.activity.of(FunctionTally)))


def cold(prediction: Prediction) -> float:
    return float(sum(tally.cold_starts for tally in prediction.activity.of(FunctionTally)))


def limited(plain: Configuration, rps: float | None = None, **reserved: int) -> Configuration:
    functions = {name: replace(settings, reserved=reserved.get(name)) for name, settings in plain.functions.items()}
    return replace(plain.with_api(throttle_rps=rps, throttle_burst=rps and 20), functions=functions)


@pytest.mark.parametrize("kind", ["rest", "http"])
@pytest.mark.parametrize("cache_gb", [None, 0.5])
@pytest.mark.parametrize("provisioned", [0, 3])
def test_cold_starts_latency_and_what_is_billed_agree(kind: Any, cache_gb: float | None, provisioned: int) -> None:
    if not (configurations := grid(SHOP, api=[kind], memory_mb=[128], cache_gb=[cache_gb], provisioned=[provisioned])):
        pytest.skip("HTTP APIs have no cache")
    arrivals, model = Arrivals.drawn(seed=1), informed(SHOP, 128, Quotas())
    seen = observe(configurations[0], arrivals, Quotas(), seed=2)
    predicted = predict(model, arrivals.workload(), configurations[0], replications=4)
    assert seen.throttled == 0 and seen.cold >= 400
    assert cold(predicted) == pytest.approx(seen.cold, rel=0.05)
    assert predicted.latency[ALL].p50_ms == pytest.approx(np.median(seen.latency_ms), rel=0.02)
    assert predicted.latency[ALL].p95_ms == pytest.approx(np.quantile(seen.latency_ms, 0.95), rel=0.02)
    assert gb_s(predicted) == pytest.approx(seen.gb_s, rel=0.01)


@pytest.mark.parametrize(("rps", "reserved", "concurrency"), [
    (40, {}, 1000), (None, {"Reports": 20, "Orders": 2}, 1000), (40, {"Reports": 20}, 1000), (None, {}, 60), (None, {"Reports": 20}, 100),
], ids=["stage", "reserved", "stage and reserved", "account", "account and reserved"])
@pytest.mark.parametrize(("kind", "provisioned"), [("rest", 0), ("http", 2)])
def test_throttles_agree(kind: Any, provisioned: int, rps: float | None, reserved: dict[str, int], concurrency: int) -> None:
    quotas, arrivals = Quotas(account_concurrency=concurrency, unreserved_minimum=0), Arrivals.drawn(seed=3)
    (plain,) = grid(SHOP, api=[kind], memory_mb=[128], provisioned=[provisioned])
    configuration = limited(plain, rps, **reserved)
    seen = observe(configuration, arrivals, quotas, seed=4)
    predicted = predict(informed(SHOP, 128, quotas), arrivals.workload(), configuration, replications=4)
    assert seen.throttled >= 400
    assert sum(predicted.throttled.values()) * arrivals.time_s.size == pytest.approx(seen.throttled, rel=0.03)
    assert gb_s(predicted) == pytest.approx(seen.gb_s, rel=0.02)
