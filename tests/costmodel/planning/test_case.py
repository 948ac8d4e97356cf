from __future__ import annotations

import pytest

from costmodel.activity import Activity, FunctionTally, RouteTally
from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.model import PerformanceModel
from costmodel.performance.priors import duration_ratio
from costmodel.planning.case import Case, Request, fitted_slowdown, mean_request


def test_a_mean_request_is_that_of_the_activity() -> None:
    tallies = (
        RouteTally("http", "GET /", 1000.0, response_bytes=4e6),
        FunctionTally("F", "GET /", "arm64", 512, 900.0, cold_starts=9.0, gb_s=900 * 0.05 + 9 * 0.2, init_gb_s=9 * 0.2,
                      log_bytes=90_000.0))
    mean = mean_request(Activity("us-east-1", 1.0, tallies, "measured"))
    assert (mean.memory_mb, mean.architecture) == (512, "arm64")
    assert mean.billed_ms == pytest.approx(100.0)
    assert (mean.response_bytes, mean.log_bytes, mean.cold_share) == (4000.0, 100.0, 0.01)
    assert mean.init_ms == pytest.approx(400.0)
    assert mean.gb_s == pytest.approx(0.05 + 0.01 * 0.2)


def test_without_an_invocation_there_is_no_mean() -> None:
    with pytest.raises(InsufficientDataError, match="nothing was invoked"):
        mean_request(Activity("us-east-1", 1.0, (), "measured"))


@pytest.mark.parametrize(("field", "value"), [
    ("billed_ms", 0.0), ("memory_mb", 64), ("architecture", "sparc"), ("cold_share", 1.5), ("response_bytes", -1.0),
    ("log_bytes", float("nan")), ("billed_ms", 900_001.0), ("request_bytes", 2e7), ("response_bytes", 7e6)])
def test_a_request_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{field} = {value}: give"):
        Request(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("field", "value"), [
    ("hit_ratio", 2.0), ("utilisation", 0.0), ("slowdown", -1.0), ("environments", 0), ("requests_per_month", -1.0),
    ("savings_plan_years", 2), ("cache_gb", 3.0), ("hours", 745.0), ("task_vcpus", 3.0), ("task_gb", 100.0)])
def test_a_case_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{field} = {value}: give"):
        Case(**{field: value})  # type: ignore[arg-type]


def test_the_slowdown_of_a_model_is_its_mean_billed_durations_with_what_was_not_measured(model: PerformanceModel) -> None:
    slowdown, caveats = fitted_slowdown(model.functions["Products"], 1024)
    ratio = duration_ratio(model.deployment.functions["Products"].runtime).to("arm64").mean
    assert slowdown == pytest.approx(ratio, rel=0.02)
    assert any("arm64" in caveat for caveat in caveats)
