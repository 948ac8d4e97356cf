"""How far predictions are from measured runs: each run predicted again on its own arrivals, beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.activity import Activity
from costmodel.prediction.prediction import ALL, Prediction
from costmodel.pricing.price_book import PriceBook

if TYPE_CHECKING:
    from costmodel.performance.model import PerformanceModel
    from loadgen.measurements.run import Run
    from loadgen.measurements.summary import Summary


@dataclass(frozen=True)
class Check:
    """One figure of one run, predicted and measured. `error` is relative; None where nothing was measured."""

    label: str
    metric: str
    unit: str
    predicted: float
    measured: float

    @property
    def error(self) -> float | None:
        """(predicted - measured) / measured."""
        return (self.predicted - self.measured) / self.measured if self.measured else None

    @property
    def difference(self) -> str:
        """`+1.3 %`, or the plain difference where nothing was measured."""
        if self.error is None:
            return "none" if self.predicted == self.measured else f"{self.predicted - self.measured:+.4g} {self.unit}"
        return f"{self.error:+.1%}"


def check(model: PerformanceModel, runs: Sequence[Run], book: PriceBook, *, seed: int = 0,
          replications: int = 8) -> tuple[Check, ...]:
    """Bill, latency, cold starts and throttles of each run, predicted on its own arrivals and measured."""
    return tuple(line for run in runs for line in check_run(model, run, book, seed=seed, replications=replications))


def check_run(model: PerformanceModel, run: Run, book: PriceBook, *, seed: int = 0,
              replications: int = 8) -> tuple[Check, ...]:
    """The same for one run, which need not be one that the model was fitted on."""
    from costmodel.prediction.predictor import predict
    from costmodel.pricing.metering import observed  # noqa: F401
    from costmodel.workload import Workload
    from loadgen.measurements.summary import summarise

    configuration = run.intent.configuration
    prediction = predict(model, Workload.from_run(run), configuration, seed=seed, replications=replications)
    raise NotImplementedError
