"""`costmodel predict MODEL --run RUN`: what each configuration will do under a run's traffic, before prices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from costmodel.cli.candidates import (
    Apis,
    Architectures,
    Caches,
    FromRun,
    Json,
    Memories,
    Model,
    Provisioned,
    Question,
    Replications,
    Requests,
    Seed,
    read_question,
)
from costmodel.cli.tables import print_table, table
from costmodel.errors import InsufficientDataError
from loadgen.terminal import console, print_json, progress

if TYPE_CHECKING:
    from costmodel.prediction.prediction import Interval, Prediction
    from loadgen.deployment import Architecture

COLUMNS = ("configuration", "p50 ms", "p95 ms", "90 %", "p99 ms", "cold", "90 %", "throttled", "cache hits", "busy", "peak")


def predict(
    model: Model, run: FromRun, *, api: Apis = None, memory: Memories = None, architecture: Architectures = None,
    provisioned: Provisioned = "0", cache: Caches = "none", requests_per_month: Requests = None, seed: Seed = 0,
    replications: Replications = 8, json: Json = False,
) -> None:
    """Predict latency, cold starts, throttles and concurrency under the traffic of a run."""
    from costmodel.prediction import predictor

    asked = read_question(model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned,
                          cache=cache, requests_per_month=requests_per_month)
    predictions = []
    with progress(quiet=json) as say:
        for configuration in asked.configurations:
            say(f"predicting {configuration.label}")
            predictions.append(predictor.predict(asked.model, asked.workload, configuration, region=asked.region,
                                                 seed=seed, replications=replications))
    if json:
        print_json([prediction_document(each) for each in predictions])
        return
    print_table(table(COLUMNS, [_row(each) for each in predictions], left=("configuration",)))
    for caveat in dict.fromkeys(caveat for each in predictions for caveat in each.caveats):
        console().print(caveat, markup=False)
    for sentence in _next_sizes(asked):
        console().print(sentence, markup=False)


def prediction_document(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain data: latency [ms] by route, shares from 0 to 1, busy environments by function."""
    from loadgen.schema import to_plain

    shown = ("latency", "cold_share", "throttled", "cache_hit_share", "error_share", "concurrency", "peak_concurrency",
             "intervals", "caveats")
    return {"configuration": prediction.configuration.label,
            **{name: to_plain(getattr(prediction, name)) for name in shown}}


def _row(prediction: Prediction) -> tuple[str, ...]:
    from costmodel.prediction.prediction import ALL

    latency, intervals = prediction.latency[ALL], prediction.intervals
    return (
        prediction.configuration.label, f"{latency.p50_ms:,.0f}", f"{latency.p95_ms:,.0f}",
        _span(intervals.get("p95_ms"), ",.0f"), f"{latency.p99_ms:,.0f}",
        f"{prediction.cold_share:.2%}", _span(intervals.get("cold_share"), ".2%"), f"{sum(prediction.throttled.values()):.2%}",
        f"{prediction.cache_hit_share:.2%}",
        f"{sum(prediction.concurrency.values()):,.1f}", f"{sum(prediction.peak_concurrency.values()):,.0f}",
    )


def _span(interval: Interval | None, form: str) -> str:
    """`low–high`; one replication has none."""
    return f"{interval.low:{form}}–{interval.high:{form}}" if interval else "unknown"


def _next_sizes(asked: Question) -> Iterator[str]:
    """By function and architecture: of the sizes that were asked for, which to measure next."""
    sizes: dict[tuple[str, Architecture], list[int]] = {}
    for configuration in asked.configurations:
        for name, settings in configuration.functions.items():
            sizes.setdefault((name, settings.architecture), []).append(settings.memory_mb)
    for (name, architecture), candidates in sizes.items():
        try:
            memory_mb = asked.model.function(name).duration.next_memory_mb(architecture, candidates)
        except InsufficientDataError:
            continue  # all were measured, or fewer than two: the caveats say so
        yield f"measure next: {name} at {memory_mb} MB {architecture} (of the sizes asked for the one that tells most)"
