"""Counts that vary more than Poisson counts do: the variance of a count of mean m is m + d m^2, d its over-dispersion.

d comes from neighbours, E[(x - y)^2 / 2] - E[(x + y) / 2] = d E[x y], so that slow changes do not count as bursts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def dispersion_of(rows: Floats, profile: Floats | float = 1.0) -> float:
    """Over-dispersion of neighbours in blocks that have one level each, shape (blocks, periods); 0 where they differ no more
    than Poisson counts do. The level's square is told by all pairs of a block: of few requests neighbours alone have none."""
    flat, variance = rows / profile, rows / np.square(profile)
    neighbours = (np.diff(flat, axis=1) ** 2 - variance[:, 1:] - variance[:, :-1]) / 2
    squares = (flat.sum(axis=1) ** 2 - (flat**2).sum(axis=1)) / (flat.shape[1] * (flat.shape[1] - 1))
    together = float(squares.sum()) * neighbours.shape[1]
    return max(float(neighbours.sum()) / together, 0.0) if together else 0.0


def quantile(probability: Floats, mean: Floats, dispersion: float) -> Floats:
    """Quantiles of counts of these means: negative binomial, Poisson without over-dispersion."""
    from scipy.stats import nbinom, poisson

    if dispersion > 0:
        return np.asarray(nbinom.ppf(probability, 1 / dispersion, 1 / (1 + dispersion * mean)))
    return np.asarray(poisson.ppf(probability, mean))
