"""A run predicted again beside what was measured; on a real run in tests/pipeline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from costmodel.accuracy import Check, check
from costmodel.errors import InsufficientDataError
from costmodel.performance.model import PerformanceModel
from costmodel.pricing.price_book import PriceBook
from loadgen.measurements.run import Finished, Run, write_record

Fitted = Any
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("unit", "predicted", "measured", "error", "difference"), [
    ("ms", 110.0, 100.0, 0.1, "+10.0%"),
    ("ms", 110.0, 0.0, None, "+110.00 ms"),
    ("%", 1.5, 2.0, -0.25, "-0.50 points"),
    ("%", 0.0, 0.0, None, "+0.00 points"),
    ("USD/M", None, 3.0, None, "unknown"),
    ("USD/M", 3.0, None, None, "unknown"),
])
def test_a_difference_is_relative_except_for_shares_and_where_nothing_was_measured(
        unit: str, predicted: float | None, measured: float | None, error: float | None, difference: str) -> None:
    found = Check("REST 512 MB", "p95", unit, predicted, measured)
    assert found.error == (None if error is None else pytest.approx(error))
    assert found.difference == difference


def test_a_run_is_checked_by_bill_latency_cold_starts_and_throttles(fitted: Fitted) -> None:
    checks = check(Run(fitted.today), PerformanceModel.load(fitted.model), PriceBook.load("us-east-1"), replications=2)
    by_metric = {each.metric: each for each in checks}
    assert list(by_metric) == ["bill", "p50", "p95", "cold", "throttled"]
    assert {each.label for each in checks} == {"REST 1024 MB"}
    assert by_metric["throttled"].predicted == 0.0
    assert by_metric["cold"].measured == pytest.approx(100 * 10 / 300)
    assert abs(by_metric["bill"].error) < 0.05 and abs(by_metric["p50"].error) < 0.1


def test_a_saturated_run_checks_nothing(fitted: Fitted) -> None:
    """Its latencies are the load generator's."""
    ended = Finished(True, "completed", START, START, 300, 300, saturated=True)
    write_record(ended, fitted.today / "finished.json")
    with pytest.raises(InsufficientDataError, match=r"saturated: .* check against another run"):
        check(Run(fitted.today), PerformanceModel.load(fitted.model), PriceBook.load("us-east-1"))
