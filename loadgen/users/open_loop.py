"""The user that arrivals run on: a Locust user whose tasks are started by a schedule, not by a loop.

Locust spawns none of these. One object of each class serves all arrivals of a process, any number at a time, so a task
keeps nothing on `self`. An arrival is one request: a second one in the same task is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from time import perf_counter
from typing import Any, ClassVar

from gevent.local import local
from locust import FastHttpUser
from locust.contrib.fasthttp import FastResponse

from loadgen.errors import ScenarioError
from loadgen.shapes import Shape
from loadgen.users.connections import OnceOnlyPool
from loadgen.users.schedule import arrival_random


@dataclass(slots=True)
class Arrival:
    """One arrival: when it is due, and what is known of its request so far. Times are seconds of `perf_counter`."""

    seq: int
    seed: int
    at_s: float
    """From the start of the schedule."""
    due: float
    sent: float | None = None
    route: str | None = None
    cache_key: str | None = None
    request_bytes: int | None = None
    direct: bool = False
    """Sent to Lambda itself, past any gateway."""
    random: Random | None = None
    recorded: bool = False


class OpenLoopUser(FastHttpUser):
    """Base of ApiUser and InvokeUser. A subclass sets `shape`."""

    abstract = True
    shape: ClassVar[Shape | None] = None
    concurrency = 10_000
    """Requests in flight; Locust's default of 10 would close the loop without a word."""
    max_redirects = 0
    insecure = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        agent = self.client.client
        agent.clientpool = OnceOnlyPool(**agent.clientpool.client_args)
        self._local = local()

    @property
    def arrival(self) -> Arrival:
        """The arrival that runs the current task."""
        current: Arrival | None = getattr(self._local, "arrival", None)
        if current is None:
            raise ScenarioError(f"{type(self).__name__}: a request outside of a task: move it into a @task method")
        return current

    @arrival.setter
    def arrival(self, arrival: Arrival) -> None:
        self._local.arrival = arrival

    @property
    def random(self) -> Random:
        """A random generator of this arrival's own: the same draws whatever the number of processes."""
        arrival = self.arrival
        if arrival.random is None:
            arrival.random = arrival_random(arrival.seed, arrival.seq)
        return arrival.random

    def context(self) -> dict[str, Any]:
        """What Locust hands to the `request` listeners."""
        return {"arrival": self.arrival}

    def send(self, method: str, url: str, *, route: str, key: Mapping[str, Any] | None, body: bytes = b"",
             headers: Mapping[str, str] | None = None) -> FastResponse:
        """Send this arrival's one request. `route` names it in every frame; `key`: the parameters that a cache sees."""
        arrival = self.arrival
        if arrival.sent is not None:
            raise ScenarioError(f"{type(self).__name__}: a task sends one request, this one a second ({route}): "
                                "make it a task of its own")
        arrival.route, arrival.request_bytes = route, len(body)
        arrival.cache_key = None if key is None else _cache_key(route, key)
        arrival.sent = perf_counter()
        response = self.client.request(method, url, name=route, data=body,  # type: ignore[arg-type]
                                       headers=dict(headers or {}))
        _untangle(response)
        return response


def _untangle(response: FastResponse) -> None:
    """Break the cycles of a failed request's error: 40 objects each, which would pile up for the garbage collector."""
    error = getattr(response, "error", None)
    if error is not None:
        error.__traceback__ = error.response = None


def _cache_key(route: str, key: Mapping[str, Any]) -> str:
    parameters = "&".join(f"{name}={value}" for name, value in sorted(key.items()))
    return blake2b(f"{route}?{parameters}".encode(), digest_size=8).hexdigest()
