"""A scenario as JSON, on standard output: `python -m loadgen.users.describe scenarios/spike.py`.

    {"shape": {…}, "expected": 2700.0, "duration_s": 22.0, "routes": {"GET /products": 0.5, …}}

`routes` are shares of the arrivals. Every task is run a few times with a client that answers `{}` and sends nothing.
A scenario that cannot be used gives `{"error": "…"}`, one line, and exit code 2. Importing a scenario imports Locust,
which patches the process: hence a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from loadgen.errors import ScenarioError
from loadgen.users.open_loop import Arrival, OpenLoopUser
from loadgen.users.scenario import Task, UserTasks, read_users, whole_shape

TRIALS = 20
"""Runs of each task: a task that chooses its route at random shows its routes by then."""


class Answer:
    """An answer without a server: status 200, an empty JSON object; good for Locust's `with` blocks too."""

    status_code, ok, headers, text, content = 200, True, {}, "{}", b"{}"  # type: ignore[var-annotated]

    def json(self) -> dict[str, Any]:
        return {}

    def success(self) -> None:
        """Ignored."""

    def failure(self, problem: Any) -> None:
        """Ignored."""

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to close."""


class SilentClient:
    """Stands in for the session of a user, and sends nothing."""

    def request(self, *arguments: Any, **settings: Any) -> Answer:
        return Answer()


def describe(path: Path) -> dict[str, Any]:
    """The scenario's shape, expected arrivals, duration and routes. Raises ScenarioError with where and why."""
    with _blamed(path):
        classes, _ = load_locustfile(str(path.resolve()))
    with _named(path):
        users = read_users(list(classes.values()))
        shape = whole_shape(users)
        return {"shape": shape.to_dict(), "expected": float(shape.expected()), "duration_s": shape.duration_s,
                "routes": _route_shares(users, float(shape.expected()))}


def _route_shares(users: list[UserTasks], expected: float) -> dict[str, float]:
    shares: Counter[str] = Counter()
    environment = Environment()
    for listed in users:
        listed.user_class.host = "http://127.0.0.1"
        user = listed.user_class(environment)
        user.client = SilentClient()  # type: ignore[assignment]
        weights = listed.stream.weights
        arrivals_share = float(listed.stream.shape.expected()) / expected if expected else 0.0
        for task, weight in zip(listed.tasks, weights, strict=True):
            for seq in range(TRIALS):
                shares[_try(user, task, seq)] += arrivals_share * weight / sum(weights) / TRIALS  # type: ignore[assignment]
    return {route: round(share, 6) for route, share in shares.items()}


def _try(user: OpenLoopUser, task: Task, seq: int) -> str:
    """The route of the request that the task sends."""
    user.arrival = arrival = Arrival(seq, seed=0, at_s=0.0, due=0.0)
    problem: Exception | None = None
    try:
        task(user)
    except ScenarioError:
        raise
    except Exception as raised:
        problem = raised
    if arrival.route is None:
        why = f"{type(problem).__name__}: {problem}" if problem else "it returned without one"
        raise ScenarioError(f"{type(user).__name__}.{task.__name__}: sends no request ({why})")
    return arrival.route


@contextlib.contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Turn whatever the import of a scenario raises into one line with its file and line."""
    try:
        yield
    except (Exception, SystemExit) as problem:
        frames = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__)
                  if Path(frame.filename).resolve() == path.resolve()]
        line = problem.lineno if isinstance(problem, SyntaxError) else (frames or [1])[-1]
        text = " ".join(f"{type(problem).__name__}: {getattr(problem, 'msg', None) or problem}".split())
        raise ScenarioError(f"{path}:{line}: {text}") from None


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except ScenarioError as problem:
        raise ScenarioError(f"{path}: {problem}") from None


def main() -> int:
    """Describe the scenario named on the command line; exit code 2 when it cannot be used."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer = describe(Path(sys.argv[1]))
    except ScenarioError as problem:
        answer = {"error": str(problem)}
    print(json.dumps(answer))
    return 2 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
