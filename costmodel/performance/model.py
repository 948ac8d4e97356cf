"""What was learnt from runs: per function how long it takes in any configuration, per API kind what comes on top.

Client latency = overhead of the API kind + init (cold starts only) + duration. All durations are in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from costmodel.errors import InputError, InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.duration import DurationModel
from costmodel.performance.init import InitModel
from costmodel.performance.lifetime import Lifetime
from loadgen.configuration import Configuration, FunctionSettings
from loadgen.deployment import ApiKind, Deployment
from loadgen.quotas import Quotas
from loadgen.schema import Record, check_version, from_plain, read_json, to_plain, write_json

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class FunctionModel(Record):
    """One function. Bytes are means per invocation, None where nothing was measured."""

    name: str
    duration: DurationModel
    init: InitModel
    error_share: float
    """Share of the invocations that ended in an error or a timeout (0 to 1)."""
    response_bytes: float | None = None
    """What the API returned to the client for an invocation."""
    log_bytes: float | None = None
    """Log bytes of a warm invocation, its platform lines included."""
    cold_log_bytes: float | None = None
    """Log bytes of a cold start's invocation, INIT_START included; None: no cold start was seen."""
    max_memory_mb: int | None = None
    """The most memory that an invocation used [MB]."""

    def duration_ms(self, settings: FunctionSettings) -> Distribution:
        """Duration of a warm invocation [ms]. Raises InsufficientDataError where the measurements do not carry."""
        return self.duration.warm_ms(settings.memory_mb, settings.architecture)

    def cold_duration_ms(self, settings: FunctionSettings) -> Distribution:
        """Duration of an environment's first invocation [ms], init apart."""
        return self.duration.cold_ms(settings.memory_mb, settings.architecture)

    def init_ms(self, settings: FunctionSettings) -> Distribution:
        """Init duration of a cold start, or its restore with SnapStart [ms]."""
        return self.init.init_ms(settings.architecture, snap_start=settings.snap_start)

    def caveats(self, settings: FunctionSettings) -> tuple[str, ...]:
        """Sentences on what of these settings is extrapolated or taken from a prior; empty: all measured."""
        return tuple(f"{self.name}: {sentence}" for sentence in self._sentences(settings))

    def _sentences(self, settings: FunctionSettings) -> Iterator[str]:
        yield from self.duration.caveats(settings.memory_mb, settings.architecture)
        yield from self.init.caveats(settings.architecture, snap_start=settings.snap_start)
        if self.max_memory_mb is not None and settings.memory_mb < self.max_memory_mb:
            yield f"{settings.memory_mb} MB is less than the {self.max_memory_mb} MB that it used when measured"


@dataclass(frozen=True)
class PerformanceModel(Record):
    """Everything that `predict` needs, and what it was fitted on."""

    deployment: Deployment
    quotas: Quotas
    functions: Mapping[str, FunctionModel]
    overheads: Mapping[ApiKind, Distribution]
    """By API kind: client latency less init and duration [ms], of requests that reached Lambda."""
    lifetime: Lifetime
    measured: tuple[Configuration, ...] = ()
    """The configurations of the runs it was fitted on."""
    notes: tuple[str, ...] = ()
    """Sentences on the whole model: what was assumed, what the runs could not show."""

    def overhead_ms(self, kind: ApiKind) -> Distribution:
        """Overhead of an API kind [ms]. Raises InsufficientDataError when no run went through it."""
        if kind not in self.overheads:
            known = ", ".join(self.overheads) or "none"
            raise InsufficientDataError(f"api.kind={kind!r}: no overhead was measured (measured: {known}): run one")
        return self.overheads[kind]

    def caveats(self, configuration: Configuration) -> tuple[str, ...]:
        """What of a configuration is extrapolated, from a prior or assumed, each a sentence."""
        functions = configuration.functions.items()
        found = [sentence for name, settings in functions for sentence in self.function(name).caveats(settings)]
        return tuple(dict.fromkeys(found))

    def function(self, name: str) -> FunctionModel:
        """A function's model. Raises InsufficientDataError when no run invoked it."""
        if name not in self.functions:
            known = ", ".join(self.functions) or "none"
            raise InsufficientDataError(f"function {name}: not measured (measured: {known}): let the scenario call it")
        return self.functions[name]

    def save(self, path: str | Path) -> None:
        """Write the model as JSON; `load` gives it back exactly."""
        write_json(Path(path), {"schema_version": SCHEMA_VERSION, **to_plain(self)})

    @classmethod
    def load(cls, path: str | Path) -> PerformanceModel:
        """Read a saved model. Raises InputError when the file is missing, damaged or of another version."""
        data = read_json(Path(path))
        if not isinstance(data, dict):
            raise InputError(f"{path}: not a performance model: write one with `costmodel fit`")
        return from_plain(cls, check_version(data, SCHEMA_VERSION, str(path)), str(path))
