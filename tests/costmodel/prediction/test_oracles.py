"""The simulator against values that other programs computed: `data/oracles.json`, within three standard errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from costmodel.prediction.simulator import (
    COLD,
    LEAST_RECENTLY_USED,
    MOST_RECENTLY_USED,
    NEWEST,
    NONE,
    RANDOM,
    TABLE_SIZE,
    Arrivals,
    Rules,
    Trace,
    simulate,
)

RulesOf = Callable[..., Rules]
ORACLES = json.loads((Path(__file__).parent / "data" / "oracles.json").read_text(encoding="utf-8"))
EXAMPLE = ORACLES["simfaas_example"]
HORIZON_S, IDLE_S = EXAMPLE["horizon_s"], float(EXAMPLE["expiration_s"])


@pytest.mark.parametrize(("name", "routing", "runs"), [
    ("newest_created", NEWEST, 16), ("most_recently_used", MOST_RECENTLY_USED, 16),
    ("least_recently_used", LEAST_RECENTLY_USED, 10), ("random", RANDOM, 10)])
def test_simfaas_example_by_routing(name: str, routing: int, runs: int, rules: RulesOf) -> None:
    done = [example_run(rules, seed, routing) for seed in range(runs)]
    within_three_errors([100 * cold_share(run) for run in done], *EXAMPLE[name]["p_cold_pct"])
    within_three_errors([float(run.environment_s[0]) / HORIZON_S for run in done], *EXAMPLE[name]["n_avg"])
    if "running" in EXAMPLE[name]:
        within_three_errors([busy(run) for run in done], EXAMPLE[name]["running"])
    if "lifespan_s_terminated" in EXAMPLE[name]:
        within_three_errors([ended_life_s(run, routing) for run in done], *EXAMPLE[name]["lifespan_s_terminated"])


def test_simfaas_example_spreads_from_run_to_run_as_printed(rules: RulesOf) -> None:
    """The standard error of a standard deviation from n normal values is sd / sqrt(2 (n - 1))."""
    servers = [float(example_run(rules, seed, NEWEST).environment_s[0]) / HORIZON_S for seed in range(16)]
    expected = EXAMPLE["newest_created"]["n_sd_single_run"]
    assert abs(np.std(servers, ddof=1) - expected) < 3 * expected / (2 * 15) ** 0.5


def test_simfaas_example_with_constant_durations(rules: RulesOf) -> None:
    expected = EXAMPLE["newest_created_deterministic_service"]
    done = [example_run(rules, seed, NEWEST, constant=True) for seed in range(16)]
    within_three_errors([100 * cold_share(run) for run in done], *expected["p_cold_pct"])
    within_three_errors([float(run.environment_s[0]) / HORIZON_S for run in done], *expected["n_avg"])
    within_three_errors([ended_life_s(run, NEWEST) for run in done], *expected["lifespan_s_terminated"])


def test_simfaas_example_in_steady_state(rules: RulesOf) -> None:
    """From 20,000 s on; a life is environment-seconds over environments started, by Little's law."""
    expected, from_s = EXAMPLE["newest_created_steady_state"], 20_000.0
    done = [example_run(rules, seed, NEWEST, from_s=from_s) for seed in range(16)]
    starts = [int((run.outcome[run.at_s >= from_s] == COLD).sum()) for run in done]
    offered = [int((run.at_s >= from_s).sum()) for run in done]
    within_three_errors([100 * n / all_ for n, all_ in zip(starts, offered, strict=True)], *expected["p_cold_pct"])
    within_three_errors([float(run.environment_s[0]) / (HORIZON_S - from_s) for run in done], *expected["n_avg"])
    within_three_errors([float(run.environment_s[0]) / n for run, n in zip(done, starts, strict=True)], *expected["lifespan_s"])
    within_three_errors([float(run.duration_s[run.at_s >= from_s].sum()) / (HORIZON_S - from_s) for run in done], expected["running"])


@pytest.mark.parametrize("printed", EXAMPLE["published_runs"], ids=lambda run: run["where"])
def test_published_single_runs_are_ones_that_could_be_ours(printed: dict[str, float], rules: RulesOf) -> None:
    done = [example_run(rules, seed, NEWEST) for seed in range(16)]
    servers, running = [float(run.environment_s[0]) / HORIZON_S for run in done], [busy(run) for run in done]
    for values, theirs in (([cold_share(run) for run in done], printed["cold"] / printed["total"]),
                           ([run.outcome.size for run in done], printed["total"]),
                           (servers, printed["n"]), (running, printed["running"]),
                           (np.subtract(servers, running), printed["idle"]),
                           ([ended_life_s(run, NEWEST) for run in done], printed["lifespan"])):
        assert abs(theirs - np.mean(values)) < 3 * np.std(values, ddof=1)


def test_simfaas_temporal_example(rules: RulesOf) -> None:
    """Three busy and five idle environments at first; cold starts of the next 300 s."""
    fleet = rules(warm=exponential(2.016), cold=exponential(2.163), idle=600.0)
    shares = []
    for block in range(20):
        cold = offered = 0
        for seed in range(block * 200, block * 200 + 200):
            arrivals = poisson(0.9, 300.0, seed)
            started = Arrivals(*(np.concatenate([[first] * 3, each]) for first, each in zip((0.0, 0, NONE), arrivals, strict=True)))
            outcome = simulate(started, fleet, seed, warm=[8]).outcome[3:]
            cold, offered = cold + int((outcome == COLD).sum()), offered + outcome.size
        shares.append(cold / offered)
    within_three_errors(shares, *ORACLES["temporal_example"]["here"])
    within_three_errors(shares, ORACLES["temporal_example"]["simfaas_mean_p_cold"])


def example_run(rules: RulesOf, seed: int, routing: int, *, constant: bool = False, from_s: float = 0.0) -> Trace:
    warm, cold = EXAMPLE["warm_mean_s"], EXAMPLE["cold_mean_s"]
    fleet = rules(warm=warm if constant else exponential(warm), cold=cold if constant else exponential(cold), idle=IDLE_S)
    arrivals = poisson(EXAMPLE["arrival_rate"], HORIZON_S, seed)
    return simulate(arrivals, fleet._replace(routing=routing), seed, from_s=from_s, to_s=HORIZON_S)


def cold_share(run: Trace) -> float:
    return float((run.outcome == COLD).mean())


def busy(run: Trace) -> float:
    return float(run.duration_s.sum()) / HORIZON_S


def ended_life_s(run: Trace, routing: int) -> float:
    """Mean life of the environments that ended before the horizon. A trace does not name environments: requests are dealt
    to them again by the routing, and must then start cold where the trace says so."""
    cold = run.outcome == COLD
    total_s, ended, unlike = deal(run.at_s, run.duration_s, cold, routing == NEWEST)
    assert not unlike
    return float(total_s / ended)


@njit
def deal(at_s, duration_s, cold, newest_created):  # type: ignore[no-untyped-def]
    """Seconds and number of ended lives; requests that start otherwise than in the trace."""
    born_s, free_s = np.full(40, np.nan), np.zeros(40)
    total_s, ended, unlike = 0.0, 0, 0
    for number in range(at_s.size + 1):
        now = at_s[number] if number < at_s.size else HORIZON_S
        chosen, empty, latest = -1, -1, -np.inf
        for place in range(born_s.size):
            if free_s[place] + IDLE_S <= now and born_s[place] >= 0:
                total_s, ended = total_s + free_s[place] + IDLE_S - born_s[place], ended + 1
                born_s[place] = np.nan
            if not born_s[place] >= 0:
                empty = place
                continue
            rank = born_s[place] if newest_created else free_s[place]
            if free_s[place] <= now and rank > latest:
                chosen, latest = place, rank
        if number == at_s.size:
            break
        unlike += (chosen < 0) != cold[number]
        if chosen < 0:
            chosen = empty
            born_s[chosen] = now
        free_s[chosen] = now + duration_s[number]
    return total_s, ended, unlike


def exponential(mean: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = -np.log1p(-(np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE)
    return values * mean / values.mean()


def poisson(rate: float, horizon_s: float, seed: int) -> Arrivals:
    rng = np.random.default_rng([8, seed])
    times = np.sort(rng.random(rng.poisson(rate * horizon_s))) * horizon_s
    return Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE))


def within_three_errors(values: Sequence[float], expected: float, expected_error: float = 0.0) -> None:
    error = np.hypot(np.std(values, ddof=1) / len(values) ** 0.5, expected_error)
    assert abs(float(np.mean(values)) - expected) < 3 * error, (np.mean(values), expected, error)
