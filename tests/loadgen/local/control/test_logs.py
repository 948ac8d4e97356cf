"""Log events: pages, tokens and filter patterns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.local.control.log_store import Group, between
from loadgen.local.control.logs import LogsService
from loadgen.local.control.wire import Call, Refused

GROUP = "/aws/lambda/f"


class Backend(SimpleNamespace):
    """As much of moto's backend as is asked: which groups there are."""

    def __init__(self) -> None:
        super().__init__(groups={})

    def ensure_log_group(self, name: str) -> None:
        self.groups.setdefault(name, SimpleNamespace(arn=f"arn:aws:logs:us-east-1:123456789012:log-group:{name}"))


class Logs:
    """Calls operations by name on one group."""

    def __init__(self) -> None:
        self.service = LogsService(Backend())

    def append(self, *events: tuple[int, str], stream: str = "s") -> None:
        self.service.append(GROUP, stream, list(events))

    def __call__(self, operation: str, **parameters: Any) -> Any:
        call = Call("logs", operation, {"logGroupName": GROUP, **parameters})
        return self.service.operations[operation](call).body

    def pages(self, operation: str = "FilterLogEvents", **parameters: Any) -> list[list[str]]:
        found, token = [], None
        while True:
            answer = self(operation, **parameters, **({"nextToken": token} if token else {}))
            found.append([event["message"] for event in answer["events"]])
            token = answer.get("nextToken")
            if token is None:
                return found


def test_a_page_ends_at_ten_thousand_events() -> None:
    logs = Logs()
    logs.append(*((index, str(index)) for index in range(25_000)))
    pages = logs.pages()
    assert [len(page) for page in pages] == [10_000, 10_000, 5_000]
    assert [message for page in pages for message in page] == [str(index) for index in range(25_000)]


def test_a_page_ends_at_one_megabyte() -> None:
    logs = Logs()
    logs.append(*((index, "x" * 100_000) for index in range(25)))
    assert [len(page) for page in logs.pages()] == [10, 10, 5]


def test_events_that_arrive_between_two_pages_neither_repeat_nor_shift_them() -> None:
    logs = Logs()
    logs.append(*((index * 10, f"old{index}") for index in range(10)))
    first = logs("FilterLogEvents", limit=5)
    logs.append((15, "late"), (75, "new"))
    rest = logs("FilterLogEvents", nextToken=first["nextToken"])
    seen = [event["message"] for event in [*first["events"], *rest["events"]]]
    assert seen == [*(f"old{index}" for index in range(8)), "new", "old8", "old9"]


def test_start_and_end_time_are_both_included() -> None:
    logs = Logs()
    logs.append(*((at, str(at)) for at in (1, 2, 3, 4)))
    assert logs.pages(startTime=2, endTime=3) == [["2", "3"]]


@pytest.mark.parametrize(("pattern", "found"), [
    ("REPORT", ["REPORT a", "REPORT b c"]), ("REPORT c", ["REPORT b c"]), ('"T b"', ["REPORT b c"]),
    ("?START ?END", ["START a", "END a"]), ("", ["START a", "END a", "REPORT a", "REPORT b c"]), ("report", []),
])
def test_terms_and_phrases_must_all_be_there_and_one_of_the_alternatives(pattern: str, found: list[str]) -> None:
    logs = Logs()
    logs.append(*enumerate(["START a", "END a", "REPORT a", "REPORT b c"]))
    assert logs.pages(filterPattern=pattern) == [found]


@pytest.mark.parametrize("pattern", ["-START", '{ $.level = "ERROR" }', "[a, b]", "%\\d+%"])
def test_patterns_that_are_not_understood_are_refused(pattern: str) -> None:
    logs = Logs()
    logs.append((1, "START"))
    with pytest.raises(Refused, match="filter pattern"):
        logs("FilterLogEvents", filterPattern=pattern)


def test_streams_can_be_chosen_by_name_and_by_prefix() -> None:
    logs = Logs()
    logs.append((1, "a"), stream="2026/[1]a")
    logs.append((2, "b"), stream="2026/[2]b")
    assert logs.pages(logStreamNames=["2026/[1]a"]) == [["a"]]
    assert logs.pages(logStreamNamePrefix="2026/[2]") == [["b"]]


def test_one_stream_is_read_to_its_end_which_is_told_by_a_token_that_repeats() -> None:
    logs = Logs()
    logs.append(*((index, str(index)) for index in range(7)))
    logs.append((3, "elsewhere"), stream="other")
    read, token = [], None
    while True:
        answer = logs("GetLogEvents", logStreamName="s", startFromHead=True, limit=3,
                      **({"nextToken": token} if token else {}))
        read += [event["message"] for event in answer["events"]]
        if answer["nextForwardToken"] == token:
            break
        token = answer["nextForwardToken"]
    assert read == [str(index) for index in range(7)]


def test_without_start_from_head_the_newest_events_come_first_and_the_backward_token_leads_to_older_ones() -> None:
    logs = Logs()
    logs.append(*((index, str(index)) for index in range(7)))
    newest = logs("GetLogEvents", logStreamName="s", limit=3)
    older = logs("GetLogEvents", logStreamName="s", limit=3, nextToken=newest["nextBackwardToken"])
    assert [[event["message"] for event in page["events"]]
            for page in (newest, older)] == [["4", "5", "6"], ["1", "2", "3"]]


def test_streams_are_listed_by_name_or_by_their_last_event() -> None:
    logs = Logs()
    logs.append((5, "x"), stream="a")
    logs.append((3, "x"), (9, "y"), stream="b")
    listed = logs("DescribeLogStreams", orderBy="LastEventTime", descending=True)["logStreams"]
    assert [(stream["logStreamName"], stream["firstEventTimestamp"], stream["lastEventTimestamp"])
            for stream in listed] == [
        ("b", 3, 9), ("a", 5, 5)]


def test_streams_come_in_pages_of_fifty() -> None:
    logs = Logs()
    for index in range(60):
        logs.append((index, "x"), stream=f"s{index:02}")
    first = logs("DescribeLogStreams")
    rest = logs("DescribeLogStreams", nextToken=first["nextToken"])
    assert [len(first["logStreams"]), len(rest["logStreams"]), "nextToken" in rest] == [50, 10, False]


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=8), st.integers(0, 50), st.integers(0, 50))
def test_events_are_in_order_of_time_then_arrival_however_they_came(batches: list[list[int]], start: int,
                                                                    end: int) -> None:
    group = Group()
    for batch in batches:
        group.append("s", [(at, "x") for at in batch])
    events = group.events()
    assert [event.timestamp_ms for event in events] == sorted(at for batch in batches for at in batch)
    first, last = between(events, start, end)
    assert [e.timestamp_ms for e in events[first:last]] == [e.timestamp_ms for e in events
                                                            if start <= e.timestamp_ms <= end]
