from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.collectors import cloudwatch
from loadgen.collectors.cloudwatch import queries
from loadgen.collectors.collection import collect
from loadgen.collectors.sent import Sent
from loadgen.configuration import FunctionSettings

if TYPE_CHECKING:
    from conftest import MakeLab, VirtualClock

DAY_S = 86_400


def test_rest_is_asked_by_name_and_http_by_id(make_lab: MakeLab) -> None:
    for kind, key, client_errors in (("rest", "ApiName", "4XXError"), ("http", "ApiId", "4xx")):
        target = make_lab(1, kind=kind).run.intent.target
        api = target.api(kind)
        own = [query for query in queries(target, kind, ["Products"], []) if query.namespace == "AWS/ApiGateway"]
        assert {query.dimensions for query in own} == {((key, api.name if kind == "rest" else api.id), ("Stage", "prod"))}
        assert client_errors in {query.metric for query in own}
        assert ("CacheHitCount" in {query.metric for query in own}) is (kind == "rest")


def test_provisioned_concurrency_is_asked_by_alias_and_only_where_it_is_set(make_lab: MakeLab) -> None:
    lab = make_lab(1, settings=FunctionSettings(256, provisioned=1))
    asked = [query for query in queries(lab.run.intent.target, "rest", ["Products"], ["Products"])
             if query.metric.startswith("Provisioned")]
    name = lab.function_name
    assert {query.dimensions for query in asked} == {(("FunctionName", name), ("Resource", f"{name}:live"))}
    assert not [query for query in queries(lab.run.intent.target, "rest", ["Products"], [])
                if query.metric.startswith("Provisioned")]


def test_no_call_asks_more_than_cloudwatch_takes(
        make_lab: MakeLab, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "QUERIES_PER_CALL", 5)
    found = collect(make_lab(1).run, sources=["cloudwatch"], deadline_s=0, clock=clock).sources["cloudwatch"]
    assert found.passes[0].api_calls == {"get_metric_data": 5, "metrics_requested": 21}
    assert found.missing == {"requests that CloudWatch has not counted yet": 1}


def test_a_period_without_a_datapoint_has_no_row(make_lab: MakeLab, clock: VirtualClock) -> None:
    lab = make_lab(1)
    collect(lab.run, sources=["cloudwatch"], deadline_s=0, clock=clock)
    assert len(lab.run.frame("metrics")) == 0


@pytest.mark.parametrize(("age_days", "period_s"), [(0, 60), (14, 60), (16, 300), (64, 3600), (1000, 3600)])
def test_the_period_is_one_that_cloudwatch_still_keeps(age_days: int, period_s: int) -> None:
    assert cloudwatch.kept_period_s(age_days * DAY_S) == period_s


@given(st.integers(0, 10**10), st.integers(0, 10**7), st.sampled_from([60, 300, 3600]))
def test_the_window_is_whole_periods_around_the_requests(first_ms: int, span_ms: int, period_s: int) -> None:
    window = cloudwatch._aligned(Sent({}, {}, first_ms, first_ms + span_ms, 0, 0), period_s)
    assert window.start_ms % (1000 * period_s) == window.end_ms % (1000 * period_s) == 0
    assert window.start_ms <= first_ms < window.start_ms + 1000 * period_s
    assert window.end_ms - 1000 * period_s <= first_ms + span_ms < window.end_ms
