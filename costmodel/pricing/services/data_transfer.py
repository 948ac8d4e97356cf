"""Data transfer out to the internet: the response bytes of every front door. What comes in is free.

A GB is 2^30 bytes, as in API Gateway's own examples. Headers and TLS are not counted: nothing measures them.
Source: API Gateway pricing page ("data transfer out"), EC2 data transfer prices.
"""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.activity import Activity, RouteTally
from costmodel.metering import GIB
from costmodel.pricing.usage import FRONT_DOORS, UsageLine

SERVICE = "data_transfer_out"


def data_transfer_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every route."""
    for tally in activity.of(RouteTally):
        gb = tally.response_bytes / GIB
        yield UsageLine(SERVICE, "internet", FRONT_DOORS[tally.api], gb, "GB", activity.origin, tally.route)
