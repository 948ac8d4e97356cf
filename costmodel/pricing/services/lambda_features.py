"""Lambda's priced features beside requests and duration, and what else runs functions.

    ephemeral storage  (size - 512 MB) x billed duration      streaming  response beyond 6 MB
    SnapStart          memory x hours of every published version, 3 h at least; memory of every restore
    tenant isolation   memory of every new environment        durable    operations, GB written, GB-months kept
    managed instances  requests, EC2 hours, a fee of those    poller     event-poller-unit hours
    Lambda@Edge        requests, billed duration x memory

GB are binary, those of durable functions decimal, as the pricing page's example has them (104 KB x 1 M = 104 GB).
Source: AWS Lambda pricing page; Lambda developer guide, "Managed Instances" (3 instances unless told otherwise).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from costmodel.activity import Activity, Quantity
from costmodel.errors import InputError
from costmodel.metering import billed_ms, gb_s
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine
from loadgen.configuration import MEMORY_MB
from loadgen.deployment import Architecture

FREE_STORAGE_MB = 512
FREE_STREAM_MB = 6


@dataclass(frozen=True, kw_only=True)
class EphemeralStorageTally(ResourceTally):
    """/tmp of a function over its billed duration."""

    storage_mb: int
    billed_s: Quantity

    @property
    def items(self) -> Items:
        return {"ephemeral_storage": (self.billed_s * max(self.storage_mb - FREE_STORAGE_MB, 0) / 1024, "GB-second")}


@dataclass(frozen=True, kw_only=True)
class StreamTally(ResourceTally):
    """Streamed responses of one size."""

    responses: Quantity
    response_mb: float

    @property
    def items(self) -> Items:
        return {"response_streaming": (self.responses * max(self.response_mb - FREE_STREAM_MB, 0.0) / 1024, "GB")}


@dataclass(frozen=True, kw_only=True)
class SnapStartTally(ResourceTally):
    """SnapStart of a function: versions that are kept, used or not, and restores. Java's managed runtimes are free."""

    memory_mb: int
    versions: float = 1.0
    hours: Standing
    restores: Quantity = 0.0
    java: bool = False

    @property
    def items(self) -> Items:
        gb = 0.0 if self.java else self.memory_mb / 1024
        kept_s = gb * self.versions * 3600.0 * self.hours
        return {"snapstart_cache": (kept_s, "GB-second"), "snapstart_restore": (gb * self.restores, "GB")}


@dataclass(frozen=True, kw_only=True)
class TenantTally(ResourceTally):
    """New environments of a function with tenant isolation."""

    architecture: Architecture
    memory_mb: int
    environments: Quantity

    @property
    def items(self) -> Items:
        return {f"tenant_isolation_{self.architecture}": (self.environments * self.memory_mb / 1024, "GB")}


@dataclass(frozen=True, kw_only=True)
class DurableTally(ResourceTally):
    """Durable executions. An operation is a start, a step or a wait; GB are decimal."""

    operations: Quantity = 0.0
    written_gb: Quantity = 0.0
    retained_gb_months: Quantity = 0.0

    @property
    def items(self) -> Items:
        return {"durable_operations": (self.operations, "operation"), "durable_data_written": (self.written_gb, "GB"),
                "durable_data_retained": (self.retained_gb_months, "GB-month")}


@dataclass(frozen=True, kw_only=True)
class PollerTally(ResourceTally):
    """Event pollers of provisioned event source mappings; hours of all their units together."""

    source: Literal["kafka", "sqs"]
    unit_hours: Standing

    @property
    def items(self) -> Items:
        return {f"esm_provisioned_{self.source}_epu": (self.unit_hours, "EPU-hour")}


@dataclass(frozen=True, kw_only=True)
class EdgeTally(ResourceTally):
    """A Lambda@Edge function; the free tier is not for it."""

    requests: Quantity
    duration_ms: float
    memory_mb: int = 128

    def __post_init__(self) -> None:
        check_memory(self.memory_mb)

    @property
    def items(self) -> Items:
        each = gb_s(billed_ms(self.duration_ms), self.memory_mb)
        return {"edge_requests": (self.requests, "request"), "edge_duration": (self.requests * each, "GB-second")}


@dataclass(frozen=True, kw_only=True)
class ManagedInstancesTally(ResourceTally):
    """Functions on managed instances: no GB-seconds, but instances that run idle too; `discount` is on EC2's part."""

    DEFAULT_INSTANCES: ClassVar[float] = 3.0
    instance_type: str
    requests: Quantity = 0.0
    instance_hours: Standing
    discount: float = 0.0

    @classmethod
    def whole_period(cls, hours: float) -> dict[str, float]:
        return {"instance_hours": cls.DEFAULT_INSTANCES * hours}

    @property
    def items(self) -> Items:
        return {"managed_instances_requests": (self.requests, "request"),
                f"managed_instances_fee_{self.instance_type}": (self.instance_hours, "hour")}


def check_memory(memory_mb: int) -> None:
    """Raises InputError for a memory size that no function can have."""
    if memory_mb not in MEMORY_MB:
        raise InputError(f"memory_mb = {memory_mb}: give {MEMORY_MB[0]} to {MEMORY_MB[-1]}")


FEATURES = (EphemeralStorageTally, StreamTally, SnapStartTally, TenantTally, DurableTally, PollerTally, EdgeTally,
            ManagedInstancesTally)


def feature_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every feature of every function, and the EC2 hours of managed instances."""
    yield from item_lines("lambda", FEATURES, activity)
    for fleet in activity.of(ManagedInstancesTally):
        yield UsageLine("ec2", fleet.instance_type, fleet.resource, fleet.instance_hours, "hour", activity.origin,
                        discount=fleet.discount)
