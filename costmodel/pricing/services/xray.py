"""X-Ray: traces recorded, retrieved or scanned by queries, or read by Insights. Sampled out traces are not recorded.

Source: X-Ray pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "xray"


@dataclass(frozen=True, kw_only=True)
class TracesTally(ResourceTally):
    """Traces of an application."""

    recorded: Quantity = 0.0
    retrieved: Quantity = 0.0
    scanned: Quantity = 0.0
    insights: Quantity = 0.0
    """Traces that X-Ray Insights processes: those recorded of the groups that have it."""

    @property
    def items(self) -> Items:
        return {"traces_recorded": (self.recorded, "trace"),
                "traces_retrieved_or_scanned": (self.retrieved + self.scanned, "trace"),
                "insights_traces": (self.insights, "trace")}


def xray_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all traces."""
    yield from item_lines(SERVICE, (TracesTally,), activity)
