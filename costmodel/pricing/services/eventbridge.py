"""EventBridge: events, pipes and API destinations of started 64 KB each, schedules, archives, schema discovery (8 KB).

Events of AWS services on the default bus are free, deliveries to targets of the same account too.
Source: EventBridge pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.metering import started_units
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "eventbridge"
UNIT_KB = 64.0
DISCOVERY_KB = 8.0


@dataclass(frozen=True, kw_only=True)
class BusTally(ResourceTally):
    """An event bus; `event_kb` is the size of each event."""

    event_kb: float = 0.0
    custom_events: Quantity = 0.0
    partner_events: Quantity = 0.0
    cross_account_events: Quantity = 0.0
    """Custom events delivered to a bus of another account."""
    cross_account_aws_events: Quantity = 0.0
    api_destination_invocations: Quantity = 0.0
    discovered_events: Quantity = 0.0
    archived_gb: Quantity = 0.0
    archive_gb_months: Standing = 0.0

    @property
    def items(self) -> Items:
        units = started_units(self.event_kb, UNIT_KB)
        return {
            "custom_events": (self.custom_events * units, "64-KB event"),
            "partner_events": (self.partner_events * units, "64-KB event"),
            "cross_account_custom": (self.cross_account_events * units, "64-KB event"),
            "cross_account_aws_event": (self.cross_account_aws_events * units, "64-KB event"),
            "api_destinations": (self.api_destination_invocations * units, "64-KB invocation"),
            "schema_discovery": (self.discovered_events * started_units(self.event_kb, DISCOVERY_KB), "8-KB event"),
            "archive_processing": (self.archived_gb, "GB"),
            "archive_storage": (self.archive_gb_months, "GB-month"),
        }


@dataclass(frozen=True, kw_only=True)
class PipeTally(ResourceTally):
    """A pipe: requests after filtering, of this payload each (a batch's where there are batches)."""

    requests: Quantity
    payload_kb: float = 0.0

    @property
    def items(self) -> Items:
        return {"pipes": (self.requests * started_units(self.payload_kb, UNIT_KB), "64-KB request")}


@dataclass(frozen=True, kw_only=True)
class SchedulerTally(ResourceTally):
    """Schedules."""

    invocations: Quantity

    @property
    def items(self) -> Items:
        return {"scheduler": (self.invocations, "invocation")}


def eventbridge_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every bus, pipe and schedule."""
    yield from item_lines(SERVICE, (BusTally, PipeTally, SchedulerTally), activity)
