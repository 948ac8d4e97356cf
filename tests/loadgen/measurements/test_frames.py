from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loadgen.measurements.frames import ACCESS, FRAMES, REQUESTS, FrameSchema, conform, from_rows, to_pandas


@pytest.mark.parametrize("schema", FRAMES.values(), ids=FRAMES)
def test_a_file_without_a_row_still_has_every_columns_nullable_type(schema: FrameSchema, tmp_path: Path) -> None:
    pq.write_table(from_rows([], schema), tmp_path / "none.parquet")
    frame = pd.read_parquet(tmp_path / "none.parquet")
    assert list(frame.columns) == list(schema.columns)
    assert {str(kind) for kind in frame.dtypes} <= {"string", "Int16", "Int32", "Int64", "Float64", "datetime64[us, UTC]"}


@pytest.mark.parametrize("schema", FRAMES.values(), ids=FRAMES)
def test_the_key_is_made_of_columns(schema: FrameSchema) -> None:
    assert set(schema.key) <= set(schema.columns)


def test_a_missing_column_becomes_null_and_the_order_is_the_schemas() -> None:
    table = conform(pa.table({"status": [200, None], "seq": [1, 2]}), REQUESTS)
    assert table.schema.equals(REQUESTS.arrow, check_metadata=True)
    assert table["status"].to_pylist() == [200, None]
    assert table["error"].null_count == 2


def test_integers_with_gaps_stay_integers_in_pandas() -> None:
    frame = to_pandas(conform(pd.DataFrame({"seq": [1, 2], "status": pd.array([200, None], "Int16")}), REQUESTS))
    assert str(frame["status"].dtype) == "Int16"
    assert frame["status"].isna().tolist() == [False, True]


def test_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="requests: no such column: colour"):
        conform(pa.table({"colour": ["red"]}), REQUESTS)


def test_rows_are_taken_in_the_schemas_order_with_times_in_microseconds() -> None:
    row = ("a", 1_000_000, "GET /", "prod", 200, 1, None, None, None, None, None, None, None, None)
    table = from_rows([row, row], ACCESS)
    assert table["at"].to_pylist() == [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)] * 2
    assert table["latency_ms"].to_pylist() == [1.0, 1.0]


def test_a_row_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        from_rows([("a", 1)], ACCESS)
