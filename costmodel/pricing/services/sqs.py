"""SQS: requests of started 64 KB each; a batch is one request. Sends, receives (empty ones too) and deletes all count.

The same for a dead-letter queue. Source: SQS pricing page.
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

SERVICE = "sqs"
UNIT_KB = 64.0


@dataclass(frozen=True, kw_only=True)
class QueueTally(ResourceTally):
    """A queue; `message_kb` is the payload of each request, of a whole batch where there are batches."""

    queue_type: Literal["standard", "fifo"] = "standard"
    requests: Quantity = 0.0
    message_kb: float = 0.0
    fair_requests: Quantity = 0.0
    """Requests with a message group id on a standard queue."""

    def __post_init__(self) -> None:
        if self.queue_type == "fifo" and np.any(self.fair_requests):
            raise InputError("fair_requests: only a standard queue has fair queues: leave it out, or queue_type")

    @property
    def items(self) -> Items:
        return {self.queue_type: (self.requests * started_units(self.message_kb, UNIT_KB), "64-KB request"),
                "fair_queue_surcharge": (self.fair_requests, "request")}


def sqs_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every queue."""
    yield from item_lines(SERVICE, (QueueTally,), activity)
