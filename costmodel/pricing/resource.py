"""What one named resource did, for the services that a run does not measure: the base of their tallies.

A field annotated `Quantity` grows with the traffic, one annotated `Standing` with the length of the period; all others
describe the resource or a single request and do not scale. Units are in the names: KB, MB and GB are binary (1 GB =
1,024 MB) unless a field says otherwise, as AWS's meters are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from costmodel.activity import Activity, Quantity, Tally
from costmodel.pricing.usage import UsageLine

Items = Mapping[str, tuple[Quantity, str]]
"""Quantity and unit by item of the price book."""
Standing = Quantity
"""A quantity that grows with the hours of the period, whatever the traffic."""


@dataclass(frozen=True, kw_only=True)
class ResourceTally(Tally):
    """Base: `resource` is its name on the bill, `items` what of its service it used."""

    hourly: ClassVar[tuple[str, ...]] = ()
    asks: ClassVar[tuple[str, ...]] = ()
    """Fields of which a usage file gives one at least; else any of its quantities."""
    resource: str

    def __init_subclass__(cls) -> None:
        kinds = {name: kind for base in reversed(cls.__mro__)
                 for name, kind in vars(base).get("__annotations__", {}).items()}
        cls.quantities = tuple(name for name, kind in kinds.items() if kind in ("Quantity", "Standing"))
        cls.hourly = tuple(name for name, kind in kinds.items() if kind == "Standing")

    @property
    @abstractmethod
    def items(self) -> Items:
        """What is billed, in the units of the price book."""

    @classmethod
    def whole_period(cls, hours: float) -> dict[str, float]:
        """What a resource that is there all the time has stood, by field: nobody needs to state it."""
        return {"hours": hours} if "hours" in cls.hourly else {}

    def scaled(self, flow: float, hours: float) -> ResourceTally:
        """This tally with what stands multiplied by `hours`, the rest by `flow`."""
        factors = {name: hours if name in self.hourly else flow for name in self.quantities}
        return replace(self, **{name: getattr(self, name) * factor for name, factor in factors.items()})


@dataclass(frozen=True, kw_only=True)
class SenderTally(ResourceTally):
    """Base of what can send data to the internet."""

    transfer_out_gb: Quantity = 0.0


def item_lines(service: str, kinds: tuple[type[ResourceTally], ...], activity: Activity) -> Iterator[UsageLine]:
    """The lines of all resources of these kinds."""
    for tally in activity.tallies:
        if isinstance(tally, kinds):
            for item, (quantity, unit) in tally.items.items():
                yield UsageLine(service, item, tally.resource, quantity, unit, activity.origin)
