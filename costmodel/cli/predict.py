"""`costmodel predict MODEL --run RUN`: what each configuration will do under a run's traffic, before prices."""

from __future__ import annotations

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
    Replications,
    Requests,
    Seed,
    read_question,
)
from costmodel.cli.tables import print_table, table
from loadgen.terminal import console, print_json, progress

if TYPE_CHECKING:
    from costmodel.prediction.prediction import Prediction

COLUMNS = ("configuration", "p50 ms", "p95 ms", "90 %", "p99 ms", "cold", "throttled", "cache hits", "busy", "peak")


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


def prediction_document(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain data: latency [ms] by route, shares from 0 to 1, busy environments by function."""
    from loadgen.schema import to_plain

    shown = ("latency", "cold_share", "throttled", "cache_hit_share", "error_share", "concurrency", "peak_concurrency",
             "intervals", "caveats")
    return {"configuration": prediction.configuration.label,
            **{name: to_plain(getattr(prediction, name)) for name in shown}}


def _row(prediction: Prediction) -> tuple[str, ...]:
    from costmodel.prediction.prediction import ALL

    latency, interval = prediction.latency[ALL], prediction.intervals.get("p95_ms")
    return (
        prediction.configuration.label, f"{latency.p50_ms:,.0f}", f"{latency.p95_ms:,.0f}",
        f"{interval.low:,.0f}–{interval.high:,.0f}" if interval else "unknown", f"{latency.p99_ms:,.0f}",
        f"{prediction.cold_share:.2%}", f"{sum(prediction.throttled.values()):.2%}", f"{prediction.cache_hit_share:.2%}",
        f"{sum(prediction.concurrency.values()):,.1f}", f"{sum(prediction.peak_concurrency.values()):,.0f}",
    )
