"""Duration of one function in any memory size and architecture, as a distribution, from the sizes that were measured.

- By memory: see `sizes` and `curves`. Beyond the measured range a caveat says so.
- An architecture that was not measured there is the other one times a ratio of means: measured where both ran at one
  size, else a prior (see `priors`), labelled.
- First invocations of environments are warm ones times how much longer they took where both were measured; init apart.

Durations [ms], memory [MB].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.priors import ArmRatio
from costmodel.performance.sizes import MeasuredSizes
from loadgen.deployment import Architecture
from loadgen.schema import Record

LONGEST_MS = 900_000.0
"""The longest timeout that Lambda takes (its developer guide, "Configure Lambda function timeout")."""
LEAST_MB, MOST_MB = 128, 10_240
MOST_OFF = 0.2
"""By how much the curve may miss the mean of a measured size before it is said."""
FEWEST_FIRST = 5
"""First invocations that are needed to tell their duration from a warm one's."""


@dataclass(frozen=True)
class DurationModel(Record):
    """What was measured by architecture, and what stands in for the rest."""

    function: str
    by_architecture: Mapping[Architecture, MeasuredSizes]
    arm_ratio: ArmRatio
    """The prior: used where only the other architecture was measured."""
    first: Distribution | None = None
    """Durations of first invocations, each divided by the mean warm one at its size; None: fewer than FEWEST_FIRST."""

    def warm_ms(self, memory_mb: int, architecture: Architecture) -> Distribution:
        """Warm durations [ms]. Raises InsufficientDataError for another size when only one was measured."""
        source = self._source(memory_mb, architecture)
        durations = self.by_architecture[source].durations_ms(memory_mb)
        return durations if source == architecture else durations.scaled(self._ratio(architecture).mean)

    def cold_ms(self, memory_mb: int, architecture: Architecture) -> Distribution:
        """Durations of first invocations [ms], init apart; as warm ones where too few were seen."""
        warm = self.warm_ms(memory_mb, architecture)
        return warm if self.first is None else self.first.scaled(warm.mean)

    def interval_ms(self, memory_mb: int, architecture: Architecture, level: float = 0.9,
                    rng: np.random.Generator | None = None, draws: int = 400) -> tuple[float, float]:
        """What holds the mean warm duration [ms] with probability `level`: (low, high).

        From a bootstrap of what was measured, the form's own error where the size was not, and the spread of the
        architecture's ratio where that was not. `rng=None`: seeded with 0, the same answer each time.
        """
        if not 0 < level < 1:
            raise InputError(f"{self.function}: level={level}: give a probability above 0 and below 1")
        rng = rng or np.random.default_rng(0)
        source = self._source(memory_mb, architecture)
        means = self.by_architecture[source].mean_draws_ms(memory_mb, draws, rng)
        if source != architecture:
            means = means * rng.choice(self._ratio(architecture).quantiles, draws)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def spread(self, memory_mb: int, architecture: Architecture, level: float = 0.9) -> tuple[float, float]:
        """The ends of `interval_ms`, over the mean warm duration; (1, 1) where that is 0."""
        mean_ms = self.warm_ms(memory_mb, architecture).mean
        low_ms, high_ms = self.interval_ms(memory_mb, architecture, level)
        return (low_ms / mean_ms, high_ms / mean_ms) if mean_ms else (1.0, 1.0)

    def next_memory_mb(self, architecture: Architecture, candidates: Iterable[int]) -> int:
        """Which of the candidate sizes [MB] to measure next, so that all of them are known best.

        Raises InsufficientDataError when fewer than two sizes were measured, or every candidate was.
        """
        measured = self.by_architecture.get(architecture)
        if measured is None:
            raise InsufficientDataError(f"{self.function}: which size to measure next: nothing was measured on "
                                        f"{architecture}: run two sizes first", function=self.function)
        return measured.next_memory_mb(candidates)

    def caveats(self, memory_mb: int, architecture: Architecture) -> Iterator[str]:
        """What of this size is extrapolated or from a prior, as sentences."""
        source = self._source(memory_mb, architecture)
        sizes = self.by_architecture[source]
        if not sizes.inside(memory_mb):
            low, high = sizes.memory_mb[0], sizes.memory_mb[-1]
            yield f"duration at {memory_mb} MB is extrapolated: measured from {low:.0f} to {high:.0f} MB"
        size = sizes.measured(memory_mb)
        if size is not None and size.nearly_full:
            yield f"duration at {memory_mb} MB was measured with {size.used_mb} MB in use: more memory may make it much faster"
        if size is None and (used_mb := sizes.used_nearly(memory_mb)) is not None:
            yield (f"duration at {memory_mb} MB may be much longer than predicted: {used_mb} MB were in use at a measured "
                   "size, and durations rise steeply where memory is nearly used up: measure it")
        if size is None and (off := sizes.curve_off) > MOST_OFF:
            yield (f"duration at {memory_mb} MB is less sure than its interval says: the curve misses a measured size by "
                   f"{off:.0%}: measure it")
        if (mean_ms := self.warm_ms(memory_mb, architecture).mean) > LONGEST_MS:
            yield f"duration at {memory_mb} MB is {mean_ms / 1000:,.0f} s, longer than Lambda lets a function run: it would time out"
        if source != architecture:
            yield f"duration on {architecture} is {self._ratio_sentence(architecture)}"
        if self.first is None:
            yield f"first invocations are taken to last as long as warm ones: fewer than {FEWEST_FIRST} were measured"

    def _source(self, memory_mb: int, architecture: Architecture) -> Architecture:
        """The architecture whose measurements answer: this one, else the other one. Raises InputError for what Lambda has not."""
        if not (isinstance(memory_mb, int | float | np.number) and LEAST_MB <= memory_mb <= MOST_MB):
            raise InputError(f"{self.function}: memory_mb={memory_mb}: give {LEAST_MB} to {MOST_MB} MB")
        if architecture not in get_args(Architecture):
            raise InputError(f"{self.function}: architecture={architecture!r}: give x86_64 or arm64")
        for candidate in (architecture, _other(architecture)):
            if candidate in self.by_architecture and self.by_architecture[candidate].answers(memory_mb):
                return candidate
        measured = ", ".join(f"{s.memory_mb} MB {a}" for a, sizes in self.by_architecture.items() for s in sizes.sizes)
        raise InsufficientDataError(
            f"{self.function}: duration at {memory_mb} MB {architecture}: measured at {measured} alone: "
            "run a second memory size, better the smallest and one near 1769 MB",
            function=self.function,
        )

    def _ratio(self, architecture: Architecture) -> Distribution:
        measured = self._measured_ratios(architecture)
        return Distribution.from_samples(measured) if measured else self.arm_ratio.to(architecture)

    def _ratio_sentence(self, architecture: Architecture) -> str:
        measured = self._measured_ratios(architecture)
        if not measured:
            return self.arm_ratio.sentence(architecture)
        return f"the other architecture's x {np.mean(measured):.2f}, as measured at one memory size"

    def _measured_ratios(self, architecture: Architecture) -> list[float]:
        """This architecture's mean over the other's at the sizes where this one ran and the other one answers."""
        if architecture not in self.by_architecture:
            return []
        other = self.by_architecture[_other(architecture)]
        pairs = [(size.warm.mean, other.durations_ms(size.memory_mb).mean)
                 for size in self.by_architecture[architecture].sizes if other.answers(size.memory_mb)]
        return [own / others for own, others in pairs if own and others]


def _other(architecture: Architecture) -> Architecture:
    return "x86_64" if architecture == "arm64" else "arm64"
