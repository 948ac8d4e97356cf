"""Duration by memory against published measurements, beside what others do.

- 2020: four real functions at 46 sizes (memory_sweep_2020_raw). From three or five sizes, the mean duration at all the
  others, and the regret of the size that would be chosen: how much more one invocation costs there than at the best of
  the 46 sizes, request fee included, both by what was measured.
- 2025: cpu- and memory-intensive functions (memory_sweep_2025_11), each size predicted from all the others. The table
  has means without their number: SHEET_ERROR stands for their standard error.
- Power tuning tries its default sizes and takes the cheapest: six sizes are measured, none is predicted. The single
  exponential D = a + b exp(-m/k) is fitted to the same sizes as ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np

from costmodel.performance.distributions import Distribution, Floats
from costmodel.performance.priors import rows
from costmodel.performance.sizes import MeasuredSize, MeasuredSizes, independent_number

TRIPLES = tuple(product((128, 192, 256), (384, 512, 768, 1024), (1536, 2048, 3008)))
QUINTUPLES = tuple(sizes for sizes in combinations((128, 256, 384, 512, 768, 1024, 1536, 2048, 3008), 5)
                   if sizes[0] <= 256 and sizes[-1] >= 1536)
POWER_TUNING_MB = (128, 256, 512, 1024, 1536, 3008)
"""aws-lambda-power-tuning's default `powerValues`."""
SHEET_ERROR = 0.02
LEVEL = 0.9

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
    held: float | None = None
    """Share of the other sizes whose mean lies in the 90 % interval; None: the method gives none."""


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


def score_2020(predict: Predict, choices: Sequence[Sequence[int]], *, intervals: bool = False) -> Scores:
    """Over all functions and choices of measured sizes."""
    errors, regrets, held = [], [], []
    for function in swept_2020():
        means, cost = function.means_ms, usd(function.memory_mb, function.means_ms)
        for choice in choices:
            measured = function.measured(choice)
            predicted = predict(measured, function.memory_mb)
            other = ~np.isin(function.memory_mb, choice)
            errors.append(np.abs(predicted / means - 1)[other].mean())
            regrets.append(cost[np.argmin(usd(function.memory_mb, predicted))] / cost.min() - 1)
            if intervals:
                held += list(_holds(MeasuredSizes.fitted(measured), function, other))
    return Scores(float(np.mean(errors)), float(np.mean(regrets)), float(np.mean(held)) if held else None)


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


def _holds(model: MeasuredSizes, function: Swept, other: np.ndarray) -> Iterator[bool]:
    for size, mean, asked in zip(function.memory_mb, function.means_ms, other, strict=True):
        if asked:
            low, high = _interval(model, size)
            yield bool(low <= mean <= high)


def _interval(model: MeasuredSizes, memory_mb: int) -> tuple[float, float]:
    draws = model.mean_draws_ms(memory_mb, 400, np.random.default_rng(0))
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _from_mean(memory_mb: int, mean_ms: float) -> MeasuredSize:
    """A size of which only the mean is known."""
    n = 100
    return MeasuredSize(memory_mb, n, Distribution(mean_ms * (1 + SHEET_ERROR * np.sqrt(n) * np.array([-1.0, 1.0]))))
