"""Predictions against the local cloud: fitted at 128 and 1,024 MB, other sizes predicted on the runs' own arrivals, behind REST
and HTTP, with provisioned concurrency, a cache, a stage throttle and a reserved limit. Errors in %, the worst run's; cold starts
and throttles over all runs together, with how many there were. About three minutes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from figures import print_figures

from costmodel.accuracy import Check, check
from costmodel.performance.fitting import fit
from costmodel.pricing.price_book import PriceBook
from loadgen.configuration import Configuration, grid
from loadgen.deployment import Deployment
from loadgen.local.cloud import LocalCloud
from loadgen.measurements.run import Run
from loadgen.sweeps import sweep

ROOT = Path(__file__).resolve().parents[1]


def measure() -> Mapping[str, float]:
    """Sweep twice, fit the first, check the second."""
    with tempfile.TemporaryDirectory() as folder, LocalCloud(ROOT / "scenarios/shop/template.yaml", seed=3) as target:
        scenario, shop = ROOT / "benchmarks/burst.py", target.deployment
        fitted = sweep(scenario, target, grid(shop, api=["rest", "http"], memory_mb=[128, 1024]), out=f"{folder}/fit")
        others = sweep(scenario, target, held_out(shop), out=f"{folder}/others", seed=1)
        model, book = fit(fitted), PriceBook.load(target.region)
        return figures([(run, check(run, model, book)) for run in others])


def held_out(shop: Deployment) -> list[Configuration]:
    plain = grid(shop, api=["rest", "http"], memory_mb=[256, 512])
    other = grid(shop, api=["rest"], memory_mb=[256], cache_gb=[0.5]) + grid(shop, api=["http"], memory_mb=[256], provisioned=[10])
    return plain + other + [limited(each) for each in plain[::2]]


def limited(plain: Configuration) -> Configuration:
    functions = {**plain.functions, "Reports": replace(plain.functions["Reports"], reserved=10)}
    return replace(plain.with_api(throttle_rps=150, throttle_burst=50), functions=functions)


def figures(checked: Iterable[tuple[Run, tuple[Check, ...]]]) -> dict[str, float]:
    by_metric: dict[str, list[tuple[int, Check]]] = {}
    for run, checks in checked:
        for each in checks:
            print(f"{each.label}: {each.metric} {each.predicted:.4g} {each.measured:.4g} {each.unit} ({each.difference})")
            by_metric.setdefault(each.metric, []).append((run.rows("requests"), each))
    worst = {f"local_{metric}_worst": max(abs(each.error or 0.0) * 100 for _, each in by_metric[metric])
             for metric in ("p50", "p95", "bill")}
    return {**worst, **pooled("cold", by_metric["cold"]), **pooled("throttled", by_metric["throttled"])}


def pooled(metric: str, checks: list[tuple[int, Check]]) -> dict[str, float]:
    predicted = sum(n * (each.predicted or 0.0) / 100 for n, each in checks)
    measured = sum(n * (each.measured or 0.0) / 100 for n, each in checks)
    return {f"local_{metric}_error": abs(predicted / measured - 1) * 100, f"local_{metric}_count": measured}


if __name__ == "__main__":
    print_figures(__doc__, measure)
