"""The request and the month that alternatives are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError, InsufficientDataError
from costmodel.metering import KIB, billed_ms, gb_s
from costmodel.performance.model import FunctionModel
from costmodel.pricing.bill import SavingsPlan
from costmodel.pricing.services.fargate import MEMORY_GB
from loadgen.configuration import CACHE_SIZES_GB
from loadgen.deployment import Architecture

MOST_HOURS = 744.0
MOST_MS = 900_000.0
"""Lambda's longest timeout; its source and that of the sizes: Lambda and API Gateway quotas."""
MOST_REQUEST_BYTES, MOST_RESPONSE_BYTES = 10 * 1024.0**2, 6 * 1024.0**2
"""What API Gateway takes, and what a function that does not stream may answer."""
INSTANCES: Mapping[Architecture, str] = {"x86_64": "m7i.large", "arm64": "m7g.large"}


@dataclass(frozen=True)
class Request:
    """What a request takes on average. `billed_ms` is of a warm invocation; a cold one adds `init_ms`."""

    billed_ms: float = 100.0
    memory_mb: int = 1024
    architecture: Architecture = "x86_64"
    request_bytes: float = 1.0 * KIB
    response_bytes: float = 10.0 * KIB
    log_bytes: float = 500.0
    cold_share: float = 0.01
    init_ms: float = 500.0

    def __post_init__(self) -> None:
        for name in ("request_bytes", "response_bytes", "log_bytes", "init_ms"):
            _check(name, getattr(self, name), "0 or more", getattr(self, name) >= 0)
        _check("billed_ms", self.billed_ms, "more than 0, up to 900000 ms", 0 < self.billed_ms <= MOST_MS)
        _check("request_bytes", self.request_bytes, "at most 10 MB", self.request_bytes <= MOST_REQUEST_BYTES)
        _check("response_bytes", self.response_bytes, "at most 6 MB", self.response_bytes <= MOST_RESPONSE_BYTES)
        _check("memory_mb", self.memory_mb, "128 to 10240 MB", 128 <= self.memory_mb <= 10_240)
        _check("architecture", self.architecture, "x86_64 or arm64", self.architecture in ("x86_64", "arm64"))
        _check("cold_share", self.cold_share, "0 to 1", 0 <= self.cold_share <= 1)

    @property
    def gb_s(self) -> float:
        """Billed on demand, INIT in it."""
        return gb_s(self.billed_ms + self.cold_share * self.init_ms, self.memory_mb)


@dataclass(frozen=True)
class Case:
    """The request, the month it comes in, and what it is compared with."""

    request: Request = field(default_factory=Request)
    requests_per_month: float = 10_000_000.0
    hours: float = 730.0
    cache_gb: float = 0.5
    hit_ratio: float = 0.8
    environments: int = 10
    """Provisioned."""
    slowdown: float = 1.0
    """Billed duration on arm64 over that on x86_64."""
    versions: int = 1
    """Published versions with SnapStart that are kept."""
    instance: str | None = None
    """None: one of the function's architecture, see INSTANCES."""
    instance_vcpus: float = 2.0
    task_vcpus: float = 1.0
    task_gb: float = 2.0
    least: int = 2
    """Tasks or EC2 instances that always run."""
    utilisation: float = 0.5
    """Of the vCPUs that run beyond the floor."""
    whole: bool = False
    """Whole tasks and instances, as many as an even load needs; else the average that autoscaling gives."""
    requests_per_connection: float = 1.0
    cpu_share: float = 1.0
    """Of an invocation's vCPUs and duration: what it computes rather than waits. Elsewhere other requests take the rest."""
    free_tier: bool = False
    """Whether AWS's monthly allowances are taken off, on either side."""
    savings_plan_years: Literal[1, 3] | None = None
    """Of a Compute Savings Plan that covers all that it can; None: on demand."""

    @property
    def instance_type(self) -> str:
        """Of EC2 and of managed instances."""
        return self.instance or INSTANCES[self.request.architecture]

    @property
    def ec2_item(self) -> str:
        """The price book's name of an hour of it, as it is bought."""
        years = self.savings_plan_years
        return f"{self.instance_type}_savings_plan_{years}_year" if years else self.instance_type

    @property
    def savings_plan(self) -> SavingsPlan | None:
        """As the bill takes it."""
        return SavingsPlan(self.savings_plan_years) if self.savings_plan_years else None

    @property
    def kept(self) -> ProvisionedTally:
        """The environments, kept for the month."""
        request = self.request
        return ProvisionedTally.kept("F", request.architecture, request.memory_mb, self.environments, self.hours)

    @property
    def capacity(self) -> float:
        """Requests a month that the environments can take."""
        return self.environments * self.hours * 3_600_000.0 / self.request.billed_ms

    def __post_init__(self) -> None:
        for name in ("hours", "environments", "slowdown", "instance_vcpus", "task_vcpus", "task_gb",
                     "requests_per_connection", "cpu_share"):
            _check(name, getattr(self, name), "more than 0", getattr(self, name) > 0)
        for name in ("requests_per_month", "versions", "least"):
            _check(name, getattr(self, name), "0 or more", getattr(self, name) >= 0)
        sizes = ", ".join(f"{size:g}" for size in CACHE_SIZES_GB)
        _check("cache_gb", self.cache_gb, f"one of {sizes} GB", self.cache_gb in CACHE_SIZES_GB)
        _check("hit_ratio", self.hit_ratio, "0 to 1", 0 <= self.hit_ratio <= 1)
        _check("savings_plan_years", self.savings_plan_years, "1 or 3", self.savings_plan_years in (None, 1, 3))
        _check("utilisation", self.utilisation, "more than 0, up to 1", 0 < self.utilisation <= 1)
        _check("hours", self.hours, "at most the 744 of a month", self.hours <= MOST_HOURS)
        taken_gb = MEMORY_GB.get(self.task_vcpus, ())
        _check("task_vcpus", self.task_vcpus, f"one of {', '.join(f'{each:g}' for each in MEMORY_GB)}", bool(taken_gb))
        _check("task_gb", self.task_gb, f"with {self.task_vcpus:g} vCPU one of {', '.join(f'{each:g}' for each in taken_gb)}",
               self.task_gb in taken_gb)


def mean_request(activity: Activity) -> Request:
    """The average request of an activity; memory and architecture are those of the function that bills most.

    Raises InsufficientDataError where nothing was invoked. Request bytes are not in an activity: the default stays.
    """
    functions, routes = list(activity.of(FunctionTally)), list(activity.of(RouteTally))
    invocations = sum(float(tally.invocations) for tally in functions)
    if not invocations:
        raise InsufficientDataError("nothing was invoked: the mean request of nothing is not known")
    most = max(functions, key=lambda tally: float(tally.gb_s + tally.provisioned_gb_s))
    requests = sum(float(route.requests) for route in routes) or invocations
    init_gb_s, cold = (sum(float(getattr(tally, name)) for tally in functions) for name in ("init_gb_s", "cold_starts"))
    warm_gb_s = sum(float(tally.gb_s + tally.provisioned_gb_s) for tally in functions) - init_gb_s
    ms_per_gb_s = 1000.0 * 1024.0 / most.memory_mb
    return Request(
        billed_ms=warm_gb_s / invocations * ms_per_gb_s, memory_mb=most.memory_mb, architecture=most.architecture,
        response_bytes=sum(float(route.response_bytes) for route in routes) / requests,
        log_bytes=sum(float(tally.log_bytes) for tally in functions) / invocations,
        cold_share=cold / invocations, init_ms=init_gb_s / cold * ms_per_gb_s if cold else 0.0)


def fitted_slowdown(function: FunctionModel, memory_mb: int) -> tuple[float, tuple[str, ...]]:
    """Mean billed duration of warm invocations on arm64 over that on x86_64, and what of it was not measured.

    Raises InsufficientDataError where the model cannot tell.
    """
    x86, arm = (billed_ms(function.duration.warm_ms(memory_mb, architecture).quantiles).mean()
                for architecture in ("x86_64", "arm64"))
    caveats = (caveat for architecture in ("x86_64", "arm64")
               for caveat in function.duration.caveats(memory_mb, architecture))
    return float(arm / x86), tuple(dict.fromkeys(caveats))


def _check(name: str, value: object, allowed: str, holds: bool) -> None:
    if not holds:
        raise InputError(f"{name} = {value}: give {allowed}")
