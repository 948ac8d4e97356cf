"""CloudWatch Logs: what writes and reads events is ours; groups, retention, tags and the rest are moto's.

Pages end at 10,000 events or 1 MB. Filter patterns: terms and quoted phrases, all of which must be in the event, and
`?term` (any of them); `-term`, JSON and space-delimited patterns are refused, never ignored.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from loadgen.local.control import log_store
from loadgen.local.control.log_store import Event, Group
from loadgen.local.control.wire import Answer, Call, Refused

Wanted = Callable[[Event], bool]
_TERM = re.compile(r'(\??)(?:"((?:[^"\\]|\\.)*)"|(\S+))')
MOST_STREAMS = 50


class LogsService:
    """The operations on streams and events. `backend` is moto's: it knows which groups there are."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._groups: dict[str, Group] = {}

    @property
    def operations(self) -> Mapping[str, Callable[[Call], Answer]]:
        return {
            "CreateLogStream": self.create_stream,
            "DeleteLogStream": self.delete_stream,
            "DescribeLogStreams": self.describe_streams,
            "PutLogEvents": self.put,
            "FilterLogEvents": self.filter,
            "GetLogEvents": self.get,
        }

    def append(self, group: str, stream: str, events: list[tuple[int, str]]) -> None:
        """Write events past the API: group and stream are made if need be."""
        self._backend.ensure_log_group(group)
        self._group(group).append(stream, events)

    def create_stream(self, call: Call) -> Answer:
        """A new, empty stream."""
        group = self._existing(call)
        if call["logStreamName"] in group.streams:
            raise _refused("ResourceAlreadyExistsException", "The specified log stream already exists")
        group.append(call["logStreamName"], [])
        return Answer({})

    def delete_stream(self, call: Call) -> Answer:
        """Delete a stream with its events."""
        self._stream(call).remove(call["logStreamName"])
        return Answer({})

    def describe_streams(self, call: Call) -> Answer:
        """The streams of a group by name or by their last event; an empty stream has no times but its creation."""
        group, prefix = self._existing(call), call.get("logStreamNamePrefix", "")
        names = sorted(name for name in list(group.streams) if name.startswith(prefix))
        if call.get("orderBy") == "LastEventTime":
            names.sort(key=lambda name: group.streams[name].last_ms or 0)
        if call.get("descending"):
            names.reverse()
        start, size = int(call.get("nextToken") or 0), min(call.get("limit") or MOST_STREAMS, MOST_STREAMS)
        more = {"nextToken": str(start + size)} if start + size < len(names) else {}
        arn = self._backend.groups[_name(call)].arn
        return Answer({"logStreams": [_described(arn, n, group) for n in names[start:start + size]], **more})

    def put(self, call: Call) -> Answer:
        """Add events to a stream."""
        group = self._stream(call)
        group.append(call["logStreamName"], [(event["timestamp"], event["message"]) for event in call["logEvents"]])
        # a token of the days when a writer had to send the last one back; nobody reads it
        return Answer({"nextSequenceToken": uuid.uuid4().hex})

    def filter(self, call: Call) -> Answer:
        """A page of the events that match, of all streams or of those named, ordered by time."""
        group, limit = self._existing(call), _limit(call)
        wanted = _wanted(call)
        events = group.events()
        first, last = log_store.between(events, call.get("startTime"), call.get("endTime"))
        if call.get("nextToken"):
            first = max(first, _position(events, call["nextToken"]))
        found, following = log_store.page(log_store.slice_of(events, first, last), limit, wanted)
        members: dict[str, Any] = {"events": [_filtered(event) for event in found], "searchedLogStreams": []}
        if following:
            members["nextToken"] = "{}/{}".format(*following)
        return Answer(members)

    def get(self, call: Call) -> Answer:
        """A page of one stream's events: the oldest when `startFromHead`, else the newest; tokens go both ways."""
        group, limit = self._stream(call), _limit(call)
        events = [event for event in group.events() if event.stream == call["logStreamName"]]
        end = call.get("endTime")
        first, last = log_store.between(events, call.get("startTime"), None if end is None else end - 1)
        found = self._directed(events, first, last, limit, call)
        edges = (found[0][:2], _after(found[-1])) if found else self._edges(events, last, call)
        members = [{"timestamp": e.timestamp_ms, "message": e.message, "ingestionTime": e.ingested_ms} for e in found]
        return Answer({"events": members, "nextBackwardToken": "b/{}/{}".format(*edges[0]),
                       "nextForwardToken": "f/{}/{}".format(*edges[1])})

    @staticmethod
    def _directed(events: list[Event], first: int, last: int, limit: int, call: Call) -> list[Event]:
        direction, _, position = (call.get("nextToken") or "").partition("/")
        forward = direction == "f" if direction else bool(call.get("startFromHead"))
        if direction:
            at = _position(events, position)
            first, last = (max(first, at), last) if forward else (first, min(last, at))
        if forward:
            return log_store.page(log_store.slice_of(events, first, last), limit, _any)[0]
        newest_first = (events[index] for index in range(last - 1, first - 1, -1))
        return log_store.page(newest_first, limit, _any)[0][::-1]

    @staticmethod
    def _edges(events: list[Event], last: int, call: Call) -> tuple[log_store.Position, log_store.Position]:
        # an empty page answers the token it was asked with: that is how a reader knows the end
        token = (call.get("nextToken") or "").partition("/")[2]
        end = _parsed(token) if token else _after(events[last - 1]) if last else (0, 0)
        return end, end

    def _group(self, name: str) -> Group:
        return self._groups.setdefault(name, Group())

    def _existing(self, call: Call) -> Group:
        name = _name(call)
        if name not in self._backend.groups:
            self._groups.pop(name, None)
            raise _refused("ResourceNotFoundException", "The specified log group does not exist.")
        return self._group(name)

    def _stream(self, call: Call) -> Group:
        group = self._existing(call)
        if call["logStreamName"] not in group.streams:
            raise _refused("ResourceNotFoundException", "The specified log stream does not exist.")
        return group


def _refused(code: str, message: str) -> Refused:
    return Refused(400, code, message)


def _name(call: Call) -> str:
    identifier = str(call.get("logGroupName") or call.get("logGroupIdentifier"))
    return identifier.partition(":log-group:")[2].removesuffix(":*") or identifier


def _limit(call: Call) -> int:
    limit: int = call.get("limit") or log_store.PAGE_EVENTS
    if limit > log_store.PAGE_EVENTS:
        raise _refused("InvalidParameterException", f"1 validation error detected: Value '{limit}' at 'limit' "
                                                    "failed to satisfy constraint: Member must have value less than "
                                                    f"or equal to {log_store.PAGE_EVENTS}")
    return limit


def _wanted(call: Call) -> Wanted:
    streams, prefix = set(call.get("logStreamNames") or ()), call.get("logStreamNamePrefix")
    matches = _pattern(call.get("filterPattern") or "")

    def wanted(event: Event) -> bool:
        if (streams and event.stream not in streams) or (prefix and not event.stream.startswith(prefix)):
            return False
        return matches(event.message)

    return wanted


def _pattern(pattern: str) -> Callable[[str], bool]:
    terms = [(optional, phrase.replace('\\"', '"') if phrase else word)
             for optional, phrase, word in _TERM.findall(pattern.strip())]
    if pattern.strip()[:1] in ("{", "[", "%") or any(word.startswith("-") for _, word in terms):
        known = 'terms, "phrases" and ?alternatives, not -exclusions, JSON, [fields] or %regular expressions%'
        message = f"Invalid filter pattern {pattern!r}: the local cloud knows {known}"
        raise _refused("InvalidParameterException", message)
    required = [term for optional, term in terms if not optional]
    alternatives = [term for optional, term in terms if optional]
    return lambda text: (all(term in text for term in required)
                         and (not alternatives or any(term in text for term in alternatives)))


def _any(event: Event) -> bool:
    return True


def _after(event: Event) -> log_store.Position:
    return event.timestamp_ms, event.serial + 1


def _parsed(token: str) -> log_store.Position:
    try:
        timestamp_ms, serial = token.split("/")
        return int(timestamp_ms), int(serial)
    except ValueError:
        raise _refused("InvalidParameterException", "The specified nextToken is invalid.") from None


def _position(events: list[Event], token: str) -> int:
    import bisect

    return bisect.bisect_left(events, _parsed(token))


def _described(arn: str, name: str, group: Group) -> dict[str, Any]:
    stream = group.streams[name]
    times = {"firstEventTimestamp": stream.first_ms, "lastEventTimestamp": stream.last_ms,
             "lastIngestionTime": stream.ingested_ms}
    return {"logStreamName": name, "arn": f"{arn}:log-stream:{name}", "creationTime": stream.created_ms,
            "storedBytes": 0,
            **{key: value for key, value in times.items() if value is not None}}


def _filtered(event: Event) -> dict[str, Any]:
    # AWS's ids have 56 digits
    identity = f"{event.timestamp_ms:020d}{event.serial:036d}"
    return {"logStreamName": event.stream, "timestamp": event.timestamp_ms, "message": event.message,
            "ingestionTime": event.ingested_ms, "eventId": identity}
