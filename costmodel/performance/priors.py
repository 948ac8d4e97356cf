"""What stands in for what was not measured: tables published by others, always labelled as priors.

`memory_sweep_2025_11.csv`: warm mean durations by workload, runtime, architecture and memory. `cold_init_2026_08.csv`:
Init Duration of a hello-world function by runtime, package and architecture. `cold_start_end_to_end_2021.csv`: what the
size of a zip and a VPC added to a hello-world's cold start. `data/SOURCES.md` has their origin.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from io import TextIOWrapper
from typing import BinaryIO, cast

import numpy as np

from costmodel.performance.distributions import Distribution
from loadgen.deployment import Architecture
from loadgen.schema import Record


@dataclass(frozen=True)
class ArmRatio(Record):
    """What was measured on arm64 divided by the same on x86_64, over comparable pairs; `origin` says of what."""

    ratios: Distribution
    origin: str

    def to(self, architecture: Architecture) -> Distribution:
        """The factor that turns the other architecture's figures into this one's."""
        return self.ratios if architecture == "arm64" else Distribution(np.sort(1 / self.ratios.quantiles))

    def sentence(self, architecture: Architecture) -> str:
        """`the other architecture's x 0.84 (0.79 to 0.92), a prior: …`"""
        factor = self.to(architecture)
        low, high = factor.quantile(0.05), factor.quantile(0.95)
        return f"the other architecture's x {factor.mean:.2f} ({low:.2f} to {high:.2f}), a prior: {self.origin}"


def duration_ratio(runtime: str) -> ArmRatio:
    """arm64 / x86_64 of warm durations: of this runtime's language where it was measured, else of all."""
    pairs: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for row in rows("memory_sweep_2025_11.csv"):
        pairs[row["workload"], row["runtime"], row["memory_mb"]][row["arch"]] = float(row["duration_ms"])
    ratios = {key: pair["arm64"] / pair["x86_64"] for key, pair in pairs.items() if len(pair) == 2}
    own = [ratio for key, ratio in ratios.items() if language(key[1]) == language(runtime)]
    of = f"{len(own)} {language(runtime)} pairs" if own else f"{len(ratios)} pairs of other runtimes"
    return ArmRatio(Distribution.from_samples(own or list(ratios.values())), f"{of} of memory_sweep_2025_11")


def init_ratio(package: str) -> ArmRatio:
    """arm64 / x86_64 of hello-world init durations, over all runtimes of this kind of package."""
    pairs: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for row in rows("cold_init_2026_08.csv"):
        if row["package"] == package:
            pairs[row["runtime"], row["memory_mb"]][row["arch"]] = float(row["init_mean_ms"])
    ratios = [pair["arm64"] / pair["x86_64"] for pair in pairs.values() if len(pair) == 2]
    origin = f"{len(ratios)} hello-world {package} pairs of cold_init_2026_08"
    return ArmRatio(Distribution.from_samples(ratios), origin)


def init_priors(runtime: str, package: str) -> Mapping[Architecture, Distribution]:
    """Init durations [ms] of a hello-world of this runtime and package, pooled over memory sizes; {}: not known."""
    found: dict[Architecture, list[float]] = defaultdict(list)
    for row in rows("cold_init_2026_08.csv"):
        if (row["runtime"], row["package"]) == (runtime, package):
            p50, p90, p99 = (float(row[f"init_p{q}_ms"]) for q in (50, 90, 99))
            curve = Distribution.from_curve([0, 0.5, 0.9, 0.99, 1], [max(2 * p50 - p90, p50 / 2), p50, p90, p99, p99])
            found["arm64" if row["arch"] == "arm64" else "x86_64"].extend(curve.quantiles)
    return {architecture: Distribution.from_samples(values) for architecture, values in found.items()}


@dataclass(frozen=True)
class AddedInit(Record):
    """What comes on top of a hello-world's init [ms], and of what: sentences for the reader."""

    added_ms: float = 0.0
    reasons: tuple[str, ...] = ()


def added_init(package: str, package_mb: float | None, *, vpc: bool) -> AddedInit:
    """Of a zip's size [MB], by a straight line through the published sizes, and of a VPC. An image's size adds nothing."""
    table: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows("cold_start_end_to_end_2021.csv"):
        table[row["dimension"]].append((row["level"], float(row["median_s"]) * 1000))
    added_ms, reasons = 0.0, []
    if package == "zip" and package_mb is not None:
        sizes_mb = np.array([float(level.split()[0]) / {"KB": 1000, "MB": 1}[level.split()[1]] for level, _ in table["package_zip"]])
        per_mb = float(np.polyfit(sizes_mb, [median_ms for _, median_ms in table["package_zip"]], 1)[0])
        added_ms += per_mb * package_mb
        reasons.append(f"{per_mb:.0f} ms a MB of zip, {package_mb:.1f} MB, as if all of it were loaded")
    if vpc:
        medians_ms = dict(table["vpc"])
        added_ms += medians_ms["VPC"] - medians_ms["No VPC"]
        reasons.append(f"{medians_ms['VPC'] - medians_ms['No VPC']:.0f} ms of a VPC")
    return AddedInit(added_ms, tuple(reasons))


def language(runtime: str) -> str:
    """`python3.13` -> `python`."""
    return runtime.rstrip("0123456789.x")


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a published table of this package, by column; `name` may end in .gz."""
    file = resources.files("costmodel.performance") / "data" / name
    with file.open("rb") as packed:
        plain = gzip.GzipFile(fileobj=packed) if name.endswith(".gz") else packed
        yield from csv.DictReader(TextIOWrapper(cast(BinaryIO, plain), "utf-8"))
