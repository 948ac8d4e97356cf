"""How good a model is: a run predicted again on its own arrivals, beside what was measured.

The same arrivals, settings and price book on both sides, so that what differs is the model's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from costmodel.activity import observed
from costmodel.errors import InsufficientDataError
from costmodel.prediction.prediction import ALL, Prediction
from costmodel.prediction.predictor import predict
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.workload import Workload
from loadgen.measurements.summary import RouteSummary, summarise

if TYPE_CHECKING:
    from costmodel.activity import Activity
    from costmodel.performance.model import PerformanceModel
    from loadgen.measurements.run import Run

PER_MILLION = "USD/M"


@dataclass(frozen=True)
class Check:
    """One figure of one run. None: it was not measured, or nothing predicts it."""

    label: str
    """The run's configuration."""
    metric: str
    """bill, p50 and p95 (of the answered requests that nothing throttled), cold (of the invocations) or throttled (of all)."""
    unit: str
    predicted: float | None
    measured: float | None

    @property
    def error(self) -> float | None:
        """Relative to what was measured; None when that is 0 or a side is missing."""
        if self.predicted is None or not self.measured:
            return None
        return self.predicted / self.measured - 1

    @property
    def difference(self) -> str:
        """For a reader: `+1.2%`, or in the figure's unit for shares and where nothing was measured to divide by."""
        if self.predicted is None or self.measured is None:
            return "unknown"
        if self.unit == "%" or self.error is None:
            return f"{self.predicted - self.measured:+.2f} {'points' if self.unit == '%' else self.unit}"
        return f"{self.error:+.1%}"


def check(run: Run, model: PerformanceModel, book: PriceBook, *, seed: int = 0, replications: int = 8) -> tuple[Check, ...]:
    """Bill, p50, p95, cold starts and throttles of a collected run: predicted and measured.

    Raises RunError when what AWS saw was not collected, InsufficientDataError when the load generator could not keep up;
    what `predict` and `price` raise.
    """
    if run.finished is not None and run.finished.saturated:
        raise InsufficientDataError(f"{run.path}: saturated: the load generator could not keep up, its latencies are not the "
                                    "target's: check against another run")
    label = run.intent.configuration.label
    prediction = predict(model, Workload.from_run(run), run.intent.configuration, region=book.region, seed=seed,
                         replications=replications)
    bills = (_usd_per_million(prediction.activity, book), _usd_per_million(observed(run), book))
    return (Check(label, "bill", PER_MILLION, *bills), *_latencies_and_shares(label, prediction, summarise(run).overall))


def _usd_per_million(activity: Activity, book: PriceBook) -> float | None:
    amount: Decimal = price(meter(activity), book).usd_per_million
    return None if amount.is_nan() else float(amount)


def _latencies_and_shares(label: str, prediction: Prediction, measured: RouteSummary) -> Iterator[Check]:
    predicted, served = prediction.latency[ALL], measured.served_latency
    yield Check(label, "p50", "ms", _known(predicted.p50_ms), served.p50_ms if served else None)
    yield Check(label, "p95", "ms", _known(predicted.p95_ms), served.p95_ms if served else None)
    yield Check(label, "cold", "%", _percent(prediction.cold_share), _percent(measured.cold))
    yield Check(label, "throttled", "%", _percent(sum(prediction.throttled.values())), _percent(measured.throttles))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _percent(share: float | None) -> float | None:
    return None if share is None or math.isnan(share) else share * 100
