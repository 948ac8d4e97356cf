"""The fixed-TTL hit ratio against values computed beforehand for Zipf popularity."""

from __future__ import annotations

import numpy as np
import pytest

from costmodel.errors import InputError
from costmodel.prediction.caching import fixed_ttl_hit_ratio


@pytest.mark.parametrize(("zipf", "keys", "rate", "ttl_s", "hit"), [
    (1.0, 1000, 50, 60, 0.83294), (1.0, 1000, 50, 300, 0.94593), (0.8, 1000, 5, 300, 0.69660), (1.0, 100, 10, 300, 0.96928)])
def test_the_hit_ratio_gives_the_printed_digits(zipf: float, keys: int, rate: float, ttl_s: float, hit: float) -> None:
    weights = 1 / np.arange(1, keys + 1) ** zipf
    assert fixed_ttl_hit_ratio(rate * weights / weights.sum(), ttl_s) == pytest.approx(hit, abs=5e-6)


def test_without_a_ttl_nothing_hits() -> None:
    assert fixed_ttl_hit_ratio([1.0, 2.0], 0.0) == 0.0


@pytest.mark.parametrize(("rates", "ttl_s"), [([], 1.0), ([0.0], 1.0), ([-1.0, 2.0], 1.0), ([1.0], -1.0), ([1.0], float("nan"))])
def test_outside_its_range_it_refuses(rates: list[float], ttl_s: float) -> None:
    with pytest.raises(InputError, match="fixed_ttl_hit_ratio"):
        fixed_ttl_hit_ratio(rates, ttl_s)
