"""Fargate: vCPU-hours and GB-hours of tasks, by the second with a minute at least, storage above 20 GB.

Source: Fargate pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, SenderTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine
from loadgen.deployment import Architecture

SERVICE = "fargate"
LEAST_RUN_S = 60.0
FREE_STORAGE_GB = 20.0


@dataclass(frozen=True, kw_only=True)
class TasksTally(SenderTally):
    """Tasks of one size: `tasks` that run for `hours`, or `runs` of `run_seconds` each."""

    architecture: Architecture = "x86_64"
    operating_system: Literal["linux", "windows"] = "linux"
    vcpu: float
    memory_gb: float
    storage_gb: float = FREE_STORAGE_GB
    tasks: float = 0.0
    hours: Standing
    runs: Quantity = 0.0
    run_seconds: float = 0.0

    @property
    def items(self) -> Items:
        hours = self.tasks * self.hours + self.runs * max(self.run_seconds, LEAST_RUN_S) / 3600.0
        kind = self.architecture if self.operating_system == "linux" else f"{self.operating_system}_{self.architecture}"
        return {f"vcpu_{kind}": (self.vcpu * hours, "vCPU-hour"), f"memory_{kind}": (self.memory_gb * hours, "GB-hour"),
                "ephemeral_storage": (max(self.storage_gb - FREE_STORAGE_GB, 0.0) * hours, "GB-hour")}


def fargate_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all tasks."""
    yield from item_lines(SERVICE, (TasksTally,), activity)
