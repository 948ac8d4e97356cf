"""Runs one scenario under several configurations: apply, warm, run, collect; restores in the end, whatever happened.

    out/journal.jsonl           what was before
    out/sweep.json              per configuration its directory or its error; by this module alone
    out/rest-1024-mb/…          a run directory each, named by the configuration's label

A configuration that fails is told and left out. A sweep into the same directory keeps the runs that are complete and
does the rest.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadgen.configuration import Configuration
from loadgen.deployer import apply, restore
from loadgen.errors import DeployError, InputError, LoadgenError
from loadgen.journal import FILE_NAME, Journal
from loadgen.measurements.run import Run
from loadgen.schema import Record, check_version, from_plain, read_json, to_plain, write_json
from loadgen.target import Target

SCHEMA_VERSION = 1
NAME_LENGTH = 80
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome(Record):
    """What became of one configuration. `error=None`: its run is complete."""

    label: str
    directory: str
    error: str | None = None
    missing: tuple[str, ...] = ()
    """What was not collected of the run, a sentence a source; `loadgen collect` looks again."""


def sweep(scenario: str | Path, target: Target, configurations: Iterable[Configuration], *, out: str | Path,
          seed: int = 0, processes: int = 1, journal: Journal | None = None, progress: Progress | None = None,
          deadline_s: float = 60.0, **run_options: Any) -> list[Run]:
    """One collected run per configuration that worked, in the order given; `outcomes(out)` tells of the others.

    `run_options` go to `runner.run_scenario` (warm_s, slos, quotas); `deadline_s` bounds the wait for late data of each
    run. Raises ScenarioError before anything is changed; DeployError when no configuration worked, or when not all was
    restored.
    """
    from loadgen.runner import describe_scenario

    out, say = Path(out), progress or _silent
    describe_scenario(scenario, target)
    out.mkdir(parents=True, exist_ok=True)
    options = {"seed": seed, "processes": processes, **run_options}
    step = _Step(scenario, target, journal or Journal(out / FILE_NAME), deadline_s, options)
    with _alone(out):
        return _run_all(step, name_directories(configurations), out, say)


def outcomes(out: str | Path) -> tuple[Outcome, ...]:
    """What became of each configuration of the sweep in this directory."""
    path = Path(out) / "sweep.json"
    data = check_version(read_json(path), SCHEMA_VERSION, str(path))
    return from_plain(tuple[Outcome, ...], data["outcomes"], str(path))


def name_directories(configurations: Iterable[Configuration]) -> dict[str, Configuration]:
    """A directory's name for each different configuration, from its label: `rest-1024-mb`."""
    named: dict[str, Configuration] = {}
    for configuration in dict.fromkeys(configurations):
        name = re.sub(r"[^a-z0-9.]+", "-", configuration.label.lower()).strip("-")[:NAME_LENGTH]
        taken = sum(1 for other in named if re.fullmatch(rf"{re.escape(name)}(\.\d+)?", other))
        named[f"{name}.{taken + 1}" if taken else name] = configuration
    return named


@dataclass(frozen=True)
class _Step:
    """What every configuration of a sweep shares."""

    scenario: str | Path
    target: Target
    journal: Journal
    deadline_s: float
    options: Mapping[str, Any]

    def attempt(self, configuration: Configuration, directory: Path, say: Progress) -> Outcome:
        """Apply, run and collect one configuration; an error raised on purpose is an outcome."""
        say = _prefixed(say, configuration.label)
        try:
            missing = self._collected(configuration, directory, say)
        except LoadgenError as error:
            say(f"failed: {error}")
            return Outcome(configuration.label, directory.name, str(error))
        return Outcome(configuration.label, directory.name, missing=missing)

    def _collected(self, configuration: Configuration, directory: Path, say: Progress) -> tuple[str, ...]:
        from loadgen.collectors.collection import collect
        from loadgen.runner import run_scenario

        run = _finished(directory, self.scenario, self.options["seed"])
        if run is None:
            described = apply(self.target, configuration, self.journal, say)
            run = run_scenario(self.scenario, self.target, described, out=directory, progress=say, **self.options)
        found = collect(run, deadline_s=self.deadline_s, progress=say)
        return tuple(str(collected) for collected in found.sources.values() if not collected.complete)


def _finished(directory: Path, scenario: str | Path, seed: int) -> Run | None:
    """The complete run in the directory, if there is one; what is left of an incomplete one is set aside."""
    if not (directory / "intent.json").exists():
        return None
    run = Run(directory)
    if Path(run.intent.scenario).name != Path(scenario).name or run.intent.seed != seed:
        raise InputError(f"{directory}: holds a run of {run.intent.scenario} with seed {run.intent.seed}: give another "
                         "directory")
    if run.finished is not None and run.finished.complete:
        return run
    aside = directory.with_name(f"{directory.name}.incomplete")
    if aside.exists():
        raise InputError(f"{directory}: an incomplete run, and {aside} is another: move one of them away")
    directory.rename(aside)
    return None


def _run_all(step: _Step, named: Mapping[str, Configuration], out: Path, say: Progress) -> list[Run]:
    found: list[Outcome] = []
    try:
        for position, (directory, configuration) in enumerate(named.items(), start=1):
            found.append(step.attempt(configuration, out / directory, _prefixed(say, f"{position}/{len(named)}")))
            _write_outcomes(out, found)
    finally:
        _restore(step, say)
    runs = [Run(out / outcome.directory) for outcome in found if outcome.error is None]
    if found and not runs:
        raise DeployError(f"{out}: no configuration of the sweep worked: {found[0].label}: {found[0].error}")
    return runs


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the directory for this sweep; the system lets go of it when the process ends, however it ends."""
    held = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(f"{out}: another sweep runs into this directory: wait for it, or give another one") from None
    finally:
        os.close(held)


def _restore(step: _Step, say: Progress) -> None:
    try:
        restore(step.target, step.journal, _prefixed(say, "restoring"))
    except KeyboardInterrupt:
        say(f"interrupted while restoring: finish with `loadgen restore {step.journal.path}`")
        raise


def _write_outcomes(out: Path, found: Sequence[Outcome]) -> None:
    write_json(out / "sweep.json", {"schema_version": SCHEMA_VERSION, "outcomes": to_plain(list(found))})


def _prefixed(say: Progress, prefix: str) -> Progress:
    return lambda message: say(f"{prefix} {message}")


def _silent(message: str) -> None:
    pass
