"""What happened in a period, tallied: the one thing that both measured and predicted traffic become before money.

A tally says how much of something one resource did. Flow tallies grow with the traffic, standing tallies with the
hours. Quantities are floats, or arrays over configurations. Units are in the names: GB-s are GiB-seconds as Lambda
bills them (memory in MB / 1024), bytes are bytes.

`observed` counts a run as AWS saw it: the gateway by its access log, Lambda by its REPORT lines (the billed duration as
printed, never computed again), what stands by the run's own time. Requests of the warm-up are in it: they are billed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError
from costmodel.metering import billed_ms, gb_s, http_units
from loadgen.configuration import Configuration
from loadgen.deployment import ApiKind, Architecture
from loadgen.shapes import from_dict

if TYPE_CHECKING:
    import pandas as pd

    from loadgen.measurements.run import Run

REFUSED_STATUS = (401, 403, 429)
"""Answers of the gateway itself that are not billed: not authorised, no valid key, no such route, throttled."""
REFUSALS = ("THROTTLED", "QUOTA_EXCEEDED", "UNAUTHORIZED", "ACCESS_DENIED", "INVALID_API_KEY", "EXPIRED_TOKEN",
            "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN", "WAF_FILTERED")
"""The same by the access log's error type, where the format has it. Other errors of the gateway are billed."""
THROTTLED = 429
"""The status of the Lambda service for an invocation that it did not admit."""
INIT = "init"
"""The trigger of an initialisation that no invocation waited for."""

Quantity = float | npt.NDArray[np.float64]
Origin = Literal["measured", "predicted", "given", "assumed"]


@dataclass(frozen=True)
class Tally:
    """Base of all tallies; `quantities` names the fields that scale."""

    quantities: ClassVar[tuple[str, ...]] = ()
    standing: ClassVar[bool] = False

    def scaled(self, flow: float, hours: float) -> Tally:
        """This tally with its quantities multiplied: by `hours` when it stands, else by `flow`."""
        factor = hours if self.standing else flow
        return replace(self, **{name: getattr(self, name) * factor for name in self.quantities})


@dataclass(frozen=True)
class RouteTally(Tally):
    """Requests of one route of one API."""

    quantities: ClassVar[tuple[str, ...]] = ("requests", "rejected", "units", "cache_hits", "response_bytes")
    api: ApiKind
    route: str
    requests: Quantity
    """Billed: all that the gateway accepted, cache hits and what Lambda throttled included."""
    rejected: Quantity = 0.0
    """Not billed: throttled by the gateway or refused by it."""
    units: Quantity = 0.0
    """HTTP APIs: 512-KB units of the accepted requests; REST APIs that stream: 10-MB units (see metering)."""
    cache_hits: Quantity = 0.0
    response_bytes: Quantity = 0.0
    resource: str = ""
    """The API's own name, where a bill is to tell several APIs of one kind apart."""


@dataclass(frozen=True)
class FunctionTally(Tally):
    """Invocations of one function by one trigger (a route's name, or another source)."""

    quantities: ClassVar[tuple[str, ...]] = (
        "invocations", "throttled", "cold_starts", "gb_s", "init_gb_s", "provisioned_gb_s", "log_bytes")
    function: str
    trigger: str
    architecture: Architecture
    memory_mb: int
    invocations: Quantity
    """Billed requests: what ran, errors included, throttles not."""
    throttled: Quantity = 0.0
    cold_starts: Quantity = 0.0
    gb_s: Quantity = 0.0
    """On-demand billed duration x memory, INIT included."""
    init_gb_s: Quantity = 0.0
    """The part of `gb_s` that is INIT."""
    provisioned_gb_s: Quantity = 0.0
    """Billed duration x memory in provisioned environments."""
    log_bytes: Quantity = 0.0


@dataclass(frozen=True)
class ProvisionedTally(Tally):
    """Provisioned concurrency that was configured, used or not."""

    quantities: ClassVar[tuple[str, ...]] = ("gb_s",)
    standing: ClassVar[bool] = True
    function: str
    architecture: Architecture
    gb_s: Quantity

    @classmethod
    def kept(cls, function: str, architecture: Architecture, memory_mb: int, environments: float,
             hours: float) -> ProvisionedTally:
        """So many environments of a memory size, kept for so long."""
        return cls(function, architecture, gb_s(1000.0, memory_mb) * environments * 3600.0 * hours)


@dataclass(frozen=True)
class CacheTally(Tally):
    """A REST stage's cache cluster."""

    quantities: ClassVar[tuple[str, ...]] = ("hours",)
    standing: ClassVar[bool] = True
    api: ApiKind
    size_gb: float
    hours: Quantity
    resource: str = ""
    """The API's own name, as in RouteTally."""


T = TypeVar("T", bound=Tally)


@dataclass(frozen=True)
class Activity:
    """All tallies of a period in one Region. `hours`: the period's length."""

    region: str
    hours: float
    tallies: tuple[Tally, ...]
    origin: Origin
    missing: tuple[str, ...] = ()
    """What happened but could not be counted, each a sentence: it is on no bill, and every bill says so."""
    notes: tuple[str, ...] = ()
    """What the quantities stand on, each a sentence: what was assumed for what nobody gave, and which rule holds."""

    def of(self, kind: type[T]) -> Iterator[T]:
        """The tallies of one kind."""
        return (tally for tally in self.tallies if isinstance(tally, kind))

    def scaled(self, flow: float, hours: float) -> Activity:
        """The same activity over `hours`, with `flow` times the traffic. Raises InputError when its own period has no length."""
        if not self.hours > 0:
            raise InputError(f"activity: hours={self.hours}: give the period's length, more than 0 h, to scale it to another")
        ratio = hours / self.hours
        return replace(self, hours=hours, tallies=tuple(tally.scaled(flow, ratio) for tally in self.tallies))


def observed(run: Run) -> Activity:
    """What AWS did for a run, over the run's own period. Raises RunError when what AWS saw was not collected.

    What was not reported is a sentence in `missing`, not a 0 among the tallies.
    """
    intent = run.intent
    requests = run.frame("requests", ["route", "status", "scheduled_at", "latency_ms", "request_bytes",
                                      "response_bytes", "gateway_request_id", "lambda_request_id"])
    access = _access(run, requests)
    events = _function_events(run, requests, access)
    hours = _hours(run, requests)
    tallies = (*_route_tallies(access, intent.configuration), *_function_tallies(events),
               *standing_tallies(intent.configuration, hours))
    return Activity(intent.target.region, hours, tallies, "measured", tuple(_missing(requests, access, events)))


def standing_tallies(configuration: Configuration, hours: float) -> Iterator[Tally]:
    """What a configuration costs for `hours`, used or not: provisioned concurrency and the cache.

    AWS rounds the time from enabling to disabling up, to five minutes and to the hour; here the hours count as given.
    """
    for name, settings in configuration.functions.items():
        if settings.provisioned:
            yield ProvisionedTally.kept(name, settings.architecture, settings.memory_mb, settings.provisioned, hours)
    if configuration.api.cache_gb is not None:
        yield CacheTally(configuration.api.kind, configuration.api.cache_gb, hours)


def _access(run: Run, requests: pd.DataFrame) -> pd.DataFrame:
    """The access log, with the client's route and sizes where the log's format has none."""
    from loadgen.measurements.frames import ACCESS, to_pandas

    sent = requests.dropna(subset="gateway_request_id")
    only_direct = sent.empty and requests["lambda_request_id"].notna().any()
    log = to_pandas(ACCESS.arrow.empty_table()) if only_direct else run.frame("access")
    client = sent[["gateway_request_id", "route", "request_bytes", "response_bytes"]]
    rows = log.merge(client, on="gateway_request_id", how="left", suffixes=("", "_sent"))
    for column in ("route", "response_bytes"):
        rows[column] = rows[column].fillna(rows[f"{column}_sent"])
    alone = rows["lambda_request_id"].isna() & rows["lambda_status"].isna()
    told, status = rows["error_type"], rows["status"]
    refused = told.isin(REFUSALS) | (told.isna() & status.isin(REFUSED_STATUS))
    rows["rejected"] = (alone & refused).astype(bool)
    rows["cache_hit"] = (alone & told.isna() & ~rows["rejected"]).astype(bool)
    return rows


def _route_tallies(access: pd.DataFrame, configuration: Configuration) -> Iterator[RouteTally]:
    kind = configuration.api.kind
    for route, rows in access.groupby("route", sort=True):
        accepted = rows[~rows["rejected"]]
        response_bytes = np.nan_to_num(floats(accepted["response_bytes"]))
        units = http_units(np.nan_to_num(floats(accepted["request_bytes"])), response_bytes)
        yield RouteTally(
            kind, str(route), requests=float(len(accepted)), rejected=_total(rows["rejected"]),
            units=float(units.sum()) if kind == "http" else 0.0,
            cache_hits=_total(accepted["cache_hit"]) if configuration.api.caches(str(route)) else 0.0,
            response_bytes=float(response_bytes.sum()))


def _function_events(run: Run, requests: pd.DataFrame, access: pd.DataFrame) -> pd.DataFrame:
    """A row an invocation, a throttle and an initialisation apart: function, trigger, and what it adds to a tally."""
    import pandas as pd

    settings = run.intent.configuration.functions
    direct = requests.dropna(subset="lambda_request_id")
    behind = {route.name: route.function for route in run.intent.target.deployment.triggers}
    events = pd.concat([
        _invoked(run.frame("invocations"), pd.concat([access, direct])),
        _refused(access[access["lambda_status"] == THROTTLED], behind),
        _refused(direct[direct["status"] == THROTTLED], behind),
        _initialised(run.frame("inits")),
    ], ignore_index=True)
    events = events[events["function"].isin(settings)]
    configured_mb = events["function"].map({name: of.memory_mb for name, of in settings.items()})
    return events.assign(
        memory_mb=events["memory_mb"].fillna(configured_mb).astype(int),
        architecture=events["function"].map({name: of.architecture for name, of in settings.items()}),
        provisioned=(events["initialization"] == "provisioned").fillna(False).astype(bool),
    )


def _invoked(invocations: pd.DataFrame, callers: pd.DataFrame) -> pd.DataFrame:
    called = callers.dropna(subset="lambda_request_id").drop_duplicates("lambda_request_id")
    route = invocations["lambda_request_id"].map(called.set_index("lambda_request_id")["route"])
    with_init = invocations["init_ms"].notna()
    billed, duration_ms = floats(invocations["billed_ms"]), floats(invocations["duration_ms"])
    return invocations[["function", "memory_mb", "initialization", "log_bytes"]].assign(
        trigger=route.fillna(invocations["source"]).fillna("unknown"),
        invocations=1.0,
        cold_starts=(with_init | invocations["restore_ms"].notna()).astype(float),
        billed_ms=billed,
        billed_init_ms=np.where(with_init, np.maximum(billed - billed_ms(duration_ms), 0.0), 0.0),
    )


def _refused(rows: pd.DataFrame, behind: Mapping[str, str]) -> pd.DataFrame:
    """Invocations that Lambda did not admit; the route of a direct invoke is `INVOKE <function>`."""
    function = rows["route"].map(lambda route: behind.get(route, str(route).removeprefix("INVOKE ")))
    return rows[[]].assign(function=function, trigger=rows["route"], throttled=1.0)


def _initialised(inits: pd.DataFrame) -> pd.DataFrame:
    """Initialisations that no invocation waited for; those of provisioned environments pay that price."""
    init_ms = billed_ms(floats(inits["init_ms"]))
    return inits[["function", "initialization"]].assign(trigger=INIT, billed_ms=init_ms, billed_init_ms=init_ms)


def _function_tallies(events: pd.DataFrame) -> Iterator[FunctionTally]:
    groups: Any = events.groupby(["function", "trigger", "architecture", "memory_mb"], sort=True)
    for (function, trigger, architecture, memory_mb), rows in groups:
        on_demand = rows[~rows["provisioned"]]
        counts = {name: _total(rows[name]) for name in ("invocations", "throttled", "cold_starts", "log_bytes")}
        yield FunctionTally(
            function, trigger, architecture, int(memory_mb), **counts,
            gb_s=gb_s(_total(on_demand["billed_ms"]), memory_mb),
            init_gb_s=gb_s(_total(on_demand["billed_init_ms"]), memory_mb),
            provisioned_gb_s=gb_s(_total(rows["billed_ms"]) - _total(on_demand["billed_ms"]), memory_mb),
        )


def _missing(requests: pd.DataFrame, access: pd.DataFrame, events: pd.DataFrame) -> Iterator[str]:
    """What is not in the tallies because nothing reported it."""
    seen = requests["gateway_request_id"].dropna().isin(access["gateway_request_id"])
    ran = access["lambda_request_id"].notna() & (access["lambda_status"] != THROTTLED).fillna(True)
    invoked = events["invocations"] == 1
    inits = events["trigger"] == INIT
    reported = events[invoked]
    counts = {
        "answered requests have no access-log row": int((~seen).sum()),
        "invocations have no REPORT line": max(0, int(ran.sum()) - len(reported)),
        "invocations report no billed duration": int(reported["billed_ms"].isna().sum()),
        "invocations have no known log size": int(reported["log_bytes"].isna().sum()),
        "initialisations report no duration": int(events[inits]["billed_ms"].isna().sum()),
    }
    yield from (f"{count:,} {what}: not on the bill" for what, count in counts.items() if count)
    if len(access):
        yield "the size of the gateway's access log is not recorded: its ingestion is not on the bill"


def _hours(run: Run, requests: pd.DataFrame) -> float:
    """The run's own time: that of its schedule, as for a prediction of the same run."""
    scheduled = requests["scheduled_at"]
    start = min((worker.started_at for worker in run.workers), default=scheduled.min())
    lasted_s = float((scheduled.max() - start).total_seconds())
    return max(from_dict(run.intent.shape).duration_s, lasted_s) / 3600.0


def floats(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """A column's values, NaN where they are missing."""
    values: npt.NDArray[np.float64] = column.to_numpy(dtype=float, na_value=np.nan)
    return values


def _total(column: pd.Series[Any]) -> float:
    """The sum of what is known; `_missing` says what is not."""
    return float(np.nansum(floats(column)))
