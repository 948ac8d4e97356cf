"""DynamoDB: request units on demand (1 KB written, 4 KB read), or provisioned units by the hour, and storage.

A transactional write or read is twice the units, an eventually consistent read half. Source: DynamoDB pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costmodel.activity import Activity, Quantity
from costmodel.metering import started_units
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "dynamodb"
WRITE_KB = 1.0
READ_KB = 4.0
READ_UNITS = {"eventual": 0.5, "strong": 1.0, "transactional": 2.0}


@dataclass(frozen=True, kw_only=True)
class TableTally(ResourceTally):
    """A table; writes and reads are of items of one size, units are given where the sizes differ."""

    writes: Quantity = 0.0
    reads: Quantity = 0.0
    item_kb: float = 1.0
    consistency: Literal["eventual", "strong", "transactional"] = "eventual"
    """Of the reads; `transactional` is of the writes too."""
    write_units: Quantity = 0.0
    read_units: Quantity = 0.0
    replicated_write_units: Quantity = 0.0
    """Of the replicas of a global table."""
    stored_gb_months: Standing = 0.0
    backup_gb_months: Standing = 0.0
    """Of point-in-time recovery."""
    on_demand_backup_gb_months: Standing = 0.0
    restored_gb: Quantity = 0.0
    stream_reads: Quantity = 0.0
    """Read request units of its stream; those of Lambda triggers are free and not to be given."""
    provisioned_write_unit_hours: Standing = 0.0
    provisioned_read_unit_hours: Standing = 0.0

    @property
    def items(self) -> Items:
        each_write = started_units(self.item_kb, WRITE_KB) * (2.0 if self.consistency == "transactional" else 1.0)
        each_read = started_units(self.item_kb, READ_KB) * READ_UNITS[self.consistency]
        return {
            "write_request_units": (self.write_units + self.writes * each_write, "write request unit"),
            "read_request_units": (self.read_units + self.reads * each_read, "read request unit"),
            "replicated_write_request_units": (self.replicated_write_units, "write request unit"),
            "storage": (self.stored_gb_months, "GB-month"),
            "pitr_storage": (self.backup_gb_months, "GB-month"),
            "on_demand_backup_storage": (self.on_demand_backup_gb_months, "GB-month"),
            "restored_data": (self.restored_gb, "GB"),
            "streams_read": (self.stream_reads, "read request unit"),
            "provisioned_wcu": (self.provisioned_write_unit_hours, "WCU-hour"),
            "provisioned_rcu": (self.provisioned_read_unit_hours, "RCU-hour"),
        }


def dynamodb_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every table."""
    yield from item_lines(SERVICE, (TableTally,), activity)
