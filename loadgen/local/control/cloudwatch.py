"""CloudWatch: metric data is kept and read by us; protocols, alarms, dashboards and metric math stay moto's.

moto answers with other metrics' data when the namespace or the dimensions are wrong, and knows no percentiles; so the
methods of its backend that touch data are replaced by ours, behind its parsing of the three protocols that clients use.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from loadgen.local.control.metric_store import SIMPLE, Metric, MetricStore

MINUTE_S = 60
MOST_DATAPOINTS = 1_440
_STATISTIC_SET = ("SampleCount", "Sum", "Minimum", "Maximum")
Members = dict[str, Any]


class CloudWatchData:
    """Replaces the data methods of moto's backend."""

    def __init__(self, backend: Any, store: MetricStore) -> None:
        self._backend, self.store = backend, store

    def install(self) -> None:
        """Put ours in the place of moto's."""
        for name in ("put_metric_data", "get_metric_data", "get_metric_statistics", "get_filtered_metrics"):
            setattr(self._backend, name, getattr(self, name))

    def put_metric_data(self, namespace: str, metric_data: Sequence[Members]) -> None:
        """PutMetricData: a value, values with counts, or a statistic set; kept by minute unless of high resolution."""
        for index, datum in enumerate(metric_data):
            self._backend._validate_parameters_put_metric_data(datum, index + 1)
        for datum in metric_data:
            metric = Metric(namespace, datum["MetricName"], _dimensions(datum.get("Dimensions") or ()))
            second = int(_epoch(datum["Timestamp"]) if datum.get("Timestamp") else time.time())
            at_s = second - second % int(datum.get("StorageResolution") or MINUTE_S)
            if datum.get("StatisticValues"):
                count, total, least, most = (float(datum["StatisticValues"][name]) for name in _STATISTIC_SET)
                self.store.add_set(metric, at_s, (count, total, least, most), datum.get("Unit"))
                continue
            values = [float(value) for value in datum.get("Values") or (datum.get("Value", 0.0),)]
            counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
            self.store.add(metric, at_s, zip(values, counts, strict=True), datum.get("Unit"))

    def get_metric_data(self, queries: Sequence[Members], start_time: datetime, end_time: datetime,
                        scan_by: str = "TimestampDescending") -> list[Members]:
        """GetMetricData: one result a query, empty when there is no data. Metric math over the results is moto's."""
        from moto.cloudwatch.exceptions import ValidationError
        from moto.cloudwatch.metric_data_expression_parser import parse_expression

        if start_time >= end_time:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        results = [self._result(query, start_time, end_time, scan_by) for query in queries if "MetricStat" in query]
        shown = [result for result in results if result.pop("shown")]
        for query in queries:
            if "Expression" not in query:
                continue
            if query["Expression"].startswith("SELECT"):
                raise ValidationError("Metrics Insights queries (SELECT …) are not known to the local cloud")
            values, times = parse_expression(query["Expression"], results)
            shown.append(_members(query["Id"], query.get("Label") or query["Id"], values, times))
        return shown

    def get_metric_statistics(  # noqa: PLR0917 (moto calls it so)
            self, namespace: str, metric_name: str, start_time: datetime, end_time: datetime, period: int,
            stats: Sequence[str] | None, dimensions: Sequence[Members] | None = None,
            unit: str | None = None) -> list[Members]:
        """GetMetricStatistics: the datapoints of one metric. Extended statistics go through GetMetricData."""
        from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue

        start_s, end_s = int(_epoch(start_time)), int(_epoch(end_time))
        if start_s >= end_s:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        points = (end_s - start_s) // period
        if points > MOST_DATAPOINTS:
            raise InvalidParameterCombination(
                f"You have requested up to {points} datapoints, which exceeds the limit of {MOST_DATAPOINTS}. You "
                "may reduce the datapoints requested by increasing Period, or decreasing the time range.")
        if not stats:
            raise InvalidParameterCombination("Only Statistics are known to the local cloud here: ask GetMetricData "
                                              "for ExtendedStatistics")
        metric = Metric(namespace, metric_name, _dimensions(dimensions or ()))
        found = self.store.periods(metric, start_s - start_s % MINUTE_S, end_s, period)
        return [{"Timestamp": _naive(at), "Unit": values.unit or "None",
                 **{name: values.statistic(name) for name in stats}}
                for at, values in found if unit in (None, values.unit)]

    def get_filtered_metrics(self, metric_name: str | None, namespace: str | None,
                             dimensions: Sequence[Members]) -> list[Members]:
        """ListMetrics: the metrics that have at least these dimensions."""
        found = []
        for metric in self.store.metrics():
            named = namespace in (None, metric.namespace) and metric_name in (None, metric.name)
            if named and all(_has(metric, dimension) for dimension in dimensions or ()):
                pairs = [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions)]
                found.append({"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": pairs})
        return found

    def _result(self, query: Members, start_time: datetime, end_time: datetime, scan_by: str) -> Members:
        from moto.cloudwatch.exceptions import ValidationError

        wanted = query["MetricStat"]
        asked, stat = wanted["Metric"], wanted["Stat"]
        metric = Metric(asked["Namespace"], asked["MetricName"], _dimensions(asked.get("Dimensions") or ()))
        start_s = int(_epoch(start_time))
        first_s = start_s - start_s % MINUTE_S  # CloudWatch rounds the start down
        found = self.store.periods(metric, first_s, int(_epoch(end_time)), int(wanted["Period"]))
        unit = wanted.get("Unit")
        try:
            points = [(at, values.statistic(stat)) for at, values in found if unit in (None, values.unit)]
        except ValueError:
            raise ValidationError(f"The value {stat} for parameter MetricDataQueries.member.1.MetricStat.Stat is "
                                  f"not supported (there are: {', '.join(SIMPLE)}, p0 to p100)") from None
        known = [(at, value) for at, value in points if value is not None]
        if scan_by == "TimestampDescending":
            known.reverse()
        label = query.get("Label") or asked["MetricName"]
        members = _members(query["Id"], label, [value for _, value in known], [_naive(at) for at, _ in known])
        return {**members, "shown": query.get("ReturnData", True)}


def _members(identity: str, label: str, values: Sequence[Any], times: Sequence[datetime]) -> Members:
    # lower case: moto's expression parser and serializer both read these names
    return {"id": identity, "label": label, "values": values, "timestamps": times, "status_code": "Complete"}


def _dimensions(pairs: Iterable[Members]) -> frozenset[tuple[str, str]]:
    return frozenset((pair["Name"], pair["Value"]) for pair in pairs)


def _has(metric: Metric, dimension: Members) -> bool:
    if dimension.get("Value") is None:
        return any(name == dimension["Name"] for name, _ in metric.dimensions)
    return (dimension["Name"], dimension["Value"]) in metric.dimensions


def _epoch(at: Any) -> float:
    # moto's times are naive and mean UTC
    if isinstance(at, datetime):
        return at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    return float(at)


def _naive(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None)
