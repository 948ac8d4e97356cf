from pathlib import Path

import numpy as np
import pytest

from costmodel.validation.document import write_document
from costmodel.validation.figures import Measurement
from costmodel.validation.lifetimes import Predicted
from costmodel.validation.memory import Scores, Unmeasured

PAGE = Path(__file__).parents[3] / "docs" / "accuracy.md"


def predicted_sizes() -> Unmeasured:
    """Four sizes between the measured ones, one beyond them."""
    inside = np.array([True, True, True, True, False])
    errors = np.array([0.01, -0.03, 0.02, 0.02, -0.02])
    return Unmeasured(inside, np.array([True, True, True, False, True]), inside, errors, 2 * errors, 5 * errors)


@pytest.fixture
def measurement() -> Measurement:
    """Stated results in place of measured ones."""
    made = Measurement(1)
    case = [Predicted("0.1/s", figure, 100.0, 95.0, 90.0, 110.0) for figure in ("cold", "instances")]
    vars(made).update({
        "three": Scores(0.03, 0.016), "five": Scores(0.026, 0.013), "power_tuning": Scores(None, 0.02),
        "cross_validated_three": Scores(0.031, 0.017), "unmeasured": {3: predicted_sizes()},
        "exponential_three": Scores(0.08, 0.035), "exponential_five": Scores(0.07, 0.031),
        "sweep_2025": [("cpu-intensive", -0.04, True), ("memory-intensive", 0.06, False)],
        "lifetimes": case, "rows": case, "runs": case, "constant_rows": case, "constant_runs": case,
    })
    return made


def test_the_figures_have_the_names_that_are_asked_for(measurement: Measurement) -> None:
    figures = measurement.figures()
    assert figures["memory_mape_2020"] == pytest.approx(3.0)
    assert figures["memory_mape_2025"] == pytest.approx(5.0)
    assert figures["interval_coverage"] == pytest.approx(100.0)
    assert {"size_regret_3", "size_regret_5", "cold_mape_2020", "instances_mape_2020", "cold_count_mape_runs",
            "instances_mape_runs"} <= figures.keys()


def test_the_page_puts_ours_beside_the_others(measurement: Measurement) -> None:
    page = write_document(measurement)
    assert "| this model | 3.0% | 2.6% | 1.6% | 1.3% |" in page
    assert "| single exponential | 8.0% | 7.0% | 3.5% | 3.1% |" in page
    assert "| SimFaaS, as published (twenty rows) | 12.2% | 3.0% |  |  |" in page
    assert "| cold starts of the ten rows | 1 | 100.0% |" in page
    assert "| this model, one form chosen by cross-validation | 3.1% |  | 1.7% |  |" in page
    assert "| from 3 sizes | 2.0% | 4.0% | 10.0% |" in page
    assert "| mean duration, and cost between 3 sizes | 4 | 75.0% |" in page
    assert "| p50 beyond 3 sizes | 1 | 0.0% |" in page
    assert "| 0.1/s | cold | 100 | 95 | 90 to 110 |" in page


def test_the_page_says_what_of_the_lifetime_law_its_own_runs_have_seen(measurement: Measurement) -> None:
    assert "the 90 s after which an environment counts as spare, were chosen with all six at hand" in write_document(measurement)


def test_the_page_in_the_docs_has_this_form(measurement: Measurement) -> None:
    def titles(page: str) -> list[str]:
        return [line for line in page.splitlines() if line.startswith("#") or "---" in line]

    assert titles(PAGE.read_text(encoding="utf-8")) == titles(write_document(measurement))
