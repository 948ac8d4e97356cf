"""What happened in a period, tallied: the one thing that both measured and predicted traffic become before money.

A tally says how much of something one resource did. Flow tallies grow with the traffic, standing tallies with the hours.
Quantities are floats, or arrays over configurations. Units are in the names: GB-s are GiB-seconds as Lambda bills them
(memory in MB / 1024), bytes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from loadgen.deployment import ApiKind, Architecture

Quantity = float | npt.NDArray[np.float64]
Origin = Literal["measured", "predicted", "given", "assumed"]


@dataclass(frozen=True)
class Tally:
    """Base of all tallies; `quantities` names the fields that scale."""

    quantities: ClassVar[tuple[str, ...]] = ()
    standing: ClassVar[bool] = False

    def scaled(self, flow: float, hours: float) -> Tally:
        """This tally with its quantities multiplied: by `hours` when it stands, else by `flow`."""
        factor = hours if self.standing else flow
        return replace(self, **{name: getattr(self, name) * factor for name in self.quantities})


@dataclass(frozen=True)
class RouteTally(Tally):
    """Requests of one route of one API."""

    quantities: ClassVar[tuple[str, ...]] = ("requests", "rejected", "units", "cache_hits", "response_bytes")
    api: ApiKind
    route: str
    requests: Quantity
    """Billed: all that the gateway accepted, cache hits and what Lambda throttled included."""
    rejected: Quantity = 0.0
    """Not billed: throttled by the gateway or refused by it."""
    units: Quantity = 0.0
    """HTTP APIs: 512-KB units of the accepted requests (see metering)."""
    cache_hits: Quantity = 0.0
    response_bytes: Quantity = 0.0


@dataclass(frozen=True)
class FunctionTally(Tally):
    """Invocations of one function by one trigger (a route's name, or another source)."""

    quantities: ClassVar[tuple[str, ...]] = (
        "invocations", "throttled", "cold_starts", "gb_s", "init_gb_s", "provisioned_gb_s", "log_bytes")
    function: str
    trigger: str
    architecture: Architecture
    memory_mb: int
    invocations: Quantity
    """Billed requests: what ran, errors included, throttles not."""
    throttled: Quantity = 0.0
    cold_starts: Quantity = 0.0
    gb_s: Quantity = 0.0
    """On-demand billed duration x memory, INIT included."""
    init_gb_s: Quantity = 0.0
    """The part of `gb_s` that is INIT."""
    provisioned_gb_s: Quantity = 0.0
    """Billed duration x memory in provisioned environments."""
    log_bytes: Quantity = 0.0


@dataclass(frozen=True)
class ProvisionedTally(Tally):
    """Provisioned concurrency that was configured, used or not."""

    quantities: ClassVar[tuple[str, ...]] = ("gb_s",)
    standing: ClassVar[bool] = True
    function: str
    architecture: Architecture
    gb_s: Quantity


@dataclass(frozen=True)
class CacheTally(Tally):
    """A REST stage's cache cluster."""

    quantities: ClassVar[tuple[str, ...]] = ("hours",)
    standing: ClassVar[bool] = True
    api: ApiKind
    size_gb: float
    hours: Quantity


T = TypeVar("T", bound=Tally)


@dataclass(frozen=True)
class Activity:
    """All tallies of a period in one Region. `hours`: the period's length."""

    region: str
    hours: float
    tallies: tuple[Tally, ...]
    origin: Origin
    missing: tuple[str, ...] = ()
    """What happened but could not be counted, each a sentence: it is on no bill, and every bill says so."""

    def of(self, kind: type[T]) -> Iterator[T]:
        """The tallies of one kind."""
        return (tally for tally in self.tallies if isinstance(tally, kind))

    def scaled(self, flow: float, hours: float) -> Activity:
        """The same activity over `hours`, with `flow` times the traffic."""
        ratio = hours / self.hours
        return replace(self, hours=hours, tallies=tuple(tally.scaled(flow, ratio) for tally in self.tallies))
