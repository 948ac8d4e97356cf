"""The traffic of an API in production, from a window of its metrics: as counts, and as the Workload of a month.

Requests are split by route where the stage has detailed metrics. Elsewhere each function's invocations and throttles
stand for its routes (they take its share of the API's count): what a cache answers, what the gateway refuses and what
other sources invoke is spread over all of them alike, and a note says how much that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costmodel.errors import InsufficientDataError
from costmodel.traffic import MOST_REQUESTS, Counts, Traffic, fit_traffic, month_of
from costmodel.workload import Workload
from loadgen.measurements.production import (
    Asked,
    Dimensions,
    Production,
    api_dimensions,
    dimensions_text,
    function_dimensions,
    route_dimensions,
)

if TYPE_CHECKING:
    import pandas as pd

    from loadgen.configuration import Configuration
    from loadgen.deployment import ApiKind

TOLD_FROM = 0.01
"""A difference between an API's count and its functions' that is worth a note."""
SILENT_FROM_H = 3.0
"""So long without requests at a window's start is worth a note."""


@dataclass(frozen=True)
class ApiTraffic:
    """The busiest API of a window. `traffic`: of all its requests."""

    kind: ApiKind
    configuration: Configuration
    requests: float
    traffic: Traffic
    by_trigger: Mapping[str, Traffic]
    notes: tuple[str, ...]

    def workload(self, most_requests: float = MOST_REQUESTS) -> Workload:
        """A month of it, whose period has about so many requests at most."""
        month = month_of(self.by_trigger, most_requests)
        return replace(month, notes=(*self.notes, *month.notes))


def read_traffic(production: Production) -> ApiTraffic:
    """Of the API with most requests. Raises RunError when not all was read, InsufficientDataError without requests or
    with less than a day of them."""
    asked, frame = production.asked, production.metrics()
    counts = {kind: _rows(frame, api_dimensions(asked.target.api(kind)), "Count") for kind in asked.configurations}
    totals = {kind: float(rows["value"].sum()) for kind, rows in counts.items()}
    kind = max(totals, key=lambda each: totals[each], default=None)
    if kind is None or not totals[kind]:
        raise InsufficientDataError(f"{production.path}: no request of any API in the window: read one with traffic "
                                    "(`loadgen metrics --days --end`)")
    notes = [f"The traffic of the {other.upper()} API is left out." for other in totals if other != kind and totals[other]]
    series = _by_route(asked, frame, kind) or _by_function(asked, frame, kind)
    counted = sum(float(rows["value"].sum()) for rows in series.values())
    if not counted:
        raise InsufficientDataError(f"{production.path}: {totals[kind]:,.0f} requests, and no function ran: what the "
                                    "gateway answers itself is not predicted")
    factor = totals[kind] / counted
    if kind not in asked.by_route:
        notes += _notes_of_functions(asked, kind, series)
    if abs(factor - 1) > TOLD_FROM:
        notes.append(f"The {kind.upper()} API counted {totals[kind]:,.0f} requests, its functions {counted:,.0f}: each "
                     "function's routes are given its share of the former.")
    start_s, end_s = float(counts[kind]["at"].min().timestamp()), asked.end.timestamp()
    silent_h = (start_s - asked.start.timestamp()) / 3600
    if silent_h > SILENT_FROM_H:
        notes.append(f"The window's first {silent_h:,.0f} h have no request: they are left out, as if the API was not there yet.")
    fitted = {trigger: fit_traffic(Counts.from_metrics(rows, "Count", start_s=start_s, end_s=end_s))
              for trigger, rows in (*series.items(), ("", counts[kind]))}
    total = fitted.pop("")
    shares = {trigger: replace(each, level_rps=each.level_rps * factor) for trigger, each in fitted.items()}
    return ApiTraffic(kind, asked.configurations[kind], totals[kind], total, shares, tuple(notes))


def _by_route(asked: Asked, frame: pd.DataFrame, kind: ApiKind) -> dict[str, pd.DataFrame]:
    """Datapoints by route, of those that had requests; none without detailed metrics."""
    api = asked.target.api(kind)
    routes = asked.target.deployment.routes(kind) if kind in asked.by_route else ()
    found = {route.name: _rows(frame, route_dimensions(api, route), "Count") for route in routes}
    return {name: rows for name, rows in found.items() if rows["value"].sum()}


def _by_function(asked: Asked, frame: pd.DataFrame, kind: ApiKind) -> dict[str, pd.DataFrame]:
    """Datapoints of each function that was invoked, by the first of its routes."""
    found = {}
    for name in asked.configurations[kind].functions:
        rows = _rows(frame, function_dimensions(asked.target.functions[name].name), "Invocations", "Throttles")
        if rows["value"].sum():
            sums = rows.groupby(["at", "period_s", "statistic"], as_index=False)["value"].sum()
            found[_routes(asked, kind, name)[0]] = sums.assign(metric="Count")
    return found


def _notes_of_functions(asked: Asked, kind: ApiKind, series: Mapping[str, object]) -> Iterator[str]:
    """What stays open where a function has several routes."""
    for name in asked.configurations[kind].functions:
        routes = _routes(asked, kind, name)
        if len(routes) > 1 and routes[0] in series:
            yield f"Metrics do not tell the routes of {name} apart: all its requests are taken as {routes[0]}."


def _routes(asked: Asked, kind: ApiKind, function: str) -> list[str]:
    return [route.name for route in asked.target.deployment.routes(kind) if route.function == function]


def _rows(frame: pd.DataFrame, dimensions: Dimensions, *metrics: str) -> pd.DataFrame:
    """The sums of these metrics."""
    return frame[(frame["dimensions"] == dimensions_text(dimensions)) & frame["metric"].isin(metrics)
                 & (frame["statistic"] == "Sum")]
