"""COLLECTORS and collect(): what AWS saw of a run, source by source, into `collected/<source>/`.

A source is read until each of the run's own requests is found or the deadline passes; then it is said what is missing.
Collecting again reads only what was missing, so a complete source makes no call. Beside its frames a source leaves
`watermark.json`: how far it came, and every call it made (they cost money), collection by collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from loadgen.aws import client
from loadgen.collectors.access_logs import AccessLogs
from loadgen.collectors.calls import Calls, Clock
from loadgen.collectors.cloudwatch import Metrics
from loadgen.collectors.logs import FunctionLogs
from loadgen.collectors.sent import Sent, read_sent
from loadgen.errors import CollectError, InputError
from loadgen.measurements.frames import FrameSchema, from_rows
from loadgen.measurements.run import Run, damage_told, read_record, write_record, write_shard
from loadgen.schema import Record
from loadgen.target import Target

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[str], None]
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
"""Between two readings of a source that is not complete; each wait is twice the last."""


class Collector(Protocol):
    """One source of one run. `read` may be called again while something is missing; `tables` are by frame name."""

    service: ClassVar[str]
    frames: ClassVar[tuple[FrameSchema, ...]]

    def __init__(self, run: Run, calls: Calls, sent: Sent, before: Mapping[str, pa.Table]) -> None: ...

    def read(self) -> None: ...

    def missing(self) -> Mapping[str, int]: ...

    def tables(self) -> Mapping[str, pa.Table]: ...

    def notes(self) -> tuple[str, ...]: ...


COLLECTORS: Mapping[str, type[Collector]] = {
    "access_logs": AccessLogs,
    "logs": FunctionLogs,
    "cloudwatch": Metrics,
}
"""By source, in this order: the function logs are searched for the ids that the access log names."""


@dataclass(frozen=True)
class Pass(Record):
    """One collection of a source: when, and the calls it made by operation (attempts; `metrics_requested` apart)."""

    at: datetime
    api_calls: Mapping[str, int]


@dataclass(frozen=True)
class Collected(Record):
    """How far a source came. Written as its `watermark.json`."""

    source: str
    rows: Mapping[str, int]
    """By frame."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """How many rows are still to come, by reason."""
    problem: str | None = None
    """Why it could not be collected at all."""
    notes: tuple[str, ...] = ()
    passes: tuple[Pass, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.missing and self.problem is None

    @property
    def api_calls(self) -> int:
        """All calls that were made for this run and source, failed attempts too."""
        return sum(count for one in self.passes for name, count in one.api_calls.items() if name != "metrics_requested")

    def __str__(self) -> str:
        rows = ", ".join(f"{count:,} {frame}" for frame, count in self.rows.items())
        short = [f"{count:,} {reason} missing" for reason, count in self.missing.items()]
        return f"{self.source}: " + (self.problem or "; ".join([rows, *short, *self.notes]))


@dataclass(frozen=True)
class Collection:
    """What was collected, by source."""

    sources: Mapping[str, Collected]

    @property
    def complete(self) -> bool:
        return all(collected.complete for collected in self.sources.values())


def collect(run: Run, *, sources: Iterable[str] | None = None, deadline_s: float = 60.0,
            progress: Progress | None = None, clock: Clock = time,
            connect: Callable[[Target, str], Any] = client) -> Collection:
    """Collect what AWS saw of a run. All sources share the deadline; each is read once even when it has passed.

    `connect(target, service)` makes the clients. Raises InputError for a source that does not exist, UnreachableError
    when nothing answers; what a source lacks is in its Collected, not raised.
    """
    names = tuple(sources or COLLECTORS)
    unknown = [name for name in names if name not in COLLECTORS]
    if unknown:
        raise InputError(f"sources = {', '.join(unknown)}: no such source (there are: {', '.join(COLLECTORS)})")
    deadline = clock.monotonic() + deadline_s
    sent = read_sent(run)
    found = {}
    for name in (name for name in COLLECTORS if name in names):
        calls = Calls(connect(run.intent.target, COLLECTORS[name].service), clock, deadline)
        found[name] = _collect_source(run, name, calls, sent, progress or (lambda message: None))
    return Collection(found)


def read_collected(run: Run) -> Mapping[str, Collected]:
    """What `collect` left, by source; empty when nothing was collected."""
    marks = {path.parent.name: read_record(Collected, path) for path in run.path.glob("collected/*/watermark.json")}
    return {name: marks[name] for name in COLLECTORS if name in marks}


def _collect_source(run: Run, name: str, calls: Calls, sent: Sent, progress: Progress) -> Collected:
    folder = run.path / "collected" / name
    earlier = read_record(Collected, folder / "watermark.json") if (folder / "watermark.json").exists() else None
    try:
        collector = COLLECTORS[name](run, calls, sent, {schema.name: _before(run, schema)
                                                        for schema in COLLECTORS[name].frames})
        if earlier is not None and earlier.complete and not collector.missing():
            return earlier
        problem = _read(collector, calls, lambda text: progress(f"{name}: {text}"))
        collected = replace(_write(collector, name, folder), problem=problem)
    except CollectError as problem:
        collected = Collected(name, earlier.rows if earlier else {}, problem=str(problem))
    passes = (*(earlier.passes if earlier else ()), Pass(datetime.now(UTC), dict(calls.made)))
    collected = replace(collected, passes=passes)
    write_record(collected, folder / "watermark.json")
    progress(str(collected))
    return collected


def _read(collector: Collector, calls: Calls, progress: Progress) -> str | None:
    """Read until nothing is missing or the deadline has passed. What AWS refused, if it did: what was read stays."""
    try:
        _read_until_complete(collector, calls, progress)
    except CollectError as refused:
        return str(refused)
    return None


def _read_until_complete(collector: Collector, calls: Calls, progress: Progress) -> None:
    wait_s = FIRST_WAIT_S
    collector.read()
    while missing := collector.missing():
        left_s = calls.deadline - calls.clock.monotonic()
        if left_s <= 0:
            return
        progress("waiting for " + ", ".join(f"{count:,} {reason}" for reason, count in missing.items()))
        calls.clock.sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        collector.read()


def _write(collector: Collector, name: str, folder: Path) -> Collected:
    tables = collector.tables()
    for schema in collector.frames:
        write_shard(tables[schema.name], folder / schema.name / "0000.parquet", schema)
    rows = {frame: table.num_rows for frame, table in tables.items()}
    return Collected(name, rows, dict(collector.missing()), notes=collector.notes())


def _before(run: Run, schema: FrameSchema) -> pa.Table:
    """What an earlier collection wrote of a frame; empty when none did."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = run.shards(schema.name)
    with damage_told(run.path):
        return pa.concat_tables([pq.ParquetFile(shard).read() for shard in shards]) if shards else from_rows([], schema)
