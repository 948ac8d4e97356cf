"""Fargate: vCPU-hours and GB-hours of tasks, by the second with a minute at least, storage above 20 GB.

Source: Fargate pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from costmodel.activity import Activity, Quantity
from costmodel.errors import InputError
from costmodel.pricing.resource import Items, SenderTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine
from loadgen.deployment import Architecture

SERVICE = "fargate"
LEAST_RUN_S = 60.0
FREE_STORAGE_GB = 20.0
MEMORY_GB: Mapping[float, tuple[float, ...]] = {
    0.25: (0.5, 1, 2), 0.5: (1, 2, 3, 4), 1: tuple(range(2, 9)), 2: tuple(range(4, 17)), 4: tuple(range(8, 31)),
    8: tuple(range(16, 61, 4)), 16: tuple(range(32, 121, 8)),
}
"""The memory sizes of a task by its vCPUs. Source: ECS developer guide, task definition parameters for Fargate."""


@dataclass(frozen=True, kw_only=True)
class TasksTally(SenderTally):
    """Tasks of one size: `tasks` that run for `hours`, or `runs` of `run_seconds` each."""

    asks: ClassVar[tuple[str, ...]] = ("tasks", "runs")
    architecture: Architecture = "x86_64"
    operating_system: Literal["linux", "windows"] = "linux"
    vcpu: float
    memory_gb: float
    storage_gb: float = FREE_STORAGE_GB
    tasks: float = 0.0
    hours: Standing
    runs: Quantity = 0.0
    run_seconds: float = 0.0

    def __post_init__(self) -> None:
        sizes = MEMORY_GB.get(self.vcpu)
        if sizes is None:
            raise InputError(f"vcpu = {self.vcpu:g}: give one of {', '.join(f'{size:g}' for size in MEMORY_GB)}")
        if self.memory_gb not in sizes:
            raise InputError(f"memory_gb = {self.memory_gb:g}: with {self.vcpu:g} vCPU give one of "
                             f"{', '.join(f'{size:g}' for size in sizes)}")
        if self.operating_system == "windows" and self.architecture == "arm64":
            raise InputError("operating_system = 'windows': runs on x86_64 only: give that architecture")

    @property
    def items(self) -> Items:
        hours = self.tasks * self.hours + self.runs * max(self.run_seconds, LEAST_RUN_S) / 3600.0
        kind = self.architecture if self.operating_system == "linux" else f"{self.operating_system}_{self.architecture}"
        return {f"vcpu_{kind}": (self.vcpu * hours, "vCPU-hour"), f"memory_{kind}": (self.memory_gb * hours, "GB-hour"),
                "ephemeral_storage": (max(self.storage_gb - FREE_STORAGE_GB, 0.0) * hours, "GB-hour")}


def fargate_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all tasks."""
    yield from item_lines(SERVICE, (TasksTally,), activity)
