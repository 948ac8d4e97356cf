"""Environment lifetime from what was seen: a run of hours, or a window of production.

An environment's end leaves no trace, but it can be bracketed. Requests go to the environment that was used last of
those that are idle; so one is gone by the first request that goes to another one, used less recently or new, and it
was there at its own last use. Each environment adds to the log-likelihood

    sum over reuses  ln S_idle(idle) + ln S_quiet(pause of the function)          it was still there
    + ln S_age(age at its last use) + ln [1 - S_age(t)/S_age(last) S_idle S_quiet]  it went until the bracket's end t

with U(low, high) for both limits and a hazard of age that is constant in pieces. Coordinate ascent: limits over grids,
the hazard by L-BFGS. Where the window says nothing of a rule, the default's stands, and `origin` says so.

By how much predictions under the law are off, is not fitted: the default's error stands, larger as 1 / sqrt(ends) where
fewer ends were seen than those that it was measured with.

Times [s]. Interval-censored maximum likelihood: Turnbull 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution, Floats
from costmodel.performance.lifetime import Lifetime, default_lifetime
from costmodel.performance.replay import Window

FEWEST_ENDS = 20
"""Environments whose end was bracketed that a fit needs."""
ENDS_BEHIND_ERROR = 190
"""Ends that the laws rested on whose error the defaults give: of five of the six runs of 2020."""
AGES_S = np.array([0.0, 60.0, 90.0, 105.0, 112.0, 118.0, 121.0, 124.0]) * 60
"""Ages between which the hazard is constant; at the last one every environment is gone."""
Limit = tuple[float, float]
NEVER: Limit = (np.inf, np.inf)
_SHORTEST_LIMIT_S = 30.0
"""No limit is looked for below it."""
_WIDTHS_S = np.array([5.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0])
_FEWEST_LOG_LIKELIHOOD = 3.0
"""By how much a limit must better the fit to count as seen."""
_ROUNDS = 3
_FLOOR = 1e-9


@dataclass(frozen=True)
class Ends:
    """Environments, shape (n,): ages [s] at the last use and at the bracket's end, and what had passed until then.

    `idle_s`, `quiet_s`: idle time of the environment, and longest pause of the whole function, in the bracket. `seen`:
    whether the end was bracketed at all. `reused_*`: idle times and pauses that were survived, shape (m,), the short ones left out.
    """

    last_s: Floats
    until_s: Floats
    idle_s: Floats
    quiet_s: Floats
    seen: Floats
    reused_idle_s: Floats
    reused_quiet_s: Floats


def fit_lifetime(windows: Sequence[Window], default: Lifetime | None = None, label: str = "these runs") -> Lifetime:
    """The law of these windows; `default=None`: the latest default stands in for what they do not show.

    Raises InsufficientDataError when fewer than FEWEST_ENDS environments were seen to go.
    """
    ends = _joined([ends_of(window) for window in windows]) if windows else None
    seen = 0 if ends is None else int(ends.seen.sum())
    if ends is None or seen < FEWEST_ENDS:
        raise InsufficientDataError(f"environment lifetime: {seen} environments were seen to go, {FEWEST_ENDS} are needed: "
                                    "give a window of several hours with pauses, or keep the default law")
    return _law(_ascend(ends), ends, default or default_lifetime(), label)


def ends_of(window: Window) -> Ends:
    """What a window shows of its environments' ends."""
    start, environment = window.start_s, window.environment
    end = start + window.busy_s
    before = np.concatenate([[-np.inf], np.maximum.accumulate(end)[:-1]])
    quiet = np.where(np.isfinite(before), np.maximum(start - before, 0.0), 0.0)
    order = np.lexsort((start, environment))
    uses = np.split(order, np.flatnonzero(np.diff(environment[order])) + 1)
    previous_end = np.full(start.size, -np.inf)
    for used in uses:
        previous_end[used[1:]] = end[used[:-1]]
    rows = [_end_of(used, start, end, previous_end, quiet) for used in uses]
    reused = np.flatnonzero(np.isfinite(previous_end) & (start - previous_end > _SHORTEST_LIMIT_S))
    last, until, idle, pause, seen = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return Ends(last, until, idle, pause, seen, start[reused] - previous_end[reused], quiet[reused])


def _end_of(used: np.ndarray, start: Floats, end: Floats, previous_end: Floats, quiet: Floats) -> tuple[float, ...]:
    """One environment: the first later request that would have come to it bounds its end."""
    last, born = used[-1], start[used[0]]
    after = np.arange(last + 1, start.size)
    passed = after[(start[after] > end[last]) & (previous_end[after] < end[last])]
    if not passed.size:
        return start[last] - born, start[last] - born, 0.0, 0.0, 0.0
    bound = passed[0]
    longest = quiet[last + 1 : bound + 1].max()
    return start[last] - born, start[bound] - born, start[bound] - end[last], longest, 1.0


def _joined(parts: Sequence[Ends]) -> Ends:
    names = [field.name for field in fields(Ends)]
    return Ends(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True)
class _Rules:
    """The law's parameters: limits as (low, high) [s], infinite where there is none, and the hazard of age [1/s]."""

    quiet: Limit = NEVER
    idle: Limit = NEVER
    hazard: tuple[float, ...] = (1e-4,) * (AGES_S.size - 1)

    def log_likelihood(self, ends: Ends) -> float:
        reused = (_log_survival(ends.reused_idle_s, self.idle) + _log_survival(ends.reused_quiet_s, self.quiet)).sum()
        until_last, until_bound = (_cumulated(ages, self.hazard) for ages in (ends.last_s, ends.until_s))
        outlasted = _log_survival(ends.idle_s, self.idle) + _log_survival(ends.quiet_s, self.quiet)
        went = np.log(np.maximum(1 - np.exp(until_last - until_bound + outlasted), _FLOOR))
        return float(reused - until_last.sum() + (ends.seen * went).sum())


def _ascend(ends: Ends) -> _Rules:
    """Coordinate ascent from no limit at all."""
    rules = _Rules()
    for _ in range(_ROUNDS):
        rules = _with_best_limit(rules, "quiet", ends.quiet_s, ends)
        rules = _with_best_limit(rules, "idle", ends.idle_s, ends)
        rules = _with_best_hazard(rules, ends)
    return rules


def _with_best_limit(rules: _Rules, name: str, passed_s: Floats, ends: Ends) -> _Rules:
    """Without the limit, unless one betters the fit enough; candidates lie at what had passed when environments went."""
    never = replace(rules, **{name: NEVER})
    lows = np.unique(np.round(passed_s[passed_s > _SHORTEST_LIMIT_S], -1))
    lows = np.unique(np.concatenate([lows - step for step in (0.0, 10.0, 20.0, 40.0, 80.0)]))
    lows = lows[lows >= _SHORTEST_LIMIT_S]
    candidates = [replace(rules, **{name: (low, low + width)}) for low in lows for width in _WIDTHS_S]
    best = max(candidates, key=lambda each: each.log_likelihood(ends), default=never)
    return best if best.log_likelihood(ends) > never.log_likelihood(ends) + _FEWEST_LOG_LIKELIHOOD else never


def _with_best_hazard(rules: _Rules, ends: Ends) -> _Rules:
    from scipy.optimize import minimize

    def loss(log_hazard: Floats) -> float:
        return -replace(rules, hazard=tuple(np.exp(log_hazard))).log_likelihood(ends)

    bounds = [(-14.0, -3.0)] * len(rules.hazard)
    return replace(rules, hazard=tuple(np.exp(minimize(loss, np.log(rules.hazard), method="L-BFGS-B", bounds=bounds).x)))


def _law(rules: _Rules, ends: Ends, default: Lifetime, label: str) -> Lifetime:
    """The rules as distributions; the default's where the windows showed none."""
    limits = {"pause of the function": rules.quiet, "idle limit": rules.idle}
    missing = [name for name, limit in limits.items() if limit == NEVER]
    origin = f"fitted to {int(ends.seen.sum())} ends of environments in {label}"
    if missing:
        origin += f"; {' and '.join(missing)}: not seen, the default's ({default.origin})"
    fewer = max(1.0, float(np.sqrt(ENDS_BEHIND_ERROR / ends.seen.sum())))
    return Lifetime(
        default.idle_s if rules.idle == NEVER else _uniform(rules.idle), _ages(rules.hazard, ends), origin,
        default.function_idle_s if rules.quiet == NEVER else _uniform(rules.quiet),
        *(error and error * fewer for error in (default.cold_error, default.environments_error)))


def _log_survival(passed_s: Floats, limit: Limit) -> Floats:
    """ln P(the limit is longer than what passed)."""
    low, high = limit
    if not np.isfinite(low):
        return np.zeros(passed_s.size)
    return np.asarray(np.log(np.clip((high - passed_s) / (high - low), _FLOOR, 1.0)), dtype=np.float64)


def _cumulated(ages_s: Floats, hazard: tuple[float, ...]) -> Floats:
    """The hazard's integral from 0 to each age; beyond the last piece it goes on."""
    knots = np.concatenate([[0.0], np.cumsum(np.array(hazard) * np.diff(AGES_S))])
    beyond = np.maximum(ages_s - AGES_S[-1], 0.0) * hazard[-1]
    return np.asarray(np.interp(ages_s, AGES_S, knots) + beyond, dtype=np.float64)


def _ages(hazard: tuple[float, ...], ends: Ends) -> Distribution:
    """The maximum age as a distribution: at its upper end every environment is gone."""
    longest = max(AGES_S[-1], float(ends.last_s.max()))
    probabilities = np.linspace(0.0, 1.0, 1001)[1:] - 0.0005
    ages = np.linspace(0.0, longest, 20_001)
    return Distribution(np.interp(probabilities, 1 - np.exp(-_cumulated(ages, hazard)), ages))


def _uniform(limit: Limit) -> Distribution:
    return Distribution.from_curve([0, 1], limit)
