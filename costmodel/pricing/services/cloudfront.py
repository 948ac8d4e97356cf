"""CloudFront, the other cache: transfer to viewers, requests, transfer to the origin; or a flat-rate plan.

Prices are those of viewers in the US, Mexico and Canada. Transfer from an AWS origin to CloudFront is free. A flat-rate
plan has no overage. Source: CloudFront pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "cloudfront"


@dataclass(frozen=True, kw_only=True)
class DistributionTally(ResourceTally):
    """A distribution; with a plan, what it serves is in the plan's price."""

    plan: Literal["pay_as_you_go", "free", "pro", "business"] = "pay_as_you_go"
    months: Standing = 1.0
    https_requests: Quantity = 0.0
    http_requests: Quantity = 0.0
    data_out_gb: Quantity = 0.0
    to_origin_gb: Quantity = 0.0

    @property
    def items(self) -> Items:
        if self.plan != "pay_as_you_go":
            return {f"flat_rate_{self.plan}": (self.months, "plan-month")}
        return {"https_requests": (self.https_requests, "request"), "http_requests": (self.http_requests, "request"),
                "data_out": (self.data_out_gb, "GB"), "data_out_to_origin": (self.to_origin_gb, "GB")}


def cloudfront_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every distribution."""
    yield from item_lines(SERVICE, (DistributionTally,), activity)
