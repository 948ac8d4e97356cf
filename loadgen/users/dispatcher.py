"""Sends one process's share of the schedule, open-loop: arrivals do not wait for answers.

One greenlet keeps an absolute schedule, each arrival runs in a greenlet of its own, and latency counts from when it was
due. What is more than LATE_S late, or finds CAPACITY requests in flight, is dropped and recorded so: rows = arrivals.
Garbage collection would stall the loop for 6 to 20 ms at a time, so what exists at the start is frozen, and the rest
(cycles are rare, see `open_loop`) is collected every 10 s, in a gap between arrivals.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import gevent
from gevent.event import Event

from loadgen.users.open_loop import Arrival, OpenLoopUser
from loadgen.users.recorder import Recorder
from loadgen.users.scenario import Task
from loadgen.users.schedule import Schedule

LATE_S = 2.0
"""An arrival that is later than this is not sent any more."""
DRAIN_S = 35.0
"""How long the last requests may take: API Gateway answers within 30 s."""
GRACE_S = 1.0
"""The same when the run is interrupted."""
COLLECT_EVERY_S, COLLECT_GAP_S = 10.0, 0.003


@dataclass(frozen=True)
class Crew:
    """The one object that serves all arrivals of a user class, and its tasks."""

    user: OpenLoopUser
    tasks: Sequence[Task]


class Dispatcher:
    """Starts a schedule's arrivals on time. `finished` is set when every row is on disk."""

    def __init__(self, schedule: Schedule, crews: Sequence[Crew], recorder: Recorder, seed: int) -> None:
        self.finished = Event()
        self._schedule, self._crews, self._recorder, self._seed = schedule, crews, recorder, seed
        self._capacity = min(crew.user.concurrency for crew in crews)
        self._in_flight: dict[int, tuple[Arrival, gevent.Greenlet[..., None]]] = {}
        self._routes: dict[Task, str] = {}
        self._ending, self._deadline = False, math.inf
        self._collected_at = perf_counter()

    def start(self) -> None:
        """Begin; returns at once."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._greenlet = gevent.spawn(self._run)

    def finish(self) -> None:
        """Send nothing more, give what is in flight a moment, write everything. Repeatable; blocks until done."""
        self._deadline = min(self._deadline, perf_counter() + GRACE_S)
        if not self._ending:
            self._ending = True
            self._greenlet.kill()
            self._end()
        self.finished.wait()

    def _run(self) -> None:
        share = self._recorder.share
        for seq in self._schedule.share(share.index, share.count):
            self._send(seq)
        self._ending, self._deadline = True, perf_counter() + DRAIN_S
        self._end()

    def _send(self, seq: int) -> None:
        at_s = float(self._schedule.at_s[seq])
        arrival = Arrival(seq, self._seed, at_s, self._recorder.start + at_s)
        crew = self._crews[self._schedule.stream[seq]]
        task = crew.tasks[self._schedule.task[seq]]
        late_s = self._wait(arrival.due)
        if late_s > LATE_S or len(self._in_flight) >= self._capacity:
            arrival.route = self._routes.get(task)
            self._recorder.dropped(arrival, f"{late_s:.1f} s late, {len(self._in_flight)} in flight")
            return
        self._in_flight[seq] = arrival, gevent.spawn(self._run_task, arrival, crew.user, task)

    def _wait(self, due: float) -> float:
        """Sleep until `due`, and let others run in any case. How late it has become [s]."""
        delay = due - perf_counter()
        if delay > COLLECT_GAP_S and due - self._collected_at > COLLECT_EVERY_S:
            gc.collect()
            self._collected_at = perf_counter()
        gevent.sleep(max(due - perf_counter(), 0.0))
        while (now := perf_counter()) < due:
            gevent.sleep(due - now)
        return now - due

    def _run_task(self, arrival: Arrival, user: OpenLoopUser, task: Task) -> None:
        user.arrival = arrival
        problem = "sent no request"
        try:
            task(user)
        except Exception as exception:
            problem = f"{type(exception).__name__} in the task"
            user.environment.events.user_error.fire(
                user_instance=user, exception=exception, tb=exception.__traceback__)
        finally:
            del self._in_flight[arrival.seq]
        if arrival.route is not None:
            self._routes[task] = arrival.route
        if not arrival.recorded:
            record = self._recorder.dropped if arrival.sent is None else self._recorder.unfinished
            record(arrival, f"{task.__name__}: {problem}")

    def _end(self) -> None:
        while self._in_flight and perf_counter() < self._deadline:
            gevent.sleep(0.01)
        for arrival, greenlet in list(self._in_flight.values()):
            record = self._recorder.dropped if arrival.sent is None else self._recorder.unfinished
            record(arrival, "the run ended")
            greenlet.kill(block=False)
        self._recorder.close()
        gc.enable()
        self.finished.set()
