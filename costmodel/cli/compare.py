"""`costmodel compare MODEL --run RUN`: what each configuration will do, and cost a month."""

from __future__ import annotations

import json as texts
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from costmodel.cli.candidates import (
    Apis,
    Architectures,
    Caches,
    FromRun,
    Json,
    Memories,
    Model,
    Provisioned,
    Replications,
    Requests,
    Seed,
    compared,
)
from costmodel.cli.tables import number, percent, print_table, span, table, usd
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from costmodel.planning.plan import Candidate, Comparison

COLUMNS = ("configuration", "p50 ms", "p95 ms", "p99 ms", "cold", "throttled", "a month", "per million", "90 %", "")


def compare(
    model: Model, run: FromRun, *, api: Apis = None, memory: Memories = None, architecture: Architectures = None,
    provisioned: Provisioned = None, cache: Caches = None, requests_per_month: Requests = None, seed: Seed = 0,
    replications: Replications = 8, json: Json = False,
) -> None:
    """Predict and price configurations under the traffic of a run, scaled to a month."""
    comparison = compared(
        model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned, cache=cache,
        requests_per_month=requests_per_month, seed=seed, replications=replications, quiet=json)
    if json:
        print_json(comparison_document(comparison))
    else:
        print_table(comparison_table(comparison))
        for line in (*map(str, comparison.next_sizes), *comparison.notes):
            console().print(line, markup=False)


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain data: the columns of `Comparison.frame`, null where a figure is not known."""
    records = texts.loads(comparison.frame.to_json(orient="records", double_precision=15))
    return {"today": comparison.today.label, "candidates": records, "assumptions": list(comparison.assumptions),
            "next_sizes": [asdict(size) for size in comparison.next_sizes]}


def comparison_table(comparison: Comparison) -> Table:
    """A row a candidate, cheapest first."""
    ranked = sorted(comparison.candidates, key=lambda candidate: candidate.bill.total)
    return table(COLUMNS, [_row(comparison, candidate) for candidate in ranked], left=("configuration", ""))


def _row(comparison: Comparison, candidate: Candidate) -> tuple[str, ...]:
    from costmodel.prediction.prediction import ALL

    prediction, interval = candidate.prediction, candidate.usd_per_million_interval
    latency = prediction.latency[ALL]
    notes = ["today"] if candidate is comparison.today else []
    notes += ["measured"] if candidate.measured else []
    return (
        candidate.label, number(latency.p50_ms), number(latency.p95_ms), number(latency.p99_ms),
        percent(prediction.cold_share), percent(sum(prediction.throttled.values())), usd(candidate.bill.total),
        usd(candidate.bill.usd_per_million), span(interval, ",.2f"), ", ".join(notes),
    )
