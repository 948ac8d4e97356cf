"""Mean duration by memory: many curves, each as likely as what was measured makes it, instead of one best curve.

Lambda gives CPU in proportion to memory: a share m / V of a vCPU at m MB, as a quota of q = 20 ms x share in every period
of 20 ms. With a ms that need no CPU of ours, c ms of work on a whole vCPU and u = min(m, knee):

    proportional  D(m) = a + c w(m)                      work that does not show the periods
    credit        D(m) = a + c w(m) - 20 (1 - u/V)       work of many quotas, met at a uniform phase of a period
    staircase     D(m) = a + E[B + 20 k + c - f - k q]   work of a few quotas: B uniform on 0 to 20, f = min(B, q),
                                                         k = ceil((c - f)/q) - 1; only c where c <= f
    w(m) = (1 - parallel) V/u (1 + drag (1 - u/knee)) + parallel V/m

`knee` is where more memory stops helping (memory-bound work, or work that waits for something else), `parallel` the part
of the work that uses more vCPUs, `drag` what being stopped in every period costs beyond the share: real functions run
some 5 to 10 % longer at 128 MB than in proportion. The parameters are a grid with priors; the likelihood is normal in ln D
with the standard error of each mean and a scatter between sizes that no curve follows (other hosts, other hours). Two
sizes fit every curve exactly, so an answer is the geometric mean over the posterior and its interval the posterior's:
where the curves part, the interval says so.

The periods are taken to show when durations spread (p10 to p80) at every size by 70 % (less 1 ms) of what a start at a uniform phase
would make of the staircase's work, and by 5 ms somewhere. Otherwise the credit would be a term from nowhere.

Durations [ms], memory [MB]. Source of V = 1,769: Lambda developer guide, "Configure Lambda function memory". On arm64
durations fall up to 2,320 MB (memory_sweep_2025_11, all runtimes alike). Errors on measured tables: docs/accuracy.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from loadgen.deployment import Architecture

Floats = npt.NDArray[np.float64]
Form = Literal["proportional", "credit", "staircase"]

VCPU_MB: dict[Architecture, float] = {"x86_64": 1769.0, "arm64": 2320.0}
"""V: the memory at which a function has one whole vCPU."""
PERIOD_MS = 20.0
LARGEST_MB = 10_240.0
PHASE_SPREAD = (0.1, 0.8)
"""The quantiles that the spread is taken between: the tail above is another matter."""
PHASE_SPREAD_MS = 5.0
"""A spread that is seen among others: U(0, 20) spreads by 14 ms."""
SHOWN, TICK_MS = 0.7, 1.0
"""What part of the expected spread must be seen: on AWS the phase is not quite uniform and the first quota softens it."""
FEW_QUOTAS = 4.0
DRAWS = 512
"""Curves that stand for the posterior."""
SCATTER = ((0.015, 0.8), (0.06, 0.2))
"""Standard deviation of ln D between sizes that no curve follows, and its prior probability."""

_FIXED = np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-5.3, 4.6, 24)))])
_FIXED_PRIOR = np.concatenate([[0.35], 0.65 * (1.05 - _FIXED[1:]) / (1.05 - _FIXED[1:]).sum()])
"""The share of a, of a and c together: none, or about even in its logarithm."""
_KNEES_MB = np.geomspace(700.0, LARGEST_MB, 50)
_KNEE_NEAR, _KNEE_FAR, _KNEE_FAR_SHARE = 0.05, 0.6, 0.3
"""ln(knee / V): normal with the first sd, or with a share of the second: not every function gains up to a vCPU."""
_DRAGS = np.array([0.0, 0.03, 0.06, 0.10, 0.14])
_PARALLEL, _PARALLEL_PRIOR = np.array([0.0, 0.3, 0.6]), np.array([0.8, 0.12, 0.08])
_WORK_MS = np.geomspace(0.05, 400.0, 700)
_PHASES_MS = (np.arange(128) + 0.5) / 128 * PERIOD_MS


@dataclass(frozen=True, eq=False)
class Curves:
    """Equally likely curves of one form, shape (n,) each."""

    form: Form
    vcpu_mb: float
    fixed_ms: Floats
    cpu_ms: Floats
    knee_mb: Floats
    drag: Floats
    parallel: Floats
    scatter: Floats
    """Standard deviation of ln D between sizes."""

    def draws_ms(self, memory_mb: npt.ArrayLike) -> Floats:
        """Mean duration [ms] of each curve at memory sizes [MB] of shape (k,): shape (n, k)."""
        memory = np.atleast_1d(np.asarray(memory_mb, dtype=np.float64))
        if self.form == "staircase":
            share = np.minimum(memory / self.vcpu_mb, 1.0)
            return self.fixed_ms[:, None] + _staircase(self.cpu_ms[:, None], share)
        knee, drag, parallel = (values[:, None] for values in (self.knee_mb, self.drag, self.parallel))
        work = self.cpu_ms[:, None] * _relative_work(memory, knee, drag, parallel, self.vcpu_mb)
        offset = _credit(memory, knee, self.vcpu_mb) if self.form == "credit" else 0.0
        return np.maximum(self.fixed_ms[:, None] + work + offset, work / 4)

    def mean_ms(self, memory_mb: npt.ArrayLike) -> Floats:
        """The curves' geometric mean [ms] at memory sizes [MB] of shape (k,): shape (k,)."""
        return np.asarray(np.exp(np.log(self.draws_ms(memory_mb)).mean(axis=0)), dtype=np.float64)


def fit_curves(memory_mb: npt.ArrayLike, mean_ms: npt.ArrayLike, error: npt.ArrayLike, spread_ms: npt.ArrayLike,
               vcpu_mb: float = VCPU_MB["x86_64"]) -> Curves:
    """The curves through two or more sizes, all shape (n,).

    Sizes [MB], mean durations [ms], their standard errors relative to them, and PHASE_SPREAD of durations [ms].
    """
    given = (np.asarray(values, dtype=np.float64) for values in (memory_mb, mean_ms, error, spread_ms))
    memory, mean, relative, spread = given
    stepped = _stepped(memory, mean, relative, vcpu_mb)
    work_ms, share = float(np.median(stepped.cpu_ms)), np.minimum(memory / vcpu_mb, 1.0)
    if not _shows_periods(spread, _spread_ms(work_ms, share)):
        return _throttled("proportional", memory, mean, relative, vcpu_mb)
    if work_ms <= FEW_QUOTAS * PERIOD_MS * share.max():
        return stepped
    return _throttled("credit", memory, mean, relative, vcpu_mb)


def _shows_periods(spread_ms: Floats, expected_ms: Floats) -> bool:
    """Whether durations spread wherever the periods would spread them, and they would somewhere."""
    shown = spread_ms >= SHOWN * expected_ms - TICK_MS
    return bool((expected_ms >= PHASE_SPREAD_MS).any() and shown.all())


def _throttled(form: Form, memory: Floats, mean: Floats, error: Floats, vcpu_mb: float) -> Curves:
    """The posterior of a form whose level is free: at each grid point the best level and its error are closed forms."""
    fixed, knee, drag, parallel, prior = _grid(vcpu_mb)
    shape = fixed[:, None] + (1 - fixed[:, None]) * _relative_work(
        memory, knee[:, None], drag[:, None], parallel[:, None], vcpu_mb)
    offset = _credit(memory, knee[:, None], vcpu_mb) if form == "credit" else np.zeros_like(shape)
    seen = np.log(mean - offset) - np.log(shape)
    weight = np.stack([1 / (error**2 + scatter**2) for scatter, _ in SCATTER])
    total = weight.sum(axis=1)
    level = (seen @ weight.T) / total
    loss = (seen**2) @ weight.T - level**2 * total
    evidence = prior[:, None] - loss / 2 + _evidence(weight) - np.log(total) / 2
    chosen, scatter = _resampled(evidence)
    level_ms = np.exp(level[chosen, scatter] + _normals() / np.sqrt(total[scatter]))
    return Curves(form, vcpu_mb, fixed[chosen] * level_ms, (1 - fixed[chosen]) * level_ms, knee[chosen], drag[chosen],
                  parallel[chosen], _scatters()[scatter])


def _stepped(memory: Floats, mean: Floats, error: Floats, vcpu_mb: float) -> Curves:
    """The posterior of the staircase: work by fixed part, a fraction of the shortest mean."""
    steps = _steps_ms(tuple(memory), vcpu_mb)
    fixed_ms = _FIXED * mean.min()
    seen = np.log(mean) - np.log(steps[:, None, :] + fixed_ms[:, None])
    weight = np.stack([1 / (error**2 + scatter**2) for scatter, _ in SCATTER])
    evidence = np.log(_FIXED_PRIOR)[:, None] - (seen**2) @ weight.T / 2 + _evidence(weight)
    chosen, scatter = _resampled(evidence.reshape(-1, len(SCATTER)))
    work, fixed = np.unravel_index(chosen, seen.shape[:2])
    none = np.zeros(DRAWS)
    return Curves("staircase", vcpu_mb, fixed_ms[fixed], _WORK_MS[work], np.full(DRAWS, vcpu_mb), none, none,
                  _scatters()[scatter])


@lru_cache(maxsize=4)
def _grid(vcpu_mb: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Fixed share, knee [MB], drag and parallel share of every grid point, and the logarithm of its prior."""
    away = np.log(_KNEES_MB / vcpu_mb)
    near, far = (np.exp(-((away / sd) ** 2) / 2) / sd for sd in (_KNEE_NEAR, _KNEE_FAR))
    knee_prior = (1 - _KNEE_FAR_SHARE) * near + _KNEE_FAR_SHARE * far
    values = np.meshgrid(_FIXED, _KNEES_MB, _DRAGS, _PARALLEL, indexing="ij")
    priors = np.meshgrid(_FIXED_PRIOR, knee_prior, np.ones(_DRAGS.size), _PARALLEL_PRIOR, indexing="ij")
    fixed, knee, drag, parallel = (value.ravel() for value in values)
    return fixed, knee, drag, parallel, np.asarray(sum(np.log(prior.ravel()) for prior in priors), dtype=np.float64)


def _evidence(weight: Floats) -> Floats:
    """What a scatter's prior and the width of its normals add to the logarithm of the evidence, shape (scatters,)."""
    prior = np.log([probability for _, probability in SCATTER])
    return np.asarray(prior + np.log(weight).sum(axis=1) / 2, dtype=np.float64)


def _resampled(evidence: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """DRAWS (grid point, scatter) by their posterior weight, at equal steps of it: the same each time."""
    weight = np.exp(evidence - evidence.max()).ravel()
    cumulated = np.cumsum(weight)
    drawn = np.searchsorted(cumulated, (np.arange(DRAWS) + 0.5) / DRAWS * cumulated[-1])
    point, scatter = np.unravel_index(drawn, evidence.shape)
    return point, scatter


@lru_cache(maxsize=1)
def _normals() -> Floats:
    """Standard normals of equal probability, in a fixed order of their own."""
    from scipy.special import ndtri

    return np.random.default_rng(0).permutation(ndtri((np.arange(DRAWS) + 0.5) / DRAWS))


def _scatters() -> Floats:
    return np.array([scatter for scatter, _ in SCATTER])


def _relative_work(memory: Floats, knee: Floats, drag: Floats, parallel: Floats, vcpu_mb: float) -> Floats:
    """w(m): how much longer than on one whole vCPU the work takes."""
    used = np.minimum(memory, knee)
    serial = vcpu_mb / used * (1 + drag * (1 - used / knee))
    return np.asarray((1 - parallel) * serial + parallel * vcpu_mb / np.minimum(memory, LARGEST_MB), dtype=np.float64)


def _credit(memory: Floats, knee: Floats, vcpu_mb: float) -> Floats:
    return -PERIOD_MS * np.maximum(1 - np.minimum(memory, knee) / vcpu_mb, 0.0)


@lru_cache(maxsize=64)
def _steps_ms(memory_mb: tuple[float, ...], vcpu_mb: float) -> Floats:
    """The staircase of every work in the grid at every size, shape (works, sizes)."""
    return _staircase(_WORK_MS[:, None], np.minimum(np.array(memory_mb) / vcpu_mb, 1.0))


def _staircase(cpu_ms: npt.ArrayLike, share: Floats) -> Floats:
    """Mean over the phase of the time that `cpu_ms` of work take at a share (0 to 1] of a vCPU."""
    return np.asarray(_by_phase(cpu_ms, share).mean(axis=-1), dtype=np.float64)


def _spread_ms(cpu_ms: float, share: Floats) -> Floats:
    """PHASE_SPREAD of that time."""
    low, high = np.quantile(_by_phase(cpu_ms, share), PHASE_SPREAD, axis=-1)
    return np.asarray(high - low, dtype=np.float64)


def _by_phase(cpu_ms: npt.ArrayLike, share: Floats) -> Floats:
    """The time that `cpu_ms` of work take, by the phase of the period at which they start: a last axis."""
    work = np.asarray(cpu_ms, dtype=np.float64)[..., None]
    quota = PERIOD_MS * np.minimum(share, 1.0)[..., None]
    first = np.minimum(_PHASES_MS, quota)
    periods = np.ceil((work - first) / quota) - 1
    waited = _PHASES_MS + PERIOD_MS * periods + (work - first - periods * quota)
    return np.asarray(np.where(work <= first, work, waited), dtype=np.float64)
