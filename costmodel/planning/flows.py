"""What given traffic makes a template's functions and APIs do, with a low, a likely and a high value of what is assumed.

    traces an hour = sampled at first a second + 5 % of the rest      (X-Ray's default rule, on each traced front door)
    storage        = billed seconds x (size - 512 MB)                 (see `lambda_features`)

Sources: Lambda developer guide, "Visualize Lambda function invocations using AWS X-Ray" (1 request a second and 5 % of
the others); API Gateway developer guide, "Set up CloudWatch logging" (access logs are vended logs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from costmodel.activity import FunctionTally, RouteTally, Tally
from costmodel.metering import billed_ms, gb_s, http_units
from costmodel.planning.event_sources import EventSource
from costmodel.planning.resource_types import Resource
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.services.lambda_features import FREE_STORAGE_MB, EphemeralStorageTally, SnapStartTally
from costmodel.pricing.services.xray import TracesTally
from loadgen.deployment import Deployment, Function, Route

Level = Literal[0, 1, 2]
"""Low, likely, high."""
Flow = tuple[Tally, Literal["given", "assumed"]]
RESPONSE_KB = (1.0, 10.0, 100.0)
LOG_KB = (0.3, 1.0, 5.0)
ACCESS_LOG_KB = (0.2, 0.5, 1.5)
COLD_SHARE = (0.0, 0.01, 0.1)
SCHEDULED_COLD_SHARE = (0.0, 0.5, 1.0)
INIT_MS = (200.0, 500.0, 2_000.0)
SCHEDULED_MS = (10.0, 1_000.0, 900_000.0)
"""Of a scheduled invocation, where no duration is given; never more than its timeout."""
MEMORY_MB = (128, 1_024, 10_240)
"""Of a function whose size only the account knows."""
SAMPLED_PER_S = (0.0, 1.0, 10.0)
"""Requests a second that X-Ray samples whatever the rate: less when they come at once, more by each host of a service."""
SAMPLED_SHARE = 0.05
VERSIONS = (1, 1, 5)
"""Published versions whose snapshots SnapStart keeps."""
ASSUMED = (f"responses of {RESPONSE_KB[1]:g} KB ({RESPONSE_KB[0]:g}–{RESPONSE_KB[2]:g}), "
           f"{LOG_KB[1]:g} KB of logs an invocation ({LOG_KB[0]:g}–{LOG_KB[2]:g}), "
           f"{COLD_SHARE[1]:.0%} cold starts ({COLD_SHARE[0]:.0%}–{COLD_SHARE[2]:.0%}) of {INIT_MS[1]:g} ms INIT "
           f"({INIT_MS[0]:g}–{INIT_MS[2]:g})")


@dataclass(frozen=True)
class Plant:
    """The deployment with what of its resources decides what traffic makes it do."""

    deployment: Deployment
    traced: Collection[str] = ()
    """APIs and functions that X-Ray traces."""
    log_groups: Mapping[str, str] = field(default_factory=dict)
    """Of APIs whose access log goes to CloudWatch: the group, or the API where the template has none."""
    unsized: Collection[str] = ()
    """Functions whose memory size is not known."""
    untimed: Collection[str] = ()
    """Functions whose timeout is not known."""

    @classmethod
    def of(cls, deployment: Deployment, deployed: Mapping[str, Resource], unsized: Collection[str] = (),
           untimed: Collection[str] = ()) -> Plant:
        """What the resources say."""
        traced = {name for name in deployment.functions if _mode(deployed, name) == "Active"}
        groups = {name: name for name, api in deployment.apis.items() if api.access_log_format is not None}
        for resource in deployed.values():
            of = resource.properties
            api = str(of.get("RestApiId", of.get("ApiId", "")))
            if resource.type == "AWS::ApiGateway::Stage" and str(of.get("TracingEnabled")).lower() == "true":
                traced.add(api)
            target = of.get("AccessLogSetting", of.get("AccessLogSettings"))
            if api in groups and isinstance(target, Mapping):
                arn = str(target.get("DestinationArn", ""))
                groups |= {api: arn.split(".", maxsplit=1)[0]} if arn.split(".", maxsplit=1)[0] in deployed else {}
                if ":firehose:" in arn:
                    del groups[api]
        return cls(deployment, traced, groups, unsized, untimed)

    def duration_ms(self, function: Function, duration_ms: float) -> float:
        """A duration, as far as the timeout allows it."""
        return duration_ms if function.name in self.untimed else min(duration_ms, function.timeout_s * 1000.0)


def _mode(deployed: Mapping[str, Resource], name: str) -> Any:
    config = deployed[name].properties.get("TracingConfig") if name in deployed else None
    return config.get("Mode") if isinstance(config, Mapping) else None


def route_flow(plant: Plant, route: Route, requests: float, duration_ms: float, level: Level) -> Iterator[Flow]:
    """What requests to a route do: at its API, and in its function."""
    api = plant.deployment.apis[route.api]
    response_bytes = RESPONSE_KB[level] * 1024.0
    units = requests * http_units(0.0, response_bytes) if api.kind == "http" else 0.0
    yield RouteTally(api.kind, route.name, requests, units=units, resource=api.name), "given"
    yield RouteTally(api.kind, route.name, 0.0, response_bytes=requests * response_bytes, resource=api.name), "assumed"
    if api.name in plant.log_groups:
        logged_gb = requests * ACCESS_LOG_KB[level] / 1024.0**2
        yield LogsTally(resource=plant.log_groups[api.name], source="vended", ingested_gb=logged_gb), "assumed"
    function = plant.deployment.functions[route.function]
    yield from _invocations(plant, function, route.name, requests, duration_ms, COLD_SHARE[level], level,
                            told="assumed" if function.name in plant.unsized else "given")


def schedule_flow(plant: Plant, source: EventSource, hours: float, duration_ms: float | None, level: Level) -> Iterator[Flow]:
    """What a schedule's invocations do; most are cold, as they are rare."""
    function = plant.deployment.functions[source.function]
    guessed = duration_ms is None or function.name in plant.unsized
    yield from _invocations(plant, function, source.label, (source.per_hour or 0.0) * hours,
                            SCHEDULED_MS[level] if duration_ms is None else duration_ms, SCHEDULED_COLD_SHARE[level], level,
                            told="assumed" if guessed else "given")


def traces(plant: Plant, requests: Mapping[str, float], hours: float, level: Level) -> Iterator[Flow]:
    """The sampled requests of each traced API or function; `requests`: of the period, by its name."""
    seconds = hours * 3600.0
    for name, count in requests.items():
        if count and name in plant.traced:
            first = min(count, SAMPLED_PER_S[level] * seconds)
            yield TracesTally(resource=name, recorded=first + SAMPLED_SHARE * (count - first)), "assumed"


def _invocations(plant: Plant, function: Function, trigger: str, requests: float, duration_ms: float, cold_share: float,  # noqa: PLR0917
                 level: Level, *, told: Literal["given", "assumed"]) -> Iterator[Flow]:
    """`told`: the origin of the billed duration. A function with no reserved concurrency at all refuses every invocation."""
    if function.reserved == 0:
        return
    memory_mb = MEMORY_MB[level] if function.name in plant.unsized else function.memory_mb
    ran_ms = billed_ms(plant.duration_ms(function, duration_ms))
    cold_ms = billed_ms(plant.duration_ms(function, duration_ms), INIT_MS[level])
    cold_starts = 0.0 if function.provisioned else requests * cold_share
    warm = FunctionTally(function.name, trigger, function.architecture, memory_mb, 0.0)
    run_gb_s, init_gb_s = gb_s(requests * ran_ms, memory_mb), gb_s(cold_starts * (cold_ms - ran_ms), memory_mb)
    yield replace(warm, invocations=requests), "given"
    yield replace(warm, provisioned_gb_s=run_gb_s) if function.provisioned else replace(warm, gb_s=run_gb_s), told
    yield replace(warm, gb_s=init_gb_s, init_gb_s=init_gb_s, log_bytes=requests * LOG_KB[level] * 1024.0), "assumed"
    if function.ephemeral_storage_mb > FREE_STORAGE_MB:
        held = {told: requests * ran_ms / 1000.0}
        held["assumed"] = held.get("assumed", 0.0) + cold_starts * (cold_ms - ran_ms) / 1000.0
        for origin, billed_s in held.items():
            yield EphemeralStorageTally(resource=function.name, storage_mb=function.ephemeral_storage_mb,
                                        billed_s=billed_s), origin
    if function.snap_start:
        yield SnapStartTally(resource=function.name, memory_mb=memory_mb, versions=0.0, hours=0.0, restores=cold_starts,
                             java=function.runtime.startswith("java")), "assumed"


def snapshots(plant: Plant, names: Collection[str], hours: float, level: Level) -> Iterator[Flow]:
    """What SnapStart keeps of these functions, used or not."""
    for name in names:
        function = plant.deployment.functions[name]
        if function.snap_start:
            memory_mb = MEMORY_MB[level] if name in plant.unsized else function.memory_mb
            yield SnapStartTally(resource=name, memory_mb=memory_mb, versions=VERSIONS[level], hours=hours, restores=0.0,
                                 java=function.runtime.startswith("java")), "assumed"
