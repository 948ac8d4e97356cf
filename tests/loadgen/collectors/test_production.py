from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from loadgen.aws import client
from loadgen.cli.metrics import metrics
from loadgen.collectors import cloudwatch
from loadgen.collectors.production import plan_reading, queries, read_production
from loadgen.errors import CollectError, InputError, RunError
from loadgen.measurements.production import Asked, Production, api_dimensions, dimensions_text
from loadgen.target import Target, write_target

if TYPE_CHECKING:
    from conftest import VirtualClock

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
Connect = Callable[[Target, str], Any]


class Wrapped:
    """A real client of CloudWatch, whose answers pass through our hands."""

    def __init__(self, real: Any, answer: Callable[[Callable[..., Any], dict[str, Any]], Any]) -> None:
        self._real, self._answer = real, answer

    def __getattr__(self, operation: str) -> Any:
        return lambda **arguments: self._answer(getattr(self._real, operation), arguments)


def wrapping(answer: Callable[[Callable[..., Any], dict[str, Any]], Any]) -> Connect:
    return lambda target, service: Wrapped(client(target, service), answer)


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "GetMetricData")


def put_counts(target: Target, start: datetime, counts: Sequence[float | None], kind: str = "rest") -> None:
    """A minute each, from `start` on; None: no datapoint."""
    api = target.api(kind)  # type: ignore[arg-type]
    dimensions = [{"Name": name, "Value": value} for name, value in api_dimensions(api)]
    client(target, "cloudwatch").put_metric_data(Namespace="AWS/ApiGateway", MetricData=[
        {"MetricName": "Count", "Dimensions": dimensions, "Value": count, "Unit": "Count", "Timestamp": start + timedelta(minutes=n)}
        for n, count in enumerate(counts) if count is not None])


def window(target: Target, days_ago: int, **more: Any) -> Asked:
    """A day that ended so long ago."""
    return plan_reading(target, days=1, end=TODAY - timedelta(days=days_ago), **more)


@pytest.mark.parametrize(("days_ago", "period_s"), [(0, 60), (12, 60), (16, 300), (70, 3600)])
def test_the_window_is_of_full_periods_that_cloudwatch_still_keeps(local_cloud: Target, days_ago: int, period_s: int) -> None:
    asked = window(local_cloud, days_ago)
    assert (asked.period_s, asked.end, asked.hours) == (period_s, TODAY - timedelta(days=days_ago), 24.0)
    uneven = plan_reading(local_cloud, days=0.51, end=asked.end + timedelta(seconds=77) if days_ago else None)
    assert uneven.start.timestamp() % uneven.period_s == uneven.end.timestamp() % uneven.period_s == 0


def test_the_latest_window_ends_where_metrics_are_published(local_cloud: Target, clock: VirtualClock) -> None:
    behind_s = clock.time() - plan_reading(local_cloud, days=1, clock=clock).end.timestamp()
    assert 300 <= behind_s <= 360 + 5


@pytest.mark.parametrize(("given", "said"), [
    ({"days": 0}, "days = 0"), ({"days": 500}, "at most 455"), ({"days": 1, "log_days": 2}, "log_days = 2"),
    ({"days": 1, "end": TODAY + timedelta(days=2)}, "it is not over yet"), ({"days": 0.0001}, "shorter than a period"),
])
def test_a_window_that_cannot_be_is_refused(local_cloud: Target, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_reading(local_cloud, **given)


def test_datapoints_are_as_published_and_gaps_stay_gaps(local_cloud: Target, tmp_path: Path) -> None:
    asked = window(local_cloud, 1)
    put_counts(local_cloud, asked.start, [3.0, None, 5.0])
    put_counts(local_cloud, asked.start - timedelta(minutes=1), [100.0])
    put_counts(local_cloud, asked.end, [100.0], "http")
    production = read_production(asked, tmp_path / "month")
    frame = production.metrics()
    assert frame["value"].tolist() == [3.0, 5.0]
    assert frame["dimensions"].unique().tolist() == [dimensions_text(api_dimensions(local_cloud.api("rest")))]
    assert [at.to_pydatetime() for at in frame["at"]] == [asked.start, asked.start + timedelta(minutes=2)]
    assert production.reading.api_calls["metrics_requested"] == len(queries(asked))
    assert production.asked == asked


def test_the_quoted_number_of_metrics_counts_each_series_once(local_cloud: Target) -> None:
    asked = queries(window(local_cloud, 1))
    assert len(set(asked)) == len(asked)
    by_route = queries(replace(window(local_cloud, 1), by_route=("rest",)))
    assert len(by_route) == len(asked) + 5 * len(local_cloud.deployment.routes("rest"))
    assert {query.namespace for query in asked} == {"AWS/ApiGateway", "AWS/Lambda", "AWS/Logs"}


def test_throttled_calls_are_made_again(local_cloud: Target, tmp_path: Path, clock: VirtualClock) -> None:
    asked, failures = window(local_cloud, 12), iter(["Throttling", "ThrottlingException", "InternalFailure"])
    put_counts(local_cloud, asked.start, [7.0])

    def answer(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        for code in failures:
            raise refused(code)
        return call(**arguments)

    production = read_production(asked, tmp_path, clock=clock, connect=wrapping(answer))
    assert production.metrics()["value"].tolist() == [7.0]
    assert clock.sleeps == [1.0, 2.0, 4.0]
    assert production.reading.api_calls["get_metric_data"] >= 4


def test_pages_are_put_together(local_cloud: Target, tmp_path: Path) -> None:
    asked = window(local_cloud, 3)
    put_counts(local_cloud, asked.start, [float(n) for n in range(1, 8)])

    def answer(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        first = int(arguments.pop("NextToken", "0"))
        whole = call(**arguments)
        page = [{**each, "Timestamps": each["Timestamps"][first:first + 2], "Values": each["Values"][first:first + 2],
                 "StatusCode": "PartialData" if first + 2 < 8 else "Complete"} for each in whole["MetricDataResults"]]
        return {"MetricDataResults": page, **({"NextToken": str(first + 2)} if first + 2 < 8 else {})}

    production = read_production(asked, tmp_path, connect=wrapping(answer))
    assert production.metrics()["value"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert not production.reading.partial


def test_partial_data_are_told(local_cloud: Target, tmp_path: Path) -> None:
    def answer(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        return {"MetricDataResults": [{**each, "StatusCode": "PartialData"} for each in call(**arguments)["MetricDataResults"]]}

    assert read_production(window(local_cloud, 4), tmp_path, connect=wrapping(answer)).reading.partial


def test_a_reading_that_was_stopped_goes_on_and_is_not_taken_for_the_whole(
        local_cloud: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "QUERIES_PER_CALL", 10)
    asked, made = window(local_cloud, 5), []
    put_counts(local_cloud, asked.start, [4.0])

    def answer(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if len(made) == 2:
            raise refused("AccessDenied")
        made.append(arguments)
        return call(**arguments)

    with pytest.raises(CollectError, match="AccessDenied"):
        read_production(asked, tmp_path, connect=wrapping(answer))
    with pytest.raises(RunError, match="its reading was stopped: go on with `loadgen metrics"):
        Production(tmp_path).metrics()
    later = replace(asked, start=asked.start + timedelta(hours=1), end=asked.end + timedelta(hours=1))
    production = read_production(later, tmp_path)
    calls = -(-len(queries(asked)) // 10)
    assert production.asked == asked, "it goes on with the window that it began"
    assert production.reading.api_calls["get_metric_data"] == calls - 2
    assert production.metrics()["value"].tolist() == [4.0]


def test_another_window_needs_another_directory(local_cloud: Target, tmp_path: Path) -> None:
    read_production(window(local_cloud, 6), tmp_path)
    with pytest.raises(InputError, match="give another directory"):
        read_production(plan_reading(local_cloud, days=2), tmp_path)
    with pytest.raises(InputError, match="give another directory"):
        read_production(window(local_cloud, 20), tmp_path)


def test_routes_are_asked_for_where_the_stage_has_detailed_metrics(fresh_cloud: Target) -> None:
    assert plan_reading(fresh_cloud, days=1).by_route == ()
    rest, http = fresh_cloud.api("rest"), fresh_cloud.api("http")
    client(fresh_cloud, "apigateway").update_stage(restApiId=rest.id, stageName=rest.stage, patchOperations=[
        {"op": "replace", "path": "/*/*/metrics/enabled", "value": "true"}])
    assert plan_reading(fresh_cloud, days=1).by_route == ("rest",)
    client(fresh_cloud, "apigatewayv2").update_stage(ApiId=http.id, StageName=http.stage,
                                                     DefaultRouteSettings={"DetailedMetricsEnabled": True})
    assert plan_reading(fresh_cloud, days=1).by_route == ("rest", "http")


def report(request_id: str, more: str = "") -> str:
    return (f"REPORT RequestId: {request_id}\tDuration: 9.50 ms\tBilled Duration: 10 ms\tMemory Size: 256 MB\t"
            f"Max Memory Used: 60 MB\t{more}\n")


def test_report_lines_are_read_day_by_day_and_an_environment_outlives_midnight(
        local_cloud: Target, tmp_path: Path) -> None:
    asked = plan_reading(local_cloud, days=3, end=TODAY, log_days=2)
    name = next(iter(asked.functions))
    asked = replace(asked, configurations={kind: replace(one, functions={
        **one.functions, name: replace(one.functions[name], provisioned=1)}) for kind, one in asked.configurations.items()})
    middle, logs = TODAY - timedelta(days=1), client(local_cloud, "logs")
    group, ready, cold = local_cloud.functions[name].log_group, "2026/11/24/[1]ready", "2026/11/24/[1]cold"
    lines = [(ready, -3, report("a")), (cold, -2, "START RequestId: b Version: 1\n"), (cold, -1, "a secret of the application\n"),
             (cold, -1, report("b", "Init Duration: 80.00 ms\t")), (cold, 0, report("c")), (ready, 5, report("d")),
             (ready, -48 * 3600, report("before the logs' days"))]
    for stream, at_s, message in sorted(lines, key=lambda line: line[1]):
        if stream not in [each["logStreamName"] for each in logs.describe_log_streams(logGroupName=group)["logStreams"]]:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[
            {"timestamp": int((middle.timestamp() + at_s) * 1000), "message": message}])
    production = read_production(asked, tmp_path)
    assert [path.stem for path in sorted((tmp_path / "invocations").glob("*.parquet"))] == [
        f"{TODAY - timedelta(days=n):%Y-%m-%d}" for n in (2, 1)]
    rows = production.invocations().set_index("lambda_request_id")
    assert rows["initialization"].to_dict() == {"a": "provisioned", "b": "on-demand", "c": "on-demand", "d": "provisioned"}
    assert rows["init_ms"].dropna().to_dict() == {"b": 80.0}
    assert set(rows["function"]) == {name} and rows["billed_ms"].sum() == 40


def test_the_verb_reads_and_says_what_it_wrote(local_cloud: Target, tmp_path: Path) -> None:
    write_target(local_cloud, tmp_path / "target.toml")
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(metrics)

    def call(*more: str) -> Any:
        words = ["--target", str(tmp_path / "target.toml"), "-o", str(tmp_path / "month"), "--days", "2", *more]
        return CliRunner().invoke(app, words, catch_exceptions=True)

    shown = json.loads(call("--json", "--end", f"{TODAY - timedelta(days=7):%Y-%m-%d}").stdout)
    assert shown["start"] == (TODAY - timedelta(days=9)).isoformat() and shown["api_calls"]["metrics_requested"] > 0
    again = call("--end", f"{TODAY - timedelta(days=7):%Y-%m-%d}")
    assert again.exit_code == 0 and "`costmodel price" in again.stdout
    assert "--end = 'soon'" in str(call("--end", "soon").exception)
