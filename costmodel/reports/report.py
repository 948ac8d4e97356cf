"""A plan as one self-contained HTML file: the answer first, then what it was compared with, the bill, how good the model is,
where every request went, assumptions, and where each number came from. No script, nothing loaded from elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.planning.plan import Candidate, Plan
from costmodel.prediction.prediction import ALL
from costmodel.reports import charts

if TYPE_CHECKING:
    from costmodel.accuracy import Check
    from costmodel.performance.model import PerformanceModel
    from loadgen.measurements.run import Run

MOST_BARS = 8


@dataclass(frozen=True)
class Row:
    """One candidate as the table shows it."""

    label: str
    role: str
    tags: tuple[str, ...]
    p50: str
    p95: str
    cold: str
    throttled: str
    monthly: str
    per_million: str
    verdict: str


def write_report(plan: Plan, runs: Sequence[Run], path: str | Path, *, model: PerformanceModel,
                 checks: Sequence[Check] = ()) -> Path:
    """Write the plan as HTML. `checks` (see accuracy.check) are what the model says of the runs beside what was measured."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(plan, runs, model=model, checks=checks), encoding="utf-8")
    return path


def render_report(plan: Plan, runs: Sequence[Run], *, model: PerformanceModel, checks: Sequence[Check] = ()) -> str:
    """The report as HTML text."""
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    environment = Environment(loader=PackageLoader("costmodel.reports"), autoescape=True, trim_blocks=True)
    template = environment.get_template("plan.html")
    drawn = {name: Markup(svg) for name, svg in _charts(plan, runs, model, checks).items()}
    return template.render(
        plan=plan, headline=_headline(plan), choice_origin=_origin(plan.choice), saving=_saving(plan), sure=_sure(plan, checks),
        candidates=[_row(plan, candidate) for candidate in _ranked(plan)], components=_components(plan.choice),
        **_cited(plan.choice), checks=checks, reconciliations=[_reconciliation(run) for run in runs], assumptions=plan.comparison.notes,
        provenance=_provenance(plan, runs), charts=drawn, usd=usd, figure=figure,
    )


def usd(amount: Decimal | float) -> str:
    """`$1,234.50`; four significant digits below a dollar."""
    value = float(amount)
    return f"${value:,.2f}" if abs(value) >= 1 or value == 0 else f"${value:.4g}"


def figure(value: float | None) -> str:
    """A number of four significant digits; `unknown` for None or NaN."""
    if value is None or math.isnan(value):
        return "unknown"
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _headline(plan: Plan) -> str:
    latency = plan.choice.prediction.latency[ALL]
    count = len(plan.comparison.candidates)
    text = f"Best by {plan.objective} of {count} configurations under {plan.slo}: predicted p95 {latency.p95_ms:.0f} ms."
    if plan.runner_up is not None:
        text += f" Runner-up: {plan.runner_up.label} at {usd(plan.runner_up.bill.usd_per_million)} per million."
    return text


def _origin(candidate: Candidate) -> str:
    return "measured in this sweep" if candidate.measured else "predicted, not measured: run it before you rely on it"


def _saving(plan: Plan) -> str:
    saving, today = plan.saving_usd_per_month, plan.comparison.today.bill.total
    share = f" ({abs(saving) / today:.0%})" if today else ""
    return f"saves {usd(saving)} a month{share}" if saving >= 0 else f"costs {usd(-saving)} more a month{share}"


def _sure(plan: Plan, checks: Sequence[Check]) -> Mapping[str, str]:
    prediction, interval = plan.choice.prediction, plan.choice.p95_ms_interval
    title = f"p95 {interval.low:.0f} to {interval.high:.0f} ms"
    bills = [abs(check.error) for check in checks if check.metric == "bill" and check.error is not None]
    against = f"; on its own runs the model's bill was off by at most {max(bills):.1%}" if bills else ""
    caveats = f"; {len(prediction.caveats)} caveat(s) below" if prediction.caveats else ""
    return {"title": title, "detail": f"90 % interval of the prediction{against}{caveats}"}


def _ranked(plan: Plan) -> list[Candidate]:
    return sorted(plan.comparison.candidates, key=lambda candidate: candidate.bill.usd_per_million)


def _row(plan: Plan, candidate: Candidate) -> Row:
    prediction, interval = candidate.prediction, candidate.usd_per_million_interval
    latency = prediction.latency[ALL]
    is_choice, is_today = candidate is plan.choice, candidate.label == plan.comparison.today.label
    return Row(
        label=candidate.label,
        role="choice" if is_choice else "today" if is_today else "",
        tags=_tags(candidate, is_today),
        p50=f"{latency.p50_ms:.0f}", p95=f"{latency.p95_ms:.0f}",
        cold=f"{prediction.cold_share:.2%}", throttled=f"{sum(prediction.throttled.values()):.2%}",
        monthly=usd(candidate.bill.total),
        per_million=f"{usd(candidate.bill.usd_per_million)} ({interval.low:,.2f}–{interval.high:,.2f})",
        verdict="the choice" if is_choice else plan.why_lost.get(candidate.label, ""),
    )


def _tags(candidate: Candidate, is_today: bool) -> tuple[str, ...]:
    tags = ["measured"] if candidate.measured else []
    if is_today:
        tags.append("today")
    if any("extrapolat" in caveat for caveat in candidate.prediction.caveats):
        tags.append("extrapolated")
    if any("prior" in caveat for caveat in candidate.prediction.caveats):
        tags.append("by a prior")
    return tuple(tags)


def _components(candidate: Candidate) -> list[Any]:
    return sorted((c for c in candidate.bill.components if c.quantity), key=lambda component: -component.cost)


def _cited(candidate: Candidate) -> dict[str, Any]:
    """The prices' sources, dearest component first, and each one's number in the list."""
    cited = {f"{c.source}{c.effective}": (c.source, c.effective) for c in _components(candidate)}
    return {"cited": list(cited.items()), "sources": {key: number for number, key in enumerate(cited, start=1)}}


def _provenance(plan: Plan, runs: Sequence[Run]) -> list[str]:
    sources = sorted({f"{c.source}, effective {c.effective}" for c in plan.choice.bill.components})
    lines = [f"Prices, Region {plan.choice.bill.region}: {'; '.join(sources)}."]
    for run in runs:
        intent, finished = run.intent, run.finished
        when = finished.started_at.strftime("%Y-%m-%d %H:%M UTC") if finished else "unfinished"
        lines.append(f"Run {run.path.name}: {intent.scenario}, seed {intent.seed}, {when}, {intent.configuration.label}, "
                     f"versions {', '.join(f'{k} {v}' for k, v in intent.versions.items())}.")
    return lines


def _reconciliation(run: Run) -> Mapping[str, Any]:
    from loadgen.measurements.reconciliation import reconcile

    r = reconcile(run)
    values = (r.client.sent, r.client.ok, r.gateway.seen, r.gateway.throttled, r.gateway.cache_hits,
              r.function.tried, r.function.throttled, r.function.cold, r.unexplained)
    return {"label": run.intent.configuration.label, "counts": ["unknown" if v is None else f"{v:,}" for v in values]}


def _charts(plan: Plan, runs: Sequence[Run], model: PerformanceModel, checks: Sequence[Check]) -> dict[str, str]:
    ranked = _ranked(plan)
    bills = [(check.label, check.predicted, check.measured) for check in checks
             if check.metric == "bill" and check.predicted is not None and check.measured is not None]
    drawn = {
        "cost_against_latency": charts.cost_against_latency(
            [c.label for c in ranked], [c.prediction.latency[ALL].p95_ms for c in ranked],
            [float(c.bill.usd_per_million) for c in ranked],
            low=[c.usd_per_million_interval.low for c in ranked], high=[c.usd_per_million_interval.high for c in ranked],
            choice=plan.choice.label, today=plan.comparison.today.label, limit_ms=_p95_limit(plan)),
        "stacked_bills": charts.stacked_bills(*_stacks(plan)),
        "duration_by_memory": charts.duration_by_memory(*_durations(plan, runs, model)),
    }
    if bills:
        drawn["predicted_against_measured"] = charts.predicted_against_measured(
            [label for label, _, _ in bills], [predicted for _, predicted, _ in bills],
            [measured for _, _, measured in bills], "USD per million requests")
    return drawn


def _p95_limit(plan: Plan) -> float | None:
    limits = [t.limit for t in plan.slo.thresholds if t.metric == "p95" and t.route is None]
    return min(limits) if limits else None


def _stacks(plan: Plan) -> tuple[list[str], dict[str, list[float]]]:
    shown = _without_repeats([plan.choice, plan.comparison.today, *([plan.runner_up] if plan.runner_up else []), *_ranked(plan)])
    totals = [{item: float(cost / c.bill.requests * 1_000_000) for item, cost in _by_item(c).items()} for c in shown]
    items = sorted({item for total in totals for item in total}, key=lambda item: -max(t.get(item, 0.0) for t in totals))
    return [c.label for c in shown], {item: [total.get(item, 0.0) for total in totals] for item in items if any(item in t for t in totals)}


def _by_item(candidate: Candidate) -> dict[str, Decimal]:
    costs: dict[str, Decimal] = {}
    for component in candidate.bill.components:
        if component.cost:
            name = f"{component.service}: {component.item}"
            costs[name] = costs.get(name, Decimal(0)) + component.cost
    return costs


def _without_repeats(candidates: Iterable[Candidate]) -> list[Candidate]:
    return list({candidate.label: candidate for candidate in candidates}.values())[:MOST_BARS]


def _durations(plan: Plan, runs: Sequence[Run], model: PerformanceModel) -> tuple[dict[str, Any], dict[str, Any]]:
    from dataclasses import replace

    measured_mb = sorted({s.memory_mb for run in runs for s in run.intent.configuration.functions.values()})
    compared_mb = {s.memory_mb for c in plan.comparison.candidates for s in c.configuration.functions.values()}
    low, high = min([*measured_mb, *compared_mb]), max([*measured_mb, *compared_mb])
    sizes = sorted({*range(low, high + 1, max(1, (high - low) // 40)), *measured_mb, *compared_mb})
    curves, points = {}, {}
    for name, settings in plan.comparison.today.configuration.functions.items():
        base = replace(settings, architecture="x86_64", provisioned=0)
        duration = model.functions[name].duration_ms
        curves[name] = (sizes, [duration(replace(base, memory_mb=size)).mean for size in sizes])
        points[name] = (measured_mb, [duration(replace(base, memory_mb=size)).mean for size in measured_mb])
    return curves, points
