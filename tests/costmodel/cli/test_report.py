from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from costmodel.cli import app

Fitted = Any


def test_a_report_is_written_with_the_plan_that_optimise_would_print(fitted: Fitted, tmp_path: Path) -> None:
    path = tmp_path / "plan.html"
    common = [*fitted.arguments, "--memory", "256,512,1024", "--slo", "p95 < 200 ms", "--json"]
    told = json.loads(CliRunner().invoke(app, ["report", *common, "-o", str(path)], catch_exceptions=False).stdout)
    plan = json.loads(CliRunner().invoke(app, ["optimise", *common], catch_exceptions=False).stdout)
    assert told == {"report": str(path), **plan}
    assert plan["choice"] in path.read_text(encoding="utf-8")
