"""Minutes that bursts do not explain: a schedule, where they are alike in most hours; else a surge (a retry storm, a job at
a fixed time). Surges return as often as they were seen, with sizes like those seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from costmodel.traffic.counts import MINUTE_S, Counts
from costmodel.traffic.dispersion import Floats, dispersion_of, quantile
from costmodel.workload import MONTH_HOURS

LEAST_BUSY = 10.0
"""Requests of a period, in the mean of an hour, from which the hour's own level is told."""
PROFILE_ERRORS, PROFILE_LEAST = 5.0, 0.1
"""A minute of the hour stands out by so many standard errors and by such a share."""
SURGE_CHANCE = 0.01
"""A surge: minutes as high would be in counts without surges with this chance."""
SURGE_SPREAD = 0.3
"""How much the highest surges differ in size (log) before several were seen; it weighs as one of them."""


@dataclass(frozen=True)
class Surges:
    """Hours with minutes that the bursts do not explain: `requests` of the highest minute of each, among so many `hours`;
    `spread`: how far the log of such a size is from those seen. `profile`: factor of each minute of the hour where some are
    alike in all hours, 1 elsewhere; `dispersion`: over-dispersion of the other minutes."""

    requests: tuple[float, ...]
    hours: int
    spread: float
    profile: tuple[float, ...]
    dispersion: float

    def highest(self, rng: np.random.Generator, level: Floats) -> Floats:
        """The highest surge of months drawn, each at its mean `level`: shape (months,), 0 in a month without one."""
        seen, months = np.asarray(self.requests), level.size
        if not seen.size:
            return np.zeros(months)
        number = rng.poisson(rng.gamma(seen.size + 0.5, 1 / self.hours, months) * MONTH_HOURS)
        month = np.repeat(np.arange(months), number)
        size = rng.choice(seen, month.size) * np.exp(self.spread * rng.standard_normal(month.size))
        highest = np.zeros(months)
        np.maximum.at(highest, month, level[month] * size)
        return highest


def find_surges(counts: Counts) -> Surges:
    """Surges are found beside an hour's own level, which is told from the quieter half of its minutes."""
    rows = counts.by_hour()
    if rows.shape[1] == 1:
        return Surges((), len(rows), SURGE_SPREAD, (1.0,), 0.0)
    profile = _profile(rows)
    factors, factor = np.unique(profile, return_inverse=True)
    flat = rows / profile
    mean = flat.mean(axis=1)
    quiet = np.sort(flat, axis=1)[:, :rows.shape[1] // 2].mean(axis=1)
    busy = mean >= LEAST_BUSY
    level = np.where(busy, quiet * np.median(mean[busy] / quiet[busy]), mean.mean()) if busy.any() else np.full(len(rows), mean.mean())
    dispersion = float(np.median([dispersion_of(row[None], profile) for row in rows[busy]])) if busy.any() else dispersion_of(rows)
    for _ in range(2):
        safe = level * (1 + 2 * math.sqrt(2 * dispersion / rows.shape[1]))
        limit = quantile(np.asarray(1 - SURGE_CHANCE / rows.size), np.outer(safe, factors), dispersion)
        usual = np.asarray((rows <= limit[:, factor]).all(axis=1))
        dispersion = dispersion_of(rows[usual], profile) if usual.any() else dispersion
    seen = rows[~usual].max(axis=1) * MINUTE_S / counts.period_s
    highest = np.log(np.sort(seen)[-math.ceil(math.sqrt(seen.size)):]) if seen.size else np.zeros(1)
    spread = math.sqrt((SURGE_SPREAD**2 + float(((highest - highest.mean()) ** 2).sum())) / highest.size)
    return Surges(tuple(seen.tolist()), len(rows), spread * highest.size**-0.2, tuple(profile.tolist()), dispersion)


def _profile(rows: Floats) -> Floats:
    """Factor of each minute of the hour: 1, but where it stands out in most hours alike (a schedule)."""
    busy = rows[rows.mean(axis=1) >= LEAST_BUSY]
    if len(busy) < 24:
        return np.ones(rows.shape[1])
    share = busy / np.median(busy, axis=1)[:, None].clip(1.0)
    middle = np.median(share, axis=0)
    error = 1.4826 * np.median(np.abs(share - middle), axis=0) / math.sqrt(len(busy))
    usual = np.median(middle)
    stands_out = np.abs(middle - usual) > np.maximum(PROFILE_ERRORS * error, PROFILE_LEAST * usual)
    return np.where(stands_out, middle / usual, 1.0)
