"""A distribution as points of equal probability: what was measured, scaled or shifted, with its tail kept.

Point i of n stands for the probability from i/n to (i + 1)/n and is the mean of that slice, so the mean of the points
is the mean of the samples, exactly. `quantile` interpolates between the slices' middles; `samples` cuts the points into
other slices without moving the mean. A table drawn at random or cyclically must not bend the mean: at 500 busy
environments 65,536 plain samples moved the spillover by 12 to 48 %.

Values carry no unit here; who holds a distribution says it (mostly milliseconds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.errors import InsufficientDataError

Floats = npt.NDArray[np.float64]
MOST_POINTS = 1_000
"""Points kept of larger samples: enough for a p99.9."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Ascending points, shape (n,), n >= 1, each of probability 1/n. In JSON: the list of the points."""

    quantiles: Floats

    def __post_init__(self) -> None:
        points = np.array(self.quantiles, dtype=np.float64)
        if points.ndim != 1 or not points.size or not np.isfinite(points).all() or (np.diff(points) < 0).any():
            raise ValueError("quantiles: give one or more finite numbers in ascending order")
        points.setflags(write=False)
        object.__setattr__(self, "quantiles", points)

    @classmethod
    def from_samples(cls, values: Sequence[float] | Floats) -> Distribution:
        """The distribution of measured values, in any order. Raises InsufficientDataError when there are none."""
        ordered = np.sort(np.asarray(values, dtype=np.float64))
        if not ordered.size:
            raise InsufficientDataError("a distribution needs at least one measured value, and there is none")
        return cls(_slices(ordered, MOST_POINTS) if ordered.size > MOST_POINTS else ordered)

    @classmethod
    def from_curve(cls, probabilities: Sequence[float], values: Sequence[float], n: int = 200) -> Distribution:
        """The distribution whose quantile function runs straight between (probability, value) knots."""
        middles = (np.arange(n) + 0.5) / n
        return cls(np.interp(middles, probabilities, values))

    @cached_property
    def mean(self) -> float:
        return float(self.quantiles.mean())

    def quantile(self, q: float) -> float:
        """The value below which a share `q` (0 to 1) lies."""
        n = self.quantiles.size
        return float(np.interp(q, (np.arange(n) + 0.5) / n, self.quantiles))

    def scaled(self, factor: float) -> Distribution:
        """Every value times `factor` (>= 0)."""
        return Distribution(self.quantiles * factor)

    def shifted(self, by: float) -> Distribution:
        """Every value plus `by`."""
        return Distribution(self.quantiles + by)

    def samples(self, n: int, rng: np.random.Generator | None = None) -> Floats:
        """`n` values whose mean is the distribution's: ascending, or in the order that `rng` shuffles them into."""
        values = _slices(self.quantiles, n)
        return values if rng is None else rng.permutation(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and np.array_equal(self.quantiles, other.quantiles)

    def __hash__(self) -> int:
        return hash(self.quantiles.tobytes())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        numbers = core_schema.list_schema(core_schema.float_schema(), min_length=1)
        as_list = core_schema.plain_serializer_function_ser_schema(lambda d: d.quantiles.tolist())
        from_list = core_schema.no_info_after_validator_function(lambda points: cls(np.array(points)), numbers)
        given = core_schema.union_schema([core_schema.is_instance_schema(cls), from_list])
        return core_schema.json_or_python_schema(from_list, given, serialization=as_list)


def _slices(ordered: Floats, n: int) -> Floats:
    """Means of `n` equal slices of the step function through `ordered`."""
    edges = np.arange(ordered.size + 1) / ordered.size
    area = np.concatenate([[0.0], np.cumsum(ordered)]) / ordered.size
    means = np.diff(np.interp(np.arange(n + 1) / n, edges, area)) * n
    return np.maximum.accumulate(means)
