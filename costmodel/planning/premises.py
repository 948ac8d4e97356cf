"""What is asked of an estimate, and what its figures stand on, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costmodel.activity import Activity, FunctionTally
from costmodel.errors import InputError
from costmodel.planning.event_sources import EventSource
from costmodel.planning.flows import (
    ACCESS_LOG_KB,
    ASSUMED,
    MEMORY_MB,
    SAMPLED_PER_S,
    SAMPLED_SHARE,
    SCHEDULED_COLD_SHARE,
    SCHEDULED_MS,
    VERSIONS,
    Plant,
)
from costmodel.planning.site import Doubt
from costmodel.pricing.usage_file import MONTH_HOURS
from loadgen.deployment import Deployment, Route


@dataclass(frozen=True)
class Question:
    """What is given: requests a second of the whole template, duration [ms] of each invocation, tables of a usage file."""

    rps: float | None = None
    duration_ms: float | None = None
    usage: Mapping[str, Any] | None = None
    measured: Activity | None = None
    """Of a run: in place of the duration."""
    hours: float = MONTH_HOURS

    def __post_init__(self) -> None:
        for name in ("rps", "duration_ms"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise InputError(f"{name} = {value}: give 0 or more")
        if self.measured is not None and self.duration_ms is not None:
            raise InputError(f"duration_ms = {self.duration_ms:g}: the run has measured it: leave it out")
        if self.measured is None and self.rps is not None and self.duration_ms is None:
            raise InputError("rps and duration: give both, or neither and a usage file or a run")


def notes_of(plant: Plant, question: Question, routes: Sequence[Route], one: Mapping[str, Decimal]) -> Iterator[str]:
    """What the figures stand on."""
    if question.measured is not None:
        rate = "its own traffic" if question.rps is None else f"{question.rps:g} requests/s"
        yield f"measured: the run's requests, at {rate} for {question.hours:g} h"
        yield from _mismatches(plant.deployment, question.measured)
    elif question.rps is not None and routes:
        yield f"given: {question.rps:g} requests/s for {question.hours:g} h, {question.duration_ms:g} ms an invocation"
        yield f"assumed: {ASSUMED}"
        yield from _more_assumed(plant, {route.api for route in routes}, {route.function for route in routes})
        yield from _limits(plant, question.duration_ms or 0.0)
    elif question.rps is not None:
        yield (f"given: {question.rps:g} requests/s, but no route of the template takes them: none is on the bill; give its "
               "functions in --usage")
    elif question.usage is None:
        yield "no traffic given: only what stands is on the bill; give --rps and --duration, --run or --usage"
    if len(one) > 1:
        least, most = (pick(one, key=lambda name: one[name]) for pick in (min, max))
        apis = len({route.api for route in routes})
        yield (f"assumed: evenly over {len(one)} routes{f' of {apis} APIs' if apis > 1 else ''}, "
               f"{(question.rps or 0.0) / len(one):.4g} requests/s each (for other shares give each function and API in --usage); "
               f"all on {least}: {one[least]:,.2f} USD, all on {most}: {one[most]:,.2f} USD")


def _more_assumed(plant: Plant, apis: Collection[str], functions: Collection[str]) -> Iterator[str]:
    """What is assumed only where the template asks for it."""
    for name in functions:
        if plant.deployment.functions[name].reserved == 0:
            yield f"given by the template: {name} is switched off (reserved concurrency 0): its requests are refused, only the API is paid"
    deployed = plant.deployment.functions
    if apis & plant.log_groups.keys():
        yield f"assumed: {ACCESS_LOG_KB[1]:g} KB of access log a request ({ACCESS_LOG_KB[0]:g}–{ACCESS_LOG_KB[2]:g})"
    if set(plant.traced) & {*apis, *functions}:
        yield (f"assumed: X-Ray samples {SAMPLED_PER_S[1]:g} request a second ({SAMPLED_PER_S[0]:g}–{SAMPLED_PER_S[2]:g}) and "
               f"{SAMPLED_SHARE:.0%} of the others, by its default rule")
    if any(deployed[name].snap_start for name in functions):
        yield f"assumed: SnapStart keeps {VERSIONS[1]} version ({VERSIONS[0]}–{VERSIONS[2]}) all month"


def schedule_notes(schedules: Sequence[EventSource], question: Question) -> Iterator[str]:
    """What schedules add."""
    for source in schedules:
        yield f"given by the template: {source.name} invokes {source.function} {(source.per_hour or 0.0) * question.hours:,.4g} times"
    if schedules and question.duration_ms is None:
        yield (f"assumed: scheduled invocations of {SCHEDULED_MS[1]:g} ms ({SCHEDULED_MS[0]:g} to their timeout), give --duration; "
               f"{SCHEDULED_COLD_SHARE[1]:.0%} of them cold ({SCHEDULED_COLD_SHARE[0]:.0%}–{SCHEDULED_COLD_SHARE[2]:.0%})")


def _limits(plant: Plant, duration_ms: float) -> Iterator[str]:
    for function in plant.deployment.functions.values():
        if plant.duration_ms(function, duration_ms) < duration_ms:
            yield f"{function.name}: stops at its timeout of {function.timeout_s:g} s"
        if function.provisioned:
            yield f"{function.name}: all its invocations are taken to run in its {function.provisioned} provisioned environments"


def _mismatches(deployment: Deployment, run: Activity) -> Iterator[str]:
    """Functions that were measured as another setting than the template's."""
    for name, memory_mb, architecture in dict.fromkeys((of.function, of.memory_mb, of.architecture)
                                                       for of in run.of(FunctionTally)):
        declared = deployment.functions.get(name)
        if declared is None:
            yield f"{name}: in the run, not in the template"
        elif (memory_mb, architecture) != (declared.memory_mb, declared.architecture):
            yield (f"{name}: measured at {memory_mb} MB {architecture}, the template has {declared.memory_mb} MB "
                   f"{declared.architecture}: fit a model and predict that")


def doubted(doubt: Doubt) -> str:
    """A doubt with what is made of it, and what to give."""
    if doubt.setting == "MemorySize":
        return (f"{doubt.sentence}: {MEMORY_MB[1]:,} MB is taken ({MEMORY_MB[0]}–{MEMORY_MB[2]:,}): give [{doubt.resource}] with "
                "memory_mb in --usage, or the parameter behind it")
    if doubt.setting == "Timeout":
        return f"{doubt.sentence}: no duration is cut at it"
    return doubt.sentence


def besides(sources: Sequence[EventSource], counted: Collection[str], known: Collection[str]) -> list[str]:
    """Functions whose routes or schedules are counted and whose other events are not."""
    others: dict[str, list[str]] = {}
    for source in sources:
        if source.function in counted and source.function not in known and source.per_hour is None:
            others.setdefault(source.function, []).append(source.label)
    return [f"{name}: its invocations by {', '.join(dict.fromkeys(labels))} are not known: give [{name}] with all its requests "
            "and duration_ms in --usage" for name, labels in others.items()]
