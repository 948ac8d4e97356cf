"""CloudWatch metrics of the run's API and functions (GetMetricData) -> the metrics frame.

The window is aligned to the period, so its first and last period may hold requests of others; a run is judged by its
own rows, and these sums are a second witness. No row where CloudWatch has no datapoint. Periods are 60 s, longer once
CloudWatch has thrown the finer ones away (15 and 63 days).

GetMetricData is charged by the metric asked for: `metrics_requested` counts them.

Source: Lambda developer guide, "Types of metrics for Lambda functions"; API Gateway developer guide, "Amazon API
Gateway dimensions and metrics" and "Work with metrics for HTTP APIs"; CloudWatch API reference, GetMetricData.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from loadgen.collectors.calls import Calls, Window
from loadgen.collectors.sent import Sent
from loadgen.deployment import ApiKind
from loadgen.measurements.frames import METRICS, FrameSchema, from_rows
from loadgen.measurements.production import Dimensions, api_dimensions, dimensions_text
from loadgen.measurements.run import Run
from loadgen.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

QUERIES_PER_CALL = 500
POINTS_PER_CALL = 100_800
_DAY_S = 86_400
_KEPT = ((15 * _DAY_S, 60), (63 * _DAY_S, 300), (455 * _DAY_S, 3600))
"""Up to this age [s] the data are kept in periods of so many seconds."""
_SUM, _MAXIMUM, _SPREAD = ("Sum",), ("Maximum",), ("SampleCount", "Average", "Minimum", "Maximum")
Metric = tuple[str, str, tuple[str, ...]]
"""Name, unit, statistics."""
_LATENCIES: tuple[Metric, ...] = (("Latency", "Milliseconds", _SPREAD), ("IntegrationLatency", "Milliseconds", _SPREAD))
API_METRICS: Mapping[ApiKind, tuple[Metric, ...]] = {
    "rest": (("Count", "Count", _SUM), ("4XXError", "Count", _SUM), ("5XXError", "Count", _SUM),
             ("CacheHitCount", "Count", _SUM), ("CacheMissCount", "Count", _SUM), *_LATENCIES),
    "http": (("Count", "Count", _SUM), ("4xx", "Count", _SUM), ("5xx", "Count", _SUM),
             ("DataProcessed", "Bytes", _SUM), *_LATENCIES),
    "url": (),
}
FUNCTION_METRICS: tuple[Metric, ...] = (
    ("Invocations", "Count", _SUM), ("Errors", "Count", _SUM), ("Throttles", "Count", _SUM),
    ("Duration", "Milliseconds", _SPREAD), ("ConcurrentExecutions", "Count", _MAXIMUM))
PROVISIONED_METRICS: tuple[Metric, ...] = (
    ("ProvisionedConcurrencyInvocations", "Count", _SUM), ("ProvisionedConcurrencySpilloverInvocations", "Count", _SUM),
    ("ProvisionedConcurrentExecutions", "Count", _MAXIMUM))


@dataclass(frozen=True)
class Query:
    """One series of datapoints."""

    namespace: str
    dimensions: Dimensions
    metric: str
    unit: str
    statistic: str


class Metrics:
    """The collector: reads until CloudWatch's count of requests has reached the requests that were answered."""

    service: ClassVar[str] = "cloudwatch"
    frames: ClassVar[tuple[FrameSchema, ...]] = (METRICS,)

    def __init__(self, run: Run, calls: Calls, sent: Sent, before: Mapping[str, pa.Table]) -> None:
        self._calls, self._sent, self._before = calls, sent, before["metrics"]
        configuration = run.intent.configuration
        provisioned = [name for name, settings in configuration.functions.items() if settings.provisioned]
        self._queries = queries(run.intent.target, configuration.api.kind, tuple(configuration.functions), provisioned)
        self._points: dict[tuple[Query, int], float] = {}
        self._period_s = 60
        self._partial = False
        self._read_once = False

    def read(self) -> None:
        """Read the whole window: datapoints grow until their period is over and published."""
        self._read_once, self._partial = True, False
        self._period_s = kept_period_s(self._calls.clock.time() - self._sent.first_ms / 1000)
        window = _aligned(self._sent, self._period_s)
        for part in parts(self._queries, window, self._period_s):
            answer = read_points(self._calls, part, window, self._period_s)
            self._partial |= answer.partial
            self._points |= answer.points

    def missing(self) -> Mapping[str, int]:
        """How many answered requests CloudWatch has not counted yet."""
        if not self._sent.gateway:
            return {} if self._read_once or self._before.num_rows else {"datapoints, not read yet": 1}
        short = len(self._sent.gateway) - self._counted()
        return {"requests that CloudWatch has not counted yet": short} if short > 0 else {}

    def tables(self) -> Mapping[str, pa.Table]:
        """What was read last, or earlier when nothing is to be had any more."""
        return {"metrics": from_rows(self._rows(), METRICS) if self._points else self._before}

    def notes(self) -> tuple[str, ...]:
        """What a reader of the rows must know."""
        return ("CloudWatch answered with partial data",) if self._partial else ()

    def _counted(self) -> int:
        if self._points:
            return round(sum(value for (query, _), value in self._points.items() if query.metric == "Count"))
        earlier = self._before.select(["metric", "value"]).to_pylist()
        return round(sum(float(row["value"]) for row in earlier if row["metric"] == "Count"))

    def _rows(self) -> Iterator[tuple[object, ...]]:
        return point_rows(self._points, self._period_s)


@dataclass(frozen=True)
class Answer:
    """Values by series and the start of their period [s since the epoch]; `partial`: CloudWatch did not tell all."""

    points: dict[tuple[Query, int], float]
    partial: bool


def parts(asked: Sequence[Query], window: Window, period_s: int) -> Iterator[Sequence[Query]]:
    """The queries in groups, each of which one call answers."""
    points = (window.end_ms - window.start_ms) // (1000 * period_s)
    at_once = max(1, min(QUERIES_PER_CALL, POINTS_PER_CALL // max(points, 1)))
    for first in range(0, len(asked), at_once):
        yield asked[first:first + at_once]


def read_points(calls: Calls, asked: Sequence[Query], window: Window, period_s: int) -> Answer:
    """The datapoints of a window (its end is excluded), page by page. Raises CollectError or UnreachableError."""
    by_id = {f"q{index}": query for index, query in enumerate(asked)}
    arguments = {
        "MetricDataQueries": [_data_query(key, query, period_s) for key, query in by_id.items()],
        "StartTime": _instant(window.start_ms), "EndTime": _instant(window.end_ms), "ScanBy": "TimestampAscending",
    }
    points: dict[tuple[Query, int], float] = {}
    partial = False
    calls.made["metrics_requested"] += len(asked)
    while True:
        page = calls("get_metric_data", "CloudWatch metrics", **arguments)
        last = not page.get("NextToken")
        for result in page["MetricDataResults"]:
            partial |= last and result.get("StatusCode", "Complete") != "Complete"
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                points[by_id[result["Id"]], round(at.timestamp())] = value
        if last:
            return Answer(points, partial)
        arguments["NextToken"] = page["NextToken"]


def point_rows(points: Mapping[tuple[Query, int], float], period_s: int) -> Iterator[tuple[object, ...]]:
    """The rows of the metrics frame, by time."""
    for (query, at_s), value in sorted(points.items(), key=lambda point: point[0][1]):
        yield (at_s * 1_000_000, period_s, query.namespace, dimensions_text(query.dimensions), query.metric,
               query.statistic, value, query.unit)


def queries(target: Target, kind: ApiKind, functions: Sequence[str], provisioned: Sequence[str]) -> tuple[Query, ...]:
    """What is asked about one API and these functions (logical ids); `provisioned`: those with such concurrency."""
    asked = list(series("AWS/ApiGateway", api_dimensions(target.api(kind)), API_METRICS[kind]))
    for logical in functions:
        name, alias = target.functions[logical].name, target.deployment.functions[logical].alias
        asked += series("AWS/Lambda", (("FunctionName", name),), FUNCTION_METRICS)
        if logical in provisioned:
            resource = (("FunctionName", name), ("Resource", f"{name}:{alias}"))
            asked += series("AWS/Lambda", resource, PROVISIONED_METRICS)
    return tuple(asked)


def series(namespace: str, dimensions: Dimensions, metrics: Sequence[Metric]) -> Iterator[Query]:
    """A query for each statistic of these metrics."""
    for name, unit, statistics in metrics:
        for statistic in statistics:
            yield Query(namespace, dimensions, name, unit, statistic)


def _data_query(key: str, query: Query, period_s: int) -> dict[str, object]:
    dimensions = [{"Name": name, "Value": value} for name, value in query.dimensions]
    metric = {"Namespace": query.namespace, "MetricName": query.metric, "Dimensions": dimensions}
    return {"Id": key, "MetricStat": {"Metric": metric, "Period": period_s, "Stat": query.statistic}}


def kept_period_s(age_s: float) -> int:
    """The finest period [s] in which CloudWatch still keeps data of this age [s]."""
    return next((period_s for kept_s, period_s in _KEPT if age_s < kept_s), _KEPT[-1][1])


def _aligned(sent: Sent, period_s: int) -> Window:
    """The periods that hold the run's requests; the end is exclusive."""
    period_ms = 1000 * period_s
    return Window(sent.first_ms // period_ms * period_ms, (sent.last_ms // period_ms + 1) * period_ms)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
