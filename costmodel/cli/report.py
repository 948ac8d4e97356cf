"""`costmodel report MODEL --run RUN …`: the capacity plan as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costmodel.cli.candidates import (
    Apis,
    Architectures,
    Caches,
    Json,
    Memories,
    Model,
    Provisioned,
    Replications,
    Requests,
    Seed,
    compared,
)
from costmodel.cli.optimise import plan_document, plan_lines
from loadgen.terminal import console, print_json


def report(
    model: Model,
    run: Annotated[list[Path], typer.Option(help="Measured runs; the first one's, or window's, traffic and setting are "
                                            "today's.")],
    *,
    slo: Annotated[str, typer.Option(help='What must hold, as "p95 < 300 ms, errors < 1 %".')],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("plan.html"),
    objective: Annotated[str, typer.Option(help="cost or latency.")] = "cost",
    api: Apis = None, memory: Memories = None, architecture: Architectures = None, provisioned: Provisioned = None,
    cache: Caches = None, requests_per_month: Requests = None, seed: Seed = 0, replications: Replications = 8,
    json: Json = False,
) -> None:
    """Compare, choose, check the model against the runs, and write the plan."""
    from costmodel.accuracy import check
    from costmodel.performance.model import PerformanceModel
    from costmodel.planning import optimiser
    from costmodel.pricing.price_book import PriceBook
    from costmodel.reports.report import write_report
    from loadgen.measurements.production import Production
    from loadgen.measurements.run import Run
    from loadgen.slo import SLO

    wanted = SLO.parse(slo)
    comparison = compared(
        model, run[0], api=api, memory=memory, architecture=architecture, provisioned=provisioned, cache=cache,
        requests_per_month=requests_per_month, seed=seed, replications=replications, quiet=json)
    plan = optimiser.optimise(comparison, wanted, objective)
    fitted, runs = PerformanceModel.load(model), [Run(each) for each in run if not Production(each).exists]
    checks = [each for one in runs
              for each in check(one, fitted, PriceBook.load(one.intent.target.region), seed=seed, replications=replications)]
    written = write_report(plan, runs, output, model=fitted, checks=checks)
    if json:
        print_json({"report": str(written), **plan_document(plan)})
        return
    for line in plan_lines(plan):
        console().print(line, markup=False)
    console().print(f"report    {written}", markup=False)
