"""SNS: publishes of started 64 KB each, and deliveries by protocol; to Lambda and SQS a standard topic's are free.

FIFO topics pay requests and payload, and deliveries, of which no price is known: refused by name. Text messages have a
price by country, which no price book holds: refused by name too. Source: SNS pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from costmodel.activity import Activity, Quantity
from costmodel.errors import InputError
from costmodel.metering import started_units
from costmodel.pricing.resource import Items, ResourceTally, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "sns"
UNIT_KB = 64.0


@dataclass(frozen=True, kw_only=True)
class TopicTally(ResourceTally):
    """A topic and its deliveries, by protocol."""

    topic_type: Literal["standard", "fifo"] = "standard"
    publishes: Quantity = 0.0
    message_kb: float = 0.0
    http_deliveries: Quantity = 0.0
    email_deliveries: Quantity = 0.0
    lambda_deliveries: Quantity = 0.0
    sqs_deliveries: Quantity = 0.0
    mobile_push_deliveries: Quantity = 0.0
    firehose_deliveries: Quantity = 0.0
    sms_deliveries: Quantity = 0.0

    def __post_init__(self) -> None:
        if self.topic_type == "fifo" and np.any(self.publishes) and not self.message_kb:
            raise InputError("message_kb: missing: a FIFO topic pays by the GB too: give the size of each message")
        if self.topic_type == "fifo" and np.any(self.sqs_deliveries):
            raise InputError("sqs_deliveries: those of a FIFO topic are charged, and the price book has no price of them: leave "
                             "them out, and add their cost yourself")

    @property
    def items(self) -> Items:
        return {
            **self._publishes(),
            "delivery_http": (self.http_deliveries, "notification"),
            "delivery_email": (self.email_deliveries, "notification"),
            "delivery_lambda": (self.lambda_deliveries, "notification"),
            "delivery_sqs": (self.sqs_deliveries, "notification"),
            "delivery_mobile_push": (self.mobile_push_deliveries, "notification"),
            "delivery_firehose": (self.firehose_deliveries, "notification"),
            "delivery_sms": (self.sms_deliveries, "message"),
        }

    def _publishes(self) -> Items:
        if self.topic_type == "fifo":
            payload_gb = self.publishes * self.message_kb / 1024**2
            return {"fifo_publish": (self.publishes, "request"), "fifo_publish_payload": (payload_gb, "GB")}
        return {"publish": (self.publishes * started_units(self.message_kb, UNIT_KB), "64-KB request")}


def sns_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every topic."""
    yield from item_lines(SERVICE, (TopicTally,), activity)
