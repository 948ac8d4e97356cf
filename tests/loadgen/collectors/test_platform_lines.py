from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.collectors.platform_lines import Failure, InitStart, Report, TimedOut, parse

LINES = [json.loads(line) for line in (Path(__file__).parent / "data" / "platform_lines.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("known", LINES, ids=[f"{n}-{known['kind']}" for n, known in enumerate(LINES)])
def test_a_published_line_says_what_it_is_known_to_say(known: dict[str, Any]) -> None:
    parsed = parse(known["line"])
    assert type(parsed).__name__ == known["kind"]
    for name, value in known["expected"].items():
        assert getattr(parsed, name) == (tuple(value) if isinstance(value, list) else value), name


@given(st.floats(0.01, 900_000).map(lambda ms: round(ms, 2)), st.integers(1, 900_000), st.integers(128, 10_240),
       st.one_of(st.none(), st.floats(0.01, 10_000).map(lambda ms: round(ms, 2))),
       st.sampled_from(["\t", " ", " \t", "\\t"]))
def test_whatever_separates_the_fields_the_figures_are_the_same(
        duration_ms: float, billed_ms: int, memory_mb: int, init_ms: float | None, separator: str) -> None:
    fields = [f"Duration: {duration_ms:.2f} ms", f"Billed Duration: {billed_ms} ms", f"Memory Size: {memory_mb} MB",
              "Max Memory Used: 64 MB"] + ([f"Init Duration: {init_ms:.2f} ms"] if init_ms is not None else [])
    line = separator.join(["REPORT RequestId: an-id", *fields]) + separator
    assert parse(line) == Report("an-id", duration_ms, billed_ms, memory_mb, 64, init_ms)


@given(st.text(max_size=200))
def test_no_line_of_an_application_stops_the_reader(text: str) -> None:
    for line in (text, f"REPORT RequestId: {text}", f'{{"type":"platform.report","record":{text}}}', f"START {text}"):
        parse(line)


@pytest.mark.parametrize("line", [
    "", "\n", "REPORT", "REPORT RequestId: abc", "START", "hello world", "[ERROR]\t2026-11-24T09:00:00Z\tid\tlogged",
    "REPORT RequestId: a\tDuration: x ms\tBilled Duration: 1 ms\tMemory Size: 1 MB\tMax Memory Used: 1 MB",
    '{"type":"platform.report","record":{}}', '{"type": "platform.unheard-of", "record": {}}', '{"level":"INFO"}'])
def test_an_application_line_or_a_damaged_one_is_nothing(line: str) -> None:
    assert parse(line) is None


def test_a_timeout_is_told_by_a_line_of_its_own_in_the_old_style() -> None:
    assert parse("2020-06-09T15:02:26.150Z an-id Task timed out after 3.00 seconds\n\n") == TimedOut("an-id", 3.0)


def test_an_exception_that_python_reports_names_its_type() -> None:
    text = "[ERROR] ValueError: no stock\nTraceback (most recent call last):\n  File x"
    assert parse(text) == Failure(None, "ValueError", "no stock")
    event = {"log_level": "ERROR", "errorType": "ValueError", "errorMessage": "no stock", "requestId": "an-id",
             "stackTrace": []}
    assert parse(json.dumps(event)) == Failure("an-id", "ValueError", "no stock")


def test_json_tells_how_an_environment_was_initialised() -> None:
    record = {"initializationType": "provisioned-concurrency", "phase": "init", "runtimeVersion": "python:3.13.v1"}
    line = json.dumps({"time": "2026-11-24T09:00:00.000Z", "type": "platform.initStart", "record": record})
    assert parse(line) == InitStart("python:3.13.v1", "init", "provisioned-concurrency", "2026-11-24T09:00:00.000Z")


@pytest.mark.parametrize(("report", "outcome"), [
    (Report("a", 100.0, 101), "ok"), (Report("a", 155.0, 156), "ok"), (Report("a", 3003.16, 3000), "timeout"),
    (Report("a", 600_000.0, 600_000, status="timeout"), "timeout"), (Report("a", 5.0, 5, status="success"), "ok"),
    (Report("a", 5.0, 5, status="error", error_type="Runtime.ExitError"), "error"),
    (Report("a", 5.0, 5, status="failure"), "error"), (Report("a", 2.524), "ok")])
def test_the_outcome_is_the_status_or_a_bill_that_the_timeout_capped(report: Report, outcome: str) -> None:
    assert report.outcome == outcome
