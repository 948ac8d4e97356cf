"""Candidates, their comparison, and the plan: the choice, the runner-up, and why the others lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from costmodel.planning.next_size import NextSize
from costmodel.prediction.prediction import ALL, Interval, Prediction
from costmodel.pricing.bill import Bill
from loadgen.configuration import Configuration
from loadgen.slo import SLO

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
FEW = 3
"""Configurations that are named at a caveat; more are counted."""


@dataclass(frozen=True)
class Candidate:
    """A configuration, what it will do and what it costs a month. Intervals: 90 %, with what the durations may be off."""

    configuration: Configuration
    prediction: Prediction
    bill: Bill
    usd_per_million_interval: Interval
    p95_ms_interval: Interval
    measured: bool = False
    """It was one of the configurations that were run."""

    @property
    def label(self) -> str:
        return self.configuration.label


@dataclass(frozen=True)
class Comparison:
    """All candidates under one workload; `today` is what is deployed now."""

    candidates: tuple[Candidate, ...]
    today: Candidate
    assumptions: tuple[str, ...]
    """Printed with every table: month length, free tier, transfer, scale."""
    next_sizes: tuple[NextSize, ...] = ()
    """What to measure next, and what that is worth."""

    @property
    def notes(self) -> tuple[str, ...]:
        """The assumptions, and each caveat once with the candidates that it is of."""
        caveats: dict[str, list[str]] = {}
        for candidate in self.candidates:
            for caveat in candidate.prediction.caveats:
                caveats.setdefault(caveat, []).append(candidate.label)
        everyone = len(self.candidates)
        return (*self.assumptions, *(f"{_whose(labels, everyone)}: {caveat}" for caveat, labels in caveats.items()))

    @property
    def frame(self) -> pd.DataFrame:
        """The tidy table: a row a candidate.

        Shares are 0 to 1, money is USD, `usd_per_month_<service>` adds up to `usd_per_month`. Where functions differ,
        `memory_mb` and `architecture` are NA; `provisioned` is the sum over functions.
        """
        import pandas as pd

        services = sorted({service for candidate in self.candidates for service in candidate.bill.by("service")})
        rows = [_figures(candidate) | _costs(candidate, services) for candidate in self.candidates]
        return pd.DataFrame(rows)


@dataclass(frozen=True)
class Verdict:
    """A candidate against the SLO: what it misses (empty: it meets it) and by how much."""

    candidate: Candidate
    misses: tuple[str, ...]

    @property
    def meets(self) -> bool:
        return not self.misses


@dataclass(frozen=True)
class Plan:
    """The choice and its reasons. `why_lost` has a sentence for every other candidate, by label."""

    comparison: Comparison
    slo: SLO
    objective: str
    choice: Candidate
    runner_up: Candidate | None
    why_lost: Mapping[str, str]

    @property
    def saving_usd_per_month(self) -> Decimal:
        """What the choice saves against today's configuration; negative when it costs more."""
        return self.comparison.today.bill.total - self.choice.bill.total

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the 90 % intervals leave open of the choice, each a sentence."""
        choice, p95_ms = self.choice, self.choice.p95_ms_interval
        found = [f"p95 of the choice may be up to {p95_ms.high:,.0f} ms (90 % interval): {threshold} is not certain"
                 for threshold in self.slo.thresholds
                 if threshold.metric == "p95" and threshold.route is None and not threshold.holds(p95_ms.high)]
        if self.runner_up is not None and self.objective == "cost":
            high, low = choice.usd_per_million_interval.high, self.runner_up.usd_per_million_interval.low
            if low < high:
                found.append("the 90 % intervals of what the choice and the runner-up cost overlap: which of the two is "
                             "cheaper is not certain")
        return tuple(found)


def _whose(labels: Sequence[str], everyone: int) -> str:
    return ", ".join(labels) if len(labels) <= FEW else f"{len(labels)} of {everyone} configurations"


def _figures(candidate: Candidate) -> dict[str, Any]:
    api, functions = candidate.configuration.api, candidate.configuration.functions.values()
    prediction, latency = candidate.prediction, candidate.prediction.latency[ALL]
    return {
        "label": candidate.label,
        "api": api.kind,
        "memory_mb": _shared([settings.memory_mb for settings in functions]),
        "architecture": _shared([settings.architecture for settings in functions]),
        "provisioned": sum(settings.provisioned for settings in functions),
        "cache_gb": api.cache_gb,
        "measured": candidate.measured,
        "p50_ms": latency.p50_ms,
        "p95_ms": latency.p95_ms,
        "p95_ms_low": candidate.p95_ms_interval.low,
        "p95_ms_high": candidate.p95_ms_interval.high,
        "p99_ms": latency.p99_ms,
        "cold_share": prediction.cold_share,
        "throttled_share": sum(prediction.throttled.values()),
        "caveats": "; ".join(prediction.caveats),
    }


def _costs(candidate: Candidate, services: Iterable[str]) -> dict[str, float]:
    interval, by_service = candidate.usd_per_million_interval, candidate.bill.by("service")
    return {
        "usd_per_month": float(candidate.bill.total),
        "usd_per_million": float(candidate.bill.usd_per_million),
        "usd_per_million_low": interval.low,
        "usd_per_million_high": interval.high,
        **{f"usd_per_month_{service}": float(by_service.get(service, 0)) for service in services},
    }


def _shared(values: Sequence[T]) -> T | None:
    """The one value that all have, or None."""
    return values[0] if len(set(values)) == 1 else None
