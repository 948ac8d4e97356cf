"""Duration by memory against published measurements, beside what others do.

- 2020: four real functions at 46 sizes (memory_sweep_2020_raw). From three or five sizes, the mean duration at all the
  others, and the regret of the size that would be chosen: how much more one invocation costs there than at the best of
  the 46 sizes, request fee included, both by what was measured.
- The same at the sizes that were not measured: the median and the tail, and whether 90 % intervals hold, between the
  measured sizes and beyond them (`Unmeasured`).
- 2025: cpu- and memory-intensive functions (memory_sweep_2025_11), each size predicted from all the others. The table
  has means without their number: SHEET_ERROR stands for their standard error.
- Power tuning tries its default sizes and takes the cheapest: six sizes are measured, none is predicted. The single
  exponential D = a + b exp(-m/k) is fitted to the same sizes as ours. `by_cross_validation` is our model with one form
  of curve, the one that is least off at each size predicted from the others, instead of all, weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from costmodel.performance.distributions import Distribution, Floats
from costmodel.performance.priors import rows
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes, independent_number

PAIRS = tuple(product((128, 256, 512), (1024, 1536, 2048, 3008)))
TRIPLES = tuple(product((128, 192, 256), (384, 512, 768, 1024), (1536, 2048, 3008)))
QUINTUPLES = tuple(sizes for sizes in combinations((128, 256, 384, 512, 768, 1024, 1536, 2048, 3008), 5)
                   if sizes[0] <= 256 and sizes[-1] >= 1536)
POWER_TUNING_MB = (128, 256, 512, 1024, 1536, 3008)
"""aws-lambda-power-tuning's default `powerValues`."""
SHEET_ERROR = 0.02
LEVEL = 0.9

Bools = npt.NDArray[np.bool_]
Predict = Callable[[Sequence[MeasuredSize], Sequence[int]], Floats]
"""Measured sizes and other sizes [MB] -> mean durations [ms]."""


@dataclass(frozen=True)
class Swept:
    """A function measured at many sizes: sizes [MB], durations of each [ms]."""

    name: str
    memory_mb: tuple[int, ...]
    durations_ms: tuple[Floats, ...]

    def measured(self, memory_mb: Sequence[int]) -> list[MeasuredSize]:
        """Some of its sizes as `fit` sees them."""
        return [MeasuredSize(size, values.size, Distribution.from_samples(values), independent_number(values))
                for size, values in ((size, self.durations_ms[self.memory_mb.index(size)]) for size in memory_mb)]

    @property
    def means_ms(self) -> Floats:
        return np.array([values.mean() for values in self.durations_ms])


@dataclass(frozen=True)
class Scores:
    """Mean absolute error of the mean duration at the other sizes, and mean regret of the size chosen (both 0 to 1)."""

    error: float | None
    regret: float


@dataclass(frozen=True)
class Unmeasured:
    """Predictions of sizes that were not measured, shape (n,) each; errors are relative."""

    inside: Bools
    """Whether the size lies between measured ones."""
    mean_held: Bools
    """Whether the 90 % interval holds the mean that was measured."""
    p50_held: Bools
    p50_error: Floats
    p95_error: Floats
    p99_error: Floats

    def held(self, figure: str, *, inside: bool) -> float:
        """Share of the intervals of `mean` or `p50` that held, between the sizes or beyond them; NaN: there are none."""
        values = getattr(self, f"{figure}_held")[self.inside == inside]
        return float(values.mean()) if values.size else float("nan")

    def number(self, *, inside: bool) -> int:
        return int((self.inside == inside).sum())


def swept_2020() -> tuple[Swept, ...]:
    """f1 to f4, in the order of the log."""
    seen: dict[str, dict[int, list[float]]] = {}
    for row in rows("memory_sweep_2020_raw.csv.gz"):
        seen.setdefault(row["function"], {}).setdefault(int(row["memory_mb"]), []).append(float(row["duration_ms"]))
    return tuple(Swept(name, tuple(sorted(sizes)), tuple(np.array(sizes[size]) for size in sorted(sizes)))
                 for name, sizes in seen.items())


def ours(measured: Sequence[MeasuredSize], memory_mb: Sequence[int]) -> Floats:
    """This model's mean durations [ms]."""
    sizes = MeasuredSizes.fitted(measured)
    return np.array([sizes.durations_ms(size).mean for size in memory_mb])


def by_cross_validation(measured: Sequence[MeasuredSize], memory_mb: Sequence[int]) -> Floats:
    """Mean durations [ms] by the one form that predicts each of three or more sizes best from the others."""
    def left_out(periods: bool) -> float:
        others = (MeasuredSizes.fitted(other for other in measured if other is not size) for size in measured)
        return sum(abs(float(np.log(_means_ms(sizes, [size.memory_mb], periods)[0] / size.warm.mean)))
                   for sizes, size in zip(others, measured, strict=True))

    return _means_ms(MeasuredSizes.fitted(measured), memory_mb, min((True, False), key=left_out))


def exponential(measured: Sequence[MeasuredSize], memory_mb: Sequence[int]) -> Floats:
    """D = a + b exp(-m/k), a, b >= 0, by least squares of relative errors; k from a grid."""
    from scipy.optimize import nnls

    known = np.array([size.memory_mb for size in measured], dtype=np.float64)
    means = np.array([size.warm.mean for size in measured])
    fits = []
    for scale in np.geomspace(50, 3000, 60):
        design = np.column_stack([np.ones(known.size), np.exp(-known / scale)])
        (fixed, falling), loss = nnls(design / means[:, None], np.ones(known.size))
        fits.append((loss, fixed, falling, scale))
    _, fixed, falling, scale = min(fits)
    return np.asarray(fixed + falling * np.exp(-np.array(memory_mb) / scale), dtype=np.float64)


def score_2020(predict: Predict, choices: Sequence[Sequence[int]]) -> Scores:
    """Over all functions and choices of measured sizes."""
    errors, regrets = [], []
    for function in swept_2020():
        means, cost = function.means_ms, usd(function.memory_mb, function.means_ms)
        for choice in choices:
            measured = function.measured(choice)
            predicted = predict(measured, function.memory_mb)
            other = ~np.isin(function.memory_mb, choice)
            errors.append(np.abs(predicted / means - 1)[other].mean())
            regrets.append(cost[np.argmin(usd(function.memory_mb, predicted))] / cost.min() - 1)
    return Scores(float(np.mean(errors)), float(np.mean(regrets)))


def unmeasured_2020(choices: Sequence[Sequence[int]]) -> Unmeasured:
    """Over all functions and choices of measured sizes, every other size."""
    rows = [row for function in swept_2020() for choice in choices for row in _unmeasured(function, choice)]
    inside, mean_held, p50_held, p50, p95, p99 = (np.array(column) for column in zip(*rows, strict=True))
    return Unmeasured(inside, mean_held, p50_held, p50, p95, p99)


def power_tuning_2020() -> Scores:
    """The cheapest of the default sizes, by what was measured there."""
    regrets = []
    for function in swept_2020():
        cost = usd(function.memory_mb, function.means_ms)
        regrets.append(min(cost[function.memory_mb.index(size)] for size in POWER_TUNING_MB) / cost.min() - 1)
    return Scores(None, float(np.mean(regrets)))


def left_out_2025() -> Iterator[tuple[str, float, bool]]:
    """Every size of every function, from its others: workload, relative error, whether the 90 % interval holds it."""
    functions: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    for row in rows("memory_sweep_2025_11.csv"):
        if row["workload"] != "light":
            key = row["workload"], row["runtime"], row["arch"]
            functions.setdefault(key, []).append((int(row["memory_mb"]), float(row["duration_ms"])))
    for (workload, _, architecture), points in functions.items():
        sizes = [_from_mean(*point) for point in points]
        for left_out in sizes:
            model = MeasuredSizes.fitted([size for size in sizes if size is not left_out],
                                         "arm64" if architecture == "arm64" else "x86_64")
            predicted = model.durations_ms(left_out.memory_mb).mean
            low, high = _interval(model, left_out.memory_mb)
            yield workload, predicted / left_out.warm.mean - 1, low <= left_out.warm.mean <= high


def usd(memory_mb: Sequence[int], mean_ms: Floats) -> Floats:
    """What one invocation costs [USD] on x86_64: billed by the started millisecond, request fee included."""
    per_gb_s, fee = _prices()
    return np.asarray(np.array(memory_mb) / 1024 * np.ceil(mean_ms) / 1000 * per_gb_s + fee, dtype=np.float64)


@lru_cache(maxsize=1)
def _prices() -> tuple[float, float]:
    """USD a GB-second and a request."""
    from costmodel.pricing.price_book import PriceBook

    book = PriceBook.load("us-east-1")
    per_gb_s, fee = (float(book.price("lambda", item).tiers[0].usd) for item in ("duration_x86_64", "requests"))
    return per_gb_s, fee


def _means_ms(sizes: MeasuredSizes, memory_mb: Sequence[int], periods: bool) -> Floats:
    curves = sizes.curves_with(periods)
    assert curves is not None
    return curves.mean_ms(memory_mb)


def _unmeasured(function: Swept, choice: Sequence[int]) -> Iterator[tuple[bool, bool, bool, float, float, float]]:
    """The columns of Unmeasured for one choice of measured sizes."""
    model = MeasuredSizes.fitted(function.measured(choice))
    for size, seen in zip(function.memory_mb, function.durations_ms, strict=True):
        if size in choice:
            continue
        predicted, (low, high) = model.durations_ms(size), _interval(model, size)
        measured = np.quantile(seen, (0.5, 0.95, 0.99))
        to_p50 = predicted.quantile(0.5) / predicted.mean
        p50, p95, p99 = (predicted.quantile(q) / value - 1 for q, value in zip((0.5, 0.95, 0.99), measured, strict=True))
        yield (model.inside(size), bool(low <= seen.mean() <= high), bool(low * to_p50 <= measured[0] <= high * to_p50),
               p50, p95, p99)


def _interval(model: MeasuredSizes, memory_mb: int) -> tuple[float, float]:
    draws = model.mean_draws_ms(memory_mb, 400, np.random.default_rng(0))
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _from_mean(memory_mb: int, mean_ms: float) -> MeasuredSize:
    """A size of which only the mean is known."""
    n = 100
    return MeasuredSize(memory_mb, n, Distribution(mean_ms * (1 + SHEET_ERROR * np.sqrt(n) * np.array([-1.0, 1.0]))))
