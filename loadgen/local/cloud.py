"""LocalCloud: start the local cloud in a process of its own, and stop it.

The process has a session of its own, so that a Ctrl-C in the caller's terminal leaves it running until the caller has
put back what it changed; it ends with the caller all the same, because it watches a pipe that the caller holds.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from loadgen import errors
from loadgen.errors import LocalCloudError
from loadgen.local.process import Settings
from loadgen.quotas import Quotas
from loadgen.schema import from_plain, to_plain
from loadgen.target import Target

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 1.0


class LocalCloud:
    """A local cloud with a template deployed in it; a context manager that yields the Target.

    Ports of 0 are any free ones. `provisioned_delay_s`: how long provisioned concurrency takes to be allocated (AWS:
    minutes). `settle_s`: how long a change of a function is under way. `ingestion_delay_s`: from a log event to its
    being readable. Raises LocalCloudError, or what is wrong with the template (TemplateError).
    """

    def __init__(self, template: str | Path, *, parameters: Mapping[str, str] | None = None, seed: int = 0,
                 quotas: Quotas | None = None, data_port: int = 0, control_port: int = 0, region: str = "us-east-1",
                 provisioned_delay_s: float = 1.0, settle_s: float = 0.0, ingestion_delay_s: float = 0.3) -> None:
        self._settings = Settings(str(template), dict(parameters or {}), seed, quotas or Quotas(), data_port,
                                  control_port, region, provisioned_delay_s, settle_s, ingestion_delay_s)
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> Target:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> Target:
        """Start, and wait until everything is deployed. Raises LocalCloudError when it is running already."""
        if self.pid is not None:
            raise LocalCloudError(f"the local cloud is running already (process {self.pid}): stop it first")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        command = [sys.executable, "-m", "loadgen.local.process", json.dumps(to_plain(self._settings))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._complaints, start_new_session=True)
        try:
            message = self._first_message(time.monotonic() + START_TIMEOUT_S)
            if "error" in message:
                raise getattr(errors, message["kind"], LocalCloudError)(message["error"])
            return from_plain(Target, message["target"], "local cloud")
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Wait until the process ends. Raises LocalCloudError with its last line: it was not told to."""
        if self._process is None:
            raise LocalCloudError("the local cloud does not run: start it first")
        code = self._process.wait()
        raise LocalCloudError(f"the local cloud ended by itself (exit {code}): "
                              f"{self._last_complaint() or 'no reason given'}")

    def stop(self) -> None:
        """End the process: within a second, by force if need be. Nothing happens when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, self._complaints):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _first_message(self, deadline: float) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        line = self._process.stdout.readline() if ready else b""
        if not line:
            why = self._last_complaint() or f"no answer within {START_TIMEOUT_S:g} s"
            raise LocalCloudError(f"the local cloud did not start: {why}")
        message: dict[str, Any] = json.loads(line)
        return message

    def _last_complaint(self) -> str:
        assert self._complaints is not None
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
