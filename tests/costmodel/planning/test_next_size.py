from __future__ import annotations

import numpy as np
import pytest

from costmodel.performance.model import PerformanceModel
from costmodel.planning.comparison import compare
from costmodel.planning.next_size import NextSize, next_sizes
from costmodel.planning.plan import Comparison
from costmodel.pricing.price_book import PriceBook
from costmodel.workload import Demand, Workload
from loadgen.configuration import Configuration
from loadgen.shapes import Constant

BOOK = PriceBook.load("us-east-1")
MONTH = Workload({"GET /products": Demand(Constant(rps=20.0, duration_s=60.0))}, period_s=60.0).scaled(10_000_000)


def compared(model: PerformanceModel, today: Configuration, *sizes: int, requests: float = 10_000_000) -> Comparison:
    others = [today.with_functions(memory_mb=size) for size in sizes]
    return compare(model, MONTH.scaled(requests), others, BOOK, today=today, replications=2)


def test_the_size_is_the_model_s_and_dollars_are_what_it_may_save(model: PerformanceModel, today: Configuration) -> None:
    (found,) = compared(model, today, 512, 1024, 1769, 3008).next_sizes
    sizes = (256, 512, 1024, 1769, 3008)
    assert found.memory_mb == model.function("Products").duration.next_memory_mb("x86_64", sizes)
    assert (found.function, found.architecture) == ("Products", "x86_64")
    assert 0 <= found.saving_usd <= found.regret_usd


def test_what_is_worth_grows_with_the_traffic(model: PerformanceModel, today: Configuration) -> None:
    (some,) = compared(model, today, 512, 1024, 1769, requests=1_000_000).next_sizes
    (more,) = compared(model, today, 512, 1024, 1769).next_sizes
    assert some.regret_usd > 0
    assert more.regret_usd == pytest.approx(10 * some.regret_usd, rel=0.05)


def test_what_cannot_be_the_cheapest_is_worth_nothing(model: PerformanceModel, today: Configuration) -> None:
    """200 ms at 256 MB are 50 MB-s, 60 ms at 1,024 MB are 60: no duration at 10,240 MB is as cheap."""
    (found,) = compared(model, today, 1024, 10_240).next_sizes
    assert found.memory_mb == 10_240
    assert found.saving_usd == pytest.approx(0.0, abs=1e-6)


def test_where_all_was_measured_there_is_nothing_to_measure_next(model: PerformanceModel, today: Configuration) -> None:
    assert compared(model, today, 1024).next_sizes == ()


def test_an_architecture_that_was_not_measured_is_left_out(model: PerformanceModel, today: Configuration) -> None:
    comparison = compare(model, MONTH, [today.with_functions(architecture="arm64", memory_mb=512)], BOOK, today=today,
                         replications=2)
    assert comparison.next_sizes == ()


def test_the_saving_is_that_of_draws_by_hand(model: PerformanceModel, today: Configuration,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sizes, 10 USD known against 8 or 14 with even odds: 1 USD is saved by knowing, all of it by measuring."""
    draws = np.array([[10.0, 8.0], [10.0, 14.0]])
    monkeypatch.setattr("costmodel.planning.next_size._draws_usd", lambda *_: draws)
    (found,) = next_sizes(model, compared(model, today, 512).candidates)
    assert (found.saving_usd, found.regret_usd) == pytest.approx((1.0, 1.0))


def test_in_words_it_names_the_size_and_the_dollars() -> None:
    assert str(NextSize("F", "arm64", 512, 1.234, 2.0)) == (
        "measure next: F at 512 MB arm64: expected to save $1.23 of the $2.00 a month that choosing a size without it "
        "may cost")
    assert str(NextSize("F", "arm64", 512, 0.001, 0.004)) == "measure next: F at 512 MB arm64: worth less than a cent a month"
