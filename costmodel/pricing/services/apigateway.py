"""API Gateway: REST requests, HTTP requests in 512-KB units, cache hours.

What the gateway throttles or refuses (authorisation, API key) is not billed; cache hits are, and so is a request that
Lambda throttles behind it (AWS re:Post QUm1jSF1ieSQ25Ol1RzFLysA, QUY2x146iORPmsJHpff8u0eA: answers, no price page).
Source: API Gateway pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from costmodel.activity import Activity, CacheTally, Quantity, RouteTally
from costmodel.pricing.usage import FRONT_DOORS, UsageLine

SERVICE = "apigateway"


def apigateway_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every REST and HTTP API."""
    for tally in activity.of(RouteTally):
        door, route = FRONT_DOORS[tally.api], tally.route
        if tally.api == "rest":
            yield UsageLine(SERVICE, "rest_requests", door, tally.requests, "request", activity.origin, route)
        elif tally.api == "http":
            yield UsageLine(SERVICE, "http_requests", door, _units(tally), "512-KB unit", activity.origin, route)
    for cache in activity.of(CacheTally):
        item = f"cache_{cache.size_gb:g}_gb"
        yield UsageLine(SERVICE, item, FRONT_DOORS[cache.api], cache.hours, "hour", activity.origin)


def _units(tally: RouteTally) -> Quantity:
    """A request is never less than one unit, whether or not its payload was counted."""
    units: Quantity = np.maximum(tally.units, tally.requests)
    return units
