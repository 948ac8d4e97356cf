from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.cli.sources import priced, read_source, started_at
from costmodel.errors import InputError


@pytest.fixture
def run(build_run: Callable[..., Any]) -> Path:
    """Ten requests of a REST API, 10 ms each at 1,024 MB arm64."""
    built = build_run()
    for second in range(10):
        built.report(built.request(at_s=float(second)))
    built.write()
    path: Path = built.run.path
    return path


def invoke(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).output


def test_a_run_is_read_in_its_own_region_or_another(run: Path) -> None:
    assert read_source(run).activity.region == "us-east-1"
    assert read_source(run, region="eu-west-1").activity.region == "eu-west-1"
    assert priced(read_source(run)).requests == 10


def test_a_run_began_with_its_first_request(run: Path) -> None:
    assert started_at(run, None) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert started_at(run, "2026-10-01T02:00:00+02:00") == datetime(2026, 10, 1, tzinfo=UTC)


def test_the_export_of_a_run_reconciles_to_nothing(run: Path, tmp_path: Path) -> None:
    invoke("export", str(run), "-o", str(tmp_path / "bill.csv"))
    shown = json.loads(invoke("reconcile", str(run), "--cur", str(tmp_path / "bill.csv"), "--json"))
    assert len(shown["items"]) >= 4 and all(item["difference_usd"] == 0 for item in shown["items"])


def test_a_run_s_infracost_usage_is_of_a_month(run: Path, tmp_path: Path) -> None:
    invoke("export", str(run), "-o", str(tmp_path / "usage.yml"))
    text = (tmp_path / "usage.yml").read_text(encoding="utf-8")
    assert "aws_lambda_function.Products" in text and "monthly_requests: 730000" in text


def test_break_even_takes_its_request_from_a_run(run: Path) -> None:
    shown = json.loads(invoke("breakeven", "arm64", "--run", str(run), "--arm-run", str(run), "--json"))
    request = shown["case"]["request"]
    assert (request["billed_ms"], request["memory_mb"], request["architecture"]) == (pytest.approx(10.0), 1024, "arm64")
    assert shown["case"]["slowdown"] == 1.0


def test_a_file_that_is_nothing_of_this_is_refused(tmp_path: Path) -> None:
    (tmp_path / "usage.toml").write_text("region = 5", encoding="utf-8")
    with pytest.raises(InputError, match="region = 5"):
        read_source(tmp_path / "usage.toml")
    with pytest.raises(InputError, match="--start = 'soon'"):
        started_at(tmp_path, "soon")
