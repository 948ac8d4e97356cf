"""A past window of an API in production, as CloudWatch tells it: the directory that `loadgen metrics` writes.

    production.json                   the target, the window and what is deployed; before the first reading
    metrics/NNNN.parquet              datapoints, a file a call
    invocations/YYYY-MM-DD.parquet    one row an invocation, where the functions' logs were read too
    inits/YYYY-MM-DD.parquet          initialisations that no invocation waited for, from the same logs
    finished.json                     what the reading took; not there: it was stopped, and goes on when asked again

Every file is whole: it is written beside its place and renamed. Times are UTC; the frames are those of a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from loadgen.configuration import Configuration, FunctionSettings
from loadgen.deployment import ApiKind, Route
from loadgen.errors import RunError
from loadgen.measurements.frames import INITS, INVOCATIONS, METRICS, FrameSchema, from_rows, to_pandas
from loadgen.measurements.run import damage_told, read_record
from loadgen.schema import Record
from loadgen.target import Target, TargetApi

if TYPE_CHECKING:
    import pandas as pd

ASKED, FINISHED = "production.json", "finished.json"
Dimensions = tuple[tuple[str, str], ...]


def api_dimensions(api: TargetApi) -> Dimensions:
    """REST metrics are keyed by the API's name, HTTP ones by its id."""
    return ("ApiName", api.name) if api.kind == "rest" else ("ApiId", api.id), ("Stage", api.stage)


def route_dimensions(api: TargetApi, route: Route) -> Dimensions:
    """As detailed metrics have them."""
    return *api_dimensions(api), ("Resource", route.path), ("Method", route.method)


def alias_dimensions(name: str, alias: str) -> Dimensions:
    """Of what a function does behind an alias, provisioned concurrency above all."""
    return ("FunctionName", name), ("Resource", f"{name}:{alias}")


def function_dimensions(name: str) -> Dimensions:
    """Of all that a function does."""
    return (("FunctionName", name),)


def group_dimensions(log_group: str) -> Dimensions:
    """Of what a log group takes in."""
    return (("LogGroupName", log_group),)


def dimensions_text(dimensions: Dimensions) -> str:
    """As the metrics frame has them: sorted JSON."""
    return json.dumps(dict(dimensions), sort_keys=True)


@dataclass(frozen=True)
class Asked(Record):
    """What is read, and what was deployed when it was asked for."""

    target: Target
    configurations: Mapping[ApiKind, Configuration]
    """As described, by kind of API: the functions behind both are in both."""
    start: datetime
    end: datetime
    """Excluded. Both are multiples of the period."""
    period_s: int
    days: float
    """As asked: the window begins so many days before its end, at the next full period."""
    until: datetime | None = None
    """The end as asked for; None: the latest then."""
    log_days: float = 0.0
    """The functions' logs are read for so many days before the end; 0: not at all."""
    by_route: tuple[ApiKind, ...] = ()
    """APIs with detailed metrics: their routes are asked for, too."""
    changed: Mapping[str, datetime] = field(default_factory=dict)
    """When each function, as it is served, was last changed; by logical id."""

    @property
    def hours(self) -> float:
        """The window's length."""
        return (self.end - self.start).total_seconds() / 3600.0

    @property
    def logs_from(self) -> datetime:
        """Where the logs' part of the window begins, a full period; the window's end when no logs are read."""
        periods = round(self.log_days * 86_400 / self.period_s)
        return max(self.start, self.end - timedelta(seconds=periods * self.period_s))

    @property
    def functions(self) -> Mapping[str, FunctionSettings]:
        """The settings of every function, by logical id."""
        return {name: settings for configuration in self.configurations.values()
                for name, settings in configuration.functions.items()}


@dataclass(frozen=True)
class Reading(Record):
    """What the last reading took: calls by operation (attempts; `metrics_requested` apart), and when it ended."""

    ended_at: datetime
    api_calls: Mapping[str, int]
    partial: bool = False
    """CloudWatch did not answer in full."""


@dataclass(frozen=True)
class Production:
    """A window's directory, read."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def exists(self) -> bool:
        """Whether this is a window's directory, complete or not."""
        return (self.path / ASKED).exists()

    @property
    def finished(self) -> bool:
        """Whether all of it was read."""
        return (self.path / FINISHED).exists()

    @property
    def asked(self) -> Asked:
        """Raises RunError when there is none, or it is damaged."""
        return read_record(Asked, self.path / ASKED)

    @property
    def reading(self) -> Reading:
        """Raises RunError when not all was read: what is there must not be taken for the whole."""
        if not self.finished:
            raise RunError(f"{self.path}: its reading was stopped: go on with `loadgen metrics -o {self.path}`")
        return read_record(Reading, self.path / FINISHED)

    def metrics(self) -> pd.DataFrame:
        """The datapoints (see `frames.METRICS`). Raises RunError when not all was read."""
        assert self.reading
        return self._frame(METRICS)

    def invocations(self) -> pd.DataFrame:
        """The invocations of the window's last `log_days` (see `frames.INVOCATIONS`); without rows when none was read."""
        return self._frame(INVOCATIONS)

    def inits(self) -> pd.DataFrame:
        """The initialisations apart of the same days (see `frames.INITS`)."""
        return self._frame(INITS)

    def shards(self, schema: FrameSchema) -> list[Path]:
        """The files of a frame, in order."""
        return sorted(path for path in (self.path / schema.name).glob("*.parquet") if not path.name.startswith("."))

    def _frame(self, schema: FrameSchema) -> pd.DataFrame:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with damage_told(self.path):
            tables = [pq.ParquetFile(shard).read() for shard in self.shards(schema)]
        return to_pandas(pa.concat_tables(tables) if tables else from_rows([], schema))
