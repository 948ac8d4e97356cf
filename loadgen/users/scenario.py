"""What a locustfile says: its user classes, their tasks with weights, and their shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, cast

from loadgen.errors import ScenarioError
from loadgen.shapes import Shape
from loadgen.users.open_loop import OpenLoopUser
from loadgen.users.schedule import Stream

Task = Callable[[OpenLoopUser], Any]


@dataclass(frozen=True)
class UserTasks:
    """One user class: each task once, with the stream that starts them."""

    user_class: type[OpenLoopUser]
    tasks: tuple[Task, ...]
    stream: Stream


def read_users(classes: Sequence[type]) -> list[UserTasks]:
    """The user classes of a scenario. Raises ScenarioError when one has nothing to do, or would not run open-loop."""
    if not classes:
        raise ScenarioError("no user class: derive one from ApiUser, with a shape and a @task")
    return [_read_user(user_class) for user_class in classes]


def whole_shape(users: Sequence[UserTasks]) -> Shape:
    """The arrival rate of all users together."""
    return reduce(add, [user.stream.shape for user in users])


def _read_user(user_class: type) -> UserTasks:
    name = user_class.__name__
    if not issubclass(user_class, OpenLoopUser):
        raise ScenarioError(f"{name}: would not run beside open-loop users: derive it from ApiUser or InvokeUser")
    if not isinstance(user_class.shape, Shape):
        raise ScenarioError(f"{name}.shape = {user_class.shape!r}: give it a shape, such as spike(100, 200)")
    weights = Counter(user_class.tasks)
    if not weights:
        raise ScenarioError(f"{name}: no tasks: mark a method with @task")
    if nested := [task.__name__ for task in weights if isinstance(task, type)]:
        raise ScenarioError(f"{name}: {nested[0]} is a TaskSet: put its tasks on {name} itself")
    tasks = cast(tuple[Task, ...], tuple(weights))
    return UserTasks(user_class, tasks, Stream(user_class.shape, tuple(weights.values())))
