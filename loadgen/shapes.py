"""Arrival rates over time, and arrivals drawn from them. Pure numpy.

A shape is a rate r(t) [requests/s] for 0 <= t <= duration_s [s], zero elsewhere, with its integral

    expected(t) = ∫ r(u) du, u from 0 to t      [requests]

Arrivals are a Poisson process with that rate, exactly: their number is Poisson with mean expected(duration_s), and
given the number they are independent with density r / expected(duration_s), so sorted uniforms are sent through the
inverse of the integral (inversion of a nonstationary Poisson process: Çinlar, "Introduction to Stochastic Processes",
1975).

Shapes compose: `a.then(b)` one after the other, `a + b` at the same time, `2 * a` at twice the rate. A new shape is one
class with a rate, its integral and a duration, and one line in SHAPES.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from loadgen.errors import InputError

Array = npt.NDArray[np.float64]
_HALVINGS = 60
MOST_ARRIVALS = 100_000_000
"""Of one draw: their times take 0.8 GB."""


@dataclass(frozen=True)
class Shape(ABC):
    """An arrival rate over time. Times are seconds from the shape's start, scalars or arrays."""

    @property
    @abstractmethod
    def duration_s(self) -> float:
        """How long the shape lasts [s]."""

    @abstractmethod
    def rate(self, t: npt.ArrayLike) -> Array:
        """The arrival rate [requests/s] at times t [s], in t's form; zero outside the shape."""

    @abstractmethod
    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        """Requests expected from 0 to t [s], in t's form; over the whole shape when t is left out."""

    def inverse(self, requests: Array) -> Array:
        """The times [s] at which `expected` reaches these values, by bisection; exact to rounding."""
        low, high = np.zeros_like(requests), np.full_like(requests, self.duration_s)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = self.expected(middle) < requests
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high

    def arrivals(self, rng: np.random.Generator) -> Array:
        """Arrival times [s], sorted, drawn from `rng`."""
        total = float(self.expected())
        if total > MOST_ARRIVALS:
            raise InputError(f"shape: {total:,.0f} arrivals expected: give a lower rate or a shorter time, of at most "
                             f"{MOST_ARRIVALS:,}")
        uniform = np.sort(rng.random(rng.poisson(total)))
        return np.maximum.accumulate(np.clip(self.inverse(uniform * total), 0.0, self.duration_s))

    def then(self, other: Shape) -> Shape:
        """This shape, and the other when it has ended."""
        return Sequence((*_parts(self, Sequence), *_parts(other, Sequence)))

    def __add__(self, other: Shape) -> Shape:
        return Sum((*_parts(self, Sum), *_parts(other, Sum)))

    def __mul__(self, factor: float) -> Shape:
        return Scaled(self, factor)

    __rmul__ = __mul__

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back."""
        return {"kind": type(self).__name__.lower()} | {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True)
class Constant(Shape):
    """The same rate all the time."""

    rps: float
    duration_s: float = 60.0

    def __post_init__(self) -> None:
        _check(rps=self.rps, duration_s=self.duration_s)

    def rate(self, t: npt.ArrayLike) -> Array:
        return np.where(_inside(t, self.duration_s), self.rps, 0.0)

    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        return self.rps * _clip(t, self.duration_s)

    def inverse(self, requests: Array) -> Array:
        return requests / self.rps if self.rps else np.zeros_like(requests)


@dataclass(frozen=True)
class Ramp(Shape):
    """A rate that goes from one value to another in a straight line."""

    start_rps: float
    end_rps: float
    duration_s: float = 60.0

    def __post_init__(self) -> None:
        _check(start_rps=self.start_rps, end_rps=self.end_rps, duration_s=self.duration_s)

    @property
    def slope(self) -> float:
        """Change of the rate [requests/s²]."""
        return (self.end_rps - self.start_rps) / self.duration_s if self.duration_s else 0.0

    def rate(self, t: npt.ArrayLike) -> Array:
        return np.where(_inside(t, self.duration_s), self.start_rps + self.slope * np.asarray(t, float), 0.0)

    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        within = _clip(t, self.duration_s)
        return within * (self.start_rps + self.slope * within / 2)

    def inverse(self, requests: Array) -> Array:
        """The root of the quadratic, in the form that does not cancel."""
        root = np.sqrt(np.maximum(self.start_rps**2 + 2 * self.slope * requests, 0.0))
        divisor = self.start_rps + root
        return np.divide(2 * requests, divisor, out=np.zeros_like(requests), where=divisor > 0)


@dataclass(frozen=True)
class Sequence(Shape):
    """Shapes one after the other."""

    parts: tuple[Shape, ...]

    def __post_init__(self) -> None:
        _check_parts("sequence", self.parts)

    @property
    def duration_s(self) -> float:
        return sum(part.duration_s for part in self.parts)

    def rate(self, t: npt.ArrayLike) -> Array:
        starts = np.cumsum([0.0, *(part.duration_s for part in self.parts)])
        times = np.asarray(t, float)
        which = np.searchsorted(starts[1:-1], times, side="right")
        rates = [part.rate(times - start) for part, start in zip(self.parts, starts, strict=False)]
        return np.select([which == index for index in range(len(rates))], rates)

    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        times, start = _clip(t, self.duration_s), 0.0
        total = np.zeros_like(times)
        for part in self.parts:
            total = total + part.expected(times - start)
            start += part.duration_s
        return total

    def inverse(self, requests: Array) -> Array:
        ends = np.cumsum([float(part.expected()) for part in self.parts])
        which = np.minimum(np.searchsorted(ends, requests, side="left"), len(self.parts) - 1)
        found, start = np.zeros_like(requests), 0.0
        for index, part in enumerate(self.parts):
            mine = which == index
            before = ends[index - 1] if index else 0.0
            found[mine] = start + np.clip(part.inverse(requests[mine] - before), 0.0, part.duration_s)
            start += part.duration_s
        return found


@dataclass(frozen=True)
class Sum(Shape):
    """Shapes at the same time, each from its own start; it lasts as long as the longest."""

    parts: tuple[Shape, ...]

    def __post_init__(self) -> None:
        _check_parts("sum", self.parts)

    @property
    def duration_s(self) -> float:
        return max(part.duration_s for part in self.parts)

    def rate(self, t: npt.ArrayLike) -> Array:
        return np.asarray(np.sum([part.rate(t) for part in self.parts], axis=0))

    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        return np.asarray(np.sum([part.expected(t) for part in self.parts], axis=0))


@dataclass(frozen=True)
class Scaled(Shape):
    """A shape at a multiple of its rate."""

    shape: Shape
    factor: float

    def __post_init__(self) -> None:
        _check_parts("scaled", (self.shape,))
        _check(factor=self.factor)

    @property
    def duration_s(self) -> float:
        return self.shape.duration_s

    def rate(self, t: npt.ArrayLike) -> Array:
        return self.factor * self.shape.rate(t)

    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        return self.factor * self.shape.expected(t)

    def inverse(self, requests: Array) -> Array:
        return self.shape.inverse(requests / self.factor) if self.factor else np.zeros_like(requests)


@dataclass(frozen=True)
class Later(Shape):
    """A shape from `start_s` on: what is before is left out."""

    shape: Shape
    start_s: float

    def __post_init__(self) -> None:
        _check_parts("later", (self.shape,))
        _check(start_s=self.start_s)

    @property
    def duration_s(self) -> float:
        return max(self.shape.duration_s - self.start_s, 0.0)

    def rate(self, t: npt.ArrayLike) -> Array:
        times = np.asarray(t, float)
        return np.where(_inside(times, self.duration_s), self.shape.rate(times + self.start_s), 0.0)

    def expected(self, t: npt.ArrayLike | None = None) -> Array:
        return np.asarray(self.shape.expected(self.start_s + _clip(t, self.duration_s)) - self.shape.expected(self.start_s))

    def arrivals(self, rng: np.random.Generator) -> Array:
        """Those of the whole shape that are not before: whatever their law is."""
        times = self.shape.arrivals(rng)
        return times[times >= self.start_s] - self.start_s


SHAPES: Mapping[str, type[Shape]] = {kind.__name__.lower(): kind for kind in (Constant, Ramp, Sequence, Sum, Scaled, Later)}


def spike(base_rps: float, peak_rps: float, *, before_s: float = 8.0, rise_s: float = 1.0, hold_s: float = 4.0,
          fall_s: float = 1.0, after_s: float = 8.0) -> Shape:
    """A base rate with one burst: up in `rise_s`, held for `hold_s`, down in `fall_s`; the base before and after."""
    rise, hold, fall = Ramp(base_rps, peak_rps, rise_s), Constant(peak_rps, hold_s), Ramp(peak_rps, base_rps, fall_s)
    return Constant(base_rps, before_s).then(rise).then(hold).then(fall).then(Constant(base_rps, after_s))


def from_dict(data: Mapping[str, Any]) -> Shape:
    """The shape that `to_dict` wrote. Raises InputError for a kind or a field that does not exist."""
    if not isinstance(data, Mapping):
        raise InputError(f"shape = {data!r}: give an object with its kind (there are: {', '.join(SHAPES)})")
    name = data.get("kind")
    kind = SHAPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InputError(f"shape.kind = {name!r}: no such shape (there are: {', '.join(SHAPES)})")
    try:
        return kind(**{name: _shaped(value) for name, value in data.items() if name != "kind"})
    except TypeError as problem:
        raise InputError(f"shape {data['kind']}: {problem}") from None


def _parts(shape: Shape, kind: type[Sequence] | type[Sum]) -> tuple[Shape, ...]:
    return shape.parts if isinstance(shape, kind) else (shape,)


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return value.to_dict()
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _shaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_dict(value)
    return tuple(from_dict(part) for part in value) if isinstance(value, list | tuple) else value


def _inside(t: npt.ArrayLike, duration_s: float) -> npt.NDArray[np.bool_]:
    times = np.asarray(t, float)
    return (times >= 0) & (times <= duration_s)


def _clip(t: npt.ArrayLike | None, duration_s: float) -> Array:
    return np.asarray(np.clip(np.asarray(duration_s if t is None else t, float), 0.0, duration_s))


def _check(**values: float) -> None:
    for name, value in values.items():
        number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not (number and np.isfinite(value) and value >= 0):
            raise InputError(f"shape: {name}={value if number else repr(value)}: give a finite number, zero or more")


def _check_parts(kind: str, parts: Any) -> None:
    if not isinstance(parts, tuple) or not parts or not all(isinstance(part, Shape) for part in parts):
        raise InputError(f"shape {kind}: {parts!r}: give one shape or more")
