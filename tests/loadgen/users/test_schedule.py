from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadgen.shapes import Constant, Ramp
from loadgen.users.schedule import Stream, arrival_random, draw

STREAMS = [Stream(Constant(40, 30), (3, 1)), Stream(Ramp(0, 20, 30), (1,))]


@given(st.integers(1, 9))
def test_the_shares_of_all_processes_make_the_whole_schedule(count: int) -> None:
    schedule = draw(STREAMS, seed=1)
    shares = [seq for index in range(count) for seq in schedule.share(index, count)]
    assert sorted(shares) == list(range(len(schedule)))


def test_the_same_seed_draws_the_same_schedule_and_another_seed_another() -> None:
    first, again, other = draw(STREAMS, 5), draw(STREAMS, 5), draw(STREAMS, 6)
    assert np.array_equal(first.at_s, again.at_s)
    assert np.array_equal(first.task, again.task)
    assert not np.array_equal(first.at_s[:50], other.at_s[:50])


def test_streams_are_merged_by_time_and_keep_their_own_rates() -> None:
    schedule = draw(STREAMS, 2)
    assert np.all(np.diff(schedule.at_s) >= 0)
    counts = np.bincount(schedule.stream)
    assert abs(counts[0] - 1200) < 5 * 1200**0.5
    assert abs(counts[1] - 300) < 5 * 300**0.5


def test_tasks_are_chosen_by_weight() -> None:
    schedule = draw(STREAMS, 3)
    share = np.mean(schedule.task[schedule.stream == 0] == 0)
    assert abs(share - 0.75) < 5 * (0.75 * 0.25 / 1200) ** 0.5


def test_an_arrival_draws_the_same_whoever_sends_it() -> None:
    assert arrival_random(1, 17).random() == arrival_random(1, 17).random()
    assert len({arrival_random(1, seq).random() for seq in range(100)}) == 100
