"""X-Ray: traces recorded, and traces retrieved or scanned by queries. Sampled out traces are not recorded.

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

    @property
    def items(self) -> Items:
        return {"traces_recorded": (self.recorded, "trace"),
                "traces_retrieved_or_scanned": (self.retrieved + self.scanned, "trace")}


def xray_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all traces."""
    yield from item_lines(SERVICE, (TracesTally,), activity)
