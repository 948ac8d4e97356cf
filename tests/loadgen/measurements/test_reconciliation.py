from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.configuration import ApiSettings, FunctionSettings
from loadgen.errors import RunError
from loadgen.measurements.reconciliation import reconcile
from loadgen.measurements.run import Finished, write_record

if TYPE_CHECKING:
    from conftest import WriteRun

CACHED = ApiSettings("rest", cache_gb=0.5, throttle_rps=10, throttle_burst=5)
FATES = ("ok", "cold", "hit", "stage", "reserved", "refused", "error", "timeout", "answered", "dropped", "silent")


def fate(name: str, seq: int, rows: SimpleNamespace) -> tuple[Any, Any, Any]:
    """A request that met this fate: its row, its access row and its invocation."""
    failed = {"outcome": "http_error"}
    return {
        "ok": lambda: (rows.request(seq), rows.access(seq), rows.invocation(seq)),
        "cold": lambda: (rows.request(seq), rows.access(seq), rows.invocation(seq, init_ms=99.0)),
        "hit": lambda: (rows.request(seq), rows.alone(seq, 200), None),
        "stage": lambda: (rows.request(seq, status=429, **failed), rows.alone(seq, 429, "THROTTLED"), None),
        "reserved": lambda: (rows.request(seq, status=500, **failed),
                             rows.access(seq, status=500, lambda_status=429, function_status=None), None),
        "refused": lambda: (rows.request(seq, status=400, **failed), rows.alone(seq, 400, "BAD_REQUEST_BODY"), None),
        "error": lambda: (rows.request(seq, status=502, **failed), rows.access(seq, status=502, function_status=None),
                          rows.invocation(seq, outcome="error")),
        "timeout": lambda: (rows.request(seq, status=502, **failed), rows.access(seq, status=502, function_status=None),
                            rows.invocation(seq, outcome="timeout")),
        "answered": lambda: (rows.request(seq, status=404, **failed), rows.access(seq, status=404, function_status=404),
                             rows.invocation(seq)),
        "dropped": lambda: (rows.request(seq, status=None, outcome="dropped", sent_at=None, gateway_request_id=None), None,
                            None),
        "silent": lambda: (rows.request(seq, status=None, outcome="no_response", gateway_request_id=None), None, None),
    }[name]()


def run_of(fates: list[str], write_run: WriteRun, rows: SimpleNamespace, **frames: Any) -> Any:
    told = [fate(name, seq, rows) for seq, name in enumerate(fates)]
    collected = {name: [row[k] for row in told if row[k] is not None] for k, name in ((1, "access"), (2, "invocations"))}
    return write_run(api=CACHED, functions={"Products": FunctionSettings(256, reserved=3)},
                     requests=[row[0] for row in told], **{**collected, **frames})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=30))
def test_the_three_counts_close_whatever_happened_to_the_requests(
        fates: list[str], write_run: WriteRun, rows: SimpleNamespace) -> None:
    r = reconcile(run_of([*fates, "ok"], write_run, rows))
    assert r.client.arrivals == len(fates) + 1 == r.client.sent + r.client.dropped
    assert r.client.sent == r.client.ok + r.client.failed
    assert r.gateway.seen == r.client.sent - r.client.no_response
    assert r.gateway.seen == (r.gateway.throttled + sum(r.gateway.refused.values()) + r.gateway.cache_hits
                              + r.gateway.passed)
    assert r.function.tried == r.gateway.passed == r.function.throttled + r.function.ran
    assert sum(r.lost.values()) == r.client.failed + r.client.dropped
    assert (r.unexplained, r.gaps) == (0, {})


def test_every_lost_request_is_named_by_who_rejected_it(write_run: WriteRun, rows: SimpleNamespace) -> None:
    r = reconcile(run_of(list(FATES), write_run, rows))
    assert r.lost == {
        "gateway: stage throttle": 1, "lambda: reserved concurrency": 1, "gateway: BAD_REQUEST_BODY": 1,
        "function: error": 1, "function: timeout": 1, "function: answered 404": 1,
        "client: dropped before it was sent": 1, "client: no answer": 1}
    assert (r.gateway.throttled_by, r.gateway.refused) == ({"stage": 1}, {"BAD_REQUEST_BODY": 1})
    assert (r.function.throttled_by, r.function.cold, r.function.failed) == ({"reserved": 1}, 1, 2)
    assert r.closes


@pytest.mark.parametrize(("frames", "gap"), [
    ({"access": []}, "answered, its access-log row not found"),
    ({"invocations": []}, "ran, its REPORT line not found"),
])
def test_a_row_that_is_missing_is_a_gap_and_unexplained(
        frames: dict[str, Any], gap: str, write_run: WriteRun, rows: SimpleNamespace) -> None:
    r = reconcile(run_of(["ok", "ok"], write_run, rows, **frames))
    assert r.gaps == {gap: 2}
    assert r.unexplained == 2
    assert not r.closes


def test_a_failure_without_any_trace_of_its_cause_is_unexplained(write_run: WriteRun, rows: SimpleNamespace) -> None:
    strange = rows.request(1, status=502, outcome="http_error", gateway_request_id=None)
    r = reconcile(write_run(requests=[strange, rows.request(2)], access=[rows.access(2)],
                            invocations=[rows.invocation(2)]))
    assert r.gaps == {"failed for no known reason": 1}
    assert (r.unexplained, r.lost) == (1, {})


def test_a_failed_function_whose_log_line_says_nothing_is_the_functions_failure(
        write_run: WriteRun, rows: SimpleNamespace) -> None:
    r = reconcile(write_run(requests=[rows.request(1, status=502, outcome="http_error")],
                            access=[rows.access(1, status=502, function_status=None)], invocations=[rows.invocation(1)]))
    assert r.lost == {"function: error": 1}
    assert r.closes


def test_without_an_access_log_the_sides_that_it_tells_of_are_unknown_not_zero(
        write_run: WriteRun, rows: SimpleNamespace) -> None:
    r = reconcile(write_run(requests=[rows.request(1)], invocations=[rows.invocation(1)]))
    assert r.client.ok == 1
    assert (r.gateway.seen, r.gateway.throttled, r.function.tried, r.unexplained) == (None, None, None, None)


def test_direct_invokes_close_without_a_gateway(write_run: WriteRun, rows: SimpleNamespace) -> None:
    own = {"gateway_request_id": None, "route": "INVOKE Orders"}
    r = reconcile(write_run(requests=[rows.request(1, lambda_request_id="l1", **own), rows.request(
        2, lambda_request_id="l2", status=429, outcome="http_error", **own)],
        invocations=[rows.invocation(1, function="Orders")]))
    assert (r.function.tried, r.function.throttled, r.function.ran) == (2, 1, 1)
    assert r.lost == {"lambda: account concurrency": 1}
    assert r.closes


def metric(name: str, value: float, **more: str) -> dict[str, Any]:
    return {"namespace": "AWS/Lambda", "dimensions": json.dumps({"FunctionName": "f", **more}), "metric": name,
            "statistic": "Sum", "value": value, "unit": "Count", "period_s": 60}


def test_cloudwatch_is_a_second_witness(write_run: WriteRun, rows: SimpleNamespace) -> None:
    metrics = [metric("Invocations", 1.0), metric("Invocations", 1.0), metric("Throttles", 0.0), metric("Count", 9.0),
               metric("Invocations", 5.0, Resource="f:live"), {**metric("Invocations", 7.0), "statistic": "Average"}]
    r = reconcile(run_of(["ok", "ok", "reserved", "hit"], write_run, rows, metrics=metrics))
    assert {check.metric: (check.ours, check.cloudwatch, check.verdict) for check in r.checks} == {
        "Count": (4, 9, "more"), "Invocations": (2, 2, "equal"), "Throttles": (1, 0, "less")}


def test_it_is_written_with_its_schema_version(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = run_of(["ok", "stage"], write_run, rows)
    reconcile(run)
    written = json.loads((run.path / "reconciliation.json").read_text())
    assert written["schema_version"] == 1
    assert written["gateway"]["throttled_by"] == {"stage": 1}
    assert written["unexplained"] == 0


def test_a_run_without_requests_is_refused(write_run: WriteRun) -> None:
    with pytest.raises(RunError, match="no request was recorded"):
        reconcile(write_run())


def test_an_invocation_with_another_memory_size_than_the_configurations_is_a_gap(
        write_run: WriteRun, rows: SimpleNamespace) -> None:
    invocations = [rows.invocation(0), rows.invocation(1, memory_mb=512)]
    r = reconcile(run_of(["ok", "ok"], write_run, rows, invocations=invocations))
    assert r.gaps == {"ran with another memory size than the run's configuration": 1}
    assert r.unexplained == 1


def test_rows_that_the_run_had_and_the_directory_lacks_are_a_gap(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = run_of(["ok", "ok"], write_run, rows)
    write_record(Finished(True, "completed", rows.start, rows.start, 5, 5), run.path / "finished.json")
    assert reconcile(run).gaps == {"on record when the run ended, not in requests/ now": 3}
