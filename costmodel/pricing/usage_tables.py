"""What a usage file says of a function or an API, in the units that people know, and the tallies that follow from it.

Every request of a table lasts, carries and remembers the same; where requests differ, give them tables of their own.

    billed ms = ceil(duration_ms); a cold start is billed ceil(duration_ms + init_ms), from 2025-08-01 on or in an image
    GB-s      = billed ms / 1000 x memory_mb / 1024 x requests
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from costmodel.activity import CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import InputError
from costmodel.metering import (
    CACHE_STEP_HOURS,
    GIB,
    INIT_BILLED_FROM,
    KIB,
    PROVISIONED_STEP_HOURS,
    billed_ms,
    event_requests,
    gb_s,
    http_units,
    init_is_billed,
    started_hours,
    started_units,
)
from costmodel.pricing.services.cloudwatch import LogClass, LogsTally
from costmodel.pricing.services.lambda_features import (
    FREE_STORAGE_MB,
    DurableTally,
    EphemeralStorageTally,
    SnapStartTally,
    StreamTally,
    TenantTally,
    check_memory,
)
from loadgen.configuration import CACHE_SIZES_GB, MEMORY_MB
from loadgen.deployment import ApiKind, Architecture

STREAM_UNIT_KB = 10.0 * 1024
PAYLOAD_KB = 10.0 * 1024
"""The most that API Gateway passes on in one piece."""
LEAST_SNAPSHOT_HOURS = 3.0


@dataclass(frozen=True)
class Period:
    """The month that a usage file is of; `on` is the day whose billing rules hold (None: today's)."""

    hours: float
    on: date | None = None


@dataclass(frozen=True, kw_only=True)
class FunctionTable:
    """`lambda.function`: a function and its features."""

    asks: ClassVar[tuple[str, ...]] = (
        "requests", "gb_seconds", "log_gb", "provisioned_concurrency", "snapstart_versions", "streamed_responses",
        "tenant_environments", "durable_operations", "durable_written_gb", "durable_retained_gb_months")
    resource: str
    trigger: str = ""
    architecture: Architecture = "x86_64"
    memory_mb: int = 128
    requests: float = 0.0
    """All invocations that ran, those in provisioned environments included."""
    duration_ms: float | None = None
    gb_seconds: float = 0.0
    """On-demand GB-seconds, where they are known as such: instead of `duration_ms`."""
    cold_starts: float = 0.0
    init_ms: float = 0.0
    package: Literal["zip", "image"] = "zip"
    event_kb: float = 0.0
    """Size of each asynchronous event: above 256 KB it counts as several requests."""
    log_kb: float = 0.0
    """Of each request."""
    log_gb: float = 0.0
    log_class: LogClass = "standard"
    storage_mb: int = FREE_STORAGE_MB
    streamed_responses: float = 0.0
    streamed_mb: float = 0.0
    provisioned_concurrency: float = 0.0
    provisioned_hours: float | None = None
    provisioned_requests: float = 0.0
    """Those of `requests` that ran in provisioned environments."""
    provisioned_duration_ms: float | None = None
    snapstart_versions: float = 0.0
    snapstart_hours: float | None = None
    snapstart_restores: float = 0.0
    snapstart_java: bool = False
    tenant_environments: float = 0.0
    durable_operations: float = 0.0
    durable_written_gb: float = 0.0
    durable_retained_gb_months: float = 0.0

    def __post_init__(self) -> None:
        check_memory(self.memory_mb)
        if not FREE_STORAGE_MB <= self.storage_mb <= MEMORY_MB[-1]:
            raise InputError(f"storage_mb = {self.storage_mb}: give {FREE_STORAGE_MB} to {MEMORY_MB[-1]}")
        on_demand = self.requests - self.provisioned_requests
        if on_demand < 0:
            raise InputError(
                f"provisioned_requests = {self.provisioned_requests:g}: more than requests = {self.requests:g}")
        if self.cold_starts > on_demand:
            raise InputError(f"cold_starts = {self.cold_starts:g}: more than the requests outside provisioned "
                             f"environments, {on_demand:g}")
        if self.gb_seconds and self.duration_ms:
            raise InputError(f"gb_seconds = {self.gb_seconds:g}: give it or duration_ms, not both")

    def notes(self, period: Period) -> Iterator[str]:
        """By which rule its cold starts are billed, where it is an old one."""
        if self.cold_starts and not init_is_billed(period.on, self.package):
            yield f"INIT of its cold starts is not billed: a ZIP package before {INIT_BILLED_FROM}"

    def tallies(self, period: Period) -> Iterator[Tally]:
        """What the function did in the period."""
        on_demand_s, init_s, provisioned_s = self._billed_s(period)
        log_bytes = self.log_gb * GIB + self.log_kb * KIB * self.requests
        yield FunctionTally(
            self.resource, self.trigger, self.architecture, self.memory_mb,
            invocations=self.requests * event_requests(self.event_kb), cold_starts=self.cold_starts,
            gb_s=self.gb_seconds + gb_s(on_demand_s * 1000.0, self.memory_mb),
            init_gb_s=gb_s(init_s * 1000.0, self.memory_mb),
            provisioned_gb_s=gb_s(provisioned_s * 1000.0, self.memory_mb),
            log_bytes=log_bytes if self.log_class == "standard" else 0.0)
        if self.log_class != "standard":
            yield LogsTally(resource=self.resource, log_class=self.log_class, source="lambda",
                            ingested_gb=log_bytes / GIB)
        if self.provisioned_concurrency:
            hours = period.hours if self.provisioned_hours is None else self.provisioned_hours
            kept_s = 3600.0 * started_hours(hours, PROVISIONED_STEP_HOURS)
            yield ProvisionedTally(self.resource, self.architecture,
                                   gb_s(1000.0 * kept_s, self.memory_mb) * self.provisioned_concurrency)
        yield from self._features(period, on_demand_s + provisioned_s + self.gb_seconds * 1024 / self.memory_mb)

    def _billed_s(self, period: Period) -> tuple[float, float, float]:
        """Billed seconds on demand, of those INIT's, and in provisioned environments."""
        duration_ms = self.duration_ms or 0.0
        warm_ms = billed_ms(duration_ms)
        cold_ms = billed_ms(duration_ms, self.init_ms, on=period.on, package=self.package)
        on_demand = self.requests - self.provisioned_requests
        if self.gb_seconds:
            warm_ms = cold_ms = 0.0
        within_ms = billed_ms(duration_ms if self.provisioned_duration_ms is None else self.provisioned_duration_ms)
        init_s = self.cold_starts * (cold_ms - warm_ms) / 1000.0
        return on_demand * warm_ms / 1000.0 + init_s, init_s, self.provisioned_requests * within_ms / 1000.0

    def _features(self, period: Period, billed_s: float) -> Iterator[Tally]:
        name, memory_mb = self.resource, self.memory_mb
        if self.storage_mb > FREE_STORAGE_MB:
            yield EphemeralStorageTally(resource=name, storage_mb=self.storage_mb, billed_s=billed_s)
        if self.streamed_responses:
            yield StreamTally(resource=name, responses=self.streamed_responses, response_mb=self.streamed_mb)
        if self.snapstart_versions or self.snapstart_restores:
            hours = period.hours if self.snapstart_hours is None else self.snapstart_hours
            yield SnapStartTally(
                resource=name, memory_mb=memory_mb, versions=self.snapstart_versions, java=self.snapstart_java,
                hours=max(hours, LEAST_SNAPSHOT_HOURS), restores=self.snapstart_restores)
        if self.tenant_environments:
            yield TenantTally(resource=name, architecture=self.architecture, memory_mb=memory_mb,
                              environments=self.tenant_environments)
        if self.durable_operations or self.durable_written_gb or self.durable_retained_gb_months:
            yield DurableTally(resource=name, operations=self.durable_operations, written_gb=self.durable_written_gb,
                               retained_gb_months=self.durable_retained_gb_months)


@dataclass(frozen=True, kw_only=True)
class HttpApiTable:
    """`apigateway.http`: requests and their payload; what a private network or CloudFront takes is no transfer."""

    API: ClassVar[ApiKind] = "http"
    asks: ClassVar[tuple[str, ...]] = ("requests",)
    resource: str
    requests: float = 0.0
    """Accepted ones, cache hits and those that Lambda throttled included; rejected ones are free."""
    request_kb: float = 0.0
    response_kb: float = 0.0
    transfer: Literal["internet", "none"] = "internet"

    def notes(self, period: Period) -> Iterator[str]:
        """None: its rules have not changed."""
        yield from ()

    def tallies(self, period: Period) -> Iterator[Tally]:
        """What the API did in the period."""
        sent_kb = self.response_kb if self.transfer == "internet" else 0.0
        yield RouteTally(self.API, "", requests=self.requests, units=self.requests * self._units_each(),
                         response_bytes=self.requests * sent_kb * KIB, resource=self.resource)

    def _units_each(self) -> float:
        return http_units(self.request_kb * KIB, self.response_kb * KIB)


@dataclass(frozen=True, kw_only=True)
class RestApiTable(HttpApiTable):
    """`apigateway.rest`: in units of 10 MB where responses stream, and with a cache cluster if it has one."""

    API: ClassVar[ApiKind] = "rest"
    asks: ClassVar[tuple[str, ...]] = ("requests", "cache_gb")
    streams: bool = False
    cache_gb: float | None = None
    cache_hours: float | None = None

    def __post_init__(self) -> None:
        if self.cache_gb is not None and self.cache_gb not in CACHE_SIZES_GB:
            raise InputError(f"cache_gb = {self.cache_gb:g}: give one of "
                             f"{', '.join(f'{size:g}' for size in CACHE_SIZES_GB)}")
        if self.response_kb > PAYLOAD_KB and not self.streams:
            raise InputError(f"response_kb = {self.response_kb:g}: give up to {PAYLOAD_KB:g}, or streams = true")

    def tallies(self, period: Period) -> Iterator[Tally]:
        yield from super().tallies(period)
        if self.cache_gb is not None:
            hours = period.hours if self.cache_hours is None else self.cache_hours
            yield CacheTally("rest", self.cache_gb, started_hours(hours, CACHE_STEP_HOURS), resource=self.resource)

    def _units_each(self) -> float:
        return started_units(self.response_kb, STREAM_UNIT_KB) if self.streams else 1.0


@dataclass(frozen=True, kw_only=True)
class FunctionUrlTable(HttpApiTable):
    """`lambda.url`: a front door without a price; its responses are transfer."""

    API: ClassVar[ApiKind] = "url"
