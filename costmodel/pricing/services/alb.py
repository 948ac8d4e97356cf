"""Application Load Balancer: hours, and capacity units (LCU) by the hour.

    LCU = the largest of  new connections/s / 25,  active connections / 3,000,  GB/h / 1 (to Lambda targets 0.4),
                          rule evaluations/s / 1,000, the first 10 rules free

Here the sums of a period stand in it: the hourly maxima are those only under an even load.
Source: Elastic Load Balancing pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, SenderTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "alb"
NEW_CONNECTIONS_PER_S = 25.0
ACTIVE_CONNECTIONS = 3000.0
GB_PER_HOUR = {"lambda": 0.4, "instances": 1.0}
EVALUATIONS_PER_S = 1000.0
FREE_RULES = 10


@dataclass(frozen=True, kw_only=True)
class LoadBalancerTally(SenderTally):
    """A load balancer: its traffic of the period, as if it came evenly, or its LCU-hours as given."""

    targets: Literal["lambda", "instances"] = "instances"
    hours: Standing
    lcu_hours: Standing = 0.0
    new_connections: Quantity = 0.0
    connection_minutes: Quantity = 0.0
    processed_gb: Quantity = 0.0
    requests: Quantity = 0.0
    rules: float = 0.0

    @property
    def items(self) -> Items:
        evaluations = self.requests * max(self.rules - FREE_RULES, 0.0)
        connections = np.maximum(self.new_connections / NEW_CONNECTIONS_PER_S / 3600.0,
                                 self.connection_minutes / ACTIVE_CONNECTIONS / 60.0)
        work = np.maximum(self.processed_gb / GB_PER_HOUR[self.targets], evaluations / EVALUATIONS_PER_S / 3600.0)
        lcu_hours: Quantity = self.lcu_hours + np.maximum(connections, work)
        return {"hour": (self.hours, "ALB-hour"), "lcu_hour": (lcu_hours, "LCU-hour")}


def alb_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every load balancer."""
    yield from item_lines(SERVICE, (LoadBalancerTally,), activity)
