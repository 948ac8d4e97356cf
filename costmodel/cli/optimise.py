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
from costmodel.cli.tables import number, print_table, table, usd
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from costmodel.planning.plan import Candidate, Plan


def optimise(
    model: Model, run: FromRun, *,
    slo: Annotated[str, typer.Option(help='What must hold, as "p95 < 300 ms, errors < 1 %".')],
    objective: Annotated[str, typer.Option(help="cost or latency.")] = "cost",
    budget: Annotated[float | None, typer.Option(help="What a month may cost at most [USD].")] = None,
    api: Apis = None, memory: Memories = None, architecture: Architectures = None, provisioned: Provisioned = None,
    cache: Caches = None, requests_per_month: Requests = None, seed: Seed = 0, replications: Replications = 8,
    json: Json = False,
) -> None:
    """Choose the cheapest (or fastest) configuration that meets an SLO."""
    from costmodel.planning import optimiser
    from loadgen.slo import SLO

    wanted = SLO.parse(slo)
    optimiser.check_question(wanted, objective, budget)
    comparison = compared(
        model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned, cache=cache,
        requests_per_month=requests_per_month, seed=seed, replications=replications, quiet=json)
    plan = optimiser.optimise(comparison, wanted, objective, budget_usd=budget)
    if json:
        print_json(plan_document(plan))
    else:
        for line in plan_lines(plan):
            console().print(line, markup=False)
        print_table(table(("why not", ""), sorted(plan.why_lost.items()), left=("why not", "")))
        for line in (*map(str, comparison.next_sizes), *comparison.notes):
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
        "doubts": list(plan.doubts),
        **comparison_document(plan.comparison),
    }


def plan_lines(plan: Plan) -> list[str]:
    """The answer: today, the choice under the SLO, the runner-up, and what it saves."""
    best = {"cost": "cheapest", "latency": "fastest"}.get(plan.objective, plan.objective)
    return [
        f"today      {_line(plan.comparison.today)}{_misses(plan)}",
        f"{best:10} under {plan.slo}: {_line(plan.choice)}; {_change(plan)}",
        f"runner-up  {_line(plan.runner_up)}" if plan.runner_up else "runner-up  none: nothing else meets it",
        *(f"doubt      {doubt}" for doubt in plan.doubts),
    ]


def _misses(plan: Plan) -> str:
    """What today's configuration misses of the SLO, if anything."""
    from costmodel.planning.optimiser import judge

    misses = judge(plan.comparison.today, plan.slo).misses
    return f"; {'; '.join(misses)}" if misses else ""


def _change(plan: Plan) -> str:
    saving = plan.saving_usd_per_month
    if plan.choice is plan.comparison.today:
        return "today's stays"
    return f"saves {usd(saving)} a month" if saving >= 0 else f"costs {usd(-saving)} more a month"


def _line(candidate: Candidate) -> str:
    from costmodel.prediction.prediction import ALL

    interval, bill = candidate.usd_per_million_interval, candidate.bill
    p95_ms = candidate.prediction.latency[ALL].p95_ms
    return (f"{candidate.label}: p95 {number(p95_ms)} ms, {usd(bill.total)} a month, "
            f"{usd(bill.usd_per_million)} per million ({interval.low:,.2f}–{interval.high:,.2f})")
