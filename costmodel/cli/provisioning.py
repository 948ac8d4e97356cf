"""`--schedule` and `--target-tracking`: provisioned concurrency as Application Auto Scaling changes it.

    08:00=10,20:00=0    scheduled scaling: environments from a time of day [UTC] on, every day
    2-20@70             target tracking: minimum and maximum capacity, and the utilisation aimed at [%]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.errors import InputError

if TYPE_CHECKING:
    from costmodel.cli.candidates import Question
    from costmodel.prediction.provisioning import Provisioning, Schedule, TargetTracking
    from costmodel.workload import Workload
    from loadgen.configuration import Configuration

Scheduled = Annotated[str | None, typer.Option("--schedule", help="Scheduled scaling of provisioned concurrency: environments from "
                                               "a time of day [UTC] on, as 08:00=10,20:00=0.")]
Tracked = Annotated[str | None, typer.Option("--target-tracking", help="Target tracking of provisioned concurrency: minimum, "
                                             "maximum and utilisation [%], as 2-20@70.")]
DAY_HOURS, HOUR_S = 24, 3600.0
_CHANGE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)=(\d+)")
_TRACKING = re.compile(r"(\d+)-(\d+)@(\d+(?:\.\d+)?)%?")


@dataclass(frozen=True)
class Scaling:
    """How the provisioned concurrency of functions changes; `first`: environments that it begins with."""

    provisioning: Mapping[str, Provisioning]
    first: int
    text: str

    def begins(self, configuration: Configuration) -> Configuration:
        """The configuration with the environments that its functions begin with."""
        return replace(configuration, functions={
            name: replace(settings, provisioned=self.first) if name in self.provisioning else settings
            for name, settings in configuration.functions.items()})


def read_scaling(asked: Question, schedule: str | None, target_tracking: str | None) -> Scaling | None:
    """What the options ask of every function of the workload with an alias; None: nothing. Raises InputError."""
    if schedule is None and target_tracking is None:
        return None
    names = _provisionable(asked)
    if schedule is not None:
        daily = schedule_of(schedule, _hour_s(asked.workload))
        return Scaling(dict.fromkeys(names, daily), daily.changes[-1][1], f"by schedule {schedule} (UTC)")
    assert target_tracking is not None
    tracking = tracking_of(target_tracking)
    hour_s = _hour_s(asked.workload)
    if hour_s is not None and hour_s < HOUR_S:
        raise InputError(f"--target-tracking: each hour of the window's traffic is simulated as {hour_s:,.0f} s, and target "
                         "tracking works in minutes: give a run of an hour or more")
    return Scaling(dict.fromkeys(names, tracking), tracking.least, f"by target tracking {target_tracking}")


def schedule_of(text: str, hour_s: float | None) -> Schedule:
    """The changes of a day whose hours are simulated as `hour_s`; None: the traffic has no time of day. Raises InputError."""
    from costmodel.prediction.provisioning import Allocation, Schedule

    found = [_CHANGE.fullmatch(word.strip()) for word in text.split(",")]
    changes = [(int(each[1]) + int(each[2]) / 60, int(each[3])) for each in found if each]
    if len(changes) < len(found):
        raise InputError(f"--schedule = {text!r}: give times of day and environments, as 08:00=10,20:00=0")
    if len({at_h for at_h, _ in changes}) < len(changes):
        raise InputError(f"--schedule = {text!r}: give each time of day once")
    if hour_s is None:
        raise InputError("--schedule: a run's traffic has no time of day: give --run a window that `loadgen metrics` read")
    usual, faster = Allocation(), HOUR_S / hour_s
    return Schedule(tuple((at_h * hour_s, environments) for at_h, environments in sorted(changes)), DAY_HOURS * hour_s,
                    Allocation(usual.delay_s / faster, usual.environments_per_s * faster))


def tracking_of(text: str) -> TargetTracking:
    """Raises InputError that names the option."""
    from costmodel.prediction.provisioning import TargetTracking

    found = _TRACKING.fullmatch(text.strip())
    if not found:
        raise InputError(f"--target-tracking = {text!r}: give minimum, maximum and utilisation in %, as 2-20@70")
    try:
        return TargetTracking(int(found[1]), int(found[2]), float(found[3]) / 100)
    except InputError as problem:
        raise InputError(f"--target-tracking = {text!r}: {problem}") from None


def _hour_s(workload: Workload) -> float | None:
    """How long an hour of the day is simulated [s]; None: the traffic has no hours."""
    from costmodel.traffic import Bursty

    steps = {each.arrivals.step_s if isinstance(each.arrivals, Bursty) else None for each in workload.demands.values()}
    return steps.pop() if len(steps) == 1 else None


def _provisionable(asked: Question) -> list[str]:
    deployment = asked.model.deployment
    called = {route.function for each in asked.configurations for route in deployment.routes(each.api.kind)
              if route.name in asked.workload.demands}
    names = [name for name in deployment.functions if name in called and deployment.functions[name].alias is not None
             and not any(each.functions[name].snap_start for each in asked.configurations)]
    if not names:
        raise InputError("--schedule, --target-tracking: no function of the traffic can have provisioned concurrency: it needs "
                         "an alias, and excludes SnapStart")
    return names
