from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from loadgen.configuration import Configuration
from loadgen.errors import RunError
from loadgen.measurements.frames import ACCESS, REQUESTS
from loadgen.measurements.run import Finished, Intent, Run, ShardWriter, Worker, write_record, write_shard, write_worker
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def requests(*seqs: int, **columns: object) -> pa.Table:
    repeated = {name: [value] * len(seqs) for name, value in {"worker": 0, **columns}.items()}
    return pa.table({"seq": list(seqs), **repeated})


def test_intent_and_finished_come_back_as_they_were_written(
        tmp_path: Path, api_target: Target, api_configuration: Configuration) -> None:
    intent = Intent("s.py", 1, Constant(1, 2).to_dict(), api_target, api_configuration, Quotas(), ("p95 < 300 ms",),
                    2, 1.5, NOW, {"locust": "2"})
    finished = Finished(True, "completed", NOW, NOW, 5, 5)
    write_record(intent, tmp_path / "intent.json")
    write_record(finished, tmp_path / "finished.json")
    assert Run(tmp_path).intent == intent
    assert Run(tmp_path).finished == finished


def test_a_worker_file_is_read_back_though_written_without_pydantic(tmp_path: Path) -> None:
    worker = Worker(1, 2, 100, 50, NOW, sent=3, latency_bins={5: 2}, lateness_ms={"p50": 0.5}, finished=True)
    write_worker(worker, tmp_path / "workers" / "1.json")
    assert Run(tmp_path).workers == (worker,)


def test_a_frame_is_all_shards_of_all_workers_with_nullable_types(tmp_path: Path) -> None:
    first, second = (ShardWriter(tmp_path / "requests" / str(worker), REQUESTS) for worker in (0, 1))
    first.write(requests(0, 2))
    first.write(requests(4, status=200, gateway_request_id="a"))
    second.write(requests(1, 3))
    frame = Run(tmp_path).frame("requests")
    assert frame["seq"].tolist() == [0, 2, 4, 1, 3]
    assert str(frame["status"].dtype) == "Int16"
    assert frame["status"].isna().sum() == 4
    assert [path.name for path in Run(tmp_path).shards("requests")] == ["0000.parquet", "0001.parquet", "0000.parquet"]
    assert Run(tmp_path).rows("requests") == 5


def test_pandas_alone_reads_a_folder_of_shards(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path / "requests" / "0", REQUESTS)
    writer.write(requests(0))
    writer.write(requests(1, status=200))
    frame = pd.read_parquet(tmp_path / "requests")
    assert str(frame["status"].dtype) == "Int16"
    assert len(frame) == 2


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    write_shard(requests(0, 1), tmp_path / "requests" / "0" / "0000.parquet", REQUESTS)
    assert list(Run(tmp_path).frame("requests", ["seq"]).columns) == ["seq"]
    assert [batch.schema.names for batch in Run(tmp_path).batches("requests", ["seq"])] == [["seq"]]


def test_what_a_kill_left_half_written_is_not_read(tmp_path: Path) -> None:
    path = write_shard(requests(0, 1), tmp_path / "requests" / "0" / "0000.parquet", REQUESTS)
    (path.parent / ".0001.parquet.tmp").write_bytes(path.read_bytes()[:50])
    assert Run(tmp_path).rows("requests") == 2
    assert len(pd.read_parquet(tmp_path / "requests")) == 2


def test_collected_frames_are_found_in_their_sources_folder(tmp_path: Path) -> None:
    write_shard(pa.table({"gateway_request_id": ["a"]}), tmp_path / "collected/access_logs/access/0000.parquet", ACCESS)
    assert Run(tmp_path).frame("access")["gateway_request_id"].tolist() == ["a"]


def test_a_missing_frame_says_what_would_write_it(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="loadgen collect"):
        Run(tmp_path).frame("invocations")
    with pytest.raises(RunError, match="no request was recorded"):
        next(Run(tmp_path).batches("requests"))
    with pytest.raises(RunError, match="no such frame"):
        Run(tmp_path).frame("traces")


def test_an_empty_directory_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run here") as raised:
        _ = Run(tmp_path).intent
    assert "\n" not in str(raised.value)
    assert Run(tmp_path).finished is None


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "finished.json").write_text('{"schema_version": 99}')
    with pytest.raises(RunError, match="schema_version = 99"):
        _ = Run(tmp_path).finished


def test_a_damaged_file_of_a_frame_is_one_line_that_names_the_run(tmp_path: Path) -> None:
    shard = write_shard(requests(1, 2, 3), tmp_path / "requests" / "0" / "0000.parquet", REQUESTS)
    shard.write_bytes(shard.read_bytes()[:200])
    run = Run(tmp_path)
    for read in (lambda: run.frame("requests"), lambda: list(run.batches("requests")), lambda: run.rows("requests")):
        with pytest.raises(RunError, match="a Parquet file of it is damaged"):
            read()
