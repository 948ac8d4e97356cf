"""How long an execution environment lives: a law with three rules, each a distribution of seconds.

- An environment that has been idle for longer than its idle limit goes; in a law with a function's idle limit, only once
  another one has worked meanwhile.
- A function without any request for longer than the function's idle limit loses every environment (None: no such rule).
- An environment older than its maximum age goes once it is idle.

AWS documents none of this and changes it over the years, so the law is dated data with its origin
(`data/lifetimes.json`), and a parameter of every model. A run of minutes cannot fit it: no environment gets old enough
to die.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution
from loadgen.schema import Record, check_version, from_plain

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Lifetime(Record):
    """The law of one era [s]. `origin` says where it was measured, and what of it was not.

    The errors are relative standard deviations: by how much the figures of a measured run are off under this law, chance
    apart. None: not known.
    """

    idle_s: Distribution
    maximum_age_s: Distribution
    origin: str
    function_idle_s: Distribution | None = None
    cold_error: float | None = None
    """Of the number of cold starts."""
    environments_error: float | None = None
    """Of the mean number of environments."""


@dataclass(frozen=True)
class Era(Record):
    """A law as the data file holds it: knots (probability, seconds) of each rule's quantile function."""

    effective: date
    idle_s: tuple[tuple[float, float], ...]
    maximum_age_s: tuple[tuple[float, float], ...]
    origin: str
    function_idle_s: tuple[tuple[float, float], ...] | None = None
    cold_error: float | None = None
    environments_error: float | None = None

    def law(self) -> Lifetime:
        """The rules as distributions."""
        function_idle_s = _distribution(self.function_idle_s) if self.function_idle_s else None
        return Lifetime(_distribution(self.idle_s), _distribution(self.maximum_age_s), self.origin, function_idle_s,
                        self.cold_error, self.environments_error)


def default_lifetime(on: date | None = None) -> Lifetime:
    """The law in force on a day; None: the latest. Raises InsufficientDataError before the first measured era."""
    day = on.date() if isinstance(on, datetime) else on
    eras = sorted(_eras(), key=lambda era: era.effective)
    past = [era for era in eras if day is None or era.effective <= day]
    if not past:
        raise InsufficientDataError(f"lifetime on {day}: nothing measured before {eras[0].effective}: give a Lifetime")
    return past[-1].law()


def dated_lifetimes() -> list[tuple[date, Lifetime]]:
    """Every default with the day from which it was in force, the latest first."""
    return [(era.effective, era.law()) for era in sorted(_eras(), key=lambda era: era.effective, reverse=True)]


def _eras() -> tuple[Era, ...]:
    import json

    file = resources.files("costmodel.performance") / "data" / "lifetimes.json"
    data = check_version(json.loads(file.read_text(encoding="utf-8")), SCHEMA_VERSION, str(file))
    return from_plain(tuple[Era, ...], data["eras"], str(file))


def _distribution(knots: tuple[tuple[float, float], ...]) -> Distribution:
    probabilities, seconds = zip(*knots, strict=True)
    return Distribution.from_curve(probabilities, seconds)
