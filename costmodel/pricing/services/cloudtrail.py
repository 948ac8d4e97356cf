"""CloudTrail: events delivered. The first copy of management events is free and not given here.

Source: CloudTrail pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "cloudtrail"


@dataclass(frozen=True, kw_only=True)
class TrailTally(ResourceTally):
    """A trail: management events of a further copy, data events (Lambda invocations, S3 objects), events analysed."""

    management_events: Quantity = 0.0
    data_events: Quantity = 0.0
    insights_events: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"management_events_additional_copy": (self.management_events, "event"),
                "data_events": (self.data_events, "event"), "insights_events": (self.insights_events, "event")}


def cloudtrail_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every trail."""
    yield from item_lines(SERVICE, (TrailTally,), activity)
