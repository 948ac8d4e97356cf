"""What was before, on disk before the first change."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.deployment import Deployment
from loadgen.errors import InputError, RunError
from loadgen.journal import FunctionState, HttpStageState, Journal, RestStageState
from loadgen.target import Target

TARGET = Target(Deployment({}, {}, ()), {}, {}, "eu-west-1", "http://127.0.0.1:9")
BEFORE = FunctionState("f", {"MemorySize": 128, "Description": ""}, None, "live", "3", {"2": 0.1}, 4)
STAGE = RestStageState("abc", "prod", True, {"*/*": {"cachingEnabled": False, "throttlingRateLimit": 10.0}}, "0.5")
BARE = RestStageState("bare", "prod", False, {})
HTTP = HttpStageState("def", "$default", {"DetailedMetricsEnabled": False}, {"GET /a": {"ThrottlingRateLimit": 3.0}})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path)
    journal.begin(TARGET)
    return journal


def test_states_come_back_as_they_were_recorded(journal: Journal) -> None:
    for state in (BEFORE, STAGE, BARE, HTTP):
        journal.record(state)
    again = Journal(journal.path)
    assert again.before == (BEFORE, STAGE, BARE, HTTP)
    assert again.target == TARGET


def test_the_first_state_of_a_resource_counts(journal: Journal) -> None:
    journal.record(BEFORE)
    journal.record(FunctionState("f", {"MemorySize": 256}))
    assert journal.before == (BEFORE,)


def test_after_a_restore_the_next_state_counts(journal: Journal) -> None:
    changed = FunctionState("f", {"MemorySize": 256})
    journal.record(BEFORE)
    journal.complete()
    assert journal.before == ()
    journal.record(changed)
    assert journal.before == (changed,)


def test_the_marker_stays_the_same_for_a_journal_and_differs_between_journals(journal: Journal, tmp_path: Path) -> None:
    assert journal.begin(TARGET) == Journal(journal.path).begin(TARGET)
    assert journal.begin(TARGET) != Journal(tmp_path / "other.jsonl").begin(TARGET)


def test_a_journal_cut_anywhere_keeps_its_whole_lines(journal: Journal, tmp_path: Path) -> None:
    journal.record(BEFORE)
    journal.record(STAGE)
    data = journal.path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(data) if byte == ord("\n")]
    for length in range(0, len(data) + 1, 7):
        cut = tmp_path / "cut.jsonl"
        cut.write_bytes(data[:length])
        whole = sum(end <= length for end in ends)
        assert Journal(cut).before == (BEFORE, STAGE)[:max(whole - 1, 0)]


def test_what_is_recorded_after_a_cut_is_read_back(journal: Journal) -> None:
    journal.record(BEFORE)
    journal.path.write_bytes(journal.path.read_bytes()[:-5])
    journal.record(STAGE)
    assert journal.before == (STAGE,)


def test_an_empty_place_has_no_journal(tmp_path: Path) -> None:
    assert Journal(tmp_path).before == ()
    with pytest.raises(RunError, match=r"journal\.jsonl: no journal"):
        _ = Journal(tmp_path).target


def test_a_damaged_journal_and_one_of_another_version_are_named(journal: Journal) -> None:
    text = journal.path.read_text()
    journal.path.write_text(text.replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(InputError, match="schema_version = 9"):
        _ = journal.target
    journal.path.write_text("no JSON\n")
    with pytest.raises(RunError, match="damaged"):
        _ = journal.target
