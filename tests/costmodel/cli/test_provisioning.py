from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.cli.provisioning import schedule_of, tracking_of
from costmodel.errors import InputError
from loadgen.configuration import FunctionSettings

Build = Callable[..., Any]
Fitted = Any
MINUTES = 1440


@pytest.fixture
def window(build_window: Build) -> str:
    """Two days of production at 1,024 MB: an order and ten products a minute."""
    rng, built = np.random.default_rng(3), build_window({name: FunctionSettings(1024) for name in ("Products", "Orders")}, days=2)
    listed, asked = (rng.poisson(mean, 2 * MINUTES).astype(float) for mean in (10.0, 1.0))
    built.api("rest", "Count", *(asked + listed))
    built.ran("Orders", *asked, mean_ms=30.0)
    built.ran("Products", *listed, mean_ms=20.0)
    return str(built.write().path)


def test_a_schedule_s_times_follow_the_hours_that_are_simulated() -> None:
    schedule = schedule_of("20:00=0, 8:30=10", 300.0)
    assert schedule.changes == ((8.5 * 300, 10), (20 * 300.0, 0)) and schedule.every_s == 24 * 300
    assert (schedule.allocation.delay_s, schedule.allocation.environments_per_s) == (pytest.approx(7.5), pytest.approx(1200))


def test_target_tracking_is_minimum_maximum_and_utilisation() -> None:
    for text in ("2-20@70", "2-20@70%"):
        tracking = tracking_of(text)
        assert (tracking.least, tracking.most, tracking.target) == (2, 20, pytest.approx(0.7))


@pytest.mark.parametrize("text", ["", "8=10", "24:00=1", "08:60=1", "08:00=-1", "08:00=1,", "08:00=1.5", "08:00", "nan"])
def test_a_schedule_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--schedule = .*: give times of day and environments, as 08:00=10,20:00=0"):
        schedule_of(text, 3600.0)


def test_a_time_of_day_is_given_once() -> None:
    with pytest.raises(InputError, match="give each time of day once"):
        schedule_of("08:00=1,8:00=2", 3600.0)


@pytest.mark.parametrize("text", ["", "2-20", "2@70", "-1-2@70", "2-20@", "20-2@70", "0-2@70", "2-20@95", "2-20@nan", "1-2-3@70"])
def test_target_tracking_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--target-tracking = "):
        tracking_of(text)


def test_a_run_has_no_time_of_day(fitted: Fitted) -> None:
    error = _predicted(fitted, str(fitted.today), "--schedule", "08:00=2,20:00=0").exception
    assert isinstance(error, InputError) and "a run's traffic has no time of day" in str(error)


def test_a_short_run_does_not_show_target_tracking(fitted: Fitted) -> None:
    error = _predicted(fitted, str(fitted.today), "--target-tracking", "1-2@70").exception
    assert isinstance(error, InputError) and "target tracking" in str(error)


@pytest.mark.parametrize("others", [("--provisioned", "2"), ("--target-tracking", "1-2@70")])
def test_one_way_of_provisioning_is_given(fitted: Fitted, others: tuple[str, ...]) -> None:
    error = _predicted(fitted, str(fitted.today), "--schedule", "08:00=2", *others).exception
    assert isinstance(error, InputError) and "give one of them" in str(error)


def test_a_schedule_is_predicted_with_its_mean_environments_and_the_bill_s(fitted: Fitted, window: str) -> None:
    """Four of the 24 hours with 6 environments: 1 on average, of the function that has an alias."""
    result = _predicted(fitted, window, "--schedule", "08:00=6,12:00=0", "--json")
    found, = json.loads(result.stdout)
    assert found["provisioned"] == {"Products": pytest.approx(1.0), "Orders": 0.0}
    assert any("Provisioned concurrency of Products changes by schedule 08:00=6,12:00=0 (UTC)" in line
               for line in found["assumptions"])


def test_target_tracking_stays_between_its_ends_and_the_table_has_the_mean(fitted: Fitted, window: str) -> None:
    result = _predicted(fitted, window, "--target-tracking", "2-5@70")
    header, row = result.stdout.splitlines()[:2]
    assert header.split()[-1] == "provisioned" and row.startswith("REST 1024 MB Products:pc2 ")
    assert row.split()[-1] == "2.0"


def test_more_than_the_account_has_is_refused(fitted: Fitted, window: str) -> None:
    error = _predicted(fitted, window, "--target-tracking", "2-5000@70").exception
    assert isinstance(error, InputError) and "up to 5000 environments, and AWS lets it have" in str(error)


def test_without_an_alias_there_is_nothing_to_provision() -> None:
    from costmodel.cli.provisioning import read_scaling
    from loadgen.deployment import Api, Deployment, Function, Route

    deployment = Deployment({"F": Function("F")}, {"Rest": Api("Rest", "rest", "prod")}, (Route("Rest", "GET", "/f", "F"),))
    asked: Any = SimpleNamespace(model=SimpleNamespace(deployment=deployment), workload=SimpleNamespace(demands={"GET /f": None}),
                                 configurations=[SimpleNamespace(api=SimpleNamespace(kind="rest"))])
    with pytest.raises(InputError, match="it needs an alias"):
        read_scaling(asked, None, "1-2@70")


def _predicted(fitted: Fitted, source: str, *options: str) -> Any:
    return CliRunner().invoke(app, ["predict", str(fitted.model), "--run", source, "--replications", "1", *options])
