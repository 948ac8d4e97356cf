"""EC2: hours of Linux instances, on demand, under a Compute Savings Plan, or at a discount as agreed.

    instances = ceil(busy vCPUs / (vCPUs each x utilisation)), `least` at least; or as given

Source: EC2 price list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from costmodel.activity import Activity
from costmodel.errors import InputError
from costmodel.pricing.resource import Items, SenderTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "ec2"


@dataclass(frozen=True, kw_only=True)
class InstancesTally(SenderTally):
    """Instances of one type; `busy_vcpus` is the work, of which each instance takes `vcpus` x `utilisation`."""

    asks: ClassVar[tuple[str, ...]] = ("instances", "busy_vcpus", "least")
    instance_type: str
    purchase: Literal["on_demand", "savings_plan_1_year", "savings_plan_3_year"] = "on_demand"
    instances: float = 0.0
    hours: Standing
    busy_vcpus: float = 0.0
    vcpus: float | None = None
    utilisation: float = 1.0
    least: int = 0
    discount: float = 0.0

    def __post_init__(self) -> None:
        if self.utilisation <= 0:
            raise InputError(f"utilisation = {self.utilisation:g}: give more than 0, to 1")
        if self.busy_vcpus and not self.vcpus:
            raise InputError(f"busy_vcpus = {self.busy_vcpus:g}: give vcpus too: how many one instance has")

    @property
    def items(self) -> Items:
        needed = math.ceil(round(self.busy_vcpus / ((self.vcpus or 1.0) * self.utilisation), 9))
        item = self.instance_type if self.purchase == "on_demand" else f"{self.instance_type}_{self.purchase}"
        return {item: ((self.instances + max(needed, self.least)) * self.hours, "hour")}


def ec2_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all instances."""
    for tally in activity.of(InstancesTally):
        for line in item_lines(SERVICE, (InstancesTally,), replace(activity, tallies=(tally,))):
            yield replace(line, discount=tally.discount)
