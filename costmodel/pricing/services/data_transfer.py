"""Data transfer out to the internet: the response bytes of every front door, what other resources send, and transfer
given as such. What comes in is free; between Availability Zones each direction is paid.

A GB is 2^30 bytes, as in API Gateway's own examples. Headers and TLS are not counted: nothing measures them.
Source: API Gateway pricing page ("data transfer out"), EC2 data transfer prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity, RouteTally
from costmodel.metering import GIB
from costmodel.pricing.resource import Items, ResourceTally, SenderTally, item_lines
from costmodel.pricing.usage import FRONT_DOORS, UsageLine

SERVICE = "data_transfer_out"


@dataclass(frozen=True, kw_only=True)
class TransferTally(ResourceTally):
    """Transfer given as such."""

    internet_gb: Quantity = 0.0
    between_zones_gb: Quantity = 0.0
    """Of both directions together."""
    between_regions_gb: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"internet": (self.internet_gb, "GB"), "inter_az": (self.between_zones_gb, "GB"),
                "inter_region": (self.between_regions_gb, "GB")}


def data_transfer_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every route and of all else that sends."""
    for tally in activity.of(RouteTally):
        gb = tally.response_bytes / GIB
        yield UsageLine(SERVICE, "internet", tally.resource or FRONT_DOORS[tally.api], gb, "GB", activity.origin,
                        tally.route or None)
    for sender in activity.tallies:
        if isinstance(sender, SenderTally):
            yield UsageLine(SERVICE, "internet", sender.resource, sender.transfer_out_gb, "GB", activity.origin)
    yield from item_lines(SERVICE, (TransferTally,), activity)
