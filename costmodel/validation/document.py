"""The tables of what `figures` measures, and docs/accuracy.md, which holds them in Markdown with what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from costmodel.performance.distributions import Floats
from costmodel.performance.survival import SPARE_AFTER_S
from costmodel.validation.figures import Measurement
from costmodel.validation.lifetimes import SEEN_ROWS, SIMFAAS_PUBLISHED, Predicted, law_error, mean_error
from costmodel.validation.memory import QUINTUPLES, TRIPLES, Unmeasured

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Column titles, and rows of texts."""


def memory_table(measurement: Measurement) -> Table:
    """By method: error of the mean duration, regret of the size chosen from three and from five sizes."""
    found = measurement
    workloads = {name: [error for workload, error, _ in found.sweep_2025 if workload == name]
                 for name in dict.fromkeys(workload for workload, _, _ in found.sweep_2025)}
    columns = ("duration by memory", "error, 3 sizes", "error, 5 sizes", "regret, 3 sizes", "regret, 5 sizes")
    rivals = [
        ("this model, one form chosen by cross-validation", found.cross_validated_three.error, None,
         found.cross_validated_three.regret, None),
        ("power tuning's default sizes (six)", None, None, found.power_tuning.regret, found.power_tuning.regret),
        ("single exponential", found.exponential_three.error, found.exponential_five.error,
         found.exponential_three.regret, found.exponential_five.regret),
    ]
    own = ("this model", found.three.error, found.five.error, found.three.regret, found.five.regret)
    rows = [(name, *(_percent(value) for value in values)) for name, *values in (own, *rivals)]
    rows += [(f"this model, {name} 2025, one size left out", _percent(_mean_size(errors)), "", "", "")
             for name, errors in workloads.items()]
    return columns, rows


def lifetime_table(measurement: Measurement) -> Table:
    """By law: mean error of cold starts and of instances, on the ten rows and on the runs left out."""
    columns = ("environment lifetime, AWS 2020", "P(cold), rows", "instances, rows", "cold starts, runs", "instances, runs")
    laws = (("this law, fitted to other runs", measurement.rows, measurement.runs),
            ("constant 600 s", measurement.constant_rows, measurement.constant_runs))
    rows = [(name, *(_percent(mean_error(seen, figure)) for seen in (by_row, by_run) for figure in ("cold", "instances")))
            for name, by_row, by_run in laws]
    unseen = [each for each in measurement.rows if each.case not in SEEN_ROWS]
    rows.insert(1, ("the same, without the three rows of runs that it was fitted to",
                    *(_percent(mean_error(unseen, figure)) for figure in ("cold", "instances")), "", ""))
    published = tuple(_percent(SIMFAAS_PUBLISHED[figure]) for figure in ("cold", "instances"))
    return columns, [*rows, ("SimFaaS, as published (twenty rows)", *published, "", "")]


def calibration_table(measurement: Measurement) -> Table:
    """Of the 90 % intervals, how many held."""
    found = measurement
    columns = ("90 % intervals", "intervals", "held")
    cases: list[tuple[str, list[Predicted]]] = [
        (f"{what} of {where}", [each for each in seen if each.figure == figure])
        for where, seen in (("the ten rows", found.rows), ("runs left out", found.runs))
        for figure, what in (("cold", "cold starts"), ("instances", "instances"))]
    rows = [(name, f"{len(seen)}", _percent(float(np.mean([each.holds for each in seen])))) for name, seen in cases]
    sizes_2025 = [holds for _, _, holds in found.sweep_2025]
    return columns, [
        *rows,
        *(row for number, unmeasured in found.unmeasured.items() for row in _size_rows(number, unmeasured)),
        ("mean duration, 2025, one size left out", f"{len(sizes_2025)}", _percent(float(np.mean(sizes_2025)))),
    ]


def _size_rows(number: int, unmeasured: Unmeasured) -> Iterator[tuple[str, ...]]:
    """Of sizes that were not measured, from so many that were. The duration's part of a bill is its mean."""
    for inside, where in ((True, "between"), (False, "beyond")):
        if unmeasured.number(inside=inside):
            for figure, what in (("mean", "mean duration, and cost"), ("p50", "p50")):
                yield (f"{what} {where} {number} sizes", f"{unmeasured.number(inside=inside):,}",
                       _percent(unmeasured.held(figure, inside=inside)))


def quantiles_table(measurement: Measurement) -> Table:
    """Mean error of quantiles of durations at sizes that were not measured, by the number of those that were."""
    columns = ("durations at other sizes, 2020", "p50", "p95", "p99")
    return columns, [(f"from {number} sizes", *(_percent(_mean_size(errors)) for errors in
                                                (seen.p50_error, seen.p95_error, seen.p99_error)))
                     for number, seen in measurement.unmeasured.items()]


def cases_table(measurement: Measurement) -> Table:
    """Every row and run: measured, predicted, interval."""
    columns = ("case", "figure", "measured", "predicted", "90 % interval")
    return columns, [(each.case, each.figure, f"{each.measured:.4g}", f"{each.predicted:.4g}",
                      f"{each.low:.4g} to {each.high:.4g}") for each in (*measurement.rows, *measurement.runs)]


def write_document(measurement: Measurement) -> str:
    """The page as Markdown."""
    tables = [_markdown(*table(measurement)) for table in
              (memory_table, quantiles_table, lifetime_table, calibration_table, cases_table)]
    errors = " and ".join(f"{law_error([each for each in measurement.rows if each.figure == figure]):.1%} of {what}"
                          for figure, what in (("cold", "cold starts"), ("instances", "instances")))
    names = ("memory", "quantiles", "lifetime", "calibration", "cases")
    return _PAGE.format(law_errors=errors, triples=len(TRIPLES), quintuples=len(QUINTUPLES),
                        spare=SPARE_AFTER_S, **dict(zip(names, tables, strict=True)))


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean_size(errors: Sequence[float] | Floats) -> float:
    return float(np.mean(np.abs(errors)))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


_PAGE = """# How far predictions are off

Written by `costmodel accuracy --output docs/accuracy.md`; do not edit. Everything is predicted from measurements that
the prediction did not see. The data and their sources: `costmodel/performance/data/SOURCES.md`.

## Duration by memory

Four real functions on AWS Lambda in 2020 at 46 memory sizes, 100 invocations each. Three sizes ({triples} choices) or
five ({quintuples}) are given, the mean duration at all the others is predicted. Regret: how much more an invocation costs
at the size chosen by the prediction than at the best of the 46, both as measured, request fee included. Below them, the
functions of November 2025, each size predicted from the others.

{memory}

{quantiles}

A size holds 100 invocations: the p99 as measured is the mean of its two longest, about, and off by chance itself.
One of the four functions varies by 4.5 % from one size to the next where more memory no longer helps: no curve through
three sizes can know those. The form of the curves and their priors were chosen with these functions at hand, so a function
of another kind may be further off; its interval is the better guide. By how much intervals widen away from the measured
sizes was set by some 80 other published functions, at a handful of sizes each (power-tuning results, December 2025
tables). Least known are short functions, of less than 100 ms, that mostly wait: they vary most from one size or hour to
another, only means of them were published, and the tables here leave them out.

## Environment lifetime

Runs of 28 hours on AWS Lambda in 2020. Rows: ten published runs, predicted from rate and duration by the law of six runs
(three of the rows are of those runs). Runs: each of the six, on its own arrivals, by the law of the five others; of this
law the form, and the {spare:.0f} s after which an environment counts as spare, were chosen with all six at hand.
Of rows, P(cold) and instances are counted as the publication counts them: P(cold) as the mean over ten parts of the run
without the first quarter of each part's time, which below 0.005/s is 3 to 8 % above cold starts over requests; instances
from first use to 600 s after the last.

{lifetime}

The rows hold 17 to 103 cold starts each: chance alone leaves an error of some 8 %. Above 0.1 requests/s, the highest rate of
the runs, the law counts 2 to 5 % too many instances, more than chance makes.

## Whether intervals hold

{calibration}

Intervals of rows and runs are of a single run of 28 hours: chance, and by how much the law itself is off. The second is
estimated, for each case from the others of its kind; of rows, which are predicted from a rate alone as `predict` does it,
it is {law_errors}. `predict` adds it to the intervals of cold starts and environments.
Intervals of durations hold what would be measured at a size: the error of the means given,
what the curves leave open, and the scatter between sizes; those of cost follow them. No interval holds what differs between
one day and another, where all runs are of one day.

## All rows and runs

{cases}
"""
