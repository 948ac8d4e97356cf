"""Init duration of a function by architecture [ms]: apart from duration, and independent of memory.

Init runs on full CPU whatever the memory size: in `cold_init_2026_08.csv` the median hello-world init at 128 MB and at
1,024 MB differ by 1.5 % (median over 155 runtimes, packages and architectures; 5.9 % at their 90 % quantile).

With SnapStart a cold start restores a snapshot instead: its restore time where one was measured, else the init time stands
in for it, and a caveat says so.

In this order: measured on this architecture; measured on the other one, times the prior ratio; a hello-world's prior of
the same runtime and package, plus what a zip of this size and a VPC added to one in 2021; else InsufficientDataError. All
but the first are labelled. What was measured holds the function's own package and VPC; its wait for a VPC is no init, and
is measured as overhead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.priors import AddedInit, ArmRatio, added_init, init_priors, init_ratio
from loadgen.deployment import Architecture, Function
from loadgen.schema import Record

FEWEST_SURE = 20
"""Measured inits below which a caveat gives their number."""


@dataclass(frozen=True)
class InitModel(Record):
    """Measured inits [ms] with their number, and what stands in where there are none."""

    function: str
    runtime: str
    package: str
    arm_ratio: ArmRatio
    measured: Mapping[Architecture, Distribution] = field(default_factory=dict)
    counts: Mapping[Architecture, int] = field(default_factory=dict)
    priors: Mapping[Architecture, Distribution] = field(default_factory=dict)
    restores: Distribution | None = None
    """Measured SnapStart restores [ms]; None: there were none."""
    added: AddedInit = field(default_factory=AddedInit)
    """What this function's package and VPC add to the priors."""

    @classmethod
    def fitted(cls, function: Function, inits_ms: Mapping[Architecture, list[float]],
               restores_ms: Sequence[float] = ()) -> InitModel:
        """From the init durations [ms] that were measured by architecture; none at all leaves the priors."""
        seen = {architecture: values for architecture, values in inits_ms.items() if values}
        return cls(
            function.name, function.runtime, function.package, init_ratio(function.package),
            {architecture: Distribution.from_samples(values) for architecture, values in seen.items()},
            {architecture: len(values) for architecture, values in seen.items()},
            init_priors(function.runtime, function.package),
            Distribution.from_samples(restores_ms) if restores_ms else None,
            added_init(function.package, function.package_mb, vpc=function.vpc),
        )

    def init_ms(self, architecture: Architecture, *, snap_start: bool = False) -> Distribution:
        """Init or restore durations [ms]. Raises InsufficientDataError when neither a run nor a prior knows any."""
        if snap_start and self.restores is not None:
            return self.restores
        if architecture in self.measured:
            return self.measured[architecture]
        for durations in self.measured.values():
            return durations.scaled(self.arm_ratio.to(architecture).mean)
        if architecture in self.priors:
            return self.priors[architecture].shifted(self.added.added_ms)
        raise InsufficientDataError(
            f"{self.function}: no cold start was measured, and there is no prior for {self.runtime} {self.package} "
            f"{architecture}: run it once from cold (a changed configuration starts new environments)",
            function=self.function,
        )

    def caveats(self, architecture: Architecture, *, snap_start: bool = False) -> Iterator[str]:
        """Where the init time comes from, when not from enough measured cold starts."""
        if snap_start:
            if self.restores is not None:
                return
            yield "no SnapStart restore was measured: it is taken to last as long as an init"
        if architecture in self.measured:
            if (count := self.counts.get(architecture, 0)) < FEWEST_SURE:
                yield f"init time rests on {count} cold starts"
        elif self.measured:
            yield f"init time on {architecture} is {self.arm_ratio.sentence(architecture)}"
        elif architecture in self.priors:
            yield (f"no cold start was measured: init time is a prior, a hello-world's ({self.runtime} {self.package} "
                   f"{architecture}, cold_init_2026_08){self._on_top()}")

    def _on_top(self) -> str:
        if not self.added.reasons:
            return "; what the function imports comes on top"
        return f", plus {' and '.join(self.added.reasons)} (cold_start_end_to_end_2021)"
