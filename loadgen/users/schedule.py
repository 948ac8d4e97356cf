"""One seeded schedule for a whole scenario: when each arrival is due and which task it runs. Pure numpy.

Every user class is a stream with its own shape. Streams are drawn independently, each from the seed and its place, and
merged by time. Of n processes the k-th sends arrivals k, k + n, k + 2n, …, so the schedule does not depend on n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from loadgen.shapes import Shape


@dataclass(frozen=True)
class Stream:
    """Arrivals of one shape, each running one task, chosen by weight."""

    shape: Shape
    weights: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Arrivals in order: due time [s from the start], stream, task within the stream; three arrays of one length."""

    at_s: npt.NDArray[np.float64]
    stream: npt.NDArray[np.int64]
    task: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at_s)

    def share(self, index: int, count: int) -> range:
        """The arrivals of process `index` (from 0) of `count`."""
        return range(index, len(self), count)


def draw(streams: Sequence[Stream], seed: int) -> Schedule:
    """The schedule of these streams: the same for the same streams and seed, always."""
    times, owners, tasks = [], [], []
    for index, stream in enumerate(streams):
        rng = np.random.default_rng([seed, index])
        at_s = stream.shape.arrivals(rng)
        shares = np.asarray(stream.weights) / sum(stream.weights)
        times.append(at_s)
        owners.append(np.full(len(at_s), index))
        tasks.append(rng.choice(len(shares), size=len(at_s), p=shares))
    at_s = np.concatenate(times)
    order = np.argsort(at_s, kind="stable")
    return Schedule(at_s[order], np.concatenate(owners)[order], np.concatenate(tasks)[order])


def arrival_random(seed: int, seq: int) -> Random:
    """The random generator of arrival `seq`: its own, so that what it draws does not depend on who sends it."""
    return Random(f"{seed}:{seq}")
