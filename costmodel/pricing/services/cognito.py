"""Cognito user pools: monthly active users by tier; app clients and tokens of machine-to-machine access.

Source: Cognito pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "cognito"
MAU = {"lite": "user_pools_lite_mau", "essentials": "essentials_mau", "plus": "plus_mau"}


@dataclass(frozen=True, kw_only=True)
class UserPoolTally(ResourceTally):
    """A user pool. App clients are those that allow client credentials, used or not."""

    tier: Literal["lite", "essentials", "plus"] = "essentials"
    monthly_users: Standing = 0.0
    app_clients: Standing = 0.0
    token_requests: Quantity = 0.0
    """Successful ones."""

    @property
    def items(self) -> Items:
        return {MAU[self.tier]: (self.monthly_users, "MAU"), "m2m_app_clients": (self.app_clients, "app client-month"),
                "m2m_token_requests": (self.token_requests, "token request")}


def cognito_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every user pool."""
    yield from item_lines(SERVICE, (UserPoolTally,), activity)
