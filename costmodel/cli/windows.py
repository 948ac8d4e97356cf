"""What a window of production tells of its traffic, beside the bill: level, day, week, growth, the next month and its
busiest minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def window_traffic(source: Path) -> Mapping[str, Any] | None:
    """The traffic of a window's busiest API as plain data, rates in requests/s, times UTC; `unknown` says why there is
    none. None: the source is no window."""
    from costmodel.errors import InsufficientDataError
    from costmodel.production import read_traffic
    from loadgen.measurements.production import Production
    from loadgen.schema import to_plain

    production = Production(source)
    if not production.exists:
        return None
    try:
        found = read_traffic(production)
    except InsufficientDataError as problem:
        return {"unknown": str(problem)}
    traffic = found.traffic
    return {
        "api": found.kind, "requests": found.requests, "level_rps": traffic.level_rps,
        "month_rps": traffic.month_level_rps(), "daily": traffic.daily, "weekly": traffic.weekly,
        "growth_per_month": None if traffic.growth_per_month is None else to_plain(traffic.growth_per_month),
        "month_requests": to_plain(traffic.month_requests()), "peak_minute": to_plain(traffic.peak_minute()),
        "notes": [*traffic.notes, *found.notes],
    }


def traffic_lines(traffic: Mapping[str, Any]) -> Iterator[str]:
    """The same as lines."""
    if "unknown" in traffic:
        yield f"traffic: not known: {traffic['unknown']}"
        return
    daily, weekly, growth = (traffic[name] for name in ("daily", "weekly", "growth_per_month"))
    busiest, quietest = (choose(range(24), key=daily.__getitem__) for choose in (max, min))
    yield (f"traffic: {traffic['requests']:,.0f} requests of the {traffic['api'].upper()} API measured, {traffic['level_rps']:,.4g} "
           f"a second; x {daily[busiest]:.2f} at {busiest:02} h UTC, x {daily[quietest]:.2f} at {quietest:02} h")
    if any(factor != 1.0 for factor in weekly):
        yield "traffic: the week: " + ", ".join(f"{day} x {factor:.2f}" for day, factor in zip(DAYS, weekly, strict=True))
    if growth is not None:
        yield f"traffic: growth {growth['value']:+.1%} a month (90 %: {growth['low']:+.1%} to {growth['high']:+.1%})"
    yield f"traffic: next month of 730 h, predicted: {_requests(traffic['month_requests'])}"
    yield f"traffic: busiest minute of the next month, predicted: {_requests(traffic['peak_minute'])}"
    yield from (f"traffic: {note}" for note in traffic["notes"])


def _requests(found: Mapping[str, float]) -> str:
    return f"{found['value']:,.0f} requests (90 %: {found['low']:,.0f} to {found['high']:,.0f})"
