"""Log events of a group, ordered by time, so that a page is found by bisection however many events there are.

Writers append to a list that readers merge in: a writer never waits for a reader's sort. A position in the group is
`(timestamp_ms, serial)`; the next page's token is such a position, so that late events neither repeat nor shift pages.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

PAGE_EVENTS, PAGE_BYTES, EVENT_OVERHEAD_BYTES = 10_000, 1_048_576, 26
"""Most events and bytes of a page; what an event counts beyond its text (CloudWatch Logs API reference)."""
Position = tuple[int, int]


class Event(NamedTuple):
    """One event. Sorts by time, then by arrival."""

    timestamp_ms: int
    serial: int
    stream: str
    message: str
    ingested_ms: int


@dataclass
class Stream:
    """What a group knows of one of its streams; None: it has no event yet."""

    created_ms: int
    first_ms: int | None = None
    last_ms: int | None = None
    ingested_ms: int | None = None


@dataclass
class Group:
    """One log group."""

    streams: dict[str, Stream] = field(default_factory=dict)
    _ordered: list[Event] = field(default_factory=list)
    _arrived: list[Event] = field(default_factory=list)
    _serial: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def append(self, stream: str, events: Iterable[tuple[int, str]]) -> None:
        """Add events (time in ms, text) to a stream, which is made if need be."""
        now_ms = int(time.time() * 1000)
        with self._lock:
            serial = self._serial
            arrived = [Event(at, serial + i, stream, text, now_ms) for i, (at, text) in enumerate(events, 1)]
            self._serial += len(arrived)
            about = self.streams.setdefault(stream, Stream(now_ms))
            if arrived:
                self._arrived += arrived
                times = [event.timestamp_ms for event in arrived]
                about.first_ms = min([*times, *([about.first_ms] if about.first_ms is not None else [])])
                about.last_ms = max([*times, about.last_ms or 0])
                about.ingested_ms = now_ms

    def remove(self, stream: str) -> None:
        """Forget a stream and its events."""
        with self._lock:
            del self.streams[stream]
            self._ordered = [event for event in self._merged() if event.stream != stream]

    def events(self) -> list[Event]:
        """All events in order; the list is not changed afterwards by appends, only replaced."""
        with self._lock:
            return self._merged()

    def _merged(self) -> list[Event]:
        if self._arrived:
            merged = self._ordered + self._arrived
            merged.sort()
            self._ordered, self._arrived = merged, []
        return self._ordered


def between(events: Sequence[Event], start_ms: int | None, end_ms: int | None) -> tuple[int, int]:
    """The range of indices of the events from `start_ms` to `end_ms`, both included."""
    first = 0 if start_ms is None else bisect.bisect_left(events, (start_ms,))
    last = len(events) if end_ms is None else bisect.bisect_left(events, (end_ms + 1,))
    return first, max(first, last)


def page(events: Iterable[Event], limit: int, wanted: Callable[[Event], bool]) -> tuple[list[Event], Position | None]:
    """The wanted events that fit one page, and the position of the first that did not."""
    chosen: list[Event] = []
    size = 0
    for event in events:
        if not wanted(event):
            continue
        size += len(event.message.encode()) + EVENT_OVERHEAD_BYTES
        if len(chosen) == limit or (chosen and size > PAGE_BYTES):
            return chosen, event[:2]
        chosen.append(event)
    return chosen, None


def slice_of(events: Sequence[Event], first: int, last: int) -> Iterator[Event]:
    """The events of a range, without copying it."""
    return (events[index] for index in range(first, last))
