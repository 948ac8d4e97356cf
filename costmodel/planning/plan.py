"""Candidates, their comparison, and the plan: the choice, the runner-up, and why the others lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from costmodel.prediction.prediction import Interval, Prediction
from costmodel.pricing.bill import Bill
from loadgen.configuration import Configuration
from loadgen.slo import SLO

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """A configuration, what it will do and what it costs a month. `usd_per_million_interval`: 90 %."""

    configuration: Configuration
    prediction: Prediction
    bill: Bill
    usd_per_million_interval: Interval
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

    @property
    def frame(self) -> pd.DataFrame:
        """The tidy table: a row a candidate."""
        raise NotImplementedError


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
