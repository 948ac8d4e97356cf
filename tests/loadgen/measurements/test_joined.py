from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from loadgen.configuration import ApiSettings, FunctionSettings, RouteSettings
from loadgen.measurements.joined import Trail, join

if TYPE_CHECKING:
    from conftest import WriteRun


def test_a_request_finds_its_access_row_and_its_invocation(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(requests=[rows.request(1), rows.request(2)], access=[rows.access(2), rows.access(1)],
                    invocations=[rows.invocation(1, init_ms=120.0), rows.invocation(2)])
    joined = join(run)
    first, second = joined.frame.to_dict("records")
    assert (first["seq"], first["lambda_request_id"], first["environment"]) == (1, "l1", "e1")
    assert (first["status"], first["latency_ms"], first["gateway_ms"], first["integration_ms"]) == (200, 41.0, 35.0, 31.0)
    assert (first["overhead_ms"], first["duration_ms"], first["function"]) == (4.0, 25.0, "Products")
    assert (first["cold"], second["cold"]) == (True, False)
    assert joined.unknown == ()


def test_a_restore_is_a_cold_start_too(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(requests=[rows.request(1)], access=[rows.access(1)],
                    invocations=[rows.invocation(1, restore_ms=300.0)])
    assert join(run).frame["cold"].tolist() == [True]


@pytest.mark.parametrize(("api", "by"), [
    (ApiSettings("rest"), "account"),
    (ApiSettings("rest", throttle_rps=10, throttle_burst=5), "stage"),
    (ApiSettings("rest", routes={"GET /products": RouteSettings(throttle_rps=1, throttle_burst=1)}), "stage"),
    (ApiSettings("rest", routes={"POST /orders": RouteSettings(throttle_rps=1, throttle_burst=1)}), "account"),
])
def test_the_gateways_429_is_by_the_stage_when_the_stage_limits_the_route(
        api: ApiSettings, by: str, write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(api=api, requests=[rows.request(1, status=429, outcome="http_error")],
                    access=[rows.alone(1, 429, "THROTTLED")], invocations=[])
    [row] = join(run).frame.to_dict("records")
    assert row["throttled_by"] == by
    assert pd.isna(row["cold"])


@pytest.mark.parametrize(("reserved", "by"), [(None, "concurrency"), (0, "reserved"), (5, "reserved")])
def test_lambdas_429_is_by_the_reserved_limit_when_there_is_one(
        reserved: int | None, by: str, write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(functions={"Products": FunctionSettings(256, reserved=reserved)},
                    requests=[rows.request(1, status=500, outcome="http_error")],
                    access=[rows.access(1, status=500, lambda_status=429, function_status=None)], invocations=[])
    assert join(run).frame["throttled_by"].tolist() == [by]


def test_a_429_that_the_function_answered_or_a_quota_is_no_throttle(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(requests=[rows.request(k, status=429, outcome="http_error") for k in (1, 2)],
                    access=[rows.access(1, status=429, function_status=429), rows.alone(2, 429, "QUOTA_EXCEEDED")],
                    invocations=[rows.invocation(1)])
    assert join(run).frame["throttled_by"].isna().all()


def test_a_get_that_was_answered_without_lambda_is_a_cache_hit_where_the_stage_caches(
        write_run: WriteRun, rows: SimpleNamespace) -> None:
    api = ApiSettings("rest", cache_gb=0.5)
    run = write_run(api=api, requests=[rows.request(k) for k in (1, 2)] + [
                        rows.request(3, status=403, outcome="http_error"), rows.request(4, route="POST /orders"),
                        rows.request(5)],
                    access=[rows.access(1), rows.alone(2, 200), rows.alone(3, 403, "INVALID_API_KEY"),
                            rows.access(4, route="POST /orders")],
                    invocations=[rows.invocation(1), rows.invocation(4)])
    hits = join(run).frame["cache_hit"].tolist()
    assert hits[:4] == [False, True, False, False]
    assert hits[4] is pd.NA


def test_without_a_cache_nothing_is_a_hit(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(requests=[rows.request(1), rows.request(2)], access=[rows.alone(1, 200), rows.access(2)])
    assert join(run).frame["cache_hit"].tolist() == [False, False]


def test_an_async_retry_does_not_double_its_request(write_run: WriteRun, rows: SimpleNamespace) -> None:
    again = rows.invocation(50, lambda_request_id="l1", attempt=2, outcome="ok")
    run = write_run(requests=[rows.request(1)], access=[rows.access(1)],
                    invocations=[again, rows.invocation(1, outcome="error")])
    assert join(run).frame["invocation_outcome"].tolist() == ["error"]


def test_a_direct_invoke_joins_by_its_own_id(write_run: WriteRun, rows: SimpleNamespace) -> None:
    own = {"gateway_request_id": None, "route": "INVOKE Orders"}
    run = write_run(requests=[rows.request(1, lambda_request_id="l1", **own),
                              rows.request(2, lambda_request_id="l2", status=429, outcome="http_error", **own)],
                    invocations=[rows.invocation(1, function="Orders")])
    frame = join(run).frame
    assert frame["function"].tolist() == ["Orders", "Orders"]
    assert frame["duration_ms"].tolist()[0] == 25.0
    assert frame["throttled_by"].tolist()[1] == "concurrency"


def test_without_an_access_log_what_it_would_tell_is_null_and_said(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(api=ApiSettings("rest", cache_gb=0.5), invocations=[rows.invocation(1)],
                    requests=[rows.request(1), rows.request(2, status=429, outcome="http_error")])
    joined = join(run)
    for column in ("cold", "cache_hit", "throttled_by", "gateway_ms", "duration_ms", "environment"):
        assert joined.frame[column].isna().all(), column
    assert joined.unknown == ("2 requests without an access-log row: cold start, throttle and cache are unknown",)


def test_what_was_not_answered_has_no_id_and_is_counted(write_run: WriteRun, rows: SimpleNamespace) -> None:
    lost = rows.request(1, status=None, outcome="no_response", gateway_request_id=None)
    joined = join(write_run(requests=[lost, rows.request(2)], access=[rows.access(2)], invocations=[]))
    assert joined.unknown == (
        "1 invocations without a REPORT line: cold start and duration are unknown",
        "1 requests without an answer, which no id can find")


def test_batches_joined_one_by_one_are_the_whole_joined_at_once(write_run: WriteRun, rows: SimpleNamespace) -> None:
    run = write_run(shards=3, requests=[rows.request(k) for k in range(10)], access=[rows.access(k) for k in range(10)],
                    invocations=[rows.invocation(k) for k in range(10)])
    whole = join(run).frame
    pieces = pd.concat(list(Trail(run).batches(run)), ignore_index=True)
    pd.testing.assert_frame_equal(pieces, whole)
    assert len(whole) == 10
