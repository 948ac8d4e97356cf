"""What was before, on disk before the first change: a JSON object a line, fsynced before the change it belongs to.

    {"schema_version": 1, "marker": "loadgen-1f0c…", "target": {…}}   first line: where, and how ours is told apart
    {"function": {…}} | {"rest_stage": {…}} | {"http_stage": {…}}     a resource as it was
    {"restored": true}                                                all of it is as it was

A kill leaves at most half a line at the end, whose change was not begun: it is ignored. Of several entries for one
resource since the last restore the first counts: that is how it was before any change.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadgen.errors import RunError
from loadgen.schema import Record, check_version, from_plain, to_plain
from loadgen.target import Target

SCHEMA_VERSION = 1
FILE_NAME = "journal.jsonl"


@dataclass(frozen=True)
class FunctionState(Record):
    """A function's settings that a deployer changes. `settings`: of `$LATEST`'s configuration, in AWS's names."""

    name: str
    settings: Mapping[str, Any]
    reserved: int | None = None
    alias: str | None = None
    version: str | None = None
    """What the alias points at."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Shares of other versions behind the alias."""
    provisioned: int = 0

    @property
    def resource(self) -> str:
        return f"function {self.name}"


@dataclass(frozen=True)
class RestStageState(Record):
    """A REST stage's cache and method settings, as AWS names them (`*/*`, `~1products/GET`)."""

    api: str
    stage: str
    cache_enabled: bool
    settings: Mapping[str, Mapping[str, Any]]
    cache_size: str | None = None

    @property
    def resource(self) -> str:
        return f"stage {self.api}/{self.stage}"


@dataclass(frozen=True)
class HttpStageState(Record):
    """An HTTP stage's settings for all routes and by route key, as AWS names them."""

    api: str
    stage: str
    default: Mapping[str, Any]
    routes: Mapping[str, Mapping[str, Any]]

    @property
    def resource(self) -> str:
        return f"stage {self.api}/{self.stage}"


State = FunctionState | RestStageState | HttpStageState
_KINDS: Mapping[str, type[FunctionState] | type[RestStageState] | type[HttpStageState]] = {
    "function": FunctionState, "rest_stage": RestStageState, "http_stage": HttpStageState,
}


class Journal:
    """A journal file; it is made by the first entry. `path` may be a directory, then it is `journal.jsonl` in it."""

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.path = path / FILE_NAME if path.is_dir() else path

    def begin(self, target: Target) -> str:
        """Make the file unless it exists. Returns the marker that tells what this journal's changes created."""
        lines = self._lines()
        if lines:
            return str(lines[0]["marker"])
        marker = f"loadgen-{uuid.uuid4().hex[:8]}"
        self._append({"schema_version": SCHEMA_VERSION, "marker": marker, "target": to_plain(target)})
        return marker

    def record(self, state: State) -> None:
        """Put a resource's state on disk. Only then may it be changed."""
        kind = next(kind for kind, cls in _KINDS.items() if isinstance(state, cls))
        self._append({kind: to_plain(state)})

    def complete(self) -> None:
        """Say that everything is as it was."""
        self._append({"restored": True})

    @property
    def target(self) -> Target:
        """The target that was changed. Raises RunError when there is no journal."""
        lines = self._lines()
        if not lines:
            raise RunError(f"{self.path}: no journal: nothing was changed from here, or another directory was meant")
        header = check_version(lines[0], SCHEMA_VERSION, str(self.path))
        return from_plain(Target, header["target"], str(self.path))

    @property
    def before(self) -> tuple[State, ...]:
        """Each resource as it was before the first change since the last restore, in the order of the changes."""
        states: dict[str, State] = {}
        for line in self._lines()[1:]:
            if "restored" in line:
                states = {}
            for kind, plain in line.items():
                if kind in _KINDS:
                    state = from_plain(_KINDS[kind], plain, str(self.path))
                    states.setdefault(state.resource, state)
        return tuple(states.values())

    def _append(self, entry: object) -> None:
        created = not self.path.exists()
        self._drop_half_line()
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if created:
            _sync_directory(self.path.parent)

    def _drop_half_line(self) -> None:
        # a later entry must not be glued to what a kill left behind
        if self.path.exists() and (data := self.path.read_bytes()) and not data.endswith(b"\n"):
            with self.path.open("rb+") as file:
                file.truncate(data.rfind(b"\n") + 1)

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1].splitlines()
        try:
            return [json.loads(line) for line in whole]
        except ValueError as problem:
            raise RunError(f"{self.path}: damaged: {problem}") from None


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
