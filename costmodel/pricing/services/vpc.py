"""VPC: NAT gateways, interface endpoints and public IPv4 addresses, each by the hour and the GB that passes.

An endpoint pays in each Availability Zone. What a NAT gateway sends to the internet is transfer on top.
Source: VPC pricing page, PrivateLink pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, SenderTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "vpc"


@dataclass(frozen=True, kw_only=True)
class NatGatewayTally(SenderTally):
    """NAT gateways; `processed_gb` is of both directions."""

    gateways: float = 1.0
    hours: Standing
    processed_gb: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"nat_gateway_hour": (self.gateways * self.hours, "hour"), "nat_gateway_gb": (self.processed_gb, "GB")}


@dataclass(frozen=True, kw_only=True)
class EndpointTally(ResourceTally):
    """Interface endpoints (of a private API, for one)."""

    endpoints: float = 1.0
    zones: float = 1.0
    hours: Standing
    processed_gb: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"interface_endpoint_hour": (self.endpoints * self.zones * self.hours, "hour"),
                "interface_endpoint_gb": (self.processed_gb, "GB")}


@dataclass(frozen=True, kw_only=True)
class PublicAddressTally(ResourceTally):
    """Public IPv4 addresses."""

    addresses: float = 1.0
    hours: Standing

    @property
    def items(self) -> Items:
        return {"public_ipv4_hour": (self.addresses * self.hours, "hour")}


def vpc_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all gateways, endpoints and addresses."""
    yield from item_lines(SERVICE, (NatGatewayTally, EndpointTally, PublicAddressTally), activity)
