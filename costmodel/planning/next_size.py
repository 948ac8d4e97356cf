"""Which memory size of a function to measure next, and what knowing it is worth.

The cost of a size is uncertain as its mean duration is. With draws of all sizes' costs c(m) [USD a month]:

    now     = min over m of E c(m)          what the best choice costs today, expected
    known   = E min over m of c(m)          what it would cost if all durations were known
    after m = E min over m of E(c | c(m))   what it will cost once m was measured, by linear regression on the draws

    regret = now - known,  saving = now - after

The value of sample information, as decision analysis has it (Raiffa and Schlaifer 1961; by regression: Strong, Oakley
and Brennan 2014). Latency and the SLO are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from costmodel.activity import FunctionTally
from costmodel.errors import InsufficientDataError
from loadgen.deployment import Architecture

if TYPE_CHECKING:
    from costmodel.performance.model import PerformanceModel
    from costmodel.performance.sizes import MeasuredSizes
    from costmodel.planning.plan import Candidate

Floats = npt.NDArray[np.float64]
CENT_USD = 0.01


@dataclass(frozen=True)
class NextSize:
    """The size of a function that tells most when it is measured next. USD a month, expected."""

    function: str
    architecture: Architecture
    memory_mb: int
    saving_usd: float
    """By choosing the function's size after that measurement rather than now."""
    regret_usd: float
    """What the size that looks best now costs more than the one that is."""

    def __str__(self) -> str:
        size = f"measure next: {self.function} at {self.memory_mb} MB {self.architecture}"
        if self.regret_usd < CENT_USD / 2:
            return f"{size}: worth less than a cent a month"
        return (f"{size}: expected to save ${self.saving_usd:,.2f} of the ${self.regret_usd:,.2f} a month that choosing a size "
                "without it may cost")


@dataclass(frozen=True)
class _Size:
    """What one function costs at one size [USD a month]: in proportion to its duration, and besides (INIT)."""

    run_usd: float
    init_usd: float


def next_sizes(model: PerformanceModel, candidates: Iterable[Candidate]) -> tuple[NextSize, ...]:
    """For every function and architecture that was measured, among the candidates' sizes; the most worth first.

    Nothing for those of which fewer than two sizes were measured, or none is left to measure.
    """
    listed = list(candidates)
    found = (_next_size(model, name, architecture, _costs(listed, name, architecture))
             for name, function in model.functions.items() for architecture in function.duration.by_architecture)
    return tuple(sorted((each for each in found if each is not None), key=lambda size: -size.saving_usd))


def _next_size(model: PerformanceModel, name: str, architecture: Architecture,
               costs: Mapping[int, _Size]) -> NextSize | None:
    duration = model.function(name).duration
    try:
        memory_mb = duration.next_memory_mb(architecture, costs)
    except InsufficientDataError:
        return None
    usd = _draws_usd(duration.by_architecture[architecture], costs)
    now, known = usd.mean(axis=0).min(), usd.min(axis=1).mean()
    after = _told_by(usd, list(costs).index(memory_mb)).min(axis=1).mean()
    regret = max(float(now - known), 0.0)
    return NextSize(name, architecture, memory_mb, min(max(float(now - after), 0.0), regret), regret)


def _costs(candidates: Iterable[Candidate], name: str, architecture: Architecture) -> dict[int, _Size]:
    """By size in ascending order; of the candidates that share one, the cheapest."""
    by_size: dict[int, _Size] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.bill.total):
        settings = candidate.configuration.functions.get(name)
        if settings is not None and settings.architecture == architecture:
            by_size.setdefault(settings.memory_mb, _cost(candidate, name))
    return dict(sorted(by_size.items()))


def _cost(candidate: Candidate, name: str) -> _Size:
    usd = float(sum(component.cost for component in candidate.bill.components
                    if component.resource == name and "duration" in component.item))
    tallies = [tally for tally in candidate.prediction.activity.of(FunctionTally) if tally.function == name]
    billed_gb_s = sum(float(tally.gb_s + tally.provisioned_gb_s) for tally in tallies)
    init = sum(float(tally.init_gb_s) for tally in tallies) / billed_gb_s if billed_gb_s else 0.0
    return _Size(usd * (1 - init), usd * init)


def _draws_usd(sizes: MeasuredSizes, costs: Mapping[int, _Size]) -> Floats:
    """Draws of what each size costs, shape (draws, sizes): together by the curves, apart by the scatter around them."""
    rng = np.random.default_rng(0)
    assert sizes.curve is not None
    drawn = sizes.curve.draws_ms(list(costs)) / sizes.curve.mean_ms(list(costs))
    relative = drawn * np.exp(sizes.curve.scatter[:, None] * rng.standard_normal(drawn.shape))
    for column, memory_mb in enumerate(costs):
        size = sizes.measured(memory_mb)
        if size is not None:
            relative[:, column] = 1 + size.error_ms / size.warm.mean * rng.standard_normal(drawn.shape[0])
    run_usd, init_usd = (np.array([getattr(size, part) for size in costs.values()]) for part in ("run_usd", "init_usd"))
    return np.asarray(init_usd + run_usd * relative, dtype=np.float64)


def _told_by(usd: Floats, measured: int) -> Floats:
    """What each draw's measurement of one size lets one expect of all sizes."""
    away = usd[:, measured] - usd[:, measured].mean()
    variance = float((away**2).mean())
    slopes = (usd * away[:, None]).mean(axis=0) / variance if variance else np.zeros(usd.shape[1])
    return np.asarray(usd.mean(axis=0) + away[:, None] * slopes, dtype=np.float64)
