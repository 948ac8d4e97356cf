import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InsufficientDataError
from costmodel.performance.model import PerformanceModel
from loadgen.errors import LoadgenError, RunError
from loadgen.measurements.production import ASKED
from loadgen.measurements.run import Finished, write_record


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


def test_two_sizes_are_enough_to_say_which_to_measure_next(fitted, tmp_path: Path) -> None:
    runs = [str(fitted.today.parent / f"run-{memory_mb}") for memory_mb in (256, 1024)]
    out = " ".join(CliRunner().invoke(app, ["fit", *runs, "-o", str(tmp_path / "m.json")], catch_exceptions=False).stdout.split())
    (asked,) = re.findall(r"measure next: Products at (\d+) MB x86_64", out)
    assert int(asked) in {128, 512, 1769, 3008, 5120, 10240}
    assert "environments: gone after 319 s idle or at an age of 6,7" in out


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


SAID = {
    "all_failed": "Products: all 40 invocations failed: mend it and run again",
    "too_few": "Products: 5 warm invocations at 1024 MB arm64: 20 at one memory size are needed: run longer or faster",
    "no_invocation": "no invocation in any run: check that the runs were collected (`loadgen collect`)",
    "no_log_lines": "no invocations: run `loadgen collect` on it first",
    "saturated": "saturated: the load generator could not keep up",
}


@pytest.mark.parametrize("case", SAID)
def test_what_cannot_be_fitted_is_one_line_with_what_is_needed(build_run, tmp_path: Path, case: str) -> None:
    builder = build_run()
    for number in range(6 if case == "too_few" else 40):
        request_id = builder.request()
        if case != "no_invocation":
            builder.report(request_id, outcome="error" if case == "all_failed" else "ok", init_ms=None if number else 100.0)
    builder.write()
    if case == "no_log_lines":
        for shard in builder.run.shards("invocations"):
            shard.unlink()
    if case == "saturated":
        now = datetime(2026, 11, 24, tzinfo=UTC)
        write_record(Finished(True, "completed", now, now, 40, 40, saturated=True), builder.run.path / "finished.json")
    result = CliRunner().invoke(app, ["fit", str(builder.run.path), "-o", str(tmp_path / "m.json")])
    assert isinstance(result.exception, LoadgenError)
    assert result.exception.exit_code == 1
    assert SAID[case] in str(result.exception) and "\n" not in str(result.exception)
    assert not (tmp_path / "m.json").exists()


def test_a_run_without_a_cold_start_is_fitted_and_its_init_is_a_labelled_prior(build_run, tmp_path: Path) -> None:
    builder = build_run()
    for _ in range(40):
        builder.report(builder.request(), outcome="ok")
    builder.write()
    model = tmp_path / "m.json"
    out = CliRunner().invoke(app, ["fit", str(builder.run.path), "-o", str(model)], catch_exceptions=False).stdout
    assert "one size unknown 0 0.00%" in " ".join(out.split())
    init = PerformanceModel.load(model).functions["Products"].init
    assert "no cold start was measured: init time is a prior, a hello-world's" in next(iter(init.caveats("arm64")))


def test_a_window_that_tells_no_lifetime_is_refused_before_anything_is_written(collected: Path, tmp_path: Path) -> None:
    arguments = ["fit", str(collected), "--lifetime", str(tmp_path), "-o", str(tmp_path / "m.json")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, RunError)
    assert not (tmp_path / "m.json").exists()


def test_a_window_in_a_runs_place_is_refused_with_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / ASKED).write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(app, ["fit", str(tmp_path), "-o", str(tmp_path / "m.json")])
    assert "a window of production, not a run: give it as --lifetime" in str(result.exception)
