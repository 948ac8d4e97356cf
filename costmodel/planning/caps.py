"""What one setting would cap the worst bill: the most that a stage's throttle, reserved concurrency or the maximum
concurrency of a queue may be for the ceiling to stay at what is wanted, and the ceiling with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from costmodel.planning.ceiling import Entries, Exposure, ceiling
from costmodel.planning.event_sources import EventSource
from costmodel.pricing.price_book import PriceBook
from loadgen.deployment import Deployment
from loadgen.quotas import Quotas

MOST_AT_ONCE = 1_000
"""Batches of a queue under way at once without a setting of its own, about; the setting goes up to that."""
Changed = Callable[[int], tuple[Deployment, Entries]]
"""What is deployed with another value of a setting."""


@dataclass(frozen=True)
class Cap:
    """What one setting can do. `value`: the most it may be for the ceiling to stay at what is wanted; None: nothing does."""

    setting: str
    unit: str
    value: int | None
    usd_per_hour: Decimal
    """The ceiling with that value, or with 0 where no value is enough."""


def caps(deployment: Deployment, book: PriceBook, usd_per_hour: Decimal, quotas: Quotas | None = None,  # noqa: PLR0917
         exposure: Exposure | None = None, entries: Entries | None = None) -> list[Cap]:
    """What each single setting would have to be to hold the ceiling at `usd_per_hour`; those that can come first."""
    found = []
    for setting, unit, most, changed in _settings(deployment, quotas or Quotas(), entries or Entries()):
        def hour(value: int, changed: Changed = changed) -> Decimal:
            other, into = changed(value)
            return ceiling(other, book, quotas, exposure, into).hour.total

        reaches = partial(_at_most, hour, usd_per_hour)
        value = _largest(reaches, most) if reaches(0) else None
        found.append(Cap(setting, unit, value, hour(value or 0)))
    return sorted(found, key=lambda cap: (cap.value is None, cap.usd_per_hour if cap.value is None else 0))


def _at_most(hour: Callable[[int], Decimal], usd: Decimal, value: int) -> bool:
    return hour(value) <= usd


def _settings(deployment: Deployment, quotas: Quotas, entries: Entries) -> Iterator[tuple[str, str, int, Changed]]:
    """Each setting that can cap: its name, unit, the most it could be, and the deployment with a value of it."""
    def with_entries(changed: Callable[[int], Deployment]) -> Changed:
        return lambda value: (changed(value), entries)

    stages = [name for name, api in deployment.apis.items() if api.kind != "url"]
    most_rps = {name: min(quotas.gateway_rps, deployment.apis[name].throttle_rps or quotas.gateway_rps) for name in stages}
    for name in stages:
        yield f"throttle of stage {name}", "requests/s", int(most_rps[name]), with_entries(partial(_throttled, deployment, [name]))
    if len(stages) > 1:
        yield ("the same throttle of each stage", "requests/s", int(max(most_rps.values())),
               with_entries(partial(_throttled, deployment, stages)))
    reserved = sum(function.reserved or 0 for function in deployment.functions.values())
    for name, function in deployment.functions.items():
        left = quotas.account_concurrency - quotas.unreserved_minimum - reserved
        most = left if function.reserved is None else function.reserved
        yield (f"reserved concurrency of {name}", "environments", max(most, 0),
               with_entries(partial(_reserved, deployment, [name])))
    if len(deployment.functions) > 1:
        most = (quotas.account_concurrency - quotas.unreserved_minimum) // len(deployment.functions)
        yield ("the same reserved concurrency of each function", "environments", most,
               with_entries(partial(_reserved, deployment, list(deployment.functions))))
    for source in entries.sources:
        if source.kind == "SQS queue":
            yield (f"maximum concurrency of {source.label}", "environments", int(source.at_once or MOST_AT_ONCE),
                   partial(_polled, deployment, entries, source))


def _polled(deployment: Deployment, entries: Entries, source: EventSource, value: int) -> tuple[Deployment, Entries]:
    changed = tuple(replace(of, at_once=float(value)) if of is source else of for of in entries.sources)
    return deployment, replace(entries, sources=changed)


def _throttled(deployment: Deployment, names: Sequence[str], value: int) -> Deployment:
    changed = {name: replace(deployment.apis[name], throttle_rps=float(value)) for name in names}
    return replace(deployment, apis={**deployment.apis, **changed})


def _reserved(deployment: Deployment, names: Sequence[str], value: int) -> Deployment:
    changed = {name: replace(deployment.functions[name], reserved=value,
                             provisioned=min(value, deployment.functions[name].provisioned)) for name in names}
    return replace(deployment, functions={**deployment.functions, **changed})


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to `most` for which it holds; it holds for 0."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
