"""`costmodel predict MODEL --run RUN`: what each configuration will do under a run's traffic, before prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    simulated,
)
from costmodel.cli.provisioning import Scheduled, Tracked, read_scaling
from costmodel.cli.tables import known, number, percent, print_table, span, table
from costmodel.errors import InputError, InsufficientDataError
from loadgen.terminal import console, print_json, progress

if TYPE_CHECKING:
    from rich.table import Table

    from costmodel.cli.provisioning import Scaling
    from costmodel.prediction.prediction import Prediction
    from loadgen.deployment import Architecture

COLUMNS = ("configuration", "p50 ms", "p95 ms", "90 %", "p99 ms", "cold", "90 %", "throttled", "cache hits", "busy", "peak")
PROVISIONED = "provisioned"
"""The column of the mean provisioned environments, where there are any."""


def predict(
    model: Model, run: FromRun, *, api: Apis = None, memory: Memories = None, architecture: Architectures = None,
    provisioned: Provisioned = None, schedule: Scheduled = None, target_tracking: Tracked = None, cache: Caches = None,
    requests_per_month: Requests = None, seed: Seed = 0, replications: Replications = 8, json: Json = False,
) -> None:
    """Predict latency, cold starts, throttles and concurrency under the traffic of a run."""
    from costmodel.prediction import predictor

    if sum(given is not None for given in (provisioned, schedule, target_tracking)) > 1:
        raise InputError("--provisioned, --schedule, --target-tracking: give one of them")
    predictions = []
    with progress(quiet=json) as say:
        say(f"reading {run}")
        asked = read_question(model, run, api=api, memory=memory, architecture=architecture, provisioned=provisioned,
                              cache=cache, requests_per_month=requests_per_month, whole_hours=target_tracking is not None)
        scaling = read_scaling(asked, schedule, target_tracking)
        for configuration in asked.configurations:
            say(f"predicting {configuration.label}")
            begun = scaling.begins(configuration) if scaling else configuration
            predictions.append(predictor.predict(
                asked.model, asked.workload, begun, region=asked.region, seed=seed, replications=replications,
                provisioning=scaling.provisioning if scaling else None))
    assumptions = [*asked.left_out, *asked.workload.assumptions, *(_scaled(scaling) if scaling else ()),
                   simulated(seed, replications), *asked.model.notes]
    if json:
        print_json([{**prediction_document(each), "assumptions": assumptions} for each in predictions])
        return
    print_table(_table(predictions))
    caveats = dict.fromkeys(caveat for each in predictions for caveat in each.caveats)
    for sentence in (*caveats, *_next_sizes(asked), *assumptions):
        console().print(sentence, markup=False)


def prediction_document(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain data: latency [ms] by route, shares from 0 to 1, environments by function; null: not known."""
    from loadgen.schema import to_plain

    shown = ("latency", "cold_share", "throttled", "expired_share", "cache_hit_share", "error_share", "concurrency",
             "peak_concurrency", "concurrency_over_time", "environments", "provisioned", "intervals", "caveats")
    return {"configuration": prediction.configuration.label,
            **{name: known(to_plain(getattr(prediction, name))) for name in shown}}


def _scaled(scaling: Scaling) -> tuple[str]:
    return (f"Provisioned concurrency of {', '.join(scaling.provisioning)} changes {scaling.text}: the table has its mean.",)


def _table(predictions: Sequence[Prediction]) -> Table:
    any_provisioned = any(sum(each.provisioned.values()) for each in predictions)
    rows = [(*_row(each), *([number(sum(each.provisioned.values()), 1)] if any_provisioned else [])) for each in predictions]
    return table((*COLUMNS, *([PROVISIONED] if any_provisioned else [])), rows, left=("configuration",))


def _row(prediction: Prediction) -> tuple[str, ...]:
    from costmodel.prediction.prediction import ALL

    latency, intervals = prediction.latency[ALL], prediction.intervals
    return (
        prediction.configuration.label, number(latency.p50_ms), number(latency.p95_ms),
        span(intervals.get("p95_ms"), ",.0f"), number(latency.p99_ms),
        percent(prediction.cold_share), span(intervals.get("cold_share"), ".2%"), percent(sum(prediction.throttled.values())),
        percent(prediction.cache_hit_share),
        number(sum(prediction.concurrency.values()), 1), number(sum(prediction.peak_concurrency.values())),
    )


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
