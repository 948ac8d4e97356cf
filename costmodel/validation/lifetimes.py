"""Environment lifetime against published measurements: the law fitted to some runs, predicting others.

- Runs: the law of five of the six runs of requests_2020 replays the sixth on its own arrivals and durations.
- Rows: the law of all six predicts the ten rows of cold_start_probability_2020 (three of them are of these runs), as
  runs of 28 h of Poisson arrivals. P(cold) is cold starts over requests of the whole run; instances are counted as
  that table does, from first use to 600 s after the last, from the seventh hour on.
- Beside them the constant idle limit of 600 s of SimFaaS, and SimFaaS's own published errors.

Client times hold CLIENT_S that no environment was busy. Rates [1/s], times [s].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from costmodel.performance.distributions import Distribution, Floats
from costmodel.performance.lifetime import Lifetime, default_lifetime
from costmodel.performance.priors import rows
from costmodel.performance.replay import Window, replay
from costmodel.performance.survival import fit_lifetime

CLIENT_S = 0.10
KEEP_S = 600.0
RUN_S = 28 * 3600.0
SKIPPED_S = 7 * 3600.0
LEVEL = 0.9
SEEN_ROWS = ("0.0042/s", "0.0079/s", "0.1004/s")
"""Rows that are of runs in requests_2020, by rate and durations."""
LAW_SD = {"cold": 0.05, "instances": 0.025}
"""By how much the law itself is off: the root mean square over the six runs left out (0.056, 0.019), less chance for
cold starts, widened for instances as six runs ask (Student's t over normal at 90 %: 1.2)."""
SIMFAAS_PUBLISHED = {"cold": 0.122, "instances": 0.0305}
"""Mean errors over twenty rows, of which ten are here (Mahmoudi and Khazaei 2021, "SimFaaS")."""

Law = Callable[[str], Lifetime]


@dataclass(frozen=True)
class Predicted:
    """One figure of one run or row: mean over replications, and the 90 % interval of a single run."""

    case: str
    figure: str
    """cold or instances."""
    measured: float
    predicted: float
    low: float
    high: float

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1

    @property
    def holds(self) -> bool:
        return self.low <= self.measured <= self.high


def windows_2020() -> dict[str, Window]:
    """The six runs, by name."""
    columns: dict[str, list[tuple[float, float, int]]] = {}
    for row in rows("requests_2020.csv.gz"):
        busy_s = max(float(row["client_ms"]) / 1000 - CLIENT_S, 0.01)
        columns.setdefault(row["run"], []).append((float(row["t_start_s"]), busy_s, int(row["inst"])))
    return {name: Window(*_columns(values)) for name, values in columns.items()}


def constant_law(idle_s: float = KEEP_S) -> Lifetime:
    """SimFaaS's: an environment goes when it was idle for so long, and for no other reason."""
    return Lifetime(Distribution(np.array([idle_s])), Distribution(np.array([1e12])), f"constant {idle_s:.0f} s")


def law_without(run: str = "") -> Lifetime:
    """The law of the six runs but one."""
    windows = [window for name, window in windows_2020().items() if name != run]
    return fit_lifetime(windows, default_lifetime(date(2020, 5, 1)), "requests_2020")


def predict_runs(law: Law = law_without, replications: int = 400) -> Iterator[Predicted]:
    """Cold starts and mean instances of each run, by the law that `law(run)` gives."""
    for name, window in windows_2020().items():
        until, rng, lifetime = float(window.start_s[-1]), np.random.default_rng(1), law(name)
        seen = [replay(window.start_s, window.busy_s, lifetime, rng) for _ in range(replications)]
        figures = {"cold": [float(each.cold.sum()) for each in seen],
                   "instances": [each.environments(0.0, until, KEEP_S) for each in seen]}
        measured = {"cold": float(window.cold.sum()), "instances": window.environments(0.0, until, KEEP_S)}
        for figure, values in figures.items():
            yield _predicted(name, figure, measured[figure], values, rng)


def predict_rows(law: Lifetime, replications: int = 60) -> Iterator[Predicted]:
    """P(cold) and mean instances of each row; ten times the replications below 0.05 requests/s."""
    for row in rows("cold_start_probability_2020.csv"):
        rate, warm_s = float(row["ArrivalRate"]), float(row["ServiceTimeWarm"]) / 1000 - CLIENT_S
        rng = np.random.default_rng(3)
        seen = [_poisson_run(rate, warm_s, law, rng) for _ in range(replications * (10 if rate < 0.06 else 1))]
        case = f"{rate:.4f}/s"
        yield _predicted(case, "cold", float(row["ColdStartProbability"]), [float(each.cold.mean()) for each in seen], rng)
        yield _predicted(case, "instances", float(row["AverageInstanceCount"]),
                         [each.environments(SKIPPED_S, RUN_S, KEEP_S) for each in seen], rng)


def mean_error(predicted: list[Predicted], figure: str) -> float:
    """Mean absolute relative error (0 to 1) of one figure."""
    return float(np.mean([abs(each.error) for each in predicted if each.figure == figure]))


def _poisson_run(rate: float, warm_s: float, law: Lifetime, rng: np.random.Generator) -> Window:
    n = max(int(rng.poisson(rate * RUN_S)), 1)
    start_s = np.sort(rng.uniform(0.0, RUN_S, n))
    return replay(start_s, np.full(n, warm_s), law, rng)


def _predicted(case: str, figure: str, measured: float, values: list[float], rng: np.random.Generator) -> Predicted:
    single = np.array(values) * np.exp(rng.normal(0.0, LAW_SD[figure], len(values)))
    low, high = np.quantile(single, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Predicted(case, figure, measured, float(np.mean(values)), float(low), float(high))


def _columns(values: list[tuple[float, float, int]]) -> tuple[Floats, Floats, np.ndarray]:
    start_s, busy_s, environment = zip(*sorted(values), strict=True)
    return np.array(start_s), np.array(busy_s), np.array(environment, dtype=np.int64)
