"""Minutes that bursts do not explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from costmodel.traffic import Counts, fit_traffic
from costmodel.traffic.surges import Surges

Minutes = Callable[..., Counts]
MONDAY_S = 20_003 * 86_400.0


def test_a_schedule_at_the_full_hour_is_in_the_busiest_minute(minutes: Minutes) -> None:
    def scheduled(days: int, seed: int) -> Any:
        counts = minutes(days, weekly=np.ones(7), day_spread=0.05, seed=seed).requests
        counts[::60] = np.random.default_rng(seed).poisson(6 * counts[1::60])
        return counts

    fitted = fit_traffic(Counts(MONDAY_S, 60.0, scheduled(7, 1)))
    assert fitted.surges.profile[0] == pytest.approx(6, rel=0.1) and set(fitted.surges.profile[1:]) == {1.0}
    assert fitted.surges.dispersion == pytest.approx(0.05, abs=0.01)
    peak = fitted.peak_minute(months=100)
    assert peak.low < np.median([scheduled(30, seed).max() for seed in range(2, 9)]) < peak.high


def test_surges_return_as_often_and_as_high_as_they_were_seen(minutes: Minutes) -> None:
    def stormy(days: int, seed: int) -> Any:
        counts, rng = minutes(days, weekly=np.ones(7), seed=seed).requests, np.random.default_rng(seed)
        for at in rng.integers(0, counts.size - 10, days // 2):
            counts[at:at + 10] *= 8
        return counts

    fitted = fit_traffic(Counts(MONDAY_S, 60.0, stormy(14, 1)))
    assert 7 <= len(fitted.surges.requests) <= 14, "some of the seven go over a full hour"
    assert any("beyond what bursts explain" in note for note in fitted.notes)
    peak = fitted.peak_minute(months=200)
    highest = [stormy(30, seed).max() for seed in range(2, 12)]
    assert sum(peak.low <= each <= peak.high for each in highest) >= 7
    assert fit_traffic(minutes(14)).surges.requests == ()


def test_the_highest_surge_of_a_month_is_none_where_none_was_seen_and_scales_with_the_level() -> None:
    level = np.array([1.0, 2.0, 0.0])
    assert Surges((), 336, 0.3, (1.0,) * 60, 0.0).highest(np.random.default_rng(1), level).tolist() == [0, 0, 0]
    often = Surges((500.0,) * 300, 336, 0.0, (1.0,) * 60, 0.0)
    assert often.highest(np.random.default_rng(1), level).tolist() == [500, 1000, 0]
