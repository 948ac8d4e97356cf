"""What a bill of a window of production leaves out, and what its quantities stand on: each a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from costmodel.metering import HTTP_UNIT_BYTES
from costmodel.performance.priors import init_priors
from loadgen.measurements.production import api_dimensions, group_dimensions

if TYPE_CHECKING:
    from costmodel.pricing.production import Window
    from loadgen.deployment import ApiKind

ROUNDED_MS = 0.5
"""What rounding up to 1 ms adds to an invocation on average."""
CLIENT_ERRORS = {"rest": "4XXError", "http": "4xx"}


def missing(window: Window) -> Iterator[str]:
    """What happened but is not on the bill."""
    if window.partial:
        yield "CloudWatch answered with partial data: some of it is not on the bill"
    for kind in window.asked.configurations:
        counted = window.counted(api_dimensions(window.asked.target.api(kind)))
        if counted["requests"] and kind == "rest":
            yield "REST API: no metric has the size of its responses: data transfer out is not on the bill"
        if counted["cache_hits"] and window.asked.configurations[kind].api.cache_gb is None:
            yield "REST API: a cache answered in the window and is gone now: its hours are not on the bill"
    for name in _ran(window):
        if not window.sums(window.dimensions(name), "Duration", "SampleCount"):
            yield f"{name}: CloudWatch has no Duration of it: its GB-seconds are not on the bill"
        if window.unlogged(name) and not _logged(window, name):
            yield _init(window, name)
    if silent := int(window.inits["init_ms"].isna().sum()):
        yield f"{silent:,} initialisations report no duration: not on the bill"
    for group in window.groups():
        if not window.sums(group_dimensions(group), "IncomingBytes"):
            yield f"CloudWatch has no IncomingBytes of log group {group}: its ingestion is not on the bill"


def notes(window: Window) -> Iterator[str]:
    """What was taken for what metrics do not tell, and how far it may be off."""
    for kind in window.asked.configurations:
        yield from _of_api(window, kind)
    unlogged = {name: window.unlogged(name) for name in _ran(window)}
    total_ms = sum(count * window.mean_ms(window.dimensions(name)) for name, count in unlogged.items())
    if total_ms:
        count = sum(unlogged.values())
        off = ROUNDED_MS * count / (total_ms + ROUNDED_MS * count)
        yield (f"Billed durations of {count:,.0f} invocations are taken as Duration + {ROUNDED_MS} ms each: no metric has them, "
               f"and Lambda rounds each up to 1 ms: within {off:.2%}.")
    for name, count in unlogged.items():
        if count and (logged := _logged(window, name)):
            yield f"{name}: INIT of {count:,.0f} invocations is estimated from the {logged:,} whose logs were read."
        yield from _of_function(window, name)


def _of_api(window: Window, kind: ApiKind) -> Iterator[str]:
    dimensions, label = api_dimensions(window.asked.target.api(kind)), f"{kind.upper()} API"
    counted, refused = window.counted(dimensions), window.sums(dimensions, CLIENT_ERRORS[kind])
    if counted["requests"] and kind not in window.asked.by_route:
        yield f"{label}: its stage has no detailed metrics: no metric tells its routes apart."
    if refused:
        yield (f"{label}: its count holds what the gateway itself refused (throttled, not authorised), which is not billed: at "
               f"most the {refused:,.0f} answers 4xx of {counted['requests']:,.0f}.")
    if counted["response_bytes"]:
        more = math.floor(counted["response_bytes"] / HTTP_UNIT_BYTES)
        yield (f"{label}: DataProcessed has requests and responses in one: data transfer out is at most what is on the bill, and "
               f"payloads above 512 KB may be billed as up to {more:,} requests more.")
    cache_gb = window.asked.configurations[kind].api.cache_gb
    if cache_gb is not None:
        yield f"{label}: its cache of {cache_gb:g} GB, as deployed now, is taken to have been there all the time."


def _of_function(window: Window, name: str) -> Iterator[str]:
    settings, asked = window.asked.functions[name], window.asked
    changed = asked.changed.get(name)
    if changed is not None and asked.start < changed and asked.logs_from > asked.start:
        yield (f"{name}: changed at {changed:%Y-%m-%d %H:%M} UTC, after the window began: priced at {settings.memory_mb} MB "
               f"{settings.architecture}, as served now.")
    if asked.log_days and (lost := window.lost(name)):
        yield f"{name}: {lost:,.0f} invocations in the logs' days have no REPORT line: taken at the mean duration."
    known = window.allocated(name)
    if settings.provisioned or len(known):
        environments = window.provisioned(name)
        idle = len(environments) - len(known)
        yield (f"{name}: {environments.min():g} to {environments.max():g} provisioned environments, from what was in use over "
               f"its share; in {idle:,} of {len(environments):,} periods nothing ran on them: taken as in the period before.")


def _init(window: Window, name: str) -> str:
    """That INIT is not known, and what a percent of cold starts would make."""
    function, settings = window.asked.target.deployment.functions[name], window.asked.functions[name]
    prior = init_priors(function.runtime, function.package).get(settings.architecture)
    mean_ms = window.mean_ms(window.dimensions(name))
    size = "" if prior is None or not mean_ms else (
        f"; each 1 % of cold starts would add {0.01 * prior.mean / (mean_ms + ROUNDED_MS):.1%} to its duration, at the "
        f"{prior.mean:,.0f} ms of a {function.runtime} hello-world")
    return f"{name}: INIT is in no metric and not on the bill{size} (`loadgen metrics --log-days` reads it)"


def _ran(window: Window) -> list[str]:
    return [name for name in window.asked.functions if window.sums(window.dimensions(name), "Invocations")]


def _logged(window: Window, name: str) -> int:
    """Invocations whose REPORT line was read."""
    return int((window.invocations["function"] == name).sum())
