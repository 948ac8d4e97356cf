"""How many of the values that other programs computed hold here: those of tests/costmodel/prediction/data/oracles.json.

A closed form holds to its printed digits, the token bucket within 1e-4 of its simulation; the simulator's figures within
three standard errors, theirs and ours together. Lives of ended environments and single published runs, which must be
derived from traces, are left to the tests. `--json` prints the same figures as one object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from figures import print_figures
from simulator import exponential, rules

from costmodel.prediction.caching import characteristic_time, fixed_ttl_hit_ratio, lru_hit_ratio, reset_ttl_hit_ratio
from costmodel.prediction.coldstarts import birth_death
from costmodel.prediction.queueing import erlang_b, token_bucket_reject
from costmodel.prediction.simulator import (
    COLD,
    LEAST_RECENTLY_USED,
    MOST_RECENTLY_USED,
    NEWEST,
    NONE,
    RANDOM,
    TABLE_SIZE,
    Arrivals,
    simulate,
)
from costmodel.workload import Popularity

VALUES = Path(__file__).parents[1] / "tests" / "costmodel" / "prediction" / "data" / "oracles.json"
RUNS = 10
Check = tuple[float, float, float]
"""Printed, computed here, and how far apart they may be."""


def measure() -> dict[str, float]:
    values = json.loads(VALUES.read_text(encoding="utf-8"))
    if empty := [name for name, cases in values.items() if not cases]:
        raise SystemExit(f"{VALUES}: nothing in {', '.join(empty)}: what is not there cannot hold")
    held = [abs(printed - here) <= apart for printed, here, apart in (*closed_forms(values), *simulated(values["simfaas_example"]))]
    return {"oracles": len(held), "oracles_held": sum(held)}


def closed_forms(values: dict[str, Any]) -> Iterator[Check]:
    for pair, blocked in values["erlang_b"].items():
        load, servers = map(int, pair.split(","))
        yield blocked, erlang_b(servers, load), 5e-7
    for case in values["token_bucket_poisson_sim"]:
        yield case["reject"], token_bucket_reject(case["lam"], case["R"], case["B"]), 1e-4
    for case in values["che_lru"]:
        zipf = Popularity.zipf(case["N"], case["zipf"])
        yield case["Tc_requests"], characteristic_time(zipf, case["C"]), 5e-3
        yield case["hit"], lru_hit_ratio(zipf, case["C"]), 5e-6
    for case in values["ttl_cache"]:
        weights = Popularity.zipf(case["N"], case["zipf"]).weights
        rates = case["lam"] * weights / weights.sum()
        yield case["hit_fixed_ttl"], fixed_ttl_hit_ratio(rates, case["ttl"]), 5e-6
        yield case["hit_reset_ttl"], reset_ttl_hit_ratio(rates, case["ttl"]), 5e-6
    yield from chains(values["simfaas_example"], values["pacsltk_readme"])


def chains(example: dict[str, Any], readme: dict[str, float]) -> Iterator[Check]:
    """The published birth-death form at its two published examples."""
    printed = example["analytical_tcc2020"]
    chain = birth_death(example["arrival_rate"], example["warm_mean_s"], example["cold_mean_s"], example["expiration_s"])
    yield printed["p_cold_pct"], 100 * chain.cold_share, 5e-7
    yield printed["n_avg"], chain.environments, 5e-7
    yield printed["running"], chain.busy, 5e-7
    yield printed["resp_s"], chain.response_s, 5e-7
    chain = birth_death(readme["arrival_rate"], readme["warm"], readme["cold"], readme["expiration"])
    yield readme["cold_prob"], chain.cold_share, 5e-12
    yield readme["avg_server_count"], chain.environments, 5e-7
    yield readme["avg_running_count"], chain.busy, 5e-7
    yield readme["avg_resp_time"], chain.response_s, 5e-7


def simulated(example: dict[str, Any]) -> Iterator[Check]:
    """Cold share [%], mean environments and mean busy of SimFaaS's worked example."""
    for name, routing, constant in (("newest_created", NEWEST, False), ("most_recently_used", MOST_RECENTLY_USED, False),
                                    ("least_recently_used", LEAST_RECENTLY_USED, False), ("random", RANDOM, False),
                                    ("newest_created_deterministic_service", NEWEST, True)):
        runs = np.array([example_run(example, seed, routing, constant) for seed in range(RUNS)])
        here, own_error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / RUNS**0.5
        for figure, column in (("p_cold_pct", 0), ("n_avg", 1), ("running", 2)):
            if figure in example[name]:
                printed, error = np.append(example[name][figure], 0.0)[:2]
                yield float(printed), float(here[column]), 3 * float(np.hypot(error, own_error[column]))


def example_run(example: dict[str, Any], seed: int, routing: int, constant: bool) -> tuple[float, float, float]:
    horizon_s, rng = example["horizon_s"], np.random.default_rng([8, seed])
    times = np.sort(rng.random(rng.poisson(example["arrival_rate"] * horizon_s))) * horizon_s
    means_s = (example["warm_mean_s"], example["cold_mean_s"], 0.0)
    tables_s = np.stack([np.full(TABLE_SIZE, mean) if constant or not mean else exponential(mean) for mean in means_s])
    limits_s = np.stack([np.full(TABLE_SIZE, limit) for limit in (example["expiration_s"], np.inf, np.inf)])
    fleet = rules()._replace(routing=routing, tables_s=tables_s[np.newaxis], lifetime_s=limits_s)
    arrivals = Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE))
    run = simulate(arrivals, fleet, seed, to_s=horizon_s)
    return (100 * float((run.outcome == COLD).mean()), float(run.environment_s[0]) / horizon_s,
            float(run.duration_s.sum()) / horizon_s)


if __name__ == "__main__":
    print_figures(__doc__, measure)
