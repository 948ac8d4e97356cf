"""Every arrival becomes one row of the requests frame, and rows become Arrow shards.

Rows are tuples in the frame's order. A thread writes them (gevent's own pool: the loop goes on), so a process that is
killed loses what it took in since the last shard and nothing more. Headers and bodies are never kept: of an answer, its
status, sizes, the ids that AWS gave it, and the root of its trace id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, time
from typing import Any

import gevent
import gevent.lock
import pyarrow as pa
import pyarrow.parquet as pq

from loadgen.measurements.frames import REQUESTS, TIME
from loadgen.measurements.histogram import Histogram
from loadgen.measurements.run import ShardWriter, Worker, write_worker
from loadgen.users.clock import ClockOffset
from loadgen.users.open_loop import Arrival

SHARD_S = 2.0
REPORT_S = 1.0
_TYPES = {name: pa.int64() if kind == TIME else kind for name, kind in REQUESTS.columns.items()}
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Share:
    """Which part of the schedule a process sends, and when it begins [s since the epoch]."""

    index: int
    count: int
    start_at: float


def warm_up() -> None:
    """Let Arrow write once: the first write takes 50 ms and more, better spent before the first request than after."""
    pq.write_table(pa.Table.from_pylist([{}], schema=REQUESTS.arrow), pa.BufferOutputStream(), compression="zstd")


class Recorder:
    """Rows, shards and the worker's file of one process. Without a folder it counts, and writes nothing."""

    def __init__(self, folder: Path | None, share: Share, *, arrivals: int, scheduled: int,
                 warm_s: float = 0.0) -> None:
        self.share, self.warm_s, self.folder = share, warm_s, folder
        self.start = perf_counter() + share.start_at - time()
        """The schedule's zero on this process's `perf_counter`."""
        self.worker = Worker(share.index, share.count, arrivals, scheduled, datetime.fromtimestamp(share.start_at, UTC))
        self.outcomes = dict.fromkeys(("ok", "http_error", "no_response", "unfinished", "dropped"), 0)
        self._rows: list[Row] = []
        self._sent = 0
        self._lateness, self._latency, self._clock = Histogram(), Histogram(), ClockOffset()
        self._latest_ms = 0.0
        self._lock = gevent.lock.RLock()
        self._shards = ShardWriter(folder / "requests" / str(share.index), REQUESTS) if folder else None
        if self._shards:
            self.report()
            self._writer = gevent.spawn(self._write_often)

    def on_request(self, *, context: Mapping[str, Any], response: Any, response_time: float, response_length: int,
                   exception: Exception | None, **_: Any) -> None:
        """Locust's `request` event: the answer to an arrival's request, or its failure."""
        arrival = context.get("arrival")
        if arrival is None or arrival.recorded:
            return
        headers = response.headers or {}
        status = response.status_code or None
        outcome, error = _judge(status, headers, exception)
        request_id = headers.get("x-amzn-requestid") or headers.get("apigw-requestid")
        received_bytes = int(headers.get("content-length") or response_length) if status else None
        self._see_clock(headers.get("date"), arrival.sent, response_time)
        self._add(arrival, outcome, status=status, response_ms=response_time, response_bytes=received_bytes,
                  request_id=request_id, trace_id=_trace_root(headers.get("x-amzn-trace-id")), error=error)

    def dropped(self, arrival: Arrival, why: str) -> None:
        """An arrival that could not be sent."""
        self._add(arrival, "dropped", error=why)

    def unfinished(self, arrival: Arrival, why: str) -> None:
        """An arrival that was sent and did not return."""
        self._add(arrival, "unfinished", error=why)

    def report(self, finished: bool = False) -> None:
        """Rewrite the worker's file."""
        if self.folder:
            counts = self.outcomes
            self.worker = replace(
                self.worker, sent=self._sent, ok=counts["ok"], failed=counts["http_error"] + counts["no_response"],
                dropped=counts["dropped"], unfinished=counts["unfinished"], lateness_ms=self._lateness_ms(),
                latency_bins=dict(self._latency.bins), clock_offset_ms=self._clock.offset_ms, finished=finished)
            _in_thread(write_worker, self.worker, self.folder / "workers" / f"{self.share.index}.json")

    def flush(self) -> None:
        """Write the rows so far as one shard."""
        with self._lock:
            rows, self._rows = self._rows, []
            if rows and self._shards:
                _in_thread(_write_rows, self._shards, rows)

    def close(self) -> None:
        """Write what is left. To be called once, when no more rows come."""
        if self._shards:
            self._writer.kill()
            self.flush()
            self.report(finished=True)

    def _add(self, arrival: Arrival, outcome: str, *, status: int | None = None, response_ms: float | None = None,
             response_bytes: int | None = None, request_id: str | None = None, trace_id: str | None = None,
             error: str | None = None) -> None:
        arrival.recorded = True
        self.outcomes[outcome] += 1
        latency_ms, sent_us = None, None
        if arrival.sent is not None:
            late_ms = (arrival.sent - arrival.due) * 1e3
            self._sent += 1
            self._lateness.add(late_ms)
            self._latest_ms = max(self._latest_ms, late_ms)
            sent_us = self._microseconds(arrival.sent - self.start)
            if response_ms is not None:
                latency_ms = late_ms + response_ms
                self._latency.add(latency_ms)
        if self._shards:
            gateway_id, lambda_id = (None, request_id) if arrival.direct else (request_id, None)
            self._rows.append((
                self.share.index, arrival.seq, "warm" if arrival.at_s < self.warm_s else "load", arrival.route,
                arrival.route, status, outcome, self._microseconds(arrival.at_s), sent_us, latency_ms, response_ms,
                arrival.request_bytes, response_bytes, gateway_id, lambda_id, trace_id, arrival.cache_key, error))

    def _microseconds(self, offset_s: float) -> int:
        return round((self.share.start_at + offset_s) * 1e6)

    def _see_clock(self, date: str | None, sent: float, response_ms: float) -> None:
        sent_at = self.share.start_at + sent - self.start
        self._clock.see(date, sent_at, sent_at + response_ms / 1e3)

    def _lateness_ms(self) -> dict[str, float]:
        quantiles = {"p50": self._lateness.quantile(0.50), "p99": self._lateness.quantile(0.99)}
        return {name: round(value, 3) for name, value in quantiles.items() if value is not None} | {
            "max": round(self._latest_ms, 3)}

    def _write_often(self) -> None:
        for beat in _count_beats(REPORT_S):
            self.report()
            if beat % math.ceil(SHARD_S / REPORT_S) == 0:
                self.flush()


def _judge(status: int | None, headers: Mapping[str, str], exception: Exception | None) -> tuple[str, str | None]:
    """The outcome, and what went wrong in one line without anything of the answer's body."""
    if status is None:
        return "no_response", _one_line(exception)
    if kind := headers.get("x-amz-function-error"):
        return "http_error", f"function error: {kind}"
    if exception is None:
        return "ok", None
    return "http_error", None if status >= 400 else type(exception).__name__


def _one_line(exception: Exception | None) -> str:
    cause = getattr(exception, "original", None) or exception
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:200]


def _trace_root(header: str | None) -> str | None:
    parts = (part.strip() for part in (header or "").split(";"))
    return next((part.removeprefix("Root=") for part in parts if part.startswith("Root=")), None)


def _count_beats(period_s: float) -> Any:
    beat = 0
    while True:
        gevent.sleep(period_s)
        beat += 1
        yield beat


def _in_thread(function: Any, *arguments: Any) -> None:
    gevent.get_hub().threadpool.apply(function, arguments)


def _write_rows(shards: ShardWriter, rows: list[Row]) -> None:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _TYPES.values(), strict=True)]
    shards.write(pa.Table.from_arrays(arrays, names=list(_TYPES)))


