"""The frames a run is made of: their columns, keys and types.

Times are UTC, units are in the names, and every frame has a key. The Arrow schemas carry pandas metadata, so that
`pandas.read_parquet` of any file alone gives nullable types (an Int16 column with gaps stays Int16).

Requests join access by `gateway_request_id`; access joins invocations by `lambda_request_id`. Trace ids are no key:
HTTP APIs log none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

TIME = pa.timestamp("us", tz="UTC")
TEXT, INT16, INT32, INT64, FLOAT = pa.string(), pa.int16(), pa.int32(), pa.int64(), pa.float64()
_PANDAS_TYPES = {TEXT: "string", INT16: "Int16", INT32: "Int32", INT64: "Int64", FLOAT: "Float64"}


@dataclass(frozen=True)
class FrameSchema:
    """One frame: its name, the columns that identify a row, and every column's Arrow type."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, pa.DataType]

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema with the metadata that makes pandas read nullable types."""
        fields = [pa.field(name, kind) for name, kind in self.columns.items()]
        return pa.schema(fields, metadata={b"pandas": json.dumps(_pandas_metadata(self.columns)).encode()})


REQUESTS = FrameSchema("requests", ("worker", "seq"), {
    "worker": INT32,
    "seq": INT64,
    "phase": TEXT,
    "trigger": TEXT,
    "route": TEXT,
    "status": INT16,
    "outcome": TEXT,
    "scheduled_at": TIME,
    "sent_at": TIME,
    "latency_ms": FLOAT,
    "response_ms": FLOAT,
    "request_bytes": INT64,
    "response_bytes": INT64,
    "gateway_request_id": TEXT,
    "lambda_request_id": TEXT,
    "trace_id": TEXT,
    "cache_key": TEXT,
    "error": TEXT,
})
"""One row an arrival. outcome: ok, http_error, no_response, unfinished, dropped. latency from scheduled_at, response
time from sent_at. phase: `warm` (not counted) or `load`."""

ACCESS = FrameSchema("access", ("gateway_request_id",), {
    "gateway_request_id": TEXT,
    "at": TIME,
    "route": TEXT,
    "stage": TEXT,
    "status": INT16,
    "latency_ms": FLOAT,
    "integration_ms": FLOAT,
    "authorizer_ms": FLOAT,
    "lambda_request_id": TEXT,
    "lambda_status": INT16,
    "function_status": INT16,
    "error_type": TEXT,
    "response_bytes": INT64,
    "api_key_id": TEXT,
})
"""One row a request that the gateway saw, from the stage's access log. lambda_status is the Lambda service's answer
(429 when throttled), function_status what the function's code returned; both null when the gateway answered itself."""

INVOCATIONS = FrameSchema("invocations", ("environment", "ended_at", "lambda_request_id"), {
    "environment": TEXT,
    "ended_at": TIME,
    "lambda_request_id": TEXT,
    "function": TEXT,
    "version": TEXT,
    "started_at": TIME,
    "duration_ms": FLOAT,
    "billed_ms": INT64,
    "init_ms": FLOAT,
    "restore_ms": FLOAT,
    "billed_restore_ms": INT64,
    "memory_mb": INT32,
    "max_memory_mb": INT32,
    "architecture": TEXT,
    "initialization": TEXT,
    "outcome": TEXT,
    "error_type": TEXT,
    "source": TEXT,
    "attempt": INT16,
    "log_bytes": INT64,
    "trace_id": TEXT,
})
"""One row an invocation that ran, from platform lines. environment is the log stream; function the logical id;
initialization: on-demand, provisioned, snap-start; outcome: ok, error, timeout; async retries repeat the request id."""

INITS = FrameSchema("inits", ("environment",), {
    "environment": TEXT,
    "function": TEXT,
    "version": TEXT,
    "at": TIME,
    "init_ms": FLOAT,
    "initialization": TEXT,
    "outcome": TEXT,
    "error_type": TEXT,
})
"""Initialisations seen with no invocation of their own in the log (provisioned, failed, proactive): billed too."""

METRICS = FrameSchema("metrics", ("at", "namespace", "dimensions", "metric", "statistic"), {
    "at": TIME,
    "period_s": INT32,
    "namespace": TEXT,
    "dimensions": TEXT,
    "metric": TEXT,
    "statistic": TEXT,
    "value": FLOAT,
    "unit": TEXT,
})
"""CloudWatch datapoints; dimensions as sorted JSON; no row where CloudWatch has no datapoint (unknown is not zero)."""

FRAMES = {frame.name: frame for frame in (REQUESTS, ACCESS, INVOCATIONS, INITS, METRICS)}


def conform(table: pa.Table | pd.DataFrame, schema: FrameSchema) -> pa.Table:
    """The table with exactly the schema's columns, in its order and types; a missing column becomes null.

    Raises KeyError for a column that the schema does not know.
    """
    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(table, preserve_index=False)
    unknown = set(table.column_names) - set(schema.columns)
    if unknown:
        raise KeyError(f"{schema.name}: no such column: {', '.join(sorted(unknown))}")
    arrays = [
        table[name].cast(kind) if name in table.column_names else pa.nulls(table.num_rows).cast(kind)
        for name, kind in schema.columns.items()
    ]
    return pa.Table.from_arrays(arrays, schema=schema.arrow)


def from_rows(rows: Iterable[Sequence[object]], schema: FrameSchema) -> pa.Table:
    """Rows, each with a value a column in the schema's order, as a table; times as µs since the epoch, or datetimes."""
    columns = list(zip(*rows, strict=True))
    arrays = {name: pa.array(column) for name, column in zip(schema.columns, columns, strict=bool(columns))}
    return conform(pa.table(arrays), schema)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table as a DataFrame with nullable types, as `pandas.read_parquet` gives it."""
    return table.to_pandas()


def _pandas_metadata(columns: Mapping[str, pa.DataType]) -> dict[str, object]:
    described = [
        {"name": name, "field_name": name, "pandas_type": _pandas_type(kind), "numpy_type": _numpy_type(kind),
         "metadata": {"timezone": "UTC"} if pa.types.is_timestamp(kind) else None}
        for name, kind in columns.items()
    ]
    return {"index_columns": [], "column_indexes": [], "columns": described, "pandas_version": "2.3.0"}


def _pandas_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "datetimetz"
    return {"string": "unicode", "double": "float64"}.get(str(kind), str(kind))


def _numpy_type(kind: pa.DataType) -> str:
    return "datetime64[us, UTC]" if pa.types.is_timestamp(kind) else _PANDAS_TYPES[kind]
