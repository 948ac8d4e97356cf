"""CloudWatch's and CloudWatch Logs' answers against AWS's recorded ones, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Steps = Iterator[tuple[str, Any]]
Play = Callable[[Any, str], Steps]
PLAYS: dict[str, Play] = {}


def play(case: str) -> Callable[[Play], Play]:
    def register(steps: Play) -> Play:
        PLAYS[case] = steps
        return steps
    return register


@play("logs-filter-limit")
def _(ask: Any, fn: str) -> Steps:
    ask("logs", "create_log_group", logGroupName=fn)
    yield "", ask("logs", "filter_log_events", logGroupName=fn, limit=10_001)


@play("logs-missing")
def _(ask: Any, fn: str) -> Steps:
    yield "error-log-group-does-not-exist", ask("logs", "get_log_events", logGroupName=fn, logStreamName="s")
    ask("logs", "create_log_group", logGroupName=fn)
    yield "error-log-stream-does-not-exist", ask("logs", "get_log_events", logGroupName=fn, logStreamName="s")


@play("logs-streams")
def _(ask: Any, fn: str) -> Steps:
    ask("logs", "create_log_group", logGroupName=fn)
    for name in ("stream-1", "stream-2", "stream-3", "other"):
        ask("logs", "create_log_stream", logGroupName=fn, logStreamName=name)
    yield "", ask("logs", "describe_log_streams", logGroupName=fn, logStreamNamePrefix="stream")


@play("cw-no-results")
def _(ask: Any, fn: str) -> Steps:
    now = datetime.now(UTC)
    metric = {"Namespace": "nothing", "MetricName": "nothing"}
    yield "", ask("cloudwatch", "get_metric_data", StartTime=now - timedelta(hours=1), EndTime=now, MetricDataQueries=[
        {"Id": "result", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}])


@play("cw-datapoints-limit")
def _(ask: Any, fn: str) -> Steps:
    def get(start: datetime, end: datetime, period: int) -> Any:
        return ask("cloudwatch", "get_metric_statistics", Namespace="ns", MetricName="metric_name", StartTime=start,
                   EndTime=end, Period=period, Statistics=["SampleCount"])

    now = datetime.now(UTC).replace(microsecond=0)
    yield "error-invalid-amount-datapoints", get(now - timedelta(days=1), now, 1)
    yield "error-invalid-time-frame", get(now, now, 60)
    yield "get-metric-statitics", get(now - timedelta(days=1), now, 60)


NO_MESSAGES = pytest.mark.xfail(strict=True, reason="moto's answer lacks the empty list Messages")


@pytest.mark.parametrize("case", [pytest.param(case, marks=NO_MESSAGES) if case == "cw-no-results" else case
                                  for case in PLAYS])
def test_the_answers_equal_the_recorded_ones(case: str, ask: Any, deviations: Callable[..., list[str]]) -> None:
    assert deviations(case, PLAYS[case](ask, f"test-{case}")) == []
