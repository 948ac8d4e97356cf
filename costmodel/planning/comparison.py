"""Every candidate under the same workload: predicted, metered, priced.

All candidates meet the same arrivals and the same draws (one seed: common random numbers), so that two bills differ by
the configurations and not by chance. The 90 % intervals add two spreads in quadrature:

    arrivals    t-interval over the replications' bills: of their mean for a month, of one more for a run's own period
                (nothing from a single replication)
    durations   the bill again with every function's mean duration at the low and at the high end of its own interval,
                all together: what they share (the form of the curve, a prior's ratio) errs in the same direction;
                the p95 latency as in predict
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from costmodel.activity import Activity, FunctionTally, Tally
from costmodel.planning.next_size import next_sizes
from costmodel.planning.plan import Candidate, Comparison
from costmodel.prediction.prediction import ALL, Interval, Prediction
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.workload import MONTH_HOURS, Workload
from loadgen.configuration import Configuration
from loadgen.deployment import Architecture

if TYPE_CHECKING:
    from costmodel.performance.model import PerformanceModel

LEVEL = 0.9
Spread = Callable[[str, int, Architecture], tuple[float, float]]
"""Function, memory [MB], architecture -> low and high end of its mean duration's interval, over the mean."""


def compare(model: PerformanceModel, workload: Workload, configurations: Iterable[Configuration], book: PriceBook, *,
            today: Configuration, measured: Iterable[Configuration] = (), seed: int = 0, replications: int = 8,
            executor: Executor | None = None, progress: Callable[[str], None] | None = None) -> Comparison:
    """What each configuration will do and cost a month; `today` is one of the candidates, asked for or not.

    `measured`: the configurations that were run, when they are others than the model was fitted on. With an `executor`
    the configurations are predicted at the same time. Raises ConfigurationError for what the deployment cannot take,
    InsufficientDataError for what was never measured, PriceMissingError for what the book lacks.
    """
    wanted = list(dict.fromkeys([today, *configurations]))
    run_already = set(measured) or set(model.measured)
    predictions = _predictions(model, workload, wanted, region=book.region, seed=seed, replications=replications,
                               executor=executor)
    spread = cache(partial(_duration_spread, model))
    candidates = []
    for number, prediction in enumerate(predictions, start=1):
        bill = _bill(prediction.activity, book)
        interval = _interval(spread, prediction, bill, book, of_the_mean=workload.cyclic)
        was_run = prediction.configuration in run_already
        p95_ms = _p95_interval(model, prediction)
        candidates.append(Candidate(prediction.configuration, prediction, bill, interval, p95_ms, was_run))
        if progress:
            progress(f"{number} of {len(wanted)} configurations predicted: {prediction.configuration.label}")
    drawn = _drawn(seed, replications)
    assumptions = (*workload.assumptions, *_assumptions(workload, book), drawn, *model.notes)
    return Comparison(tuple(candidates), candidates[0], assumptions, next_sizes(model, candidates))


def monthly(activity: Activity) -> Activity:
    """The activity as a month of 730 h, with traffic and standing hours in the same ratio."""
    ratio = MONTH_HOURS / activity.hours
    return activity if math.isclose(ratio, 1.0) else activity.scaled(ratio, MONTH_HOURS)


def _predictions(model: PerformanceModel, workload: Workload, configurations: Sequence[Configuration], *, region: str,
                 seed: int, replications: int, executor: Executor | None) -> Iterator[Prediction]:
    from costmodel.prediction.predictor import predict

    each = partial(predict, model, workload, region=region, seed=seed, replications=replications)
    return iter((executor.map if executor else map)(each, configurations))


def _bill(activity: Activity, book: PriceBook) -> Bill:
    return price(meter(monthly(activity)), book)


def _interval(spread: Spread, prediction: Prediction, bill: Bill, book: PriceBook, *,
              of_the_mean: bool) -> Interval:
    """Of USD per million requests."""
    here = float(bill.usd_per_million)
    replicated = [float(_bill(activity, book).usd_per_million) for activity in prediction.replicated]
    by_chance = _half_width(replicated, of_the_mean)
    ends = (_with_durations(spread, prediction, end) for end in (0, 1))
    low, high = (float(_bill(activity, book).usd_per_million) for activity in ends)
    return Interval(here - math.hypot(by_chance, here - low), here + math.hypot(by_chance, high - here), LEVEL)


def _p95_interval(model: PerformanceModel, prediction: Prediction) -> Interval:
    """The prediction's own; from a single replication that of the durations alone."""
    from costmodel.prediction.predictor import latency_error

    if "p95_ms" in prediction.intervals:
        return prediction.intervals["p95_ms"]
    p95_ms = prediction.latency[ALL].p95_ms
    ran = {tally.function for tally in prediction.activity.of(FunctionTally)}
    below, above = latency_error(model, prediction.configuration, ran, "p95_ms")
    return Interval(max(1 - below, 0.0) * p95_ms, (1 + above) * p95_ms, LEVEL)


def _half_width(values: Sequence[float], of_the_mean: bool) -> float:
    """Of the t-interval of the values' mean, or of one more value; 0 where there are no two to tell."""
    from scipy.special import stdtrit

    if len(values) < 2:
        return 0.0
    spread = np.std(values, ddof=1) * math.sqrt(1 / len(values) + (0 if of_the_mean else 1))
    return float(stdtrit(len(values) - 1, (1 + LEVEL) / 2) * spread)


def _duration_spread(model: PerformanceModel, name: str, memory_mb: int,
                     architecture: Architecture) -> tuple[float, float]:
    """A bootstrap: worth keeping."""
    return model.function(name).duration.spread(memory_mb, architecture, LEVEL)


def _with_durations(spread: Spread, prediction: Prediction, end: int) -> Activity:
    """The activity with mean durations at one end (0 low, 1 high) of their intervals; INIT as it was."""
    ran = {tally.function for tally in prediction.activity.of(FunctionTally)}
    functions = prediction.configuration.functions
    factors = {name: spread(name, functions[name].memory_mb, functions[name].architecture)[end] for name in ran}
    tallies = tuple(_stretched(tally, factors) for tally in prediction.activity.tallies)
    return replace(prediction.activity, tallies=tallies)


def _stretched(tally: Tally, factors: dict[str, float]) -> Tally:
    if not isinstance(tally, FunctionTally):
        return tally
    factor = factors[tally.function]
    run_gb_s = (tally.gb_s - tally.init_gb_s) * factor
    return replace(tally, gb_s=tally.init_gb_s + run_gb_s, provisioned_gb_s=tally.provisioned_gb_s * factor)


def _drawn(seed: int, replications: int) -> str:
    if replications == 1:
        return (f"Every configuration meets the same arrivals and draws once (seed {seed}): the intervals hold what durations may "
                "be off, and nothing of chance; give more replications.")
    return f"Every configuration meets the same arrivals and draws (seed {seed}, {replications} replications)."


def _assumptions(workload: Workload, book: PriceBook) -> tuple[str, ...]:
    common = (
        f"List prices of {book.region}, without free tier, Savings Plans or discounts.",
        "Responses go out to the internet, by the size of their bodies; what comes in is free.",
        "Logs are the functions' own, as ingested; the gateway's access log and log storage are not on the bill.",
    )
    repeated = f"The bill is of a month: {MONTH_HOURS:.0f} h of this period without a pause."
    return common if math.isclose(workload.activity_hours, MONTH_HOURS) else (repeated, *common)
