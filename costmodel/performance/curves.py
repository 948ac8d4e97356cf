"""Mean duration by memory: three forms, and the choice between them.

Lambda gives CPU in proportion to memory: a share m / 1,769 of a vCPU at m MB, as a quota of q = 20 ms x share in every
period of 20 ms. With a ms that need no CPU of ours and c ms of work on a whole vCPU (m' = min(m, knee)):

    proportional  D(m) = a + c 1769/m'                        work that does not show the periods
    credit        D(m) = a + c 1769/m' - 20 (1 - m'/1769)     work of many quotas, met at a uniform phase of a period
    staircase     D(m) = a + E[B + 20 k + c - f - k q]        work of a few quotas: B uniform on 0 to 20, f = min(B, q),
                                                              k = ceil((c - f)/q) - 1; only c where c <= f

a, c >= 0 by least squares of relative errors; the knee from a grid with penalty 0.01 ln^2(knee/1769). The periods are
taken to show when the durations of every size whose work exceeds a quota spread (p10 to p80) over at least 5 ms, as a
start at a uniform phase makes them. Otherwise the credit would be a term from nowhere: two sizes fit every form
exactly, and the wrong one misses a size between them by up to 3 ms.

Durations [ms], memory [MB]. Source of 1,769: Lambda developer guide, "Configure Lambda function memory". Errors on
measured tables: docs/accuracy.md and the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from loadgen.schema import Record

Floats = npt.NDArray[np.float64]
Form = Literal["proportional", "credit", "staircase"]

VCPU_MB = 1769.0
PERIOD_MS = 20.0
PHASE_SPREAD = (0.1, 0.8)
"""The quantiles that the spread is taken between: the tail above is another matter."""
PHASE_SPREAD_MS = 5.0
"""U(0, 20) spreads by 14 ms; on AWS the phase is not quite uniform and the first quota softens it. Real functions of
100 ms or more spread by 6 ms at least (memory_sweep_2020), simulated quotas of 4 to 200 ms of work by 5.7."""
FEW_QUOTAS = 4.0
_KNEES_MB = np.sort(np.append(np.geomspace(900.0, 3008.0, 60), VCPU_MB))
_PENALTY = 0.01
_WORK_MS = np.geomspace(0.05, 200.0, 1_500)
_PHASES_MS = (np.arange(128) + 0.5) / 128 * PERIOD_MS


@dataclass(frozen=True)
class Curve(Record):
    """D(m) of one function on one architecture."""

    form: Form
    fixed_ms: float
    cpu_ms: float
    knee_mb: float = VCPU_MB

    def mean_ms(self, memory_mb: npt.ArrayLike) -> Floats:
        """Mean duration [ms] at memory sizes [MB], same shape."""
        used = np.minimum(np.asarray(memory_mb, dtype=np.float64), self.knee_mb)
        if self.form == "staircase":
            return self.fixed_ms + _staircase(np.float64(self.cpu_ms), used / VCPU_MB)
        offset = _credit(used) if self.form == "credit" else 0.0
        return np.maximum(self.fixed_ms + self.cpu_ms * VCPU_MB / used + offset, self.cpu_ms)


def fit_curve(memory_mb: npt.ArrayLike, mean_ms: npt.ArrayLike, spread_ms: npt.ArrayLike) -> Curve:
    """The curve through two or more sizes. All shape (n,): sizes [MB], mean and PHASE_SPREAD of durations [ms]."""
    memory, mean, spread = (np.asarray(values, dtype=np.float64) for values in (memory_mb, mean_ms, spread_ms))
    plain = _fit_knee("proportional", memory, mean)
    if not _shows_periods(plain, memory, spread):
        return plain
    return refit(_quota_form(plain, memory), memory, mean)


def refit(form: Form, memory_mb: Floats, mean_ms: Floats) -> Curve:
    """The best curve of a given form."""
    return _fit_staircase(memory_mb, mean_ms) if form == "staircase" else _fit_knee(form, memory_mb, mean_ms)


def _quota_form(plain: Curve, memory: Floats) -> Form:
    """Staircase where the work is a few quotas at the largest measured size, else credit; with many they agree."""
    largest_quota = PERIOD_MS * min(memory.max() / VCPU_MB, 1.0)
    return "staircase" if plain.cpu_ms <= FEW_QUOTAS * largest_quota else "credit"


def _shows_periods(plain: Curve, memory: Floats, spread: Floats) -> bool:
    throttled = plain.cpu_ms > PERIOD_MS * memory / VCPU_MB
    limited = throttled & (memory < VCPU_MB)
    return bool(limited.any() and (spread[limited] >= PHASE_SPREAD_MS).all())


def _fit_knee(form: Form, memory: Floats, mean: Floats) -> Curve:
    used = np.minimum(memory, _KNEES_MB[:, None])
    offset = _credit(used) if form == "credit" else np.zeros_like(used)
    fixed, cpu, loss = _nonnegative(VCPU_MB / used, mean - offset, 1 / mean)
    best = int(np.argmin(loss + _PENALTY * np.log(_KNEES_MB / VCPU_MB) ** 2))
    return Curve(form, float(fixed[best]), float(cpu[best]), float(_KNEES_MB[best]))


def _fit_staircase(memory: Floats, mean: Floats) -> Curve:
    steps = _steps_ms(tuple(memory))
    weight = 1 / mean**2
    fixed = np.maximum(((mean - steps) * weight).sum(axis=1) / weight.sum(), 0.0)
    loss = (((mean - steps - fixed[:, None]) / mean) ** 2).sum(axis=1)
    best = int(np.argmin(loss))
    return Curve("staircase", float(fixed[best]), float(_WORK_MS[best]))


@lru_cache(maxsize=64)
def _steps_ms(memory_mb: tuple[float, ...]) -> Floats:
    """The staircase of every work in the grid at every size, shape (works, sizes)."""
    return _staircase(_WORK_MS[:, None], np.minimum(np.array(memory_mb) / VCPU_MB, 1.0))


def _nonnegative(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares of y = a + c x with a, c >= 0 along the last axis: a, c and the sum of squared weighted errors."""
    w = np.broadcast_to(weight**2, x.shape)
    total, x_mean, y_mean = w.sum(-1), (w * x).sum(-1) / w.sum(-1), (w * y).sum(-1) / w.sum(-1)
    variance = (w * (x - x_mean[..., None]) ** 2).sum(-1)
    covariance = (w * (x - x_mean[..., None]) * (y - y_mean[..., None])).sum(-1)
    slope = np.where(variance > 1e-12 * total, covariance / np.maximum(variance, 1e-300), 0.0)
    through_zero = (w * x * y).sum(-1) / (w * x * x).sum(-1)
    slope = np.where(slope < 0, 0.0, np.where(y_mean < slope * x_mean, through_zero, slope))
    fixed = np.maximum(y_mean - slope * x_mean, 0.0)
    fixed = np.where(slope == through_zero, 0.0, fixed)
    error = y - fixed[..., None] - slope[..., None] * x
    return fixed, slope, (w * error**2).sum(-1)


def _credit(used_mb: Floats) -> Floats:
    return -PERIOD_MS * np.maximum(1 - used_mb / VCPU_MB, 0.0)


def _staircase(cpu_ms: npt.ArrayLike, share: Floats) -> Floats:
    """Mean over the phase of the time that `cpu_ms` of work take at a share (0 to 1] of a vCPU."""
    work = np.asarray(cpu_ms, dtype=np.float64)[..., None]
    quota = PERIOD_MS * np.minimum(share, 1.0)[..., None]
    first = np.minimum(_PHASES_MS, quota)
    periods = np.ceil((work - first) / quota) - 1
    waited = _PHASES_MS + PERIOD_MS * periods + (work - first - periods * quota)
    return np.asarray(np.where(work <= first, work, waited).mean(axis=-1), dtype=np.float64)
