"""Where the data plane's telemetry lands: in the stores that CloudWatch and CloudWatch Logs answer from."""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.local.control.logs import LogsService
from loadgen.local.control.metric_store import Metric, MetricStore
from loadgen.local.invocation import LogEvent, MetricDatum


class TelemetrySink:
    """The data plane's `Sink`. It waits for the ingestion delay itself; what arrives here can be read at once."""

    def __init__(self, logs: LogsService, metrics: MetricStore) -> None:
        self._logs, self._metrics = logs, metrics

    def logs(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Append events to a stream of a log group."""
        self._logs.append(group, stream, [(event.timestamp_ms, event.message) for event in events])

    def metrics(self, data: Sequence[MetricDatum]) -> None:
        """Add metric data."""
        for datum in data:
            metric = Metric(datum.namespace, datum.name, frozenset(datum.dimensions))
            self._metrics.add(metric, int(datum.at), zip(datum.values, datum.counts, strict=True), datum.unit)
