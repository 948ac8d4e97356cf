"""Joins a scenario to Locust: who sends which share, when a test is over, and how it ends early.

Two listeners, registered by importing this module, so that bare `locust -f` works. Locust spawns no users: its
`test_start` starts the dispatcher, and a LoadTestShape that asks for no users ends the test when all rows are written.

With `--processes n` or distributed workers only the master knows n. A worker says when it is ready; when all are, the
master tells each its place and a common start; a worker says when it is done. A worker whose master died stops within
a second (Locust's would go on for a minute), and so does a Locust whose caller did (LOADGEN_CALLER, a process id).
"""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from time import time
from typing import Any

import gevent
from locust import LoadTestShape, events
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from loadgen.errors import LoadgenError
from loadgen.users.dispatcher import DRAIN_S, Crew, Dispatcher
from loadgen.users.open_loop import OpenLoopUser
from loadgen.users.recorder import Recorder, Share, warm_up
from loadgen.users.scenario import UserTasks, read_users, whole_shape
from loadgen.users.schedule import draw

START_IN_S = 0.2
"""From when everything is ready to the schedule's zero."""
READY_S = 60.0
READY, SHARE, DONE = "loadgen_ready", "loadgen_share", "loadgen_done"
log = logging.getLogger(__name__)


class Sender:
    """A process that sends: the only one, or one of several workers."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.dispatcher: Dispatcher | None = None
        self.crews: list[Crew] = []
        self.seed = int(os.environ.get("LOADGEN_SEED", "0"))
        self.recorded = False
        self.is_worker = isinstance(environment.runner, WorkerRunner)
        if self.is_worker:
            environment.runner.register_message(SHARE, lambda msg, **_: self._begin(Share(**msg.data)))
        environment.events.test_start.add_listener(self._start)
        environment.events.test_stop.add_listener(self._stop)

    def over(self) -> bool:
        """Whether every arrival of the test has its row."""
        return self.dispatcher is not None and self.dispatcher.finished.is_set()

    def finish(self) -> None:
        """End the test here, with all rows written."""
        if self.dispatcher:
            self.dispatcher.finish()

    def _start(self, **_: Any) -> None:
        try:
            self._make_ready()
        except Exception as problem:
            text = str(problem) if isinstance(problem, LoadgenError) else f"{type(problem).__name__}: {problem}"
            log.error("the test cannot start: %s", text)
            self.environment.process_exit_code = 1
            _leave(self.environment)

    def _stop(self, **_: Any) -> None:
        self.finish()
        self.dispatcher = None

    def _make_ready(self) -> None:
        users = read_users(self.environment.user_classes)
        self.crews = [Crew(_enlist(user, self.environment), user.tasks) for user in users]
        self.schedule = draw([user.stream for user in users], self.seed)
        if self.is_worker:
            self.environment.runner.send_message(READY)
        else:
            self._begin(Share(0, 1, time() + START_IN_S))

    def _begin(self, share: Share) -> None:
        recorder = Recorder(self._folder(), share, arrivals=len(self.schedule),
                            scheduled=len(self.schedule.share(share.index, share.count)),
                            warm_s=float(os.environ.get("LOADGEN_WARM_S", "0")))
        self.environment.events.request.add_listener(recorder.on_request)
        self.dispatcher = Dispatcher(self.schedule, self.crews, recorder, self.seed)
        self.dispatcher.start()
        gevent.spawn(self._wind_up, self.dispatcher, recorder)

    def _wind_up(self, dispatcher: Dispatcher, recorder: Recorder) -> None:
        dispatcher.finished.wait()
        self.environment.events.request.remove_listener(recorder.on_request)
        for outcome in ("dropped", "unfinished"):
            if recorder.outcomes[outcome]:
                log.warning("%d of %d arrivals %s", recorder.outcomes[outcome], recorder.worker.scheduled, outcome)
        if self.is_worker:
            self.environment.runner.send_message(DONE)

    def _folder(self) -> Path | None:
        """Where rows go: a run directory holds one run, so only a process's first test is recorded."""
        out = os.environ.get("LOADGEN_OUT")
        if out and self.recorded:
            log.warning("LOADGEN_OUT holds the first test: this one is not recorded")
            return None
        self.recorded = True
        return Path(out) if out else None


class Master:
    """The process that tells the workers their shares."""

    def __init__(self, environment: Any) -> None:
        self.runner = environment.runner
        self.expected: set[str] = set()
        self.ready: set[str] = set()
        self.done: set[str] = set()
        self.until = math.inf
        self.duration_s = whole_shape(read_users(environment.user_classes)).duration_s
        self.runner.register_message(READY, self._count_ready)
        self.runner.register_message(DONE, lambda msg, **_: self.done.add(msg.node_id))
        environment.events.test_start.add_listener(self._expect)
        environment.events.test_stop.add_listener(self._stop)

    def over(self) -> bool:
        """Whether every worker of this test that is alive is done, or time is up."""
        return time() > self.until or (self.until < math.inf and self.expected & self._alive() <= self.done)

    def finish(self) -> None:
        """The workers end by themselves: they get the same signal, or miss their master."""

    def _alive(self) -> set[str]:
        return {client.id for client in self.runner.clients.all if client.state != STATE_MISSING}

    def _expect(self, **_: Any) -> None:
        """A test starts: these workers take part; one that joins later gets no share."""
        self.ready, self.done, self.expected = set(), set(), self._alive()
        self.until = time() + READY_S

    def _stop(self, **_: Any) -> None:
        self.until = math.inf

    def _count_ready(self, msg: Any, **_: Any) -> None:
        self.ready.add(msg.node_id)
        if self.ready != self.expected:
            return
        start_at = time() + START_IN_S
        self.until = start_at + self.duration_s + DRAIN_S + 5
        for index, client in enumerate(sorted(self.expected, key=self.runner.get_worker_index)):
            self.runner.send_message(SHARE, asdict(Share(index, len(self.expected), start_at)), client)


class WholeTest(LoadTestShape):
    """No users, for as long as the test is not over."""

    def __init__(self, part: Sender | Master) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.part = part

    def tick(self) -> tuple[int, float] | None:
        """Locust asks about once a second."""
        return None if self.part.over() else (0, 1.0)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def import_pandas(**_: Any) -> None:
    """Before Locust starts its workers: Arrow looks for pandas when it first converts, and a worker of a busy machine that
    then imports it for seconds is taken for lost."""
    import pandas  # noqa: F401


@events.init.add_listener  # type: ignore[untyped-decorator]
def prepare(environment: Any, **_: Any) -> None:
    """Set up this process: as the master, as one of its workers, or alone."""
    if not any(issubclass(user_class, OpenLoopUser) for user_class in environment.user_classes):
        return
    try:
        read_users(environment.user_classes)
    except LoadgenError as problem:
        log.error("%s", problem)
        sys.exit(problem.exit_code)
    part = Master(environment) if isinstance(environment.runner, MasterRunner) else Sender(environment)
    if isinstance(part, Sender):
        warm_up()
    if not isinstance(environment.runner, WorkerRunner):
        environment.shape_class = WholeTest(part)
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, _interrupt, environment, part)
    if parent := _parent(environment):
        gevent.spawn(_watch, parent, environment, part)


def _enlist(user: UserTasks, environment: Any) -> OpenLoopUser:
    user.user_class.host = environment.host or user.user_class.host
    enlisted = user.user_class(environment)
    enlisted.on_start()
    return enlisted


def _interrupt(environment: Any, part: Sender | Master) -> None:
    """Write everything, then leave."""
    part.finish()
    _leave(environment)


def _leave(environment: Any) -> None:
    """Leave the way that Locust leaves on Ctrl-C, from any greenlet."""
    if environment.web_ui:
        environment.web_ui.stop()
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def _parent(environment: Any) -> int | None:
    if isinstance(environment.runner, WorkerRunner) and environment.parsed_options.processes:
        return os.getppid()
    return int(os.environ["LOADGEN_CALLER"]) if "LOADGEN_CALLER" in os.environ else None


def _watch(parent: int, environment: Any, part: Sender | Master) -> None:
    while os.getppid() == parent:
        gevent.sleep(0.5)
    log.warning("the process that started this one is gone: stopping")
    _interrupt(environment, part)
