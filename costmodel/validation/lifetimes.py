"""Environment lifetime against published measurements: the law fitted to some runs, predicting others.

- Runs: the law of five of the six runs of requests_2020 replays the sixth on its own arrivals and durations. The law's form
  and SPARE_AFTER_S were chosen with all six at hand.
- Rows: the law of all six predicts the ten rows of cold_start_probability_2020 (three of them are of these runs), as
  runs of 28 h of Poisson arrivals, as many as the row's rate says. P(cold) and instances are counted as that table
  counts them (`published_cold_share`; instances from first use to 600 s after the last, from the seventh hour on).
- Beside them the constant idle limit of 600 s of SimFaaS, and SimFaaS's own published errors.

An interval is that of one run. Two things make it: chance, which the replications show, and by how much the law itself
is off, a relative standard deviation that is estimated from the other cases of its kind (rows are predicted from a rate
alone and miss by more than runs do, whose arrivals and durations are known): with r = ln(measured / predicted) and chance
s of each, r ~ N(0, s^2 + t^2), and t^2 is its posterior mean under a flat prior of t.

Client times hold CLIENT_S that no environment was busy. Rates [1/s], times [s].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
SIMFAAS_PUBLISHED = {"cold": 0.122, "instances": 0.0305}
"""Mean errors over twenty rows, of which ten are here (Mahmoudi and Khazaei 2021, "SimFaaS")."""
_PARTS = 10
_SKIPPED_SHARE = 0.25
_LAW_ERRORS = np.linspace(0.0, 0.5, 501)

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
    chance: float = 0.0
    """Standard deviation of a single run over the mean of all."""

    @property
    def kind(self) -> tuple[str, bool]:
        """Its figure, and whether it is a row, predicted from its rate alone."""
        return self.figure, self.case.endswith("/s")

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1

    @property
    def holds(self) -> bool:
        return self.low <= self.measured <= self.high

    def widened(self, law_error: float) -> Predicted:
        """With an interval that holds the law's own error, a relative standard deviation, besides what it held."""
        from scipy.stats import norm

        reach = float(norm.ppf((1 + LEVEL) / 2)) * law_error
        below, above = (float(np.hypot(np.log(end / self.predicted), reach)) for end in (self.low, self.high))
        return replace(self, low=self.predicted * np.exp(-below), high=self.predicted * np.exp(above))


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
    """Cold starts and mean instances of each run, by the law that `law(run)` gives. Intervals hold chance alone."""
    for name, window in windows_2020().items():
        until, rng, lifetime = float(window.start_s[-1]), np.random.default_rng(1), law(name)
        seen = [replay(window.start_s, window.busy_s, lifetime, rng) for _ in range(replications)]
        figures = {"cold": [float(each.cold.sum()) for each in seen],
                   "instances": [each.environments(0.0, until, KEEP_S) for each in seen]}
        measured = {"cold": float(window.cold.sum()), "instances": window.environments(0.0, until, KEEP_S)}
        for figure, values in figures.items():
            yield _predicted(name, figure, measured[figure], values)


def predict_rows(law: Lifetime, replications: int = 60) -> Iterator[Predicted]:
    """P(cold) and mean instances of each row, as the table counts them. Intervals hold chance alone.

    Ten times the replications, forty times below 0.06 requests/s where a run is short and varies more: with 60 the mean
    error of instances is known to 0.02 percentage points, that of P(cold) to 0.08.
    """
    for row in rows("cold_start_probability_2020.csv"):
        rate, warm_s = float(row["ArrivalRate"]), float(row["ServiceTimeWarm"]) / 1000 - CLIENT_S
        rng = np.random.default_rng(3)
        seen = [_poisson_run(rate, warm_s, law, rng) for _ in range(replications * (40 if rate < 0.06 else 10))]
        case = f"{rate:.4f}/s"
        yield _predicted(case, "cold", float(row["ColdStartProbability"]), [published_cold_share(each) for each in seen])
        yield _predicted(case, "instances", float(row["AverageInstanceCount"]),
                         [each.environments(SKIPPED_S, RUN_S, KEEP_S) for each in seen])


def published_cold_share(window: Window) -> float:
    """P(cold) as the table has it: mean over ten parts of equally many requests, each without its last one and without
    those of the first quarter of its time.

    At low rates it is above cold starts over requests: what is left of a part begins after a pause that is longer than
    most, and a long pause ends with a cold start.
    """
    parts = min(_PARTS, max(window.start_s.size // 2, 1))
    size = window.start_s.size // parts
    at, cold = (values[: parts * size].reshape(parts, size)[:, : max(size - 1, 1)] for values in (window.start_s, window.cold))
    begin, end = at[:, :1], at[:, -1:]
    counted = (at > begin + _SKIPPED_SHARE * (end - begin)) | (begin == end)
    return float(((cold & counted).sum(axis=1) / counted.sum(axis=1)).mean())


def law_error(cases: Sequence[Predicted]) -> float:
    """By how much the law is off in these cases, chance apart: a relative standard deviation."""
    missed = np.array([np.log(each.measured / each.predicted) for each in cases])
    chance = np.array([each.chance for each in cases])
    variance = _LAW_ERRORS[:, None] ** 2 + np.maximum(chance, 1e-3) ** 2
    log_likelihood = -0.5 * (np.log(variance) + missed**2 / variance).sum(axis=1)
    weights = np.exp(log_likelihood - log_likelihood.max())
    return float(np.sqrt((weights * _LAW_ERRORS**2).sum() / weights.sum()))


def with_law_error(cases: Sequence[Predicted]) -> list[Predicted]:
    """Each case with an interval that holds the law's error too, as the other cases of its kind show it."""
    return [each.widened(law_error([other for other in cases if other is not each and other.kind == each.kind]))
            for each in cases]


def mean_error(predicted: list[Predicted], figure: str) -> float:
    """Mean absolute relative error (0 to 1) of one figure."""
    return float(np.mean([abs(each.error) for each in predicted if each.figure == figure]))


def _poisson_run(rate: float, warm_s: float, law: Lifetime, rng: np.random.Generator) -> Window:
    """The rate is the run's own: so many arrivals, anywhere."""
    start_s = np.sort(rng.uniform(0.0, RUN_S, max(round(rate * RUN_S), 1)))
    return replay(start_s, np.full(start_s.size, warm_s), law, rng)


def _predicted(case: str, figure: str, measured: float, values: list[float]) -> Predicted:
    mean = float(np.mean(values))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Predicted(case, figure, measured, mean, float(low), float(high), float(np.std(values)) / mean)


def _columns(values: list[tuple[float, float, int]]) -> tuple[Floats, Floats, np.ndarray]:
    start_s, busy_s, environment = zip(*sorted(values), strict=True)
    return np.array(start_s), np.array(busy_s), np.array(environment, dtype=np.int64)
