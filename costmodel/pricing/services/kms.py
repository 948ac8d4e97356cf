"""KMS: customer-managed keys and requests; asymmetric ones cost more. Source: KMS pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "kms"


@dataclass(frozen=True, kw_only=True)
class KeysTally(ResourceTally):
    """Keys; those that AWS manages are free and not given."""

    keys: Standing = 0.0
    requests: Quantity = 0.0
    asymmetric_requests: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"key": (self.keys, "key-month"), "requests": (self.requests, "request"),
                "requests_asymmetric": (self.asymmetric_requests, "request")}


def kms_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all keys."""
    yield from item_lines(SERVICE, (KeysTally,), activity)
