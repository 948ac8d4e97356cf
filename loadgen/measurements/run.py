"""The run directory: every file has one writer, and a kill at any moment leaves whole files.

    intent.json                     what was asked, written before the first request
    requests/<worker>/NNNN.parquet  written as .NNNN.parquet.tmp, renamed when whole
    workers/<worker>.json           scheduled, sent, dropped, unfinished, lateness, clock offset
    locust.log                      what Locust printed
    collected/<source>/<frame>/NNNN.parquet   frames from AWS, beside the source's own notes; idempotent
    finished.json                   by the runner: complete? saturated? why it ended
    reconciliation.json             by reconcile
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadgen.configuration import Configuration
from loadgen.errors import InputError, RunError
from loadgen.measurements.frames import FRAMES, FrameSchema, conform, to_pandas
from loadgen.quotas import Quotas
from loadgen.schema import Record, T, check_version, from_plain, read_json, to_plain, write_json
from loadgen.target import Target

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Intent(Record):
    """What was asked: enough to repeat the run and to interpret what it wrote."""

    scenario: str
    seed: int
    shape: Mapping[str, Any]
    target: Target
    configuration: Configuration
    """As described after apply, not as asked."""
    quotas: Quotas
    slos: tuple[str, ...] = ()
    processes: int = 1
    warm_s: float = 0.0
    """Seconds at the start whose requests are phase `warm`: sent and billed, not judged."""
    created_at: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Worker(Record):
    """What one Locust process did; rewritten about once a second while it runs. Counts are of its own share."""

    worker: int
    workers: int
    arrivals: int
    """Of the whole schedule, all workers together."""
    scheduled: int
    started_at: datetime
    """The schedule's zero: the same instant in every worker."""
    sent: int = 0
    ok: int = 0
    failed: int = 0
    """Answered with an error, or not answered."""
    dropped: int = 0
    unfinished: int = 0
    lateness_ms: Mapping[str, float] = field(default_factory=dict)
    """p50, p99 and max of sent_at - scheduled_at."""
    latency_bins: Mapping[int, int] = field(default_factory=dict)
    """A `histogram.Histogram` of latencies so far, for live figures."""
    clock_offset_ms: float | None = None
    """The target's clock less ours, from its Date headers; None: it sent none."""
    finished: bool = False
    """All of its rows are on disk."""


@dataclass(frozen=True)
class Finished(Record):
    """How the run ended. complete: every scheduled arrival has its row."""

    complete: bool
    reason: str
    started_at: datetime
    ended_at: datetime
    scheduled: int
    rows: int
    saturated: bool = False
    """The load generator itself could not keep up: latencies are not the target's."""


@dataclass(frozen=True)
class Run:
    """A run directory, read. Frames that do not exist raise RunError with what would write them."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def intent(self) -> Intent:
        """What was asked. Raises RunError when this is no run directory."""
        if not (self.path / "intent.json").exists():
            raise RunError(f"{self.path}: no run here (no intent.json): give a directory that `loadgen run` wrote")
        return read_record(Intent, self.path / "intent.json")

    @property
    def finished(self) -> Finished | None:
        """None: the run is still going, or was killed."""
        path = self.path / "finished.json"
        return read_record(Finished, path) if path.exists() else None

    @property
    def workers(self) -> tuple[Worker, ...]:
        """What each Locust process said of itself last."""
        return tuple(read_record(Worker, path) for path in sorted((self.path / "workers").glob("[0-9]*.json")))

    def shards(self, name: str) -> list[Path]:
        """The frame's Parquet files, in the order they were written, worker by worker."""
        pattern = "requests/*/*.parquet" if name == "requests" else f"collected/*/{name}/*.parquet"
        return sorted(path for path in self.path.glob(pattern) if not path.name.startswith("."))

    def frame(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A whole frame (see `frames.FRAMES`) with nullable types. Raises RunError when nothing wrote it."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with damage_told(self.path):
            tables = [pq.ParquetFile(shard).read(columns=_listed(columns)) for shard in self._existing(name)]
        return to_pandas(pa.concat_tables(tables))

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The frame shard by shard, for what may not fit in memory. Raises RunError when nothing wrote it."""
        import pyarrow.parquet as pq

        with damage_told(self.path):
            for shard in self._existing(name):
                yield from pq.ParquetFile(shard).iter_batches(columns=_listed(columns))

    def rows(self, name: str) -> int:
        """How many rows the frame has on disk, from the files' footers alone."""
        import pyarrow.parquet as pq

        with damage_told(self.path):
            return sum(pq.read_metadata(shard).num_rows for shard in self.shards(name))

    def _existing(self, name: str) -> list[Path]:
        if name not in FRAMES:
            raise RunError(f"{name}: no such frame (there are: {', '.join(FRAMES)})")
        shards = self.shards(name)
        if not shards:
            way = "no request was recorded: run it again" if name == "requests" else "run `loadgen collect` on it first"
            raise RunError(f"{self.path}: no {name}: {way}", frame=name)
        return shards


@contextmanager
def damage_told(directory: Path) -> Iterator[None]:
    """A Parquet file that cannot be read as a RunError that says what to do."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowInvalid as problem:
        raise RunError(f"{directory}: a Parquet file of it is damaged ({str(problem).splitlines()[0]}): move it away, or "
                       "collect or run again") from None


def read_record(kind: type[T], path: Path) -> T:
    """A record from its JSON file. Raises RunError when it is missing, damaged or of another version."""
    try:
        return from_plain(kind, check_version(read_json(path), SCHEMA_VERSION, str(path)), str(path))
    except InputError as problem:
        raise RunError(str(problem), path=path) from None


def write_record(record: Record, path: Path) -> None:
    """Write a record with the schema version; a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"schema_version": SCHEMA_VERSION, **to_plain(record)})


def write_worker(worker: Worker, path: Path) -> None:
    """As `write_record`, without pydantic: importing it would hold up a load generator for most of a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {**asdict(worker), "started_at": worker.started_at.isoformat()}
    write_json(path, {"schema_version": SCHEMA_VERSION, **plain})


def write_shard(table: pa.Table | pd.DataFrame, path: Path, schema: FrameSchema) -> Path:
    """Write one whole Parquet file with the frame's schema; readers never see a part of it."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.tmp")
    pq.write_table(conform(table, schema), partial, compression="zstd")
    return partial.replace(path)


class ShardWriter:
    """Writes a frame to a folder as numbered shards: 0000.parquet, 0001.parquet, …"""

    def __init__(self, folder: Path, schema: FrameSchema) -> None:
        self.folder, self.schema = folder, schema
        self.written = 0

    def write(self, table: pa.Table | pd.DataFrame) -> Path:
        """Write the next shard; its path."""
        path = write_shard(table, self.folder / f"{self.written:04d}.parquet", self.schema)
        self.written += 1
        return path


def _listed(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(columns)
