"""Runs a scenario: Locust in processes of its own, watched through the files that it writes.

The caller never imports Locust. A scenario is described by a subprocess (`loadgen.users.describe`) and run by another,
`python -m locust --headless`, in a session of its own, with what it needs in the environment: LOADGEN_OUT (the run
directory), LOADGEN_SEED, LOADGEN_WARM_S, LOADGEN_CALLER (it stops when this process is gone). Ctrl-C here stops it
within seconds; whatever ends the run, `finished.json` says how many of the scheduled arrivals have a row.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadgen.configuration import Configuration
from loadgen.errors import InputError, LoadgenError, RunError, ScenarioError, UnreachableError
from loadgen.measurements.histogram import Histogram
from loadgen.measurements.run import Finished, Intent, Run, Worker, write_record
from loadgen.quotas import Quotas
from loadgen.target import Target

Progress = Callable[[str], None]
DESCRIBE_S = 60.0
START_S = 60.0
OVERTIME_S = 60.0
"""Beyond the shape's duration: the last requests' answers, and leaving."""
STOP_S = 8.0
CONNECT_S = 5.0
SATURATED_MS = 100.0
"""Lateness p99 above which the load generator's own delay shows in the latencies."""


@dataclass(frozen=True)
class ScenarioDescription:
    """What a scenario will do, without running it."""

    shape: Mapping[str, Any]
    """As `shapes.from_dict` reads it."""
    routes: Mapping[str, float]
    """Routes with their share of the arrivals, estimated where tasks choose at random."""
    expected: float
    """Arrivals; their number in a run is Poisson with this mean."""
    duration_s: float


def describe_scenario(path: str | Path, target: Target | None = None) -> ScenarioDescription:
    """Describe a scenario file. Raises ScenarioError when it cannot be used, or asks for what `target` lacks."""
    path = Path(path)
    if not path.is_file():
        raise ScenarioError(f"{path}: no such scenario: give a locustfile, such as scenarios/spike.py")
    description = _describe(path, path.stat().st_mtime_ns)
    if target is not None:
        _check_routes(path, description, target)
    return description


def run_scenario(scenario: str | Path, target: Target, configuration: Configuration, *, out: str | Path, seed: int = 0,
                 processes: int = 1, warm_s: float = 0.0, slos: Iterable[object] = (), quotas: Quotas | None = None,
                 progress: Progress | None = None) -> Run:
    """Run a scenario against the configuration's API of a target, and write the new run directory `out`.

    `configuration` is recorded as it is: apply it before. `warm_s` [s]: requests due before count as phase `warm`.
    `progress` gets a line about once a second. Raises ScenarioError, InputError or UnreachableError before anything is
    sent, RunError when Locust ended early; what was written until then stays readable.
    """
    description = describe_scenario(scenario, target)
    _check(seed=seed, processes=processes, warm_s=warm_s, duration_s=description.duration_s)
    address = target.api(configuration.api.kind).address
    _probe(address)
    run = _new_run(Path(out))
    intent = Intent(str(scenario), seed, description.shape, target, configuration, quotas or Quotas(),
                    tuple(str(slo) for slo in slos), processes, warm_s, datetime.now(UTC), _versions())
    write_record(intent, run.path / "intent.json")
    say = progress or (lambda line: None)
    say(f"about {description.expected:,.0f} requests in {description.duration_s:g} s to {address}")
    locust = LocustProcess(run, intent, address)
    try:
        reason = _watch(locust, description.duration_s, say)
    except BaseException as problem:
        locust.stop()
        _finish(locust, "interrupted" if isinstance(problem, KeyboardInterrupt) else str(problem))
        raise
    finished = _finish(locust, reason)
    if not finished.complete:
        kept = f"{finished.rows:,} of {finished.scheduled:,} rows are kept" if finished.rows else "no row was written"
        raise RunError(f"{run.path}: the run ended early: {finished.reason}; {kept}", run=run)
    return run


class LocustProcess:
    """Locust and its workers: one process group, its output in `locust.log`."""

    def __init__(self, run: Run, intent: Intent, address: str) -> None:
        self.run, self.processes, self.log = run, intent.processes, run.path / "locust.log"
        self.started_at = datetime.now(UTC)
        command = [sys.executable, "-m", "locust", "-f", str(Path(intent.scenario).resolve()), "--headless",
                   "--only-summary", "--host", address, "--exit-code-on-error", "0"]
        if intent.processes > 1:
            port = str(_free_port())
            command += ["--processes", str(intent.processes), "--master-bind-host", "127.0.0.1",
                        "--master-bind-port", port, "--master-port", port]
        ours = {"LOADGEN_OUT": str(run.path.resolve()), "LOADGEN_SEED": str(intent.seed),
                "LOADGEN_WARM_S": str(intent.warm_s), "LOADGEN_CALLER": str(os.getpid())}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=inherited | ours, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, start_new_session=True)

    def stop(self) -> None:
        """End every process of the group: kindly, so that rows are written, and after some seconds by force."""
        self._signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S)
        self.clear()

    def clear(self) -> None:
        """Wait until workers whose master has gone have written their rows and left; then make sure."""
        until = time.monotonic() + STOP_S / 2
        while self._signal(0) and time.monotonic() < until:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def complaint(self) -> str:
        """The last error that Locust logged, without its time and place; else where its log is."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line.split(": ", 1)[-1] for line in lines if "/ERROR/" in line]
        return errors[-1] if errors else f"see {self.log}"

    def _signal(self, number: int) -> bool:
        self.process.poll()
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


class LiveFigures:
    """Progress lines from the workers' files: rate and p95 since the line before, counts since the start."""

    def __init__(self) -> None:
        self.written_at, self.sent, self.latency = 0.0, 0, Histogram()

    def line(self, run: Run) -> str | None:
        """The next line; None when no worker has written anything new."""
        written_at = max((path.stat().st_mtime for path in _worker_files(run)), default=0.0)
        workers = run.workers
        sent = sum(worker.sent for worker in workers)
        if written_at == self.written_at or not sent:
            return None
        latency = sum((Histogram(worker.latency_bins) for worker in workers), Histogram())
        start = min(worker.started_at for worker in workers).timestamp()
        rate = (sent - self.sent) / max(written_at - max(self.written_at, start), 1e-3)
        p95_ms = latency.since(self.latency).quantile(0.95)
        self.written_at, self.sent, self.latency = written_at, sent, latency
        return _line(workers, written_at - start, rate, p95_ms)


def _line(workers: Iterable[Worker], at_s: float, rate: float, p95_ms: float | None) -> str:
    total = {name: sum(getattr(worker, name) for worker in workers)
             for name in ("sent", "ok", "failed", "dropped", "unfinished")}
    p95 = "-" if p95_ms is None else f"{p95_ms:,.0f} ms"
    line = (f"{at_s:5.1f} s  {rate:6,.0f}/s  sent {total['sent']:,}  ok {total['ok']:,}  failed {total['failed']:,}"
            f"  p95 {p95}")
    return line + "".join(f"  {name} {total[name]:,}" for name in ("dropped", "unfinished") if total[name])


def _watch(locust: LocustProcess, duration_s: float, say: Progress) -> str | None:
    """Report until Locust has left; why it left early, if it did."""
    began, figures = time.monotonic(), LiveFigures()
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = locust.process.wait(0.5)
            break
        if line := figures.line(locust.run):
            say(line)
        lasted_s = time.monotonic() - began
        if (lasted_s > START_S and not locust.run.workers) or lasted_s > START_S + duration_s + OVERTIME_S:
            raise LoadgenError(f"Locust hangs after {lasted_s:.0f} s: {locust.complaint()}")
    locust.clear()
    if line := figures.line(locust.run):
        say(line)
    if code == 0:
        return None
    return f"Locust was killed by {signal.Signals(-code).name}" if code < 0 else f"Locust: {locust.complaint()}"


def _finish(locust: LocustProcess, reason: str | None) -> Finished:
    workers = locust.run.workers
    scheduled, rows = max((worker.arrivals for worker in workers), default=0), locust.run.rows("requests")
    present = sum(worker.finished for worker in workers)
    if reason is None and present < locust.processes:
        reason = f"{locust.processes - present} of {locust.processes} workers were lost: {locust.complaint()}"
    if reason is None and rows < scheduled:
        reason = "Locust was stopped"
    complete = reason is None
    late = any(worker.dropped or worker.lateness_ms.get("p99", 0.0) > SATURATED_MS for worker in workers)
    started_at = min((worker.started_at for worker in workers), default=locust.started_at)
    finished = Finished(complete, reason or "completed", started_at, datetime.now(UTC), scheduled, rows, late)
    write_record(finished, locust.run.path / "finished.json")
    return finished


@lru_cache(maxsize=32)
def _describe(path: Path, changed_ns: int) -> ScenarioDescription:
    command = [sys.executable, "-m", "loadgen.users.describe", str(path)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=DESCRIBE_S, check=False)
    except subprocess.TimeoutExpired:
        raise ScenarioError(f"{path}: importing it takes more than {DESCRIBE_S:.0f} s") from None
    try:
        said = json.loads(answer.stdout)
    except ValueError:
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        raise ScenarioError(f"{path}: cannot be described: {last}") from None
    if "error" in said:
        raise ScenarioError(said["error"])
    return ScenarioDescription(**said)


def _check_routes(path: Path, description: ScenarioDescription, target: Target) -> None:
    known = {route.name for route in target.deployment.triggers} | {f"INVOKE {name}" for name in target.functions}
    if any(word in name for name in known for word in ("$default", "ANY ", "+}")):
        return
    for route in description.routes:
        if route not in known:
            routes = ", ".join(sorted(name for name in known if not name.startswith("INVOKE ")))
            raise ScenarioError(f"{path}: {route}: no such route in the target (there are: {routes})")


def _check(seed: int, processes: int, warm_s: float, duration_s: float) -> None:
    if seed < 0:
        raise InputError(f"seed={seed}: give zero or more")
    if processes < 1:
        raise InputError(f"processes={processes}: give one or more")
    if not 0 <= warm_s < duration_s:
        raise InputError(f"warm_s={warm_s:g}: give zero or more, less than the scenario's {duration_s:g} s")


def _new_run(out: Path) -> Run:
    if (out / "intent.json").exists() or (out / "requests").exists():
        raise InputError(f"out={out}: there is a run already: give another directory")
    out.mkdir(parents=True, exist_ok=True)
    return Run(out)


def _probe(address: str) -> None:
    """Raise UnreachableError unless something listens; no request is sent, so no count is disturbed."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_S).close()
    except OSError as problem:
        raise UnreachableError(f"{address}: nothing answers ({problem.strerror or problem}): is the target current, "
                               "and is the local cloud (`loadgen serve`) running?", address=address) from None


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("serverless-loadlab", "locust", "gevent", "numpy", "pyarrow"):
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _worker_files(run: Run) -> Iterable[Path]:
    return (run.path / "workers").glob("[0-9]*.json")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
