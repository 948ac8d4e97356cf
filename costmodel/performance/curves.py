"""Mean duration by memory: many curves, each as likely as what was measured makes it, instead of one best curve.

Lambda gives CPU in proportion to memory: a share m / V of a vCPU at m MB (see `quota`). With a ms that need no CPU of
ours, c ms of work on a whole vCPU and u = min(m, knee):

    proportional  D(m) = a + c w(m)                      work that does not show the quota's periods
    credit        D(m) = a + c w(m) + credit(u/V)        work of many quotas
    staircase     D(m) = a + staircase(c, m/knee)        work of a few quotas
    w(m) = (1 - parallel) V/u (1 + drag (1 - u/knee)) + parallel V/m

`knee` is where more memory stops helping (memory-bound work, or work that waits for something else), `parallel` the part
of the work that uses more vCPUs, `drag` what being stopped in every period costs beyond the share: real functions run
some 5 to 10 % longer at 128 MB than in proportion. Short work that waits in between, for a database say, r ms for each of
its own, shows the staircase of c = work and waits with the knee V / (1 + r): waiting while the quota is used up costs
nothing, so the waits that show at large sizes hide at small ones. What waits scatters more (`WAITS`).

The parameters are a grid with priors; the likelihood is normal in ln D with the standard error of each mean and a scatter
between sizes that no curve follows (other hosts, other hours). Two sizes fit every curve exactly, so an answer is the
geometric mean over the posterior and its interval the posterior's: where the curves part, the interval says so.

The forms are weighed by the same posterior, not chosen: choosing one by cross-validation is no nearer (docs/accuracy.md
has both), needs three sizes, and its intervals would leave out what the other forms say. Beside the means, the spread of
durations tells them apart, where it is known: the periods show when durations spread (p10 to p80) at every size by 70 %
(less 1 ms) of what a start at a uniform phase would make of the staircase's work, and by 5 ms somewhere.

Durations [ms], memory [MB]. Source of V = 1,769: Lambda developer guide, "Configure Lambda function memory". On arm64
durations fall up to 2,320 MB (memory_sweep_2025_11, all runtimes alike). Errors on measured tables: docs/accuracy.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from costmodel.performance.quota import PERIOD_MS, credit_ms, spread_ms, staircase_ms
from loadgen.deployment import Architecture

Floats = npt.NDArray[np.float64]
Form = Literal["proportional", "credit", "staircase"]
FORMS: tuple[Form, ...] = get_args(Form)

VCPU_MB: dict[Architecture, float] = {"x86_64": 1769.0, "arm64": 2320.0}
"""V: the memory at which a function has one whole vCPU."""
LARGEST_MB = 10_240.0
PHASE_SPREAD_MS = 5.0
"""A spread that is seen among others: U(0, 20) spreads by 14 ms."""
SHOWN, TICK_MS = 0.7, 1.0
"""What part of the expected spread must be seen: on AWS the phase is not quite uniform and the first quota softens it."""
FEW_QUOTAS = 4.0
"""Up to so many quotas of the largest size measured the staircase shows; beyond, the credit stands for it."""
WAITS, SHORT_MS = 0.2, 100.0
"""Standard deviation of ln D between sizes that waiting adds: of a function that does nothing else, fading with its
duration (many calls, or long ones, vary less). Functions of some 10 ms that call a database (memory_sweep_2025_11,
light): 5 to 20 % about any curve, from one size or hour to another."""
DRAWS = 512
"""Curves that stand for the posterior."""
SCATTER = ((0.015, 0.6), (0.03, 0.2), (0.06, 0.15), (0.12, 0.05))
"""Standard deviation of ln D between sizes that no curve follows, and its prior probability."""

_FORM_PRIOR: dict[Form, float] = {"proportional": 0.4, "credit": 0.3, "staircase": 0.3}
_COINCIDENCE = 0.02
"""How likely durations spread as the periods would spread them for another reason."""
_SPREAD_ERROR = 0.05
"""Relative error of the least spread that the periods make."""
_MOST_AGAINST = 8.0
"""The most that missing spread counts against the periods [ln]: durations spread for other reasons and by other loads."""
_FIXED = np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-5.3, 4.6, 24)))])
_FIXED_NONE = 0.35
_FIXED_SOME = (1 - _FIXED_NONE) / (1.05 - _FIXED[1:]).sum()
_FIXED_PRIOR = np.concatenate([[_FIXED_NONE], _FIXED_SOME * (1.05 - _FIXED[1:])])
"""The share of a, of a and c together: none, or about even in its logarithm."""
_KNEES_MB = np.geomspace(700.0, LARGEST_MB, 50)
_KNEE_NEAR, _KNEE_FAR, _KNEE_FAR_SHARE = 0.05, 0.6, 0.3
"""ln(knee / V): normal with the first sd, or with a share of the second: not every function gains up to a vCPU."""
_DRAGS = np.array([0.0, 0.03, 0.06, 0.10, 0.14])
_PARALLEL, _PARALLEL_PRIOR = np.array([0.0, 0.3, 0.6]), np.array([0.8, 0.12, 0.08])
_WORK_MS = np.geomspace(0.05, 400.0, 500)
_WAITING, _WAITING_PRIOR = np.array([0.0, 0.25, 0.6, 1.2, 2.5]), np.array([0.6, 0.1, 0.1, 0.1, 0.1])
"""r: ms of waiting in between for each ms of work."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Equally likely curves, shape (n,) each."""

    vcpu_mb: float
    form: npt.NDArray[np.str_]
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
        fixed, cpu, knee, drag, parallel = (
            values[:, None] for values in (self.fixed_ms, self.cpu_ms, self.knee_mb, self.drag, self.parallel))
        work = cpu * _relative_work(memory, knee, drag, parallel, self.vcpu_mb)
        credited = (self.form == "credit")[:, None]
        offset = np.where(credited, credit_ms(np.minimum(memory, knee) / self.vcpu_mb), 0.0)
        means = np.maximum(fixed + work + offset, work / 4)
        stepped = self.form == "staircase"
        means[stepped] = fixed[stepped] + staircase_ms(cpu[stepped], np.minimum(memory / knee[stepped], 1.0))
        return np.asarray(means, dtype=np.float64)

    def mean_ms(self, memory_mb: npt.ArrayLike) -> Floats:
        """The curves' geometric mean [ms] at memory sizes [MB] of shape (k,): shape (k,)."""
        return np.asarray(np.exp(np.log(self.draws_ms(memory_mb)).mean(axis=0)), dtype=np.float64)

    def share(self, form: Form) -> float:
        """The posterior probability of a form (0 to 1)."""
        return float((self.form == form).mean())


def fit_curves(memory_mb: npt.ArrayLike, mean_ms: npt.ArrayLike, error: npt.ArrayLike, spread: npt.ArrayLike,
               *, vcpu_mb: float = VCPU_MB["x86_64"], periods: bool | None = None) -> Curves:
    """The curves through two or more sizes, all shape (n,).

    Sizes [MB], mean durations [ms], their standard errors relative to them, and PHASE_SPREAD of durations [ms] (NaN: not
    known). `periods`: only forms that show the quota's periods, or only the one that does not; None: all, weighed.
    """
    given = (np.asarray(values, dtype=np.float64) for values in (memory_mb, mean_ms, error, spread))
    memory, mean, relative, spread_seen = given
    steps = [_stepped(memory, mean, relative, waiting, vcpu_mb) for waiting in range(_WAITING.size)]
    expected = [each.spread_ms(memory) for each in steps]
    shown = _spread_evidence(spread_seen, expected[0])
    seen = [each.weighed(_missing(spread_seen, spread)) for each, spread in zip(steps, expected, strict=True)]
    most_ms = FEW_QUOTAS * PERIOD_MS * min(float(memory.max()) / vcpu_mb, 1.0)
    families: dict[Form, _Family] = {
        "proportional": _throttled("proportional", memory, mean, relative, vcpu_mb),
        "credit": _throttled("credit", memory, mean, relative, vcpu_mb).limited(most_ms, np.inf),
        "staircase": _pooled(seen).limited(0.0, most_ms),
    }
    forms = [form for form in FORMS if periods is None or periods == (form != "proportional")]
    evidence = np.array([families[form].total + np.log(_FORM_PRIOR[form]) + shown[form] for form in forms])
    weight = np.cumsum(np.exp(evidence - evidence.max()))
    numbers = np.diff(np.round(DRAWS * weight / weight[-1]), prepend=0.0).astype(int)
    return _joined([families[form].drawn(number, vcpu_mb) for form, number in zip(forms, numbers, strict=True) if number])


@dataclass(frozen=True, eq=False)
class _Family:
    """One form at every grid point (p,): durations are exp(level) times those at the point."""

    form: Form
    fixed_ms: Floats
    cpu_ms: Floats
    knee_mb: Floats
    drag: Floats
    parallel: Floats
    level: Floats
    """Best ln of the factor by scatter, shape (p, s)."""
    level_sd: Floats
    """Its standard deviation, shape (s,)."""
    evidence: Floats
    """ln of the prior times the likelihood, shape (p, s)."""

    @property
    def total(self) -> float:
        """ln of the form's evidence."""
        most = float(self.evidence.max())
        return most + float(np.log(np.exp(self.evidence - most).sum())) if np.isfinite(most) else most

    def spread_ms(self, memory_mb: Floats) -> Floats:
        """What the periods make durations spread by [ms] at sizes [MB] (k,), for the work in the middle of the posterior."""
        weight = np.exp(self.evidence - self.evidence.max()).sum(axis=1)
        order = np.argsort(self.cpu_ms, kind="stable")
        cumulated = np.cumsum(weight[order])
        point = order[np.searchsorted(cumulated, cumulated[-1] / 2)]
        return spread_ms(float(self.cpu_ms[point]), np.minimum(memory_mb / self.knee_mb[point], 1.0))

    def weighed(self, evidence: float) -> _Family:
        """The same with something more that is known of all its points [ln]."""
        return replace(self, evidence=self.evidence + evidence)

    def limited(self, least_ms: float, most_ms: float) -> _Family:
        """The same where the work is more than the one and at most the other [ms]."""
        work = self.cpu_ms[:, None] * np.exp(self.level)
        return replace(self, evidence=np.where((work > least_ms) & (work <= most_ms), self.evidence, -np.inf))

    def drawn(self, n: int, vcpu_mb: float) -> Curves:
        """`n` curves by their posterior weight, at equal steps of it: the same each time."""
        cumulated = np.cumsum(np.exp(self.evidence - self.evidence.max()).ravel())
        chosen = np.searchsorted(cumulated, (np.arange(n) + 0.5) / n * cumulated[-1])
        point, scatter = np.unravel_index(chosen, self.evidence.shape)
        factor = np.exp(self.level[point, scatter] + _normals(n) * self.level_sd[scatter])
        fixed_ms, cpu_ms, knee_mb = self.fixed_ms[point] * factor, self.cpu_ms[point] * factor, self.knee_mb[point]
        waited_ms = fixed_ms + (cpu_ms * (1 - knee_mb / vcpu_mb) if self.form == "staircase" else 0.0)
        waits = waited_ms / (fixed_ms + cpu_ms) * np.exp(-(fixed_ms + cpu_ms) / SHORT_MS)
        return Curves(vcpu_mb, np.full(n, self.form), fixed_ms, cpu_ms, knee_mb, self.drag[point], self.parallel[point],
                      np.hypot(_scatters()[scatter], WAITS * waits))


def _spread_evidence(seen_ms: Floats, expected_ms: Floats) -> dict[Form, float]:
    """ln of how likely the spread of durations is under each form, 0 where it tells nothing; of the staircase see `_missing`."""
    known = np.isfinite(seen_ms)
    telling = known & (expected_ms >= PHASE_SPREAD_MS)
    if not telling.any():
        return dict.fromkeys(FORMS, 0.0)
    least_ms = SHOWN * expected_ms - TICK_MS
    proportional = np.log(_COINCIDENCE) if (seen_ms >= least_ms)[telling].all() else 0.0
    return {"proportional": float(proportional), "credit": _missing(seen_ms, expected_ms), "staircase": 0.0}


def _missing(seen_ms: Floats, expected_ms: Floats) -> float:
    """ln of how likely so little spread is where the periods would make what is expected."""
    known = np.isfinite(seen_ms)
    missing_ms = np.maximum(SHOWN * expected_ms - TICK_MS - seen_ms, 0.0)[known]
    deviations = missing_ms / (_SPREAD_ERROR * expected_ms[known] + TICK_MS / 4)
    return -min(float((deviations**2).sum()) / 2, _MOST_AGAINST)


def _throttled(form: Form, memory: Floats, mean: Floats, error: Floats, vcpu_mb: float) -> _Family:
    """A form whose level is free: at each grid point the best level and its error are closed forms."""
    fixed, knee, drag, parallel, prior = _grid(vcpu_mb)
    shape = fixed[:, None] + (1 - fixed[:, None]) * _relative_work(
        memory, knee[:, None], drag[:, None], parallel[:, None], vcpu_mb)
    offset = credit_ms(np.minimum(memory, knee[:, None]) / vcpu_mb) if form == "credit" else np.zeros_like(shape)
    seen = np.log(mean - offset) - np.log(shape)
    weight = _weight(error)
    total = weight.sum(axis=1)
    level = (seen @ weight.T) / total
    loss = (seen**2) @ weight.T - level**2 * total
    evidence = prior[:, None] - loss / 2 + _evidence(weight) + np.log(2 * np.pi / total) / 2
    return _Family(form, fixed, 1 - fixed, knee, drag, parallel, level, 1 / np.sqrt(total), evidence)


def _stepped(memory: Floats, mean: Floats, error: Floats, waiting: int, vcpu_mb: float) -> _Family:
    """The staircase of one of the waitings: work by fixed part, a fraction of the shortest mean.

    The prior is that of the other forms, even in ln(a + c): a fraction's step is worth (1 - fraction) of a share's.
    """
    knee_mb = vcpu_mb / (1 + _WAITING[waiting])
    fixed_ms = _FIXED * mean.min()
    share = fixed_ms / (fixed_ms + _WORK_MS[:, None])
    prior = np.where(_FIXED > 0, _FIXED_SOME * (1.05 - share) * (1 - _FIXED), _FIXED_NONE) * _WAITING_PRIOR[waiting]
    steps_ms = np.stack([_steps_ms(size / knee_mb) for size in memory], axis=-1)
    seen = np.log(mean) - np.log(steps_ms[:, None] + fixed_ms[:, None])
    weight = _weight(error)
    step = np.log(_WORK_MS[1] / _WORK_MS[0])
    evidence = np.log(prior)[:, :, None] - (seen**2) @ weight.T / 2 + _evidence(weight) + np.log(step)
    work, fixed = (values.ravel() for values in np.meshgrid(_WORK_MS, fixed_ms, indexing="ij"))
    none = np.zeros(work.size)
    return _Family("staircase", fixed, work, np.full(work.size, knee_mb), none, none, np.zeros((work.size, len(SCATTER))),
                   np.zeros(len(SCATTER)), evidence.reshape(-1, len(SCATTER)))


def _pooled(families: Sequence[_Family]) -> _Family:
    """The grid points of several families of one form."""
    def joined(name: str) -> Floats:
        return np.concatenate([getattr(each, name) for each in families])

    first = families[0]
    return _Family(first.form, joined("fixed_ms"), joined("cpu_ms"), joined("knee_mb"), joined("drag"), joined("parallel"),
                   joined("level"), first.level_sd, joined("evidence"))


@lru_cache(maxsize=4)
def _grid(vcpu_mb: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Fixed share, knee [MB], drag and parallel share of every grid point, and the logarithm of its prior."""
    away = np.log(_KNEES_MB / vcpu_mb)
    near, far = (np.exp(-((away / sd) ** 2) / 2) / sd for sd in (_KNEE_NEAR, _KNEE_FAR))
    knee_prior = (1 - _KNEE_FAR_SHARE) * near + _KNEE_FAR_SHARE * far
    values = np.meshgrid(_FIXED, _KNEES_MB, _DRAGS, _PARALLEL, indexing="ij")
    priors = np.meshgrid(_FIXED_PRIOR, knee_prior, np.ones(_DRAGS.size), _PARALLEL_PRIOR, indexing="ij")
    fixed, knee, drag, parallel = (value.ravel() for value in values)
    prior = np.prod([each.ravel() for each in priors], axis=0)
    return fixed, knee, drag, parallel, np.asarray(np.log(prior / prior.sum()), dtype=np.float64)


def _weight(error: Floats) -> Floats:
    """Of each mean under each scatter, shape (scatters, n)."""
    return np.stack([1 / (error**2 + scatter**2) for scatter in _scatters()])


def _evidence(weight: Floats) -> Floats:
    """What a scatter's prior and the width of its normals add to the logarithm of the evidence, shape (scatters,)."""
    prior = np.log([probability for _, probability in SCATTER])
    return np.asarray(prior + np.log(weight).sum(axis=1) / 2, dtype=np.float64)


def _joined(parts: Sequence[Curves]) -> Curves:
    names = ("form", "fixed_ms", "cpu_ms", "knee_mb", "drag", "parallel", "scatter")
    return Curves(parts[0].vcpu_mb, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@lru_cache(maxsize=DRAWS)
def _normals(n: int) -> Floats:
    """Standard normals of equal probability, in a fixed order of their own."""
    from scipy.special import ndtri

    return np.random.default_rng(0).permutation(ndtri((np.arange(n) + 0.5) / n))


def _scatters() -> Floats:
    return np.array([scatter for scatter, _ in SCATTER])


def _relative_work(memory: Floats, knee: Floats, drag: Floats, parallel: Floats, vcpu_mb: float) -> Floats:
    """w(m): how much longer than on one whole vCPU the work takes."""
    used = np.minimum(memory, knee)
    serial = vcpu_mb / used * (1 + drag * (1 - used / knee))
    return np.asarray((1 - parallel) * serial + parallel * vcpu_mb / np.minimum(memory, LARGEST_MB), dtype=np.float64)


@lru_cache(maxsize=512)
def _steps_ms(share: float) -> Floats:
    """The staircase of every work in the grid at one share of a vCPU, shape (works,)."""
    return staircase_ms(_WORK_MS, np.full(_WORK_MS.size, min(share, 1.0)))
