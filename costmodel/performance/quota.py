"""How long work takes under Lambda's CPU quota: q = 20 ms x share in every period of 20 ms, met at a uniform phase.

    credit     what long work saves by its first quota:   -20 (1 - share)
    staircase  work c of a few quotas:                     E[B + 20 k + c - f - k q], B uniform on 0 to 20, f = min(B, q),
                                                           k = ceil((c - f)/q) - 1; only c where c <= f

Times [ms]; a share is of one vCPU, 0 to 1. The credit is what the staircase of much work tends to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PERIOD_MS = 20.0
PHASE_SPREAD = (0.1, 0.8)
"""The quantiles that the spread is taken between: the tail above is another matter."""

_PHASES_MS = (np.arange(128) + 0.5) / 128 * PERIOD_MS


def credit_ms(share: Floats) -> Floats:
    """What work of many quotas lasts less [ms] (<= 0) than in proportion to its share."""
    return np.asarray(-PERIOD_MS * np.maximum(1 - share, 0.0), dtype=np.float64)


def staircase_ms(cpu_ms: npt.ArrayLike, share: Floats) -> Floats:
    """Mean over the phase of the time that `cpu_ms` of work take; both broadcast."""
    return np.asarray(_by_phase(cpu_ms, share).mean(axis=-1), dtype=np.float64)


def spread_ms(cpu_ms: float, share: Floats) -> Floats:
    """What lies between the PHASE_SPREAD quantiles of that time."""
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
