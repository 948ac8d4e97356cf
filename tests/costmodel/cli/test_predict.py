from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.cli.predict import prediction_document
from costmodel.errors import InputError
from costmodel.performance.model import PerformanceModel
from costmodel.prediction.predictor import predict
from costmodel.workload import Workload
from loadgen.configuration import FunctionSettings
from loadgen.measurements.run import Finished, Run, write_record

Build = Callable[..., Any]
Fitted = Any


def test_predictions_of_the_asked_configurations_with_intervals_and_caveats(fitted: Fitted) -> None:
    arguments = ["predict", *fitted.arguments, "--memory", "512,1024,2048", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    assert [each["configuration"] for each in found] == ["REST 512 MB", "REST 1024 MB", "REST 2048 MB"]
    small, measured, large = found
    assert small["latency"]["all"]["p50_ms"] > measured["latency"]["all"]["p50_ms"] > 60
    assert measured["intervals"]["p95_ms"]["low"] <= measured["latency"]["all"]["p95_ms"]
    assert any("2048 MB is extrapolated" in caveat for caveat in large["caveats"])


def test_the_table_has_no_price(fitted: Fitted) -> None:
    output = CliRunner().invoke(app, ["predict", *fitted.arguments, "--memory", "2048"], catch_exceptions=False).stdout
    assert output.splitlines()[0].split()[:3] == ["configuration", "p50", "ms"]
    assert "REST 2048 MB" in output and "extrapolated" in output and "$" not in output


def test_of_the_sizes_asked_for_it_says_which_to_measure_next(fitted: Fitted) -> None:
    output = CliRunner().invoke(app, ["predict", *fitted.arguments, "--memory", "1024,2048"], catch_exceptions=False).stdout
    assert "measure next: Products at 2048 MB x86_64" in output
    measured = CliRunner().invoke(app, ["predict", *fitted.arguments, "--memory", "1024"], catch_exceptions=False).stdout
    assert "measure next" not in measured


def test_what_no_option_sets_is_as_it_is_today(fitted: Fitted, build_run: Build) -> None:
    """Memory, reserved and provisioned concurrency, log level, cache and throttle: what the run met, not the template's."""
    today = {"Products": FunctionSettings(1024, provisioned=1, log_level="WARN"), "Orders": FunctionSettings(1024, reserved=9)}
    run = _filled(build_run(today, name="limited", cache_gb=0.5, throttle_rps=50.0, throttle_burst=20))
    configuration = run.intent.configuration
    found, smaller = _predicted(fitted, run)[0], _predicted(fitted, run, "--memory", "512", "--cache", "none")[0]
    assert found["configuration"] == configuration.label
    assert smaller["configuration"] == configuration.with_functions(memory_mb=512).with_api(cache_gb=None).label
    assert _predicted(fitted, run, "--provisioned", "0")[0]["configuration"] == configuration.with_functions(provisioned=0).label


def test_a_run_of_another_deployment_is_refused(fitted: Fitted, build_run: Build) -> None:
    other = _filled(build_run({"Products": FunctionSettings(1024)}, name="other"))
    error = CliRunner().invoke(app, ["predict", str(fitted.model), "--run", str(other.path)]).exception
    assert isinstance(error, InputError)
    assert "of another deployment than the model's (its functions: Products; the model's: Orders, Products)" in str(error)


def test_what_was_assumed_and_left_out_is_said(fitted: Fitted) -> None:
    found = _predicted(fitted, Run(fitted.today), "--provisioned", "0,2")[0]["assumptions"]
    for said in ("Orders has no alias", "A month is 730 h", "The period follows itself", "Simulated 2 times (seed 0)",
                 "environment lifetime is not fitted", "has not finished, or was killed"):
        assert any(said in line for line in found), said


@pytest.mark.parametrize(("ending", "said"), [
    ({"complete": False, "reason": "interrupted"}, "the run ended early (interrupted)"),
    ({"complete": True, "reason": "completed", "saturated": True}, "saturated: the load generator could not keep up"),
    ({"complete": True, "reason": "completed"}, None),
])
def test_how_the_run_ended_is_said_where_it_matters(fitted: Fitted, ending: dict[str, Any], said: str | None) -> None:
    run = Run(fitted.today)
    start = run.frame("requests", ["scheduled_at"])["scheduled_at"].min().to_pydatetime()
    write_record(Finished(started_at=start, ended_at=start + timedelta(seconds=36), scheduled=300, rows=300, **ending),
                 run.path / "finished.json")
    lines = [line for line in _predicted(fitted, run)[0]["assumptions"] if str(run.path) in line]
    assert [said in line for line in lines] == ([] if said is None else [True])


def test_one_simulation_has_no_intervals_and_says_so(fitted: Fitted) -> None:
    arguments = ["predict", str(fitted.model), "--run", str(fitted.today), "--replications", "1"]
    output = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert output.splitlines()[1].split().count("unknown") == 2
    assert "Simulated once (seed 0)" in output


def test_a_negative_seed_is_wrong_use(fitted: Fitted) -> None:
    assert CliRunner().invoke(app, ["predict", *fitted.arguments, "--seed", "-1"]).exit_code == 2


def test_more_provisioned_than_every_configuration_s_reserve_is_refused(fitted: Fitted, build_run: Build) -> None:
    today = {"Products": FunctionSettings(1024, reserved=3), "Orders": FunctionSettings(1024)}
    run = _filled(build_run(today, name="reserved"))
    error = CliRunner().invoke(app, ["predict", str(fitted.model), "--run", str(run.path), "--provisioned", "9"]).exception
    assert isinstance(error, InputError) and str(error).startswith("--provisioned = '9': more than")


def test_what_nothing_was_counted_for_is_null_and_unknown(fitted: Fitted) -> None:
    """Every request is thrown back: no latency, no cold start."""
    run = Run(fitted.today)
    closed = run.intent.configuration.with_api(throttle_rps=0.0, throttle_burst=0)
    nothing = predict(PerformanceModel.load(fitted.model), Workload.from_run(run), closed, replications=2)
    text = json.dumps(prediction_document(nothing), allow_nan=False)
    assert json.loads(text)["cold_share"] is None and json.loads(text)["latency"]["all"]["p95_ms"] is None
    write_record(replace(run.intent, configuration=closed), run.path / "intent.json")
    row = CliRunner().invoke(app, ["predict", *fitted.arguments], catch_exceptions=False).stdout.splitlines()[1]
    assert "nan" not in row and row.split().count("unknown") == 6 and "100.00%" in row


def _filled(builder: Any) -> Run:
    for n in range(40):
        builder.request(("POST /orders", "GET /products")[n % 2], at_s=n * 0.5)
    builder.write()
    run: Run = builder.run
    return run


def _predicted(fitted: Fitted, run: Run, *options: str) -> list[dict[str, Any]]:
    arguments = ["predict", str(fitted.model), "--run", str(run.path), "--replications", "2", "--json", *options]
    found: list[dict[str, Any]] = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    return found
