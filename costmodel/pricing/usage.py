"""Usage: what a bill is made of before prices. A line names an item of the price book and how much of it was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from costmodel.activity import Origin, Quantity
from loadgen.deployment import ApiKind

FRONT_DOORS: Mapping[ApiKind, str] = {"rest": "REST API", "http": "HTTP API", "url": "function URL"}
"""What a usage line calls the resource that a kind of API is."""


@dataclass(frozen=True)
class UsageLine:
    """So much of one item (as the price book names it), by one resource; `route` where one route caused it."""

    service: str
    item: str
    resource: str
    quantity: Quantity
    unit: str
    origin: Origin
    route: str | None = None
    discount: float = 0.0
    """The share of the price that this line does not pay, as agreed with AWS (0 to 1)."""


@dataclass(frozen=True)
class Usage:
    """The lines of a period in one Region."""

    region: str
    hours: float
    lines: tuple[UsageLine, ...]
    requests: Quantity
    """Requests that the front doors billed, or invocations where there is no front door: per million of these."""
    missing: tuple[str, ...] = ()
    """What the lines lack, each a sentence (see Activity)."""
    notes: tuple[str, ...] = ()
    """What they stand on, each a sentence (see Activity)."""
