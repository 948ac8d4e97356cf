from __future__ import annotations

import pytest

from loadgen.collectors.environments import Environment, Invocation

REPORT = "REPORT RequestId: {id}\tDuration: {ms:.2f} ms\tBilled Duration: 25 ms\tMemory Size: 256 MB\tMax Memory Used: 60 MB\t"


def report(request_id: str, *, duration_ms: float = 24.5, more: str = "") -> str:
    return REPORT.format(id=request_id, ms=duration_ms) + more + "\n"


def read(*events: tuple[int, str]) -> Environment:
    environment = Environment("Products", "1")
    for at_ms, message in events:
        environment.take(at_ms, message)
    return environment


def only(environment: Environment) -> Invocation:
    [invocation] = environment.invocations
    return invocation


def test_an_invocation_is_what_stands_between_start_and_report() -> None:
    invocation = only(read((10, "START RequestId: a Version: 3\n"), (12, "hello\n"), (35, report("a"))))
    assert (invocation.started_ms, invocation.ended_ms, invocation.version) == (10, 35, "3")
    assert (invocation.outcome, invocation.waited) == ("ok", False)


def test_log_bytes_are_those_of_all_its_lines_in_utf_8_and_of_the_init_before_it() -> None:
    messages = ["INIT_START Runtime Version: x\n", "START RequestId: a Version: 3\n", "grün\n", "END RequestId: a\n",
                report("a", more="Init Duration: 99.10 ms\t")]
    invocation = only(read(*((k, message) for k, message in enumerate(messages))))
    assert invocation.log_bytes == sum(len(message.encode()) for message in messages)
    assert invocation.waited


def test_an_event_that_was_delivered_twice_counts_once() -> None:
    start, end = "START RequestId: a Version: 3\n", report("a")
    once, twice = only(read((1, start), (9, end))), only(read((1, start), (1, start), (9, end), (9, end)))
    assert once.log_bytes == twice.log_bytes


def test_two_equal_prints_of_the_application_are_two() -> None:
    start, end = (1, "START RequestId: a Version: 3\n"), (9, report("a"))
    assert only(read(start, (2, "x\n"), (2, "x\n"), end)).log_bytes == only(read(start, (2, "x\n"), end)).log_bytes + 2


def test_a_stream_read_again_keeps_what_was_complete_and_gains_what_was_late() -> None:
    first = [(1, "START RequestId: a Version: 3\n"), (9, report("a")), (10, "START RequestId: b Version: 3\n")]
    environment = read(*first)
    before = only(environment).log_bytes
    environment.rewind()
    for at_ms, message in [*first, (20, report("b"))]:
        environment.take(at_ms, message)
    a, b = environment.invocations
    assert a.log_bytes == before
    assert b.started_ms == 10


def test_a_report_without_its_start_is_an_invocation_all_the_same() -> None:
    environment = read((1, "START RequestId: a Version: 3\n"), (9, report("a")), (30, report("b")))
    a, b = environment.invocations
    assert b.started_ms is None
    assert b.log_bytes == len(report("b"))
    assert a.log_bytes == len("START RequestId: a Version: 3\n") + len(report("a"))


@pytest.mark.parametrize(("late", "outcome", "error_type"), [
    ("2026-11-24T09:00:00.150Z a Task timed out after 3.00 seconds\n\n", "timeout", None),
    ("RequestId: a Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n", "error", "Runtime.ExitError"),
    ("[ERROR] ValueError: no\nTraceback (most recent call last):\n", "error", "ValueError"),
])
@pytest.mark.parametrize("after_report", [False, True])
def test_a_failure_told_by_a_line_of_its_own_is_the_invocations(
        late: str, outcome: str, error_type: str | None, after_report: bool) -> None:
    lines = [(1, "START RequestId: a Version: 3\n"), (20, report("a"))]
    lines.insert(2 if after_report else 1, (20 if after_report else 5, late))
    invocation = only(read(*lines))
    assert (invocation.outcome, invocation.error_type) == (outcome, error_type)


def test_the_first_of_two_failed_initialisations_is_the_environments() -> None:
    environment = read((100, "INIT_REPORT Init Duration: 50.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.X\n"),
                       (200, "INIT_REPORT Init Duration: 70.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.Y\n"))
    assert environment.init_report is not None
    assert (environment.init_report.phase, environment.init_at_ms) == ("init", 50)
