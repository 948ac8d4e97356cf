"""`costmodel optimise MODEL --run RUN --slo …`: the best configuration that meets an SLO, and why the others lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from costmodel.cli.compare import comparison_document
from costmodel.cli.tables import print_table, table, usd
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from costmodel.planning.plan import Candidate, Plan


def optimise(
    model: Model, run: FromRun, *,
    slo: Annotated[str, typer.Option(help='What must hold, as "p95 < 300 ms, errors < 1 %".')],
    objective: Annotated[str, typer.Option(help="cost or latency.")] = "cost",
    api: Apis = None, memory: Memories = None, architecture: Architectures = None, provisioned: Provisioned = "0",
    cache: Caches = "none", requests_per_month: Requests = None, seed: Seed = 0, replications: Replications = 8,
    json: Json = False,
) -> None:
    """Choose the cheapest (or fastest) configuration that meets an SLO."""
    from costmodel.planning import optimiser
    from loadgen.slo import SLO

    wanted = SLO.parse(slo)
    comparison = compared(
        model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned, cache=cache,
        requests_per_month=requests_per_month, seed=seed, replications=replications, quiet=json)
    plan = optimiser.optimise(comparison, wanted, objective)
    if json:
        print_json(plan_document(plan))
    else:
        for line in plan_lines(plan):
            console().print(line, markup=False)
        print_table(table(("why not", ""), sorted(plan.why_lost.items()), left=("why not", "")))
        for line in comparison.notes:
            console().print(line, markup=False)


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, amounts in USD."""
    return {
        "slo": str(plan.slo),
        "objective": plan.objective,
        "choice": plan.choice.label,
        "runner_up": plan.runner_up.label if plan.runner_up else None,
        "saving_usd_per_month": plan.saving_usd_per_month,
        "why_lost": dict(plan.why_lost),
        **comparison_document(plan.comparison),
    }


def plan_lines(plan: Plan) -> list[str]:
    """The answer: today, the choice under the SLO, the runner-up, and what it saves."""
    saving = plan.saving_usd_per_month
    change = f"saves {usd(saving)}" if saving >= 0 else f"costs {usd(-saving)} more"
    best = {"cost": "cheapest", "latency": "fastest"}.get(plan.objective, plan.objective)
    return [
        f"today      {_line(plan.comparison.today)}",
        f"{best:10} under {plan.slo}: {_line(plan.choice)}; {change} a month",
        f"runner-up  {_line(plan.runner_up)}" if plan.runner_up else "runner-up  none: nothing else meets it",
    ]


def _line(candidate: Candidate) -> str:
    from costmodel.prediction.prediction import ALL

    interval, bill = candidate.usd_per_million_interval, candidate.bill
    p95_ms = candidate.prediction.latency[ALL].p95_ms
    return (f"{candidate.label}: p95 {p95_ms:,.0f} ms, {usd(bill.total)} a month, "
            f"{usd(bill.usd_per_million)} per million ({interval.low:,.2f}–{interval.high:,.2f})")
