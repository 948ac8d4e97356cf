"""The log stream of one execution environment, read line by line into invocations and an initialisation. No IO.

From START to REPORT the lines belong to one invocation; what comes before a first START belongs to the initialisation
and is counted with that invocation. A stream may be read again (late lines): what was complete stays as it was, and an
event that was delivered twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from loadgen.collectors import platform_lines as lines


@dataclass
class Invocation:
    """One invocation. `log_bytes`: UTF-8 bytes of its messages, as CloudWatch counts what it ingests."""

    started_ms: int | None = None
    version: str | None = None
    log_bytes: int = 0
    failure: lines.Failure | lines.TimedOut | None = None
    report: lines.Report | None = None
    ended_ms: int = 0

    @property
    def request_id(self) -> str:
        """Of its REPORT; empty until that is read."""
        return self.report.request_id if self.report else ""

    @property
    def waited(self) -> bool:
        """It was the one that waited for the environment's init or restore."""
        return self.report is not None and (self.report.init_ms is not None or self.report.restore_ms is not None)

    @property
    def outcome(self) -> lines.Outcome:
        if isinstance(self.failure, lines.TimedOut):
            return "timeout"
        told = self.report.outcome if self.report else "error"
        return "error" if told == "ok" and self.failure else told

    @property
    def error_type(self) -> str | None:
        told = self.report.error_type if self.report else None
        return told or (self.failure.error_type if isinstance(self.failure, lines.Failure) else None)


@dataclass
class Environment:
    """One log stream; `function` is the logical id. Times are ms since the epoch."""

    function: str
    version: str | None
    init_at_ms: int | None = None
    init_type: str | None = None
    """As JSON lines tell it: on-demand, provisioned-concurrency, snap-start."""
    init_report: lines.InitReport | None = None
    _current: Invocation = field(default_factory=Invocation)
    _running: dict[str, Invocation] = field(default_factory=dict)
    _ended: dict[tuple[str, int], Invocation] = field(default_factory=dict)
    _last_ms: int = 0
    _seen: set[str] = field(default_factory=set)
    """Platform lines of the millisecond `_last_ms`."""

    @property
    def invocations(self) -> Iterator[Invocation]:
        """Those whose REPORT was read."""
        return iter(self._ended.values())

    def rewind(self) -> None:
        """The stream is about to be read again, from any line on."""
        self._current, self._running = Invocation(), {}
        self._last_ms, self._seen = 0, set()

    def take(self, at_ms: int, message: str) -> None:
        """One event of the stream, in the order of time."""
        line = lines.parse(message)
        if line is not None and self._is_repeated(at_ms, message):
            return
        match line:
            case lines.Start():
                self._start(line, at_ms)
            case lines.Report():
                self._current = self._running.pop(line.request_id, self._pending())
        self._current.log_bytes += len(message) if message.isascii() else len(message.encode())
        match line:
            case lines.Report():
                self._end(line, at_ms)
            case lines.Failure() | lines.TimedOut():
                self._fail(line)
            case lines.InitStart():
                self._init_started(line, at_ms)
            case lines.InitReport():
                self._init_reported(line, at_ms)

    def _is_repeated(self, at_ms: int, message: str) -> bool:
        if at_ms != self._last_ms:
            self._last_ms, self._seen = at_ms, set()
        repeated = message in self._seen
        self._seen.add(message)
        return repeated

    def _pending(self) -> Invocation:
        """What was written since the last invocation ended, or since the stream began."""
        fresh = self._current.started_ms is None and self._current.report is None
        return self._current if fresh else Invocation()

    def _start(self, line: lines.Start, at_ms: int) -> None:
        self._current = self._pending()
        self._current.started_ms, self._current.version = at_ms, line.version
        self._running[line.request_id] = self._current

    def _end(self, line: lines.Report, at_ms: int) -> None:
        self._current.report, self._current.ended_ms = line, at_ms
        self._ended.setdefault((line.request_id, at_ms), self._current)

    def _fail(self, line: lines.Failure | lines.TimedOut) -> None:
        failed = self._running.get(line.request_id, self._current) if line.request_id else self._current
        failed.failure = failed.failure or line

    def _init_started(self, line: lines.InitStart, at_ms: int) -> None:
        self.init_type = line.initialization or self.init_type
        self.init_at_ms = at_ms if self.init_at_ms is None else min(self.init_at_ms, at_ms)

    def _init_reported(self, line: lines.InitReport, at_ms: int) -> None:
        self.init_type = line.initialization or self.init_type
        if self.init_report is None or line.phase == "init":
            self.init_report = line
        if self.init_at_ms is None:
            self.init_at_ms = at_ms - round(line.init_ms)
