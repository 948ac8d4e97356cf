"""Step Functions: state transitions of standard workflows (retries too); requests and GB-seconds of express ones.

Express durations count in started 100 ms, memory in started 64 MB. Source: Step Functions pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.metering import express_gb_s
from costmodel.pricing.resource import Items, ResourceTally, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "stepfunctions"


@dataclass(frozen=True, kw_only=True)
class StandardWorkflowTally(ResourceTally):
    """A standard state machine."""

    transitions: Quantity

    @property
    def items(self) -> Items:
        return {"standard_transitions": (self.transitions, "state transition")}


@dataclass(frozen=True, kw_only=True)
class ExpressWorkflowTally(ResourceTally):
    """An express state machine; duration and memory are each execution's."""

    executions: Quantity
    duration_ms: float
    memory_mb: float = 64.0

    @property
    def items(self) -> Items:
        each = express_gb_s(self.duration_ms, self.memory_mb)
        return {"express_requests": (self.executions, "request"),
                "express_duration": (self.executions * each, "GB-second")}


def stepfunctions_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every state machine."""
    yield from item_lines(SERVICE, (StandardWorkflowTally, ExpressWorkflowTally), activity)
