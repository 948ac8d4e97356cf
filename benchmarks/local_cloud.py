"""Predictions against the local cloud, on the runs' own arrivals: fitted at 128 and 1,024 MB, REST and HTTP, then predicted at
256 and 512 MB, with and without provisioned concurrency and a cache, and under a stage throttle beside a reserved limit.

A burst makes cold starts by the hundred. 4 runs to fit and 10 to predict: five to seven minutes. Of the predicted runs, [%]:

    local_p50_worst, local_p95_worst, local_bill_worst    error of the worst run
    local_cold_error, local_throttled_error               sum of the runs' absolute differences over the sum of what was measured
    local_cold_count, local_throttled_count               how many were measured, for the 400 that a verdict needs
    local_inside_p50_worst, local_outside_p50_worst       p50 of the worst run when any two of 128, 256, 512 and 1,024 MB are
                                                          fitted instead and the others predicted (REST): between the two sizes,
                                                          and beyond them, where two sizes may not tell what comes
    local_runs, local_unexplained                         runs of all, and their requests that no log explains: 0 when the joined
                                                          counts close
    local_saturated, local_lateness_p99_ms                runs that the load generator could not keep up with; the worst run's lateness:
                                                          after a stall requests come bunched, and make more cold starts
    local_overhead_drift_ms                               by how much the median overhead of a predicted run was off the fitted runs':
                                                          no setting changes it, other work on the machine does. A cache hit lasts
                                                          7 ms, so that 1 ms of it is 14 % of its p50: repeat it on an idle machine
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from figures import print_figures

from costmodel.accuracy import Check, check
from costmodel.performance.fitting import fit
from costmodel.performance.model import PerformanceModel
from costmodel.pricing.price_book import PriceBook
from loadgen.configuration import Configuration, grid
from loadgen.deployment import Deployment
from loadgen.local.cloud import LocalCloud
from loadgen.measurements.joined import join
from loadgen.measurements.reconciliation import Reconciliation, reconcile
from loadgen.measurements.run import Run
from loadgen.sweeps import sweep

ROOT = Path(__file__).resolve().parents[1]
FITTED_MB = (128, 1024)
SIZES_MB = (128, 256, 512, 1024)


def measure() -> Mapping[str, float]:
    """Sweep twice, fit the first, check the second; then every other two sizes of both."""
    with tempfile.TemporaryDirectory() as folder, LocalCloud(ROOT / "scenarios/shop/template.yaml", seed=3) as target:
        scenario, shop = ROOT / "benchmarks/burst.py", target.deployment
        fitted = sweep(scenario, target, grid(shop, api=["rest", "http"], memory_mb=FITTED_MB), out=f"{folder}/fit")
        others = sweep(scenario, target, held_out(shop), out=f"{folder}/others", seed=1)
        model, book = fit(fitted), PriceBook.load(target.region)
        predicted = [Predicted(run, reconcile(run), check(run, model, book)) for run in others]
        return {**worst(predicted), **pooled("cold", predicted), **pooled("throttled", predicted),
                **by_pair(plain_rest([*fitted, *others]), book), **soundness([*fitted, *others]),
                "local_overhead_drift_ms": max(abs(drift_ms(run, model)) for run in others)}


def held_out(shop: Deployment) -> list[Configuration]:
    plain = grid(shop, api=["rest", "http"], memory_mb=[256, 512])
    other = grid(shop, api=["rest", "http"], memory_mb=[256], provisioned=[0, 10], cache_gb=[None, 0.5])
    return [*dict.fromkeys([*plain, *other]), *(limited(each) for each in plain[::2])]


def limited(plain: Configuration) -> Configuration:
    functions = {**plain.functions, "Reports": replace(plain.functions["Reports"], reserved=10)}
    return replace(plain.with_api(throttle_rps=150, throttle_burst=50), functions=functions)


@dataclass(frozen=True)
class Predicted:
    """A run beside what was predicted of it."""

    run: Run
    counts: Reconciliation
    checks: tuple[Check, ...]

    def named(self, metric: str) -> Check:
        return next(each for each in self.checks if each.metric == metric)

    def of(self, metric: str) -> int:
        """What the share of a metric is of: invocations for cold starts, all requests for throttles."""
        return (self.counts.function.ran or 0) if metric == "cold" else self.counts.client.arrivals


def worst(predicted: Sequence[Predicted]) -> dict[str, float]:
    for each in predicted:
        tell("fitted at 128 and 1,024 MB", each.checks)
    return {f"local_{metric}_worst": max(error(each.named(metric)) for each in predicted) for metric in ("p50", "p95", "bill")}


def pooled(metric: str, predicted: Sequence[Predicted]) -> dict[str, float]:
    pairs = [(each.of(metric), each.named(metric)) for each in predicted]
    apart = sum(n * abs((one.predicted or 0.0) - (one.measured or 0.0)) / 100 for n, one in pairs)
    measured = sum(n * (one.measured or 0.0) / 100 for n, one in pairs)
    return {f"local_{metric}_error": apart / measured * 100, f"local_{metric}_count": measured}


def plain_rest(runs: Sequence[Run]) -> dict[int, Run]:
    """The runs through REST that differ in memory alone, by its size."""
    by_label = {run.intent.configuration.label: run for run in runs}
    return {size_mb: by_label[f"REST {size_mb} MB"] for size_mb in SIZES_MB}


def by_pair(plain: Mapping[int, Run], book: PriceBook) -> dict[str, float]:
    found: dict[str, list[float]] = {"inside": [], "outside": []}
    for low, high in itertools.combinations(plain, 2):
        model = fit([plain[low], plain[high]])
        for size_mb in plain.keys() - {low, high}:
            checks = check(plain[size_mb], model, book)
            tell(f"fitted at {low} and {high} MB", checks)
            found["inside" if low < size_mb < high else "outside"] += [error(each) for each in checks if each.metric == "p50"]
    return {f"local_{where}_p50_worst": max(errors) for where, errors in found.items()}


def soundness(runs: Sequence[Run]) -> dict[str, float]:
    """Whether the runs themselves can be believed."""
    unexplained = [reconcile(run).unexplained for run in runs]
    return {
        "local_runs": len(runs),
        "local_unexplained": sum(float("nan") if each is None else each for each in unexplained),
        "local_saturated": sum(run.finished is None or run.finished.saturated for run in runs),
        "local_lateness_p99_ms": max(worker.lateness_ms.get("p99", 0.0) for run in runs for worker in run.workers),
    }


def drift_ms(run: Run, model: PerformanceModel) -> float:
    requests = join(run).frame
    reached = requests[(requests["outcome"] == "ok") & requests["duration_ms"].notna()]
    overhead = (reached["latency_ms"] - reached["duration_ms"] - reached["init_ms"].fillna(0.0)).median()
    return float(overhead) - model.overhead_ms(run.intent.configuration.api.kind).quantile(0.5)


def error(one: Check) -> float:
    """[%]"""
    if one.error is None:
        raise SystemExit(f"{one.label}: {one.metric} is not known on both sides: nothing to compare")
    return abs(one.error) * 100


def tell(fitted: str, checks: Sequence[Check]) -> None:
    for each in checks:
        print(f"{fitted}: {each.label}: {each.metric} {each.predicted:.4g} {each.measured:.4g} {each.unit} ({each.difference})",
              file=sys.stderr)


if __name__ == "__main__":
    print_figures(__doc__, measure)
