"""The best candidate that meets an SLO, and a sentence for each other one on why it lost.

An objective is one line in OBJECTIVES: what is made small first, then what breaks a tie; of two that are alike in both,
today's stays. A figure that is not known of a candidate is a miss: an SLO is met only by what is known to meet it. One
that is not known of any candidate is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from costmodel.errors import InputError, NothingMeetsError
from costmodel.planning.plan import Candidate, Comparison, Plan, Verdict
from costmodel.prediction.prediction import ALL, Prediction
from loadgen.slo import SHARES, SLO, Threshold

OBJECTIVES: Mapping[str, Callable[[Candidate], tuple[float, float]]] = {
    "cost": lambda candidate: (float(candidate.bill.total), _p95_ms(candidate)),
    "latency": lambda candidate: (_p95_ms(candidate), float(candidate.bill.total)),
}
_FIELDS = {"p50": "p50_ms", "p90": "p90_ms", "p95": "p95_ms", "p99": "p99_ms", "mean": "mean_ms"}


def optimise(comparison: Comparison, slo: SLO, objective: str = "cost", *, budget_usd: float | None = None) -> Plan:
    """The plan. `budget_usd`: what a month may cost at most.

    Raises InputError for an unknown objective and for a threshold on what nothing predicts, NothingMeetsError that
    names the nearest candidate.
    """
    check_question(slo, objective, budget_usd)
    for threshold in slo.thresholds:
        _check_known(comparison, threshold)
    verdicts = [judge(candidate, slo, budget_usd) for candidate in comparison.candidates]
    best = sorted((verdict.candidate for verdict in verdicts if verdict.meets),
                  key=lambda candidate: (*OBJECTIVES[objective](candidate), candidate is not comparison.today))
    if not best:
        raise _nothing_meets(verdicts, slo, budget_usd)
    choice = best[0]
    why_lost = {verdict.candidate.label: _why_lost(verdict, choice, objective)
                for verdict in verdicts if verdict.candidate is not choice}
    return Plan(comparison, slo, objective, choice, best[1] if len(best) > 1 else None, why_lost)


def check_question(slo: SLO, objective: str = "cost", budget_usd: float | None = None) -> None:
    """Raises InputError for an unknown objective, a budget that is none, and a threshold on what is never predicted."""
    if objective not in OBJECTIVES:
        raise InputError(f"objective = {objective!r}: no such objective (there are: {', '.join(OBJECTIVES)})")
    if budget_usd is not None and not 0 <= budget_usd < math.inf:
        raise InputError(f"budget = {budget_usd}: give USD a month, 0 or more")
    for threshold in slo.thresholds:
        predicted = (*_FIELDS, *SHARES) if threshold.route is None else tuple(_FIELDS)
        if threshold.metric not in predicted:
            raise _unpredicted(threshold, predicted)


def judge(candidate: Candidate, slo: SLO, budget_usd: float | None = None) -> Verdict:
    """A candidate against an SLO and a budget: what it misses, and by how much."""
    misses = []
    for threshold in slo.thresholds:
        value = _predicted(candidate.prediction, threshold)
        if value is None:
            misses.append(f"{_name(threshold)} is not known")
        elif not threshold.holds(value):
            misses.append(f"misses {_name(threshold)} by {_shown(threshold, value - threshold.limit)}")
    beyond = float(candidate.bill.total) - budget_usd if budget_usd is not None else 0.0
    if beyond > 0:
        misses.append(f"costs ${beyond:,.2f} a month more than the budget of ${budget_usd:,.2f}")
    return Verdict(candidate, tuple(misses))


def _check_known(comparison: Comparison, threshold: Threshold) -> None:
    """Raises InputError for a figure that no candidate has, with those that there are."""
    predictions = [candidate.prediction for candidate in comparison.candidates]
    routes = dict.fromkeys(route for prediction in predictions for route in prediction.latency if route != ALL)
    if threshold.route is not None and threshold.route not in routes:
        raise InputError(f"slo = '{threshold}': no such route (there are: {', '.join(routes)})")
    if any(_predicted(prediction, threshold) is not None for prediction in predictions):
        return
    others = (replace(threshold, metric=metric) for metric in (*_FIELDS, *SHARES))
    raise _unpredicted(threshold, [other.metric for other in others if any(
        _predicted(prediction, other) is not None for prediction in predictions)])


def _unpredicted(threshold: Threshold, metrics: Iterable[str]) -> InputError:
    return InputError(f"slo = '{threshold}': {_name(threshold)} is not predicted (there are: {', '.join(metrics)})")


def _predicted(prediction: Prediction, threshold: Threshold) -> float | None:
    """The figure that a threshold limits [ms, or a share]; None: nothing predicts it."""
    value: float | None = None
    if threshold.metric in _FIELDS:
        latency = prediction.latency.get(threshold.route or ALL)
        value = getattr(latency, _FIELDS[threshold.metric]) if latency else None
    elif threshold.route is None:
        value = {
            "cold": prediction.cold_share,
            "throttles": sum(prediction.throttled.values()),
            "errors": prediction.error_share,
        }.get(threshold.metric)
    return None if value is None or math.isnan(value) else value


def _why_lost(verdict: Verdict, choice: Candidate, objective: str) -> str:
    if not verdict.meets:
        return "; ".join(verdict.misses)
    dearer = verdict.candidate.bill.total - choice.bill.total
    slower_ms = _p95_ms(verdict.candidate) - _p95_ms(choice)
    cost = f"costs ${dearer:,.2f} more a month" if dearer >= 0 else f"costs ${-dearer:,.2f} less a month"
    latency = f"its p95 is {abs(slower_ms):.0f} ms {'higher' if slower_ms >= 0 else 'lower'}"
    return f"{cost}; {latency}" if objective == "cost" else f"{latency}; {cost}"


def _nothing_meets(verdicts: list[Verdict], slo: SLO, budget_usd: float | None) -> NothingMeetsError:
    nearest = min(verdicts, key=lambda verdict: _excess(verdict.candidate, slo, budget_usd))
    within = "" if budget_usd is None else f" within ${budget_usd:,.2f} a month"
    return NothingMeetsError(
        f"nothing meets {slo}{within}: nearest of {len(verdicts)} is {nearest.candidate.label}: {'; '.join(nearest.misses)}",
        nearest=nearest.candidate, misses=nearest.misses)


def _excess(candidate: Candidate, slo: SLO, budget_usd: float | None) -> tuple[float, float]:
    """How far off the worst threshold is, relative to its limit; then the cost."""
    values = [(threshold, _predicted(candidate.prediction, threshold)) for threshold in slo.thresholds]
    worst = max(math.inf if value is None else (value - threshold.limit) / (threshold.limit or 1.0)
                for threshold, value in values)
    beyond = 0.0 if budget_usd is None else (float(candidate.bill.total) - budget_usd) / (budget_usd or 1.0)
    return max(worst, beyond), float(candidate.bill.total)


def _p95_ms(candidate: Candidate) -> float:
    return candidate.prediction.latency[ALL].p95_ms


def _name(threshold: Threshold) -> str:
    return f"{threshold.route} {threshold.metric}" if threshold.route else threshold.metric


def _shown(threshold: Threshold, value: float) -> str:
    return threshold.show(float(f"{value:.3g}"))
