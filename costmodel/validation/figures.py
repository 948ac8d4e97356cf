"""The figures of the accuracy benchmark, under the names that it prints: errors, regrets and coverages [%]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from costmodel.validation.lifetimes import (
    Predicted,
    constant_law,
    law_without,
    mean_error,
    predict_rows,
    predict_runs,
    with_law_error,
)
from costmodel.validation.memory import (
    PAIRS,
    QUINTUPLES,
    TRIPLES,
    Scores,
    Unmeasured,
    by_cross_validation,
    exponential,
    left_out_2025,
    ours,
    power_tuning_2020,
    score_2020,
    unmeasured_2020,
)


@dataclass(frozen=True)
class Measurement:
    """Everything that is compared, each part computed when first asked for and kept."""

    replications: int = 60

    @cached_property
    def three(self) -> Scores:
        return score_2020(ours, TRIPLES)

    @cached_property
    def five(self) -> Scores:
        return score_2020(ours, QUINTUPLES)

    @cached_property
    def cross_validated_three(self) -> Scores:
        return score_2020(by_cross_validation, TRIPLES)

    @cached_property
    def unmeasured(self) -> dict[int, Unmeasured]:
        """By the number of sizes that were measured."""
        return {len(choices[0]): unmeasured_2020(choices) for choices in (PAIRS, TRIPLES, QUINTUPLES[::3])}

    @cached_property
    def exponential_three(self) -> Scores:
        return score_2020(exponential, TRIPLES)

    @cached_property
    def exponential_five(self) -> Scores:
        return score_2020(exponential, QUINTUPLES)

    @cached_property
    def power_tuning(self) -> Scores:
        return power_tuning_2020()

    @cached_property
    def sweep_2025(self) -> list[tuple[str, float, bool]]:
        return list(left_out_2025())

    @cached_property
    def lifetimes(self) -> list[Predicted]:
        """Rows, then runs; the law's error in each interval is that of all the other cases."""
        return with_law_error([*predict_rows(law_without(), self.replications),
                               *predict_runs(replications=10 * self.replications)])

    @cached_property
    def rows(self) -> list[Predicted]:
        return [each for each in self.lifetimes if each.case.endswith("/s")]

    @cached_property
    def runs(self) -> list[Predicted]:
        return [each for each in self.lifetimes if not each.case.endswith("/s")]

    @cached_property
    def constant_runs(self) -> list[Predicted]:
        return list(predict_runs(lambda _: constant_law(), self.replications))

    @cached_property
    def constant_rows(self) -> list[Predicted]:
        return list(predict_rows(constant_law(), max(self.replications // 3, 1)))

    def figures(self) -> dict[str, float]:
        """What the benchmark prints [%]."""
        return {name: value * 100 for name, value in self._shares()}

    def _shares(self) -> Iterator[tuple[str, float]]:
        yield "memory_mape_2020", _known(self.three.error)
        yield "memory_mape_2025", float(np.mean([abs(error) for _, error, _ in self.sweep_2025]))
        for sizes, scores in (("3", self.three), ("5", self.five)):
            yield f"size_regret_{sizes}", scores.regret
        yield "size_regret_power_tuning", self.power_tuning.regret
        yield "size_regret_exponential_3", self.exponential_three.regret
        yield "size_regret_exponential_5", self.exponential_five.regret
        yield "cold_mape_2020", mean_error(self.rows, "cold")
        yield "instances_mape_2020", mean_error(self.rows, "instances")
        yield "cold_count_mape_runs", mean_error(self.runs, "cold")
        yield "instances_mape_runs", mean_error(self.runs, "instances")
        yield "interval_coverage", float(np.mean([each.holds for each in (*self.rows, *self.runs)]))
        yield "interval_coverage_memory", float(self.unmeasured[3].mean_held.mean())
        yield "interval_coverage_memory_2025", float(np.mean([holds for _, _, holds in self.sweep_2025]))


def _known(value: float | None) -> float:
    return float("nan") if value is None else value
