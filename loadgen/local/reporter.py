"""Telemetry on its way to the sink: log events wait out the ingestion delay, metrics are summed by minute.

`collect` is called on the data plane's loop, `send` on a worker thread. What the sink raises is logged once and
counted, and the batch is dropped: telemetry never stops a request.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from loadgen.local.invocation import LogEvent, MetricDatum, Sink
from loadgen.local.telemetry import MetricTable, MetricValue

_log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    ready_at: float
    group: str
    stream: str
    events: list[LogEvent]


@dataclass(frozen=True)
class Batch:
    """What goes to the sink in one go."""

    logs: dict[tuple[str, str], list[LogEvent]]
    metrics: list[MetricDatum]


class Reporter:
    """Buffers between the requests and the sink."""

    def __init__(self, sink: Sink, ingestion_delay_s: float) -> None:
        self._sink, self._delay_s = sink, ingestion_delay_s
        self._waiting: deque[_Waiting] = deque()
        self._metrics = MetricTable()
        self.failures = 0
        """Batches or requests whose telemetry was lost."""

    def log(self, group: str, stream: str, events: list[LogEvent], now: float) -> None:
        """Take events that were written at `now`."""
        self._waiting.append(_Waiting(now + self._delay_s, group, stream, events))

    def count(self, epoch: float, values: list[MetricValue]) -> None:
        """Take metric values of the minute of `epoch`."""
        self._metrics.add(epoch, values)

    def collect(self, now: float) -> Batch:
        """What is due by `now`, the events of a stream ordered by time."""
        logs: dict[tuple[str, str], list[LogEvent]] = {}
        while self._waiting and self._waiting[0].ready_at <= now:
            waiting = self._waiting.popleft()
            logs.setdefault((waiting.group, waiting.stream), []).extend(waiting.events)
        for events in logs.values():
            events.sort(key=lambda event: event.timestamp_ms)
        return Batch(logs, self._metrics.take())

    def send(self, batch: Batch) -> None:
        """Hand a batch to the sink."""
        try:
            for (group, stream), events in batch.logs.items():
                self._sink.logs(group, stream, events)
            if batch.metrics:
                self._sink.metrics(batch.metrics)
        except Exception as problem:
            self.lost(problem)

    def lost(self, problem: Exception) -> None:
        """Count telemetry that was lost; the first time says why."""
        self.failures += 1
        if self.failures == 1:
            _log.error("telemetry was lost, more of it will be counted only", exc_info=problem)


def tail(events: Iterable[LogEvent], size: int = 4096) -> str:
    """The last 4 KB of an invocation's log, as Invoke's LogType Tail gives them."""
    text = "".join(event.message for event in events)
    return text.encode()[-size:].decode(errors="ignore")
