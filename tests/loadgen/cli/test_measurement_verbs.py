from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from loadgen.cli.collect import collect
from loadgen.cli.show import show
from loadgen.configuration import Configuration
from loadgen.errors import RunError
from loadgen.measurements.frames import ACCESS, INVOCATIONS, REQUESTS
from loadgen.measurements.run import Intent, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def call(verb: Any, *arguments: object) -> Any:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(verb)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)


@pytest.fixture
def shop_run(tmp_path: Path, api_target: Target, api_configuration: Configuration) -> Path:
    """Ten requests, of which the gateway threw one away, joined to their invocations."""
    import pyarrow as pa

    write_record(Intent("s.py", 1, Constant(10, 1).to_dict(), api_target, api_configuration, Quotas(),
                        ("p95 < 30 ms",)), tmp_path / "intent.json")
    at, ran = [START + timedelta(seconds=k) for k in range(10)], range(9)
    requests = {"worker": [0] * 10, "seq": list(range(10)), "phase": ["load"] * 10, "route": ["GET /products"] * 10,
                "status": [200] * 9 + [429], "outcome": ["ok"] * 9 + ["http_error"], "scheduled_at": at, "sent_at": at,
                "latency_ms": [40.0] * 10, "response_ms": [39.0] * 10,
                "gateway_request_id": [f"g{k}" for k in range(10)]}
    access = {"gateway_request_id": [f"g{k}" for k in range(10)], "status": [200] * 9 + [429],
              "lambda_request_id": [f"l{k}" for k in ran] + [None], "lambda_status": [200] * 9 + [None],
              "error_type": [None] * 9 + ["THROTTLED"]}
    invocations = {"environment": ["e"] * 9, "ended_at": at[:9], "lambda_request_id": [f"l{k}" for k in ran],
                   "init_ms": [80.0] + [None] * 8, "outcome": ["ok"] * 9}
    write_shard(pa.table(requests), tmp_path / "requests" / "0" / "0000.parquet", REQUESTS)
    write_shard(pa.table(access), tmp_path / "collected/access_logs/access/0000.parquet", ACCESS)
    write_shard(pa.table(invocations), tmp_path / "collected/logs/invocations/0000.parquet", INVOCATIONS)
    return tmp_path


def test_show_prints_the_three_counts_the_latencies_and_the_verdict(shop_run: Path) -> None:
    lines = call(show, shop_run).stdout.splitlines()
    assert "client    10 sent   9 ok   1 failed" in lines
    assert "gateway   10 seen   1 throttled by account" in lines
    assert "lambda    9 tried   9 ran   11.1% cold (p95 40 ms)" in lines
    assert "lost      1 gateway: account throttle" in lines
    assert "closes    0 unexplained" in lines
    assert "slo       missed: p95 < 30 ms: 40 ms" in lines
    assert any("GET /products" in line and "p95 40" in line for line in lines)


def test_show_as_json_is_one_document_with_the_same_figures(shop_run: Path) -> None:
    told = json.loads(call(show, shop_run, "--json").stdout)
    assert told["summary"]["routes"]["all"]["latency"]["p95_ms"] == 40.0
    assert told["reconciliation"]["unexplained"] == 0
    assert told["reconciliation"]["lost"] == {"gateway: account throttle": 1}


@pytest.mark.parametrize("verb", [show, collect])
def test_a_directory_that_is_no_run_is_said_to_be_none(verb: Any, tmp_path: Path) -> None:
    problem = call(verb, tmp_path).exception
    assert isinstance(problem, RunError)
    assert "no run here" in str(problem)


def test_collect_ends_with_1_and_a_line_a_source_while_something_is_missing(shop_run: Path) -> None:
    result = call(collect, shop_run, "--source", "access_logs", "--deadline-s", "0")
    assert result.exit_code == 1
    assert "access_logs: access log of rest API shop: it is off" in result.stdout
