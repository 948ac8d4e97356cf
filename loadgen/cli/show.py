"""`loadgen show RUN`: a run in figures, and whether the counts of client, gateway and Lambda meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from loadgen.measurements.reconciliation import Reconciliation
    from loadgen.measurements.summary import RouteSummary, Spread, Summary


def show(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Print a run's summary and reconciliation."""
    from loadgen.measurements.reconciliation import reconcile
    from loadgen.measurements.run import Run
    from loadgen.measurements.summary import summarise
    from loadgen.schema import to_plain
    from loadgen.terminal import console, print_json

    directory = Run(run)
    summary, reconciliation = summarise(directory), reconcile(directory)
    if as_json:
        print_json({"summary": to_plain(summary), "reconciliation": to_plain(reconciliation)})
        return
    for line in (*reconciliation_lines(reconciliation, summary), "", *summary_lines(summary)):
        console().print(line, markup=False)


def reconciliation_lines(found: Reconciliation, summary: Summary) -> Iterator[str]:
    """The three counts, a line each, who rejected what was lost, and what does not close."""
    client, gateway, function = found.client, found.gateway, found.function
    dropped = f"   {client.dropped:,} dropped" if client.dropped else ""
    yield f"client    {client.sent:,} sent   {client.ok:,} ok   {client.failed:,} failed{dropped}"
    yield f"gateway   {_count(gateway.seen)} seen{_by(gateway.throttled_by)}" + "".join(
        f"   {count:,} {name}" for name, count in (("cache hits", gateway.cache_hits), *gateway.refused.items()) if count)
    cold = summary.overall.cold
    share = "" if cold is None else f"   {cold:.1%} cold" + _p95(summary.overall.cold_latency)
    yield f"lambda    {_count(function.tried)} tried{_by(function.throttled_by)}   {_count(function.ran)} ran{share}"
    for name, count in found.lost.items():
        yield f"lost      {count:,} {name}"
    for check in found.checks:
        yield f"metrics   {check.metric}: CloudWatch {check.cloudwatch:,}, ours {check.ours:,} ({check.verdict})"
    yield f"closes    {_count(found.unexplained)} unexplained" + "".join(
        f"   {count:,} {name}" for name, count in found.gaps.items())


def summary_lines(summary: Summary) -> Iterator[str]:
    """Rates, percentiles by route, and the SLO's verdict."""
    yield summary.configuration
    yield f"rate      {_rate(summary.offered_rps)} offered   {_rate(summary.throughput_rps)} succeeded"
    for name, route in summary.routes.items():
        yield f"latency   {name:24} {_latency(route)}"
    for sentence in summary.unknown:
        yield f"unknown   {sentence}"
    if summary.saturated:
        yield "saturated the load generator could not keep up: these latencies are not the target's"
    if summary.slo is not None:
        yield f"slo       {'missed: ' + '; '.join(summary.misses) if summary.misses else 'met: ' + summary.slo}"


def _count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _by(counts: Mapping[str, int]) -> str:
    return "".join(f"   {count:,} throttled by {name}" for name, count in counts.items())


def _p95(spread: Spread | None) -> str:
    return "" if spread is None else f" (p95 {spread.p95_ms:,.0f} ms)"


def _rate(per_s: float | None) -> str:
    return "unknown" if per_s is None else f"{per_s:,.1f}/s"


def _latency(route: RouteSummary) -> str:
    if route.latency is None:
        return f"{route.arrivals:,} arrivals, none answered"
    times = route.latency
    return (f"p50 {times.p50_ms:,.0f}   p95 {times.p95_ms:,.0f}   p99 {times.p99_ms:,.0f}   max {times.max_ms:,.0f} ms"
            f"   {route.errors or 0:.2%} errors   {route.arrivals:,} arrivals")
