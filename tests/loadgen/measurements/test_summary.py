from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measurements.summary import ALL, Spread, summarise

if TYPE_CHECKING:
    from conftest import WriteRun


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300))
def test_a_percentile_is_the_sample_of_the_nearest_rank(values: list[float]) -> None:
    spread, ordered = Spread.of(np.array(values)), sorted(values)
    assert spread is not None
    for q, found in ((0.5, spread.p50_ms), (0.9, spread.p90_ms), (0.95, spread.p95_ms), (0.99, spread.p99_ms)):
        rank = math.ceil(round(q * len(values), 9))
        assert found == ordered[rank - 1]
    assert (spread.n, spread.max_ms) == (len(values), ordered[-1])
    assert spread.mean_ms == pytest.approx(np.mean(values))


def test_no_value_has_no_spread() -> None:
    assert Spread.of(np.empty(0)) is None


def test_percentiles_are_over_answered_requests_of_the_load_phase(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(requests=[
        rows.request(0, phase="warm", latency_ms=9_000.0), rows.request(1, latency_ms=10.0, response_ms=9.0),
        rows.request(2, latency_ms=20.0, status=500, outcome="http_error"),
        rows.request(3, latency_ms=5_000.0, status=None, outcome="no_response"),
        rows.request(4, latency_ms=None, response_ms=None, status=None, outcome="dropped", sent_at=None)])
    overall = summarise(run).overall
    assert overall.latency is not None and overall.response is not None
    assert (overall.arrivals, overall.latency.n, overall.latency.max_ms, overall.response.p50_ms) == (4, 2, 20.0, 9.0)
    assert overall.errors == 0.75
    assert overall.outcomes == {"ok": 1, "http_error": 1, "no_response": 1, "dropped": 1}


def test_routes_stand_beside_all_of_them_however_many_shards(write_run: WriteRun, rows: SimpleNamespace) -> None:
    requests = [rows.request(k, route="POST /orders" if k % 3 else "GET /products", latency_ms=float(k)) for k in range(30)]
    summary = summarise(write_run(shards=4, requests=requests))
    assert set(summary.routes) == {ALL, "GET /products", "POST /orders"}
    assert [summary.routes[name].arrivals for name in (ALL, "GET /products", "POST /orders")] == [30, 10, 20]
    latency = summary.routes["GET /products"].latency
    assert latency is not None
    assert latency.max_ms == 27.0


def test_rates_are_over_the_time_of_the_arrivals(write_run: WriteRun, rows: SimpleNamespace) -> None:
    requests = [rows.request(k) for k in range(50)] + [
        rows.request(50, outcome="dropped", status=None, sent_at=None, latency_ms=None)]
    summary = summarise(write_run(requests=requests))
    assert summary.duration_s == 5.0
    assert (summary.offered_rps, summary.sent_rps, summary.throughput_rps) == (51 / 5, 10.0, 10.0)


def test_cold_share_is_of_the_invocations_and_throttles_of_the_arrivals(
        write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(
        requests=[rows.request(1, latency_ms=400.0), rows.request(2), rows.request(3),
                  rows.request(4, status=429, outcome="http_error")],
        access=[rows.access(k) for k in (1, 2, 3)] + [rows.alone(4, 429, "THROTTLED")],
        invocations=[rows.invocation(1, init_ms=90.0), rows.invocation(2), rows.invocation(3)])
    overall = summarise(run).overall
    assert overall.cold == pytest.approx(1 / 3)
    assert (overall.throttles, overall.throttled_by) == (0.25, {"account": 1})
    assert overall.latency is not None and overall.served_latency is not None
    assert (overall.latency.n, overall.served_latency.n) == (4, 3)
    assert overall.cold_latency is not None
    assert overall.cold_latency.p95_ms == 400.0


def test_what_only_the_logs_tell_is_unknown_without_them(write_run: WriteRun, rows: SimpleNamespace) -> None:
    summary = summarise(write_run(requests=[rows.request(1), rows.request(2, status=500, outcome="http_error")],
                                  slos=("throttles < 1 %", "cold < 5 %")))
    assert (summary.overall.cold, summary.overall.throttles) == (None, None)
    assert summary.misses == ("throttles < 1 %: unknown", "cold < 5 %: unknown")
    assert summary.unknown == ("1 failed requests without an access-log row: who rejected them",)


def test_a_run_whose_requests_all_succeeded_had_no_throttle_even_without_logs(
        write_run: WriteRun, rows: SimpleNamespace) -> None:
    assert summarise(write_run(requests=[rows.request(1)])).overall.throttles == 0.0


def test_the_slo_is_judged_by_route_and_overall(write_run: WriteRun, rows: SimpleNamespace) -> None:
    requests = [rows.request(1, latency_ms=100.0), rows.request(2, latency_ms=500.0, route="POST /orders")]
    run = write_run(requests=requests, slos=("p50 < 200 ms, p95 < 200 ms", "GET /products: p99.9 < 150 ms",
                                            "POST /orders: p50 < 1 s, GET /nowhere: p50 < 1 s"))
    summary = summarise(run)
    assert summary.misses == ("p95 < 200 ms: 500 ms", "GET /nowhere: p50 < 1000 ms: unknown")
    assert summary.slo == ("p50 < 200 ms, p95 < 200 ms, GET /products: p99.9 < 150 ms, POST /orders: p50 < 1000 ms, "
                           "GET /nowhere: p50 < 1000 ms")


def test_a_run_of_warm_up_alone_is_summarised_as_nothing(write_run: WriteRun, rows: SimpleNamespace) -> None:
    summary = summarise(write_run(requests=[rows.request(1, phase="warm")], slos=("p95 < 1 s",)))
    assert (summary.overall.arrivals, summary.offered_rps, summary.overall.errors) == (0, None, None)
    assert summary.misses == ("p95 < 1000 ms: unknown",)
