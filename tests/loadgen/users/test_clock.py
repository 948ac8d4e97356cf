from __future__ import annotations

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from loadgen.users.clock import ClockOffset

EPOCH = 1_790_000_000.0


@given(st.floats(-100, 100), st.integers(0, 1000))
def test_the_true_offset_lies_within_the_bounds_and_many_answers_narrow_them(offset_s: float, seed: int) -> None:
    clock = ClockOffset()
    for number in range(400):
        sent_at = EPOCH + number * 0.0937 + seed * 0.001
        answered_at = sent_at + 0.010
        clock.see(formatdate(int(answered_at + offset_s), usegmt=True), sent_at, sent_at + 0.020)
    assert clock.low - 1e-6 <= offset_s <= clock.high + 1e-6
    assert clock.high - clock.low < 0.3


def test_without_a_date_the_offset_is_unknown() -> None:
    clock = ClockOffset()
    clock.see(None, 0, 1)
    clock.see("yesterday", 0, 1)
    assert clock.offset_ms is None
