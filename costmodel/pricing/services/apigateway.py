"""API Gateway: REST requests (streamed responses in 10-MB units), HTTP requests in 512-KB units, WebSocket messages in
32-KB units and connection minutes, cache hours, developer portals.

What the gateway throttles or refuses (authorisation, API key) is not billed; cache hits are, and so is a request that
Lambda throttles behind it (AWS re:Post QUm1jSF1ieSQ25Ol1RzFLysA, QUY2x146iORPmsJHpff8u0eA: answers, no price page).
Source: API Gateway pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from costmodel.activity import Activity, CacheTally, Quantity, RouteTally
from costmodel.metering import started_units
from costmodel.pricing.resource import Items, ResourceTally, SenderTally, Standing, item_lines
from costmodel.pricing.usage import FRONT_DOORS, UsageLine

SERVICE = "apigateway"
MESSAGE_KB = 32.0


@dataclass(frozen=True, kw_only=True)
class WebSocketTally(SenderTally):
    """A WebSocket API: messages either way, of one size, and minutes that clients were connected."""

    messages: Quantity = 0.0
    message_kb: float = 0.0
    connection_minutes: Quantity = 0.0

    @property
    def items(self) -> Items:
        messages = self.messages * started_units(self.message_kb, MESSAGE_KB)
        return {"websocket_messages": (messages, "32-KB message"),
                "websocket_connection_minutes": (self.connection_minutes, "connection-minute")}


@dataclass(frozen=True, kw_only=True)
class PortalTally(ResourceTally):
    """Developer portals and the products in them."""

    portals: Standing = 1.0
    products: Standing = 0.0

    @property
    def items(self) -> Items:
        return {"portals": (self.portals, "portal-month"), "portal_products": (self.products, "product-month")}


def apigateway_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every API, cache and portal."""
    for tally in activity.of(RouteTally):
        door, route = tally.resource or FRONT_DOORS[tally.api], tally.route or None
        if tally.api == "rest":
            yield UsageLine(SERVICE, "rest_requests", door, _units(tally), "request", activity.origin, route)
        elif tally.api == "http":
            yield UsageLine(SERVICE, "http_requests", door, _units(tally), "512-KB unit", activity.origin, route)
    for cache in activity.of(CacheTally):
        item = f"cache_{cache.size_gb:g}_gb"
        name = cache.resource or FRONT_DOORS[cache.api]
        yield UsageLine(SERVICE, item, name, cache.hours, "hour", activity.origin)
    yield from item_lines(SERVICE, (WebSocketTally, PortalTally), activity)


def _units(tally: RouteTally) -> Quantity:
    """A request is never less than one unit, whether or not its payload was counted."""
    units: Quantity = np.maximum(tally.units, tally.requests)
    return units
