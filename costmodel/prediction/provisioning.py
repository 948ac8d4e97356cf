"""Provisioned concurrency that changes: by a schedule, or by target tracking as Application Auto Scaling runs it.

Every minute in which the function was invoked gives a datapoint, the mean share of the provisioned environments in use.
`minutes_above` datapoints above the target in a row, or `minutes_below` below 90 % of it, ask for

    ceil(environments x share / target)          within `least` and `most`

A minute without an invocation has no datapoint: an idle function is never scaled in. More environments are usable only
when all of them are allocated; they are paid for from the request on. Source: AWS Lambda Developer Guide, "Configuring
provisioned concurrency".

What AWS does not say, or says in two ways, is an option with a default: how long an allocation takes to begin ("a minute
or two": 90 s; the delay of the metric can be added to it), and how many minutes below the target it takes (15, as
recorded; the guide says 3). That a datapoint is the mean over the function's invocations, spilled over ones included at
100 %, that environments already allocated stay usable while more are, that nothing is asked for meanwhile, that a minute
without a datapoint interrupts a row, and that what was asked for is not to be had on demand while it is allocated (where
reserved concurrency is all provisioned, nothing then runs), are assumptions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from costmodel.errors import InputError
from costmodel.prediction.simulator import CHANGE, Records

DAY_S = 86_400.0


@dataclass(frozen=True)
class Allocation:
    """How fast environments are provisioned."""

    delay_s: float = 90.0
    environments_per_s: float = 100.0
    """6,000 a minute."""

    def __post_init__(self) -> None:
        if not (0 < self.delay_s < math.inf and 0 < self.environments_per_s < math.inf):
            raise InputError(f"allocation: delay_s={self.delay_s}, environments_per_s={self.environments_per_s}: give finite "
                             "numbers above 0")


@dataclass(frozen=True)
class Schedule:
    """Environments asked for at times [s from the period's start], again every `every_s`. Before the first: the
    configuration's number."""

    changes: tuple[tuple[float, int], ...]
    every_s: float = DAY_S
    allocation: Allocation = field(default_factory=Allocation)

    @property
    def most(self) -> int:
        """Environments asked for at once, at most."""
        return max(environments for _, environments in self.changes)

    def __post_init__(self) -> None:
        times = [at_s for at_s, _ in self.changes]
        if not 1 <= self.every_s < math.inf:
            raise InputError(f"schedule.every_s={self.every_s}: give the seconds after which it begins again, 1 or more")
        ascending = all(before < after for before, after in itertools.pairwise([-math.inf, *times, self.every_s]))
        if not times or not ascending or not times[0] >= 0:
            raise InputError(f"schedule.changes at {times} s: give ascending times from 0 up to every_s={self.every_s:g}")
        if not all(_is_count(environments) for _, environments in self.changes):
            raise InputError(f"schedule.changes={self.changes}: give whole numbers of environments, 0 or more")


@dataclass(frozen=True)
class TargetTracking:
    """Between `least` and `most` environments, so that a share `target` of them is in use."""

    least: int
    most: int
    target: float = 0.7
    minutes_above: int = 3
    minutes_below: int = 15
    allocation: Allocation = field(default_factory=Allocation)

    def __post_init__(self) -> None:
        if not 0.1 <= self.target <= 0.9:
            raise InputError(f"target_tracking.target={self.target}: give 0.1 to 0.9")
        if not (_is_count(self.least) and _is_count(self.most) and 1 <= self.least <= self.most):
            raise InputError(f"target_tracking: least={self.least}, most={self.most}: give whole numbers of 1 or more, and "
                             "most not below least")
        minutes = self.minutes_above, self.minutes_below
        if not all(_is_count(each) and each >= 1 for each in minutes):
            raise InputError(f"target_tracking: minutes_above={minutes[0]}, minutes_below={minutes[1]}: give whole numbers of 1 "
                             "or more")


Provisioning = Schedule | TargetTracking


def _is_count(value: float) -> bool:
    return 0 <= value < math.inf and value == int(value)


def scheduled_changes(schedules: Mapping[int, Schedule], until_s: float) -> Records | None:
    """The changes of all functions (by number) up to a time, in order; None: there are none."""
    rows = sorted(
        (at_s + turn * schedule.every_s, function, environments)
        for function, schedule in schedules.items()
        for turn in range(math.ceil(until_s / schedule.every_s))
        for at_s, environments in schedule.changes if at_s + turn * schedule.every_s <= until_s)
    return np.array(rows, dtype=CHANGE) if rows else None
