"""Secrets Manager: secrets by the month, and API calls. Source: Secrets Manager pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "secretsmanager"


@dataclass(frozen=True, kw_only=True)
class SecretsTally(ResourceTally):
    """Secrets."""

    secrets: Standing = 1.0
    calls: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"secret": (self.secrets, "secret-month"), "api_calls": (self.calls, "call")}


def secretsmanager_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of all secrets."""
    yield from item_lines(SERVICE, (SecretsTally,), activity)
