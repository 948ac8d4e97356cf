from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from loadgen.users.popularity import Zipf


@given(st.integers(1, 1000), st.floats(0, 2), st.integers())
def test_keys_lie_between_one_and_their_number(keys: int, exponent: float, seed: int) -> None:
    assert 1 <= Zipf(keys, exponent).draw(Random(seed)) <= keys


def test_the_kth_key_is_asked_for_in_proportion_to_its_rank() -> None:
    random, zipf = Random(4), Zipf(keys=50, exponent=1.0)
    counts = Counter(zipf.draw(random) for _ in range(40_000))
    harmonic = sum(1 / rank for rank in range(1, 51))
    for rank in (1, 2, 5, 20):
        share = 1 / rank / harmonic
        assert abs(counts[rank] / 40_000 - share) < 5 * (share / 40_000) ** 0.5
