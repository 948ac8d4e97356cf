"""Run directories whose frames are written down row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadgen.configuration import ApiSettings, Configuration, FunctionSettings
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.measurements.frames import FRAMES
from loadgen.measurements.run import Intent, Run, write_record, write_shard
from loadgen.quotas import Quotas
from loadgen.shapes import Constant
from loadgen.target import Target, TargetApi, TargetFunction

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SOURCES = {"access": "access_logs", "invocations": "logs", "inits": "logs", "metrics": "cloudwatch"}
ROUTES = (Route("Shop", "GET", "/products", "Products"), Route("Shop", "POST", "/orders", "Orders"))
Row = dict[str, Any]
WriteRun = Callable[..., Run]


def request(seq: int, **values: Any) -> Row:
    """A request that was answered with 200 after 40 ms, sent `seq` tenths of a second after the start."""
    at = START + timedelta(seconds=seq / 10)
    return {"worker": 0, "seq": seq, "phase": "load", "trigger": "rest", "route": "GET /products", "status": 200,
            "outcome": "ok", "scheduled_at": at, "sent_at": at, "latency_ms": 41.0, "response_ms": 40.0,
            "gateway_request_id": f"g{seq}", **values}


def access(seq: int, **values: Any) -> Row:
    """That request in the access log."""
    return {"gateway_request_id": f"g{seq}", "route": "GET /products", "stage": "prod", "status": 200, "latency_ms": 35.0,
            "integration_ms": 31.0, "lambda_request_id": f"l{seq}", "lambda_status": 200, "function_status": 200, **values}


def alone(seq: int, status: int, error_type: str | None = None) -> Row:
    """A request that the gateway answered by itself."""
    return access(seq, status=status, error_type=error_type, integration_ms=None, lambda_request_id=None,
                  lambda_status=None, function_status=None)


def invocation(seq: int, **values: Any) -> Row:
    """That request's invocation."""
    return {"environment": "e1", "ended_at": START + timedelta(seconds=seq / 10, milliseconds=30),
            "lambda_request_id": f"l{seq}", "function": "Products", "version": "1", "duration_ms": 25.0, "billed_ms": 25,
            "memory_mb": 256, "initialization": "on-demand", "outcome": "ok", "attempt": 1, **values}


@pytest.fixture(scope="session")
def rows() -> SimpleNamespace:
    """The functions above."""
    return SimpleNamespace(request=request, access=access, alone=alone, invocation=invocation, start=START)


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Writes a run from rows by frame name; a frame that is not given was not collected."""
    def write(*, api: ApiSettings | None = None, slos: Sequence[str] = (), functions: Row | None = None,
              shards: int = 1, **frames: Sequence[Row]) -> Run:
        settings = {"Products": FunctionSettings(256), "Orders": FunctionSettings(256), **(functions or {})}
        deployment = Deployment({name: Function(name, alias="live") for name in settings},
                                {"Shop": Api("Shop", "rest", "prod")}, ROUTES)
        target = Target(deployment, {"rest": TargetApi("rest", "a1", "shop", "prod", "http://127.0.0.1:9")},
                        {name: TargetFunction(name, f"/aws/lambda/{name}") for name in settings})
        configuration = Configuration(api or ApiSettings("rest"), settings)
        write_record(Intent("s.py", 1, Constant(10, 1).to_dict(), target, configuration, Quotas(), tuple(slos)),
                     tmp_path / "intent.json")
        for name, rows in frames.items():
            folder = tmp_path / "requests/0" if name == "requests" else tmp_path / "collected" / SOURCES[name] / name
            for shard in range(shards if name == "requests" else 1):
                part = rows[shard::shards] if name == "requests" else rows
                write_shard(_table(part, name), folder / f"{shard:04d}.parquet", FRAMES[name])
        return Run(tmp_path)
    return write


def _table(rows: Sequence[Row], name: str) -> Any:
    import pyarrow as pa

    return pa.table({column: [row.get(column) for row in rows] for column in FRAMES[name].columns})
