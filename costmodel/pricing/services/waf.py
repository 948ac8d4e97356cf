"""WAF: web ACLs, their rules and rule groups, and inspected requests. Source: WAF pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "waf"


@dataclass(frozen=True, kw_only=True)
class WebAclTally(ResourceTally):
    """Web ACLs."""

    web_acls: Standing = 1.0
    rules: Standing = 0.0
    requests: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"web_acl": (self.web_acls, "ACL-month"), "rule": (self.rules, "rule-month"),
                "requests": (self.requests, "request")}


def waf_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every web ACL."""
    yield from item_lines(SERVICE, (WebAclTally,), activity)
