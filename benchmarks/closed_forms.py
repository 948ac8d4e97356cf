"""How far the closed forms of cold starts and environments are from the simulator, and how fast they prune.

    python benchmarks/closed_forms.py [--json]

The grid: loads 0.01 to 1,000 erlang, idle limits of 30 to 6,000 durations, three shapes of duration with mean 1 s;
cells whose simulation would need more than 12 million requests to settle are left out (large load x long limit), and
cold shares are compared where at least 1,000 cold starts are expected. Errors are mean absolute, in per cent.

    closed_form_cold, closed_form_environments    over all cells; `worst_*` the worst of them
    closed_form_cold_<shape>                      by shape of duration
    closed_form_provisioned_cold                  with provisioned concurrency
    prune_50000_s                                 50,000 configurations in closed form: loads of 0.01 to 1,000, up to 1,000
                                                  provisioned environments

`closed_form_errors()` and `prune_s()` are the same figures as functions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from figures import print_figures
from scipy.stats import lognorm

from costmodel.prediction.coldstarts import cold_starts
from costmodel.prediction.simulator import (
    BUCKET,
    COLD,
    FUNCTION,
    NONE,
    POOL,
    ROUTE,
    TABLE_SIZE,
    Arrivals,
    Floats,
    Rules,
    simulate,
)

LOADS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
LIMITS = (30.0, 100.0, 300.0, 1000.0, 6000.0)
PROVISIONED = ((1.0, 1), (3.0, 3), (10.0, 10), (10.0, 14), (100.0, 100))
LEAST_REQUESTS, MOST_REQUESTS, LEAST_COLD = 1_000_000, 12_000_000, 1_000
MIDDLES = (np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE
SHAPES: dict[str, Floats] = {
    "exponential": -np.log1p(-MIDDLES), "lognormal": lognorm.ppf(MIDDLES, 0.8), "deterministic": np.ones(TABLE_SIZE)}


def closed_form_errors() -> dict[str, float]:
    """The figures that the module's docstring names."""
    cold: dict[str, list[float]] = {shape: [] for shape in SHAPES}
    environments: list[float] = []
    for load, limit in cells():
        form = cold_starts(load, 1.0, limit)
        for shape, durations in SHAPES.items():
            share, mean, starts = simulated(load, limit, durations)
            environments.append(abs(float(form.environments) / mean - 1) * 100)
            if starts >= LEAST_COLD:
                cold[shape].append(abs(float(form.share) / share - 1) * 100)
    together = [error for errors in cold.values() for error in errors]
    return {
        "closed_form_cold": mean_of(together), "closed_form_environments": mean_of(environments),
        "closed_form_cold_cells": float(len(together)), "worst_cold": max(together), "worst_environments": max(environments),
        **{f"closed_form_cold_{shape}": mean_of(errors) for shape, errors in cold.items()},
        "closed_form_provisioned_cold": mean_of(list(provisioned_errors())),
    }


def provisioned_errors() -> Iterator[float]:
    for load, n in PROVISIONED:
        share, _, starts = simulated(load, 100.0, SHAPES["exponential"], n)
        if starts >= LEAST_COLD:
            yield abs(float(cold_starts(load, 1.0, 100.0, n).share) / share - 1) * 100


def prune_s() -> float:
    rng, n = np.random.default_rng(1), 50_000
    loads, limits = (np.exp(rng.uniform(*np.log(span), n)) for span in ((0.01, 1000.0), (30.0, 6000.0)))
    start = time.perf_counter()
    cold_starts(loads, 1.0, limits, rng.integers(0, 1000, n))
    return time.perf_counter() - start


def cells() -> Iterator[tuple[float, float]]:
    return ((load, limit) for load in LOADS for limit in LIMITS if requests(load, limit) <= MOST_REQUESTS)


def requests(load: float, limit: float) -> int:
    """Enough for thirty idle limits to pass, and at least a million."""
    return max(LEAST_REQUESTS, math.ceil(30 * load * limit))


def simulated(load: float, limit: float, durations: Floats, provisioned: int = 0) -> tuple[float, float, int]:
    """Cold share, mean environments, and cold starts, after two idle limits of warming up."""
    n = requests(load, limit)
    times = np.cumsum(np.random.default_rng([n, 3]).exponential(1 / load, n))
    from_s = min(2 * limit, float(times[-1]) / 10)
    arrivals = Arrivals(times, np.zeros(n, dtype=np.int64), np.full(n, NONE))
    trace = simulate(arrivals, rules(limit, durations / durations.mean(), provisioned), 1, from_s=from_s)
    cold = trace.outcome[times >= from_s] == COLD
    return float(cold.mean()), float(trace.environment_s[0]) / (float(times[-1]) - from_s), int(cold.sum())


def rules(limit: float, durations: Floats, provisioned: int) -> Rules:
    function = {"provisioned": provisioned, "provisioned_bucket": NONE, "scaling_bucket": NONE, "idle_top": NONE}
    never = np.full(TABLE_SIZE, np.inf)
    return Rules(
        np.array([(0, NONE, 0.0)], dtype=ROUTE), np.array([(1e12, 1e12, 1e12, 0.0)], dtype=BUCKET),
        np.array([(10**9, NONE, 0)], dtype=POOL),
        np.array([tuple(function.get(name, 0) for name in FUNCTION.names or ())], dtype=FUNCTION),
        np.stack([durations, durations, np.zeros(TABLE_SIZE)])[np.newaxis], np.stack([np.full(TABLE_SIZE, limit), never, never]))


def mean_of(errors: list[float]) -> float:
    return float(np.mean(errors)) if errors else math.nan


def measure() -> dict[str, float]:
    return closed_form_errors() | {"prune_50000_s": prune_s()}


if __name__ == "__main__":
    print_figures(__doc__, measure)
