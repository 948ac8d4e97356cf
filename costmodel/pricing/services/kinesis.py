"""Kinesis Data Streams: shards by the hour and records in started 25 KB, or on demand by the stream's hours and GB.

On demand a record counts as started KB. Source: Kinesis Data Streams pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from costmodel.activity import Activity, Quantity
from costmodel.errors import InputError
from costmodel.metering import started_units
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "kinesis"
PUT_KB = 25.0
OTHER_MODE = {"provisioned": ("extended_retention_gb_months",),
              "on_demand": ("consumers", "extended_retention_shard_hours", "long_term_retrieved_gb")}
"""What only the other mode has: here it would be left off the bill unsaid."""


@dataclass(frozen=True, kw_only=True)
class StreamTally(ResourceTally):
    """A data stream; records are of one size. Consumers are those with enhanced fan-out."""

    mode: Literal["provisioned", "on_demand"] = "provisioned"
    hours: Standing
    shards: float = 1.0
    records: Quantity = 0.0
    record_kb: float = 1.0
    retrieved_gb: Quantity = 0.0
    consumers: float = 0.0
    consumer_gb: Quantity = 0.0
    extended_retention_gb_months: Standing = 0.0
    """On demand."""
    extended_retention_shard_hours: Standing = 0.0
    """Provisioned."""
    long_term_gb_months: Standing = 0.0
    """Of more than 7 days, in either mode."""
    long_term_retrieved_gb: Quantity = 0.0
    """Provisioned."""

    def __post_init__(self) -> None:
        for name in OTHER_MODE[self.mode]:
            if np.any(getattr(self, name)):
                raise InputError(f"{name} = {getattr(self, name)}: not of mode {self.mode}: leave it out, or give the "
                                 "other mode")

    @property
    def items(self) -> Items:
        return self._provisioned() if self.mode == "provisioned" else self._on_demand()

    def _provisioned(self) -> Items:
        shard_hours = self.shards * self.hours
        return {
            "provisioned_shard": (shard_hours, "shard-hour"),
            "put_payload_units": (self.records * started_units(self.record_kb, PUT_KB), "25-KB unit"),
            "efo_consumer_shard": (self.consumers * shard_hours, "consumer-shard-hour"),
            "efo_retrieve": (self.consumer_gb, "GB"),
            "extended_retention_provisioned": (self.extended_retention_shard_hours, "shard-hour"),
            "long_term_retention": (self.long_term_gb_months, "GB-month"),
            "long_term_retrieve": (self.long_term_retrieved_gb, "GB"),
        }

    def _on_demand(self) -> Items:
        return {
            "on_demand_stream": (self.hours, "stream-hour"),
            "on_demand_ingest": (self.records * started_units(self.record_kb, 1.0) / 1024**2, "GB"),
            "on_demand_retrieve": (self.retrieved_gb, "GB"),
            "on_demand_efo_retrieve": (self.consumer_gb, "GB"),
            "extended_retention_on_demand": (self.extended_retention_gb_months, "GB-month"),
            "long_term_retention": (self.long_term_gb_months, "GB-month"),
        }


def kinesis_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every stream."""
    yield from item_lines(SERVICE, (StreamTally,), activity)
