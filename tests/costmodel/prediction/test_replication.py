"""What a replication counts, beside a plain count of the same trace, a request at a time; and what it refuses."""

from __future__ import annotations

import math
import tracemalloc
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.performance.distributions import Distribution
from costmodel.performance.model import PerformanceModel
from costmodel.prediction.provisioning import Schedule, TargetTracking
from costmodel.prediction.replication import MOMENTS, MOST_REQUESTS, Job, Replication, replicate
from costmodel.prediction.rules import policies_of, routes_of, rules_of
from costmodel.prediction.simulator import (
    ACCOUNT,
    COLD,
    HIT,
    NONE,
    PROVISIONED,
    RESERVED,
    STAGE,
    TABLE_SIZE,
    TIMED_OUT,
    Arrivals,
    simulate,
)
from costmodel.workload import AsynchronousEvents, ClientRetries, Demand, Popularity, Workload
from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.shapes import Constant

LIST, ITEM, ORDER = "GET /list", "GET /item/{id}", "POST /order"


def job_of(model: PerformanceModel, workload: Workload, api: ApiSettings | None = None, provisioning: Any = None,
           integration_timeout_ms: float = math.inf, **of_f: Any) -> Job:
    configuration = Configuration(api or ApiSettings("rest"), {"F": FunctionSettings(1024, **of_f), "G": FunctionSettings(1024)})
    routes = routes_of(model, configuration, workload.demands)
    rules = rules_of(model, configuration, routes, model.quotas, provisioning)
    rules = rules._replace(policies=policies_of(model, routes, workload.demands.values()), cache_bytes=NONE)
    names = list(dict.fromkeys(route.function for route in routes))
    return Job(workload, rules, 0.0, np.linspace(1.0, 9.0, TABLE_SIZE), tuple(not route.cache_keys for route in routes),
               tuple(1000.0 for _ in routes), tuple("zip" for _ in routes), integration_timeout_ms=integration_timeout_ms,
               schedules={names.index(name): how for name, how in (provisioning or {}).items() if isinstance(how, Schedule)})


def slow(model: PerformanceModel, error_share: float = 0.3) -> PerformanceModel:
    """0.4 s to 4 s: some reach the timeout of 3 s."""
    functions: Any = {name: replace(each, ms_at_1024=Distribution(np.linspace(400, 4000, 40)), error_share=error_share)
                      for name, each in model.functions.items()}
    return replace(model, functions=functions)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**64 - 1), reserved=st.sampled_from([None, 2, 5]), provisioned=st.integers(0, 2), cached=st.booleans(),
       retries=st.none() | st.just(ClientRetries(3, 0.5, 2.0)), events=st.none() | st.just(AsynchronousEvents(2, 90.0)),
       throttle=st.none() | st.just(2.0), warm_s=st.sampled_from([0.0, 7.0]), cyclic=st.booleans(),
       waits=st.sampled_from([math.inf, 2500.0]))
def test_every_figure_is_that_of_a_plain_count(  # noqa: PLR0917
        seed: int, reserved: int | None, provisioned: int, cached: bool, retries: ClientRetries | None,
        events: AsynchronousEvents | None, throttle: float | None, warm_s: float, cyclic: bool, waits: float,
        model: PerformanceModel) -> None:
    shape = Constant(2.0, 20.0)
    demands = {LIST: Demand(shape, retries=retries), ITEM: Demand(shape, keys=Popularity.zipf(3)), ORDER: Demand(shape, events=events)}
    workload = Workload(demands, 20.0, warm_s=warm_s)
    workload = replace(workload, cyclic=True, warm_s=0.0) if cyclic else workload
    api = ApiSettings("rest", cache_gb=0.5 if cached else None, cache_ttl_s=3, throttle_rps=throttle,
                      throttle_burst=1 if throttle else None)
    job = job_of(slow(model), workload, api, integration_timeout_ms=waits,
                 reserved=None if reserved is None else max(reserved, provisioned), provisioned=provisioned)
    job = replace(job, workload=few(job.workload))
    agree(job, replicate(job, seed), seed)


def few(workload: Workload) -> Workload:
    """A cyclic one of a few hundred requests."""
    class Few(Workload):
        def stream(self, seed: int, lead_s: float = 0.0, cache_s: float = 0.0) -> Any:
            return self._drawn(np.random.default_rng(seed), 3, 1) if self.cyclic else super().stream(seed, lead_s, cache_s)
    return Few(**{each.name: getattr(workload, each.name) for each in fields(workload)})


def agree(job: Job, found: Replication, seed: int) -> None:  # noqa: PLR0912
    stream = job.workload.stream(seed)
    keys = [int(trigger) if job.one_key[trigger] else int(key) + 3 if key >= 0 else NONE
            for trigger, key in zip(stream.trigger, stream.key, strict=True)]
    arrivals = Arrivals(stream.time_s, stream.trigger, np.array(keys, dtype=np.int64))
    trace = simulate(arrivals, job.rules, seed, from_s=stream.from_s, to_s=stream.to_s)
    n, policies = stream.time_s.size, job.rules.policies
    count: defaultdict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    latencies: dict[int, list[float]] = {0: [], 1: [], 2: []}
    failed, spans, offered = Counter[int](), [], 0
    for row, outcome in enumerate(trace.outcome.tolist()):
        request = row if row < n else int(trace.rerun_of[row - n])
        route, arrived = int(stream.trigger[request]), float(stream.time_s[request])
        ran, took_ms = outcome <= PROVISIONED, float(trace.duration_s[row] + trace.init_s[row]) * 1000
        begun = float(trace.at_s[row])
        if ran:
            spans.append((int(job.rules.routes[route]["function"]), begun, begun + took_ms / 1000))
        if arrived < stream.from_s:
            continue
        event = policies is not None and bool(policies[route]["asynchronous"]) and outcome not in (STAGE, ACCOUNT)
        count["runs"][route, outcome] += 1
        if ran:
            count["billed_ms"][route, outcome] += math.ceil(round(took_ms, 6))
        if row >= n:
            continue
        offered += 1
        count["counts"][route, outcome] += 1
        if arrived < stream.judged_from_s:
            continue
        count["judged"][route, outcome] += 1
        if ran and (trace.flags[row] & TIMED_OUT or took_ms >= job.integration_timeout_ms):
            failed[route] += 1
        overhead = float(job.overhead_ms[trace.overhead_index[row]])
        if event or outcome == HIT:
            waited = 0.0 if event else (begun - arrived) * 1000
            latencies[route].append(overhead + waited)
        elif ran:
            latencies[route].append(overhead + (begun - arrived) * 1000 + min(took_ms, job.integration_timeout_ms))
    for (route, outcome), tries in np.ndenumerate(trace.throttled):
        if tries and (outcome < RESERVED or not policies[route]["asynchronous"]):
            count["counts"][route, outcome] += int(tries)
        if tries and outcome >= RESERVED:
            count["runs"][route, outcome] += int(tries)
    assert found.offered == offered
    for name, cells in count.items():
        assert {cell: value for cell, value in np.ndenumerate(getattr(found, name)) if value} == pytest.approx(dict(cells)), name
    assert found.failed.tolist() == [failed[route] for route in range(3)]
    assert [sorted(each) for each in found.latency_ms] == [pytest.approx(sorted(latencies[route])) for route in range(3)]
    span_s, part_s = stream.to_s - stream.from_s, (stream.to_s - stream.from_s) / MOMENTS
    for function in range(job.rules.functions.size):
        mine = [(begun, end) for f, begun, end in spans if f == function]
        within = sum(max(min(end, stream.to_s) - max(begun, stream.from_s), 0.0) for begun, end in mine)
        assert found.busy[function] == pytest.approx(within / span_s)
        moments = [stream.from_s + part_s * moment for moment in range(MOMENTS + 1)]
        assert found.busy_at[function].tolist() == [sum(begun <= at < end for begun, end in mine) for at in moments]


def test_a_replication_is_the_same_in_this_thread_another_and_another_process(model: PerformanceModel) -> None:
    job = job_of(slow(model), Workload({LIST: Demand(Constant(20.0, 20.0)), ORDER: Demand(Constant(5.0, 20.0))}, 20.0), provisioned=2)
    seeds = [3, 2**64 - 1, 17]
    alone = [contents(replicate(job, seed)) for seed in seeds]
    for executor in (ThreadPoolExecutor(2), ProcessPoolExecutor(1)):
        with executor:
            assert [contents(each) for each in executor.map(partial(replicate, job), seeds)] == alone


def contents(found: Replication) -> list[Any]:
    """To the bit."""
    values = [getattr(found, each.name) for each in fields(found)]
    return [[part.tobytes() for part in value] if isinstance(value, tuple) else np.asarray(value).tobytes() for value in values]


def test_a_schedule_of_another_period_than_the_traffic_is_refused(model: PerformanceModel) -> None:
    """An hour of traffic again and again does not say what a day's schedule meets."""
    hour = Workload({LIST: Demand(Constant(1.0, 3600.0))}, 3600.0)
    day = {"F": Schedule(((28_800.0, 3), (64_800.0, 0)))}
    with pytest.raises(InputError, match=r"schedule\.every_s=86400: the workload begins again after 3600 s"):
        replicate(job_of(model, hour.scaled(), provisioning=day), 1)
    replicate(job_of(model, hour, provisioning=day), 1)
    half = {"F": Schedule(((0.0, 3), (900.0, 0)), every_s=1800.0)}
    assert replicate(job_of(model, hour.scaled(), provisioning=half), 1).provisioned[0] == pytest.approx(1.5)


def test_a_schedule_holds_on_from_the_end_of_a_period_to_its_first_change(model: PerformanceModel) -> None:
    """The fleet of a month starts a period earlier: at its beginning stands what the last change left."""
    hour = Workload({LIST: Demand(Constant(1.0, 3600.0))}, 3600.0).scaled()
    evening = {"F": Schedule(((900.0, 0), (2700.0, 4)), every_s=3600.0)}
    assert replicate(job_of(model, hour, provisioning=evening), 1).provisioned[0] == pytest.approx(2.0)


def test_target_tracking_needs_more_than_minutes_of_traffic(model: PerformanceModel) -> None:
    minute = Workload({LIST: Demand(Constant(5.0, 60.0))}, 60.0)
    with pytest.raises(InputError, match=r"workload\.period_s=60: too short to show what target tracking does"):
        replicate(job_of(model, minute.scaled(), provisioning={"F": TargetTracking(1, 9)}, provisioned=1), 1)
    replicate(job_of(model, minute, provisioning={"F": TargetTracking(1, 9)}, provisioned=1), 1)


@pytest.mark.parametrize("cyclic", [False, True])
def test_what_does_not_fit_into_memory_is_refused_before_it_is_drawn(cyclic: bool, model: PerformanceModel) -> None:
    month = Workload({LIST: Demand(Constant(100.0, 730 * 3600.0))}, 730 * 3600.0, cyclic=cyclic)
    job = job_of(model, month)
    tracemalloc.start()
    with pytest.raises(InputError, match=f"{MOST_REQUESTS:,} are the most: give a shorter period"):
        replicate(job, 1)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_nothing_warm_and_nothing_cold_is_counted_where_nothing_may_run(model: PerformanceModel) -> None:
    found = replicate(job_of(model, Workload({LIST: Demand(np.array([1.0]))}, 10.0), reserved=0), 1)
    assert (found.counts[0, RESERVED], found.counts[0, COLD], found.latency_ms[0].size) == (1.0, 0.0, 0)
