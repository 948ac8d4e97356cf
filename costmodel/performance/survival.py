"""Environment lifetime from what was seen: a run of hours, or a window of production.

An environment's end leaves no trace, but it can be bracketed. Requests go to the environment that was used last of
those that are idle; so one is gone by the first request that goes to another one, used less recently or new, and it
was there at its own last use. Each environment adds to the log-likelihood

    sum over reuses  ln S_idle(idle) + ln S_quiet(pause of the function) + ln S_spare(idle)  it was still there
    + ln S_age(age at its last use)
    + ln [1 - S_age(t)/S_age(last) S_idle S_quiet S_spare]                                 it went until the bracket's end t

with U(low, high) for both limits and a hazard of age that is constant in pieces. The platform takes back what is spare:
where pauses of the function have a limit of their own, S_spare = exp(-h max(idle - SPARE_AFTER_S, 0)) of an environment
that idled while others worked, 1 of one that was idle only because the function paused. The law's idle limit is the sooner
of the two. Coordinate ascent: limits over grids, the hazards by L-BFGS.

Where the window says nothing of a rule, it is the default's, or that of the latest law before it which the window does
not contradict: environments were used again after pauses that would have ended them. At ages that hardly any environment
reached the hazard is the default's. `origin` says what was not seen.

By how much predictions under the law are off, is not fitted: the default's error stands, larger as 1 / sqrt(ends) where
fewer ends were seen than those that it was measured with.

Times [s]. Interval-censored maximum likelihood: Turnbull 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.distributions import Distribution, Floats
from costmodel.performance.lifetime import Lifetime, dated_lifetimes, default_lifetime
from costmodel.performance.replay import Window

FEWEST_ENDS = 20
"""Environments whose end was bracketed that a fit needs."""
ENDS_BEHIND_ERROR = 190
"""Ends that the laws rested on whose error the defaults give: of five of the six runs of 2020."""
AGES_S = np.array([0.0, 60.0, 90.0, 105.0, 112.0, 118.0, 121.0, 124.0]) * 60
"""Ages between which the hazard is constant; at the last one every environment is gone."""
SPARE_AFTER_S = 90.0
"""An environment that idles while others work is spare from then on: the likeliest of 0 to 450 s in the six runs of 2020,
where 60 to 120 s are as good, and the hazard is the same with or without the run that shows it best. Chosen, not fitted:
of predictions of one run by the five others this number alone has seen the one."""
NOT_SEEN = "not seen"
"""What `origin` says of a rule that the windows do not show."""
Limit = tuple[float, float]
Bools = npt.NDArray[np.bool_]
NEVER: Limit = (np.inf, np.inf)
_SHORTEST_LIMIT_S = 30.0
"""No limit is looked for below it."""
_WIDTHS_S = np.array([5.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0])
_FEWEST_LOG_LIKELIHOOD = 5.0
"""By how much a limit must better the fit to count as seen."""
_FEWEST_EXPECTED = 1.0
"""Ends of age, by the default's hazard, from which the ages of a piece count as reached."""
_FEWEST_OUTLIVED = 3
_MOST_OUTLIVED = 0.2
"""Of the environments that passed a law's longest limit, the share that may have been used again: what lacks a record."""
_HAZARDS = (1e-6, 0.05)
_START = 5e-5
"""Bounds of a hazard [1/s], and the least one that the search begins at: far below it the likelihood is flat."""
_UNRECORDED = 0.01
"""Share of pauses that an environment may seem to outlive, whatever the limit: an invocation in them left no record."""
_ROUNDS = 3
_FLOOR = 1e-9


@dataclass(frozen=True)
class Ends:
    """Environments, shape (n,): ages [s] at the last use and at the bracket's end, and what had passed until then.

    `idle_s`, `quiet_s`: idle time of the environment, and longest pause of the whole function, in the bracket; `spare_s`:
    for how long it was spare. `seen`: whether the end was bracketed at all. `reused_*`: what was survived of the same, shape
    (m,), the short idle times left out.
    """

    last_s: Floats
    until_s: Floats
    idle_s: Floats
    quiet_s: Floats
    spare_s: Floats
    seen: Floats
    reused_idle_s: Floats
    reused_quiet_s: Floats
    reused_spare_s: Floats


def fit_lifetime(windows: Sequence[Window], default: Lifetime | None = None, label: str = "these runs") -> Lifetime:
    """The law of these windows; `default=None`: the latest default stands in for what they do not show.

    Raises InsufficientDataError when fewer than FEWEST_ENDS environments were seen to go, InputError as `ends_of` does.
    """
    parts = [ends_of(window) for window in windows]
    seen = int(sum(part.seen.sum() for part in parts))
    if seen < FEWEST_ENDS:
        raise InsufficientDataError(f"environment lifetime: {seen} environments were seen to go, {FEWEST_ENDS} are needed: "
                                    "give a window of several hours with pauses, or keep the default law")
    ends, default = _joined(parts), default or default_lifetime()
    other, whose = _standing_in(ends, default)
    start = _Rules(_hazard(default), spare=0.0 if other.function_idle_s is None else _HAZARDS[0])
    rules = _simplest(_ascend(ends, start), ends, start, other)
    origin = f"fitted to {seen} ends of environments in {label}{_not_seen(rules, whose)}"
    fewer = max(1.0, float(np.sqrt(ENDS_BEHIND_ERROR / seen)))
    return Lifetime(
        other.idle_s if rules.idle == NEVER else _idle(rules.idle, rules.spare), _ages(rules.hazard, ends), origin,
        other.function_idle_s if rules.quiet == NEVER else _uniform(rules.quiet),
        *(error and error * fewer for error in (default.cold_error, default.environments_error)))


def ends_of(window: Window) -> Ends:
    """What a window shows of its environments' ends. Raises InputError when it is not in order of start, its columns are
    of different lengths, or a time is negative or no number."""
    _refuse_unordered(window)
    if not window.start_s.size:
        return Ends(*[np.zeros(0)] * len(fields(Ends)))
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
    idled = start[reused] - previous_end[reused]
    return Ends(last, until, idle, pause, _spare(idle, pause), seen, idled, quiet[reused], _spare(idled, quiet[reused]))


def _spare(idle_s: Floats, quiet_s: Floats) -> Floats:
    """For how long environments were spare; none was whose idle time was all the function's pause."""
    return np.where(quiet_s < idle_s, np.maximum(idle_s - SPARE_AFTER_S, 0.0), 0.0)


def _refuse_unordered(window: Window) -> None:
    start_s, busy_s = window.start_s, window.busy_s
    if not start_s.shape == busy_s.shape == window.environment.shape:
        raise InputError(f"window: {start_s.size} starts, {busy_s.size} busy times and {window.environment.size} environments: "
                         "give one of each for every invocation")
    for name, values in (("start_s", start_s), ("busy_s", busy_s)):
        if not np.isfinite(values).all():
            raise InputError(f"window: {name} holds {values[~np.isfinite(values)][0]}: leave out what has no time")
    if (busy_s < 0).any():
        raise InputError(f"window: busy_s holds {busy_s.min():g}: an invocation takes 0 s at least")
    if (np.diff(start_s) < 0).any():
        raise InputError("window: start_s does not ascend: sort the invocations by start")


def _end_of(used: np.ndarray, start: Floats, end: Floats, previous_end: Floats, quiet: Floats) -> tuple[float, ...]:
    """One environment: the first later request that would have come to it bounds its end."""
    last, born = used[-1], start[used[0]]
    bound = _first_passed(int(last), start, end, previous_end)
    if bound is None:
        return start[last] - born, start[last] - born, 0.0, 0.0, 0.0
    longest = quiet[last + 1 : bound + 1].max()
    return start[last] - born, start[bound] - born, start[bound] - end[last], longest, 1.0


def _first_passed(last: int, start: Floats, end: Floats, previous_end: Floats) -> int | None:
    """The first request after the environment's last that went to one used less recently. It is near, mostly: looked for in
    pieces that grow, since a month of production holds millions."""
    begin, length = last + 1, 256
    while begin < start.size:
        piece = slice(begin, begin + length)
        passed = np.flatnonzero((start[piece] > end[last]) & (previous_end[piece] < end[last]))
        if passed.size:
            return begin + int(passed[0])
        begin, length = begin + length, 4 * length
    return None


def _joined(parts: Sequence[Ends]) -> Ends:
    names = [field.name for field in fields(Ends)]
    return Ends(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True)
class _Rules:
    """The law's parameters: limits as (low, high) [s], infinite where there is none, and the hazards [1/s] of age and of
    what is spare."""

    hazard: tuple[float, ...]
    quiet: Limit = NEVER
    idle: Limit = NEVER
    spare: float = 0.0

    def with_limit(self, name: str, limit: Limit) -> _Rules:
        return replace(self, quiet=limit) if name == "quiet" else replace(self, idle=limit)

    def log_likelihood(self, ends: Ends) -> float:
        reused = (_log_survival(ends.reused_idle_s, self.idle) + _log_survival(ends.reused_quiet_s, self.quiet)).sum()
        reused -= self.spare * ends.reused_spare_s.sum()
        went = _log_went(self.log_outlasted(ends))
        return float(reused - _cumulated(ends.last_s, self.hazard).sum() + (ends.seen * went).sum())

    def log_outlasted(self, ends: Ends) -> Floats:
        """ln P(there at the bracket's end), of environments that were there at their last use."""
        until_last, until_bound = (_cumulated(ages, self.hazard) for ages in (ends.last_s, ends.until_s))
        limits = _log_survival(ends.idle_s, self.idle) + _log_survival(ends.quiet_s, self.quiet)
        return until_last - until_bound + limits - self.spare * ends.spare_s


def _simplest(rules: _Rules, ends: Ends, start: _Rules, other: Lifetime) -> _Rules:
    """Where hardly more than one environment was there, the environment's limit explains as much as the function's: then
    it is the environment's, unless the other law has one of the function."""
    if other.function_idle_s is not None or rules.quiet == NEVER or rules.idle != NEVER:
        return rules
    plain = _ascend(ends, start, ("idle",))
    return plain if plain.log_likelihood(ends) > rules.log_likelihood(ends) - _FEWEST_LOG_LIKELIHOOD else rules


def _ascend(ends: Ends, start: _Rules, limits: tuple[str, ...] = ("quiet", "idle")) -> _Rules:
    """Coordinate ascent from no limit at all, and these hazards."""
    rules = start
    for _ in range(_ROUNDS):
        for limit in limits:
            rules = _with_best_limit(rules, limit, ends)
        rules = _with_best_hazard(rules, ends, _reached(rules, ends, start.hazard))
    return rules


def _with_best_limit(rules: _Rules, name: str, ends: Ends) -> _Rules:
    """Without the limit, unless one betters the fit enough; candidates lie at what had passed when environments went."""
    never, seen = rules.with_limit(name, NEVER), ends.seen > 0
    passed_s, reused_s = (getattr(ends, f"{name}_s")[seen], np.sort(getattr(ends, f"reused_{name}_s")))
    others = never.log_outlasted(ends)[seen]

    def log_likelihood(limit: Limit) -> float:
        longer_s = reused_s[np.searchsorted(reused_s, limit[0]) :]
        went = _log_went(others + _log_survival(passed_s, limit))
        return float(_log_survival(longer_s, limit).sum() + went.sum())

    lows = np.unique(np.round(passed_s[passed_s > _SHORTEST_LIMIT_S], -1))
    lows = np.unique(np.concatenate([lows - step for step in (0.0, 10.0, 20.0, 40.0, 80.0)]))
    candidates = [(low, low + width) for low in lows[lows >= _SHORTEST_LIMIT_S] for width in _WIDTHS_S]
    best = max(candidates, key=log_likelihood, default=NEVER)
    better = log_likelihood(best) > log_likelihood(NEVER) + _FEWEST_LOG_LIKELIHOOD
    return rules.with_limit(name, best) if better else never


def _with_best_hazard(rules: _Rules, ends: Ends, reached: Bools) -> _Rules:
    """Of the ages that were reached; of the others it stays. And of what is spare, where pauses have a limit of their own."""
    from scipy.optimize import minimize

    spares = rules.spare > 0 or rules.quiet != NEVER
    fitted, given = np.append(reached, spares), np.log([*rules.hazard, rules.spare or _HAZARDS[0]])

    def with_hazards(logs: Floats) -> _Rules:
        *hazard, spare = np.exp(np.where(fitted, logs, given))
        return replace(rules, hazard=tuple(hazard), spare=spare if spares else 0.0)

    def loss(logs: Floats) -> float:
        return -with_hazards(logs).log_likelihood(ends)

    start = np.where(fitted, np.maximum(given, np.log(_START)), given)
    return with_hazards(minimize(loss, start, method="L-BFGS-B", bounds=[tuple(np.log(_HAZARDS))] * given.size).x)


def _hazard(law: Lifetime) -> tuple[float, ...]:
    """A law's hazard of age [1/s] in each piece; where all of its environments are gone, that of one in its points."""
    ages_s = law.maximum_age_s.quantiles
    left = np.maximum(1 - np.searchsorted(ages_s, AGES_S, side="right") / ages_s.size, 0.5 / ages_s.size)
    hazard = -np.diff(np.log(left)) / np.diff(AGES_S)
    return tuple(np.clip(hazard, *_HAZARDS))


def _reached(rules: _Rules, ends: Ends, hazard: tuple[float, ...]) -> Bools:
    """By piece of age, whether environments were there for so long that this hazard ends one, or one went there of no limit."""
    passed_s = np.clip(ends.last_s[:, None] - AGES_S[:-1], 0.0, np.diff(AGES_S)).sum(axis=0)
    outlasted = _log_survival(ends.idle_s, rules.idle) + _log_survival(ends.quiet_s, rules.quiet)
    went = np.histogram(ends.last_s[(ends.seen > 0) & (outlasted == 0)], AGES_S)[0]
    return np.asarray((passed_s * hazard >= _FEWEST_EXPECTED) | (went > 0), dtype=np.bool_)


def _not_seen(rules: _Rules, whose: str) -> str:
    """What `origin` adds where limits were not seen."""
    limits = {"pause of the function": rules.quiet, "idle limit": rules.idle}
    missing = [name for name, limit in limits.items() if limit == NEVER]
    return f"; {' and '.join(missing)}: {NOT_SEEN}, {whose}" if missing else ""


def _standing_in(ends: Ends, default: Lifetime) -> tuple[Lifetime, str]:
    """The law whose limits stand where none was seen, and how `origin` says it."""
    if not _outlived(default, ends):
        return default, f"the default's ({default.origin})"
    for day, law in dated_lifetimes():
        if not _outlived(law, ends):
            return law, f"that of {day}, as environments outlived the default's ({law.origin})"
    longest_s = float(ends.reused_idle_s.max())
    never = Distribution(np.array([max(AGES_S[-1], longest_s)]))
    return Lifetime(never, never, ""), f"none assumed, as environments outlived every default's, up to {longest_s:,.0f} s idle"


def _outlived(law: Lifetime, ends: Ends) -> bool:
    """Whether environments were used again after they had passed the law's longest limits."""
    passed = ((law.idle_s, ends.reused_idle_s, ends.idle_s), (law.function_idle_s, ends.reused_quiet_s, ends.quiet_s))
    for limit, reused_s, ended_s in passed:
        if limit is not None:
            outlived, gone = (int((seconds > limit.quantiles[-1]).sum()) for seconds in (reused_s, ended_s))
            if outlived >= _FEWEST_OUTLIVED and outlived > _MOST_OUTLIVED * (outlived + gone):
                return True
    return False


def _log_survival(passed_s: Floats, limit: Limit) -> Floats:
    """ln P(the limit is longer than what passed)."""
    low, high = limit
    if not np.isfinite(low):
        return np.zeros(passed_s.size)
    return np.asarray(np.log(np.clip((high - passed_s) / (high - low), _UNRECORDED, 1.0)), dtype=np.float64)


def _log_went(log_outlasted: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(1 - np.exp(log_outlasted), _FLOOR)), dtype=np.float64)


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


def _idle(limit: Limit, spare: float) -> Distribution:
    """The idle limit, or sooner what is spare: S(t) = S_idle(t) S_spare(t)."""
    idle_s = np.linspace(min(SPARE_AFTER_S, limit[0]), limit[1], 20_001)
    low, high = limit
    left = np.exp(-spare * np.maximum(idle_s - SPARE_AFTER_S, 0.0)) * np.clip((high - idle_s) / (high - low), 0.0, 1.0)
    probabilities = (np.arange(1000) + 0.5) / 1000
    return Distribution(np.interp(probabilities, 1 - left, idle_s)) if spare else _uniform(limit)


def _uniform(limit: Limit) -> Distribution:
    return Distribution.from_curve([0, 1], limit)
