import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InsufficientDataError
from costmodel.performance.model import PerformanceModel


@pytest.fixture
def collected(build_run) -> Path:
    builder = build_run()
    for number in range(40):
        builder.report(builder.request(), outcome="ok", init_ms=None if number else 100.0)
        builder.rows["requests"][-1]["latency_ms"] = 15.0
    builder.write()
    return builder.run.path


def test_fit_writes_the_model_and_tells_what_was_fitted(collected: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.json"
    result = CliRunner().invoke(app, ["fit", str(collected), "-o", str(output)])
    assert result.exit_code == 0
    assert "Products 1024 MB arm64 39 9.5 9.5 9.5 one size 100 1 0.00%" in " ".join(result.stdout.split())
    assert "lifetime is not fitted" in result.stdout
    assert PerformanceModel.load(output).functions.keys() == {"Products"}


def test_json_has_the_same_figures_for_machines(collected: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["fit", str(collected), "-o", str(tmp_path / "m.json"), "--json"])
    found = json.loads(result.stdout)
    (size,) = found["functions"]["Products"]["sizes"]
    assert (size["memory_mb"], size["n"], size["mean_ms"]) == (1024, 39, 9.5)
    assert found["functions"]["Products"]["cold_starts"] == {"arm64": 1}


def test_too_little_measured_fails_and_writes_nothing(build_run, tmp_path: Path) -> None:
    builder = build_run()
    builder.report(builder.request(), outcome="ok")
    builder.write()
    result = CliRunner().invoke(app, ["fit", str(builder.run.path), "-o", str(tmp_path / "m.json")])
    assert isinstance(result.exception, InsufficientDataError)
    assert not (tmp_path / "m.json").exists()
