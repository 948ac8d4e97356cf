"""How many requests a second the simulator does on one core, at 2, 100 and 1,000 busy environments.

One function, Poisson arrivals, exponential durations of 2 s, an idle limit of 600 s, every rule switched on but none
that binds. The call is timed whole: allocation, kernel, looking durations up. Beside it, in the same run:

    ratio_bare_*     over a bare calendar wheel: durations drawn, put into the wheel and taken out, no rule
    ratio_simfaas    over the PyPI package simfaas 0.2.2 at 2 busy, where that is installed (`pip install --no-deps simfaas
                     tqdm`); else the figure is left out
    simfaas_servers  SimFaaS's worked example, one run of 1e6 s: 7.696 +- 3 x 0.0233 mean environments
    month_s          a month of 730 h at 100 requests/s, 262.8 million of them, drawn and simulated part by part;
                     `month_cpu_s` is the processor's time, which other work on the machine hardly stretches
    closed_form_*    the closed forms against the simulator; prune_50000_s: as many configurations in closed form

Compilation is timed apart (`first_call_s`), and cached between runs. `--json` prints the same figures as one object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from closed_forms import closed_form_errors, prune_s
from figures import print_figures
from numba import njit

from costmodel.prediction.simulator import (
    BUCKET,
    COLD,
    FUNCTION,
    NEWEST,
    NONE,
    POOL,
    ROUTE,
    TABLE_SIZE,
    Arrivals,
    Floats,
    Ints,
    Rules,
    simulate,
    simulate_parts,
    word,
)

REQUESTS = 4_000_000
DURATION_S = 2.0
MONTH_S, MONTH_RPS, PART = 730 * 3600.0, 100.0, 60_000


def measure() -> dict[str, float]:
    arrivals = arrivals_of(2, 1_000)
    figures = {"first_call_s": seconds(lambda: simulate(arrivals, RULES, seed=1))}
    bare(arrivals, RULES)
    for busy in (2, 100, 1000):
        ours, wheel = rates(arrivals_of(busy, REQUESTS))
        figures |= {f"requests_per_s_{busy}": ours, f"bare_per_s_{busy}": wheel, f"ratio_bare_{busy}": ours / wheel}
    cpu_s = time.process_time()
    figures |= {"month_s": seconds(month), "month_cpu_s": time.process_time() - cpu_s, "simfaas_servers": simfaas_servers()}
    theirs = simfaas_per_s()
    if theirs is not None:
        figures["ratio_simfaas"] = figures["requests_per_s_2"] / theirs
    return figures | closed_form_errors() | {"prune_50000_s": prune_s()}


def rates(arrivals: Arrivals) -> tuple[float, float]:
    """Requests a second of the simulator and of the bare wheel, the best of five turns that alternate."""
    turns = [(seconds(lambda: simulate(arrivals, RULES, seed=1)), seconds(lambda: bare(arrivals, RULES))) for _ in range(5)]
    ours, wheel = (min(column) for column in zip(*turns, strict=True))
    return REQUESTS / ours, REQUESTS / wheel


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def arrivals_of(busy: int, n: int) -> Arrivals:
    times = np.cumsum(np.random.default_rng(busy).exponential(DURATION_S / busy, n))
    return Arrivals(times, np.zeros(n, dtype=np.int64), np.full(n, NONE))


def exponential(mean: float) -> Floats:
    values: Floats = -np.log1p(-(np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE)
    return values * mean / values.mean()


def rules(warm_s: float = DURATION_S, cold_s: float = DURATION_S, init_s: float = 0.3) -> Rules:
    function = {"scaling_bucket": 3, "provisioned_bucket": 3, "idle_top": NONE, "timeout_s": 900.0, "ready_s": np.inf}
    return Rules(
        np.array([(0, 1, 0.0)], dtype=ROUTE), np.array([(1e9, 1e9, 1e9, 0.0)] * 4, dtype=BUCKET),
        np.array([(10_000, 2, 0)], dtype=POOL),
        np.array([tuple(function.get(name, 0) for name in FUNCTION.names or ())], dtype=FUNCTION),
        np.stack([exponential(warm_s), exponential(cold_s), np.full(TABLE_SIZE, init_s)])[np.newaxis],
        np.stack([np.linspace(570, 630, TABLE_SIZE), np.linspace(3600, 7200, TABLE_SIZE), np.linspace(618, 660, TABLE_SIZE)]),
    )


def month() -> None:
    for trace in simulate_parts(month_parts(), RULES, seed=1):
        np.count_nonzero(trace.outcome == COLD)


def month_parts() -> Iterator[Arrivals]:
    rng, begun_s = np.random.default_rng(7), 0.0
    route, key = np.zeros(PART, dtype=np.int64), np.full(PART, NONE)
    times = np.empty(PART)
    while begun_s < MONTH_S:
        rng.standard_exponential(out=times)
        times[0] += begun_s * MONTH_RPS
        np.cumsum(times, out=times)
        times /= MONTH_RPS
        begun_s = float(times[-1])
        n = int(np.searchsorted(times, MONTH_S))
        yield Arrivals(times[:n], route[:n], key[:n])


def simfaas_servers() -> float:
    """Its README: 0.9 requests/s, exponential 1.991 s warm and 2.244 s cold, kept for 600 s, the newest one first."""
    horizon_s, rng = 1e6, np.random.default_rng(11)
    times = np.sort(rng.random(rng.poisson(0.9 * horizon_s))) * horizon_s
    forever = np.full(TABLE_SIZE, np.inf)
    example = rules(1.991, 2.244, 0.0)._replace(
        routing=NEWEST, lifetime_s=np.stack([np.full(TABLE_SIZE, 600.0), forever, forever]))
    trace = simulate(Arrivals(times, np.zeros(times.size, dtype=np.int64), np.full(times.size, NONE)), example, 1, to_s=horizon_s)
    return float(trace.environment_s[0]) / horizon_s


def simfaas_per_s() -> float | None:
    """Requests a second of simfaas at 2 busy; None: it is not installed."""
    try:
        from simfaas.ServerlessSimulator import ServerlessSimulator
    except ImportError:
        return None
    horizon_s = 100_000.0
    theirs = ServerlessSimulator(arrival_rate=2 / DURATION_S, warm_service_rate=1 / DURATION_S, cold_service_rate=1 / DURATION_S,
                                 expiration_threshold=600, max_time=horizon_s)
    return 2 / DURATION_S * horizon_s / seconds(theirs.generate_trace)


def bare(arrivals: Arrivals, of: Rules) -> int:
    """Draw durations and pass them through a calendar wheel of the same width; how many came out."""
    gap_s = float(arrivals.time_s[-1]) / arrivals.time_s.size
    slot_s = max(min(gap_s, DURATION_S) / 4, 1e-9)
    slots = 1 << min(max(int(np.ceil(np.log2(4 * DURATION_S / slot_s))), 6), 20)
    nodes = 20_000
    free = np.arange(1, nodes + 1)
    return int(turn(arrivals.time_s, of.tables_s[0, 0], 1 / slot_s, np.full(slots, NONE), (free, np.zeros(nodes))))


@njit(cache=True, error_model="numpy")
def turn(time_s: Floats, duration_s: Floats, slots_per_s: float, slots: Ints, nodes: tuple[Ints, Floats]) -> int:
    link, end_s = nodes
    free, hand, inside, out = 0, 0, 0, 0
    for number in range(time_s.size):
        now = time_s[number]
        target = np.int64(now * slots_per_s)
        while hand <= target and inside > 0:
            slot = hand & (slots.size - 1)
            node = slots[slot]
            while node >= 0 and end_s[node] <= now and np.int64(end_s[node] * slots_per_s) <= hand:
                slots[slot] = link[node]
                link[node], free = free, node
                inside, out = inside - 1, out + 1
                node = slots[slot]
            hand += 1
        hand = target
        bits = word(np.uint64(1), number)
        node, free = free, link[free]
        end_s[node] = now + duration_s[np.int64(bits & np.uint64(TABLE_SIZE - 1))]
        slot = np.int64(end_s[node] * slots_per_s) & (slots.size - 1)
        before, after = NONE, slots[slot]
        while after >= 0 and end_s[after] <= end_s[node]:
            before, after = after, link[after]
        link[node] = after
        if before < 0:
            slots[slot] = node
        else:
            link[before] = node
        inside += 1
    return out


RULES = rules()

if __name__ == "__main__":
    print_figures(__doc__, measure)
