"""What a function does: a declared duration profile, drawn from measured tables.

The profile is the resource's `Metadata.LocalProfile`:

    Table: memory_sweep_2020   the table of warm durations by memory size
    Function: f1               the function in it (f1 to f4)
    Scale: 0.02                factor on all durations (default 1)
    Workload: cpu-intensive    whose arm64 / x86_64 and first / warm ratios hold (or light; default cpu-intensive)
    InitScale: 1.0             factor on the hello-world init time
    ResponseBytes: 1800        size of the answer's body
    MaxMemoryMb: 70            Max Memory Used; by default the table's
    ErrorShare: 0.01           share of invocations that raise an exception (default 0)

Durations are milliseconds. A warm duration is drawn from the percentiles p10, p50, p90, p99 that were measured at the
configured memory size, linear between them and between neighbouring sizes, and clamped at the ends: nothing beyond
p10, p99, or the sizes measured. arm64 multiplies by the measured arm64 / x86_64 ratio at that size; the first
execution of an environment by the measured cold / warm ratio, where that is above 1. Init is drawn from the measured
p50, p90, p99 of the runtime, package and architecture; the unmeasured lower half is linear from the value that
reproduces the measured mean. Tables: data/SOURCES.md.
"""

from __future__ import annotations

import bisect
import csv
import functools
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from loadgen.errors import TemplateError
from loadgen.local.account import FunctionState, Version
from loadgen.local.invocation import Outcome
from loadgen.schema import from_plain

DATA = Path(__file__).parent / "data"
_DURATION_SHARES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
_INIT_SHARES = (0.0, 0.5, 0.9, 0.99, 1.0)
_REFERENCE_RUNTIME = "python3.13"
"""Whose ratios and init times stand in for a runtime that was not measured."""
_KEYS = {"Table", "Function", "Scale", "Workload", "InitScale", "ResponseBytes", "MaxMemoryMb", "ErrorShare"}

Init = Literal["none", "before", "within"]
"""Whether an execution pays for init: a cold start before its duration, a reset environment within it."""


@dataclass(frozen=True)
class Profile:
    """A function's `LocalProfile`; see the module."""

    table: str = "memory_sweep_2020"
    function: str = "f1"
    scale: float = 1.0
    workload: str = "cpu-intensive"
    init_scale: float = 1.0
    response_bytes: int = 200
    max_memory_mb: int | None = None
    error_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Execution:
    """One drawn execution: how long it takes and what it gives."""

    init_ms: float | None
    """None: no init of its own (warm, or provisioned beforehand)."""
    duration_ms: float
    outcome: Outcome
    payload: bytes
    max_memory_mb: int


@dataclass(frozen=True)
class Quantiles:
    """A distribution as values [ms] at rising shares from 0 to 1, linear in between."""

    shares: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, share: float) -> float:
        """The value that `share` of the draws stay below."""
        upper = min(bisect.bisect_right(self.shares, share), len(self.shares) - 1)
        s0, s1, v0, v1 = self.shares[upper - 1], self.shares[upper], self.values[upper - 1], self.values[upper]
        return v0 + (v1 - v0) * (share - s0) / (s1 - s0)

    @property
    def mean(self) -> float:
        """The mean of the draws [ms]."""
        points = itertools.pairwise(zip(self.shares, self.values, strict=True))
        return sum((s1 - s0) * (v0 + v1) / 2 for (s0, v0), (s1, v1) in points)


def read_profile(function: FunctionState) -> Profile:
    """The function's declared profile. Raises TemplateError that names the function, the key and what is known."""
    declared: Mapping[str, Any] = function.metadata.get("LocalProfile") or {}
    unknown = declared.keys() - _KEYS
    if unknown:
        raise TemplateError(f"{function.name}.Metadata.LocalProfile.{min(unknown)}: no such key (there are: "
                            f"{', '.join(sorted(_KEYS))})")
    fields = {"".join(f"_{c.lower()}" if c.isupper() else c for c in key)[1:]: value for key, value in declared.items()}
    where = f"{function.name}.Metadata.LocalProfile"
    profile = from_plain(Profile, fields, where, TemplateError)
    _check(f"{where}.Table", profile.table, ["memory_sweep_2020"])
    _check(f"{where}.Function", profile.function, sorted(_sweep(profile.table)))
    _check(f"{where}.Workload", profile.workload, sorted({row["workload"] for row in _rows("memory_sweep_2025_11")}))
    return profile


@functools.lru_cache(maxsize=1024)
def durations(profile: Profile, memory_mb: int, architecture: str, runtime: str) -> Quantiles:
    """Warm durations of a profile at a memory size and architecture."""
    by_memory = _sweep(profile.table)[profile.function]
    columns = zip(*by_memory.values(), strict=True)
    factor = profile.scale * (_ratio(profile.workload, runtime, memory_mb, "arm64") if architecture == "arm64" else 1.0)
    values = (_interpolate(list(by_memory), list(column), memory_mb) * factor for column in columns)
    return Quantiles(_DURATION_SHARES, tuple(values))


@functools.lru_cache(maxsize=1024)
def inits(profile: Profile, memory_mb: int, architecture: str, runtime: str, package: str) -> Quantiles:
    """Init durations of a profile's runtime, package and architecture."""
    table = _init_table()
    by_memory = table.get((runtime, package, architecture)) or table[_REFERENCE_RUNTIME, package, architecture]
    columns = zip(*by_memory.values(), strict=True)
    mean, p50, p90, p99 = (_interpolate(list(by_memory), list(c), memory_mb) * profile.init_scale for c in columns)
    above = 0.4 * (p50 + p90) / 2 + 0.09 * (p90 + p99) / 2 + 0.01 * p99
    lowest = min(max(4.0 * (mean - above) - p50, 0.0), p50)
    return Quantiles(_INIT_SHARES, (lowest, p50, p90, p99, p99))


def first_ratio(profile: Profile, memory_mb: int, architecture: str, runtime: str) -> float:
    """How much longer an environment's first execution takes than a warm one; at least 1."""
    return max(1.0, _ratio(profile.workload, runtime, memory_mb, f"first {architecture}"))


class ProfileHandler:
    """Runs a function by its profile: draws, and answers as a proxy integration expects."""

    def __init__(self, function: FunctionState, rng: random.Random) -> None:
        self._profile, self._rng = read_profile(function), rng
        self._payload = _answer(function.name, self._profile.response_bytes)

    def execute(self, version: Version, request_id: str, *, first: bool, init: Init) -> Execution:
        """Draw one execution; `first`: it is the environment's first one."""
        profile, memory_mb, runtime = self._profile, version.memory_mb, version.runtime
        duration_ms = durations(profile, memory_mb, version.architecture, runtime).at(self._rng.random())
        if first:
            duration_ms *= first_ratio(profile, memory_mb, version.architecture, runtime)
        init_ms = None if init == "none" else self.draw_init_ms(version)
        if init == "within":
            duration_ms, init_ms = duration_ms + (init_ms or 0.0), None
        used_mb = profile.max_memory_mb or _used_mb(profile, memory_mb)
        if duration_ms >= version.timeout_s * 1000:
            return Execution(init_ms, version.timeout_s * 1000, "timeout", _timeout(request_id, version), used_mb)
        if profile.error_share and self._rng.random() < profile.error_share:
            return Execution(init_ms, duration_ms, "error", _error(request_id), used_mb)
        return Execution(init_ms, duration_ms, "ok", self._payload, used_mb)

    def draw_init_ms(self, version: Version) -> float:
        """An init duration, for instance of a provisioned environment."""
        return inits(self._profile, version.memory_mb, version.architecture, version.runtime,
                     version.package).at(self._rng.random())


def _check(where: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise TemplateError(f"{where} = {value!r}: not measured (there are: {', '.join(known)})")


def _answer(function: str, size: int) -> bytes:
    frame = json.dumps({"function": function, "data": ""}, separators=(",", ":"))
    body = f'{frame[:-2]}{"x" * max(0, size - len(frame))}"}}'
    return json.dumps({"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": body}).encode()


def _timeout(request_id: str, version: Version) -> bytes:
    message = f"RequestId: {request_id} Error: Task timed out after {version.timeout_s:.2f} seconds"
    return json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}, separators=(",", ":")).encode()


def _error(request_id: str) -> bytes:
    return json.dumps({"errorMessage": "declared by ErrorShare", "errorType": "Exception", "requestId": request_id,
                       "stackTrace": []}).encode()


@functools.lru_cache(maxsize=1024)
def _used_mb(profile: Profile, memory_mb: int) -> int:
    used = {int(row["memory_mb"]): float(row["max_mem_mb"]) for row in _rows(profile.table)
            if row["function"] == profile.function}
    return round(_interpolate(list(used), list(used.values()), memory_mb))


@functools.lru_cache(maxsize=1024)
def _ratio(workload: str, runtime: str, memory_mb: int, of: str) -> float:
    """`arm64`: warm arm64 / x86_64; `first x86_64`, `first arm64`: cold / warm of that architecture."""
    pairs = _measured_pairs(workload, runtime, of) or _measured_pairs(workload, _REFERENCE_RUNTIME, of)
    return _interpolate(list(pairs), list(pairs.values()), memory_mb)


def _measured_pairs(workload: str, runtime: str, of: str) -> dict[int, float]:
    rows = {(row["start"], row["arch"], int(row["memory_mb"])): float(row["duration_ms"])
            for row in _rows("memory_sweep_2025_11")
            if row["workload"] == workload and row["runtime"] in (runtime, runtime.removesuffix(".x"))}
    over, under = (("warm", "arm64"), ("warm", "x86_64")) if of == "arm64" else (("cold", of[6:]), ("warm", of[6:]))
    sizes = sorted({size for _, _, size in rows})
    return {size: rows[*over, size] / rows[*under, size] for size in sizes
            if (*over, size) in rows and (*under, size) in rows}


def _interpolate(sizes: Sequence[int], values: Sequence[float], memory_mb: int) -> float:
    """Linear between the measured sizes (rising), the nearest one's value beyond them."""
    upper = bisect.bisect_left(sizes, memory_mb)
    if upper == 0 or upper == len(sizes):
        return values[min(upper, len(sizes) - 1)]
    share = (memory_mb - sizes[upper - 1]) / (sizes[upper] - sizes[upper - 1])
    return values[upper - 1] + share * (values[upper] - values[upper - 1])


@functools.cache
def _sweep(table: str) -> dict[str, dict[int, tuple[float, ...]]]:
    """Per function and memory size the values at `_DURATION_SHARES`."""
    sweep: dict[str, dict[int, tuple[float, ...]]] = {}
    for row in sorted(_rows(table), key=lambda row: int(row["memory_mb"])):
        p10, p50, p90, p99 = (float(row[name]) for name in ("p10_ms", "median_ms", "p90_ms", "p99_ms"))
        sweep.setdefault(row["function"], {})[int(row["memory_mb"])] = (p10, p10, p50, p90, p99, p99)
    return sweep


@functools.cache
def _init_table() -> dict[tuple[str, str, str], dict[int, tuple[float, ...]]]:
    """Per runtime, package and architecture, by memory size: mean, p50, p90, p99."""
    table: dict[tuple[str, str, str], dict[int, tuple[float, ...]]] = {}
    names = ("init_mean_ms", "init_p50_ms", "init_p90_ms", "init_p99_ms")
    for row in sorted(_rows("cold_init_2026_08"), key=lambda row: int(row["memory_mb"])):
        by_memory = table.setdefault((row["runtime"], row["package"], row["arch"]), {})
        by_memory[int(row["memory_mb"])] = tuple(float(row[name]) for name in names)
    return table


@functools.cache
def _rows(table: str) -> tuple[dict[str, str], ...]:
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
