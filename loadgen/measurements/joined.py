"""Requests + access log + invocations: one row a request, with its cold start and what throttled it.

    requests -(gateway_request_id)-> access -(lambda_request_id)-> invocations

Columns beyond the request's own:
gateway_ms integration_ms overhead_ms   the gateway's latency, the integration's, and the difference
gateway_status gateway_error            what the gateway answered, and the type of an error of its own
lambda_status function_status           the Lambda service's status, and the one that the function's code returned
function                                logical id of the function behind the route
environment version initialization memory_mb duration_ms billed_ms init_ms restore_ms
invocation_outcome invocation_error     of the (first) invocation
cold                                    it waited for an init or a restore
throttled_by                            stage, account (the gateway's 429), reserved, concurrency (Lambda's 429)
cache_hit                               the gateway answered from its cache

What cannot be known is null, never False: `cold` without an invocation, `cache_hit` without an access row. Null in
`throttled_by` is no throttle, or unknown where `gateway_status` is null. Which of two limits throttled is told by what
is configured: a stage or route limit before the account's, a reserved limit before the account's concurrency.

Source: API Gateway developer guide, "Throttle requests to your REST APIs" and access-log variables; Lambda developer
guide, "Understanding Lambda function scaling".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadgen.configuration import ApiSettings, Configuration, RouteSettings
from loadgen.measurements.frames import ACCESS, INVOCATIONS, FrameSchema, to_pandas
from loadgen.measurements.run import Run

if TYPE_CHECKING:
    import pandas as pd

THROTTLED = 429
QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
"""A usage plan's quota also answers 429, and is no throttle."""
_FROM_ACCESS = {"gateway_request_id": "gateway_request_id", "status": "gateway_status", "latency_ms": "gateway_ms",
                "integration_ms": "integration_ms", "lambda_request_id": "logged_request_id",
                "lambda_status": "lambda_status", "function_status": "function_status", "error_type": "gateway_error"}
_AS_THEY_ARE = ("lambda_request_id", "environment", "version", "initialization", "memory_mb", "duration_ms", "billed_ms",
                "init_ms", "restore_ms")
_FROM_INVOCATIONS = {**{name: name for name in _AS_THEY_ARE},
                     "outcome": "invocation_outcome", "error_type": "invocation_error"}


@dataclass(frozen=True)
class Joined:
    """One row a request, in `frame`; `unknown` says what could not be joined, a sentence each."""

    frame: pd.DataFrame
    unknown: tuple[str, ...]


def join(run: Run) -> Joined:
    """All requests of a run, joined. Raises RunError when the run has no requests."""
    trail = Trail(run)
    frame = trail.follow(run.frame("requests"))
    return Joined(frame, trail.unknown(frame))


class Trail:
    """What AWS saw of a run, made ready to look requests up in, all at once or batch by batch."""

    def __init__(self, run: Run) -> None:
        intent = run.intent
        self.has_access, self.has_invocations = bool(run.shards("access")), bool(run.shards("invocations"))
        self._access = _selected(run, ACCESS, _FROM_ACCESS, "gateway_request_id", first="at")
        self._invocations = _selected(run, INVOCATIONS, _FROM_INVOCATIONS, "lambda_request_id", first="ended_at")
        self._knows_ids = bool(self._access["logged_request_id"].notna().any())
        self._configuration = intent.configuration
        triggers = intent.target.deployment.triggers
        self._functions = {trigger.name: trigger.function for trigger in triggers}
        self._functions |= {f"INVOKE {name}": name for name in intent.target.deployment.functions}

    def batches(self, run: Run, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """The run's requests joined, shard by shard; of their `columns`, route, status, outcome and ids are needed."""
        import pyarrow as pa

        for batch in run.batches("requests", columns):
            yield self.follow(to_pandas(pa.Table.from_batches([batch])))

    def follow(self, requests: pd.DataFrame) -> pd.DataFrame:
        """These requests with the columns above, in the same order."""
        frame = _looked_up(requests, "gateway_request_id", self._access)
        frame["lambda_request_id"] = frame["logged_request_id"].fillna(frame["lambda_request_id"])
        frame = _looked_up(frame, "lambda_request_id", self._invocations)
        frame["function"] = frame["route"].map(self._functions).astype("string")
        frame["overhead_ms"] = frame["gateway_ms"] - frame["integration_ms"]
        waited = (frame["init_ms"].notna() | frame["restore_ms"].notna()).astype("boolean")
        frame["cold"] = waited.where(frame["environment"].notna())
        frame["throttled_by"] = self._throttled_by(frame)
        frame["cache_hit"] = self._cache_hit(frame)
        return frame.drop(columns="logged_request_id")

    def other_memory(self, frame: pd.DataFrame) -> pd.Series[bool]:
        """Whether each row ran with another memory size than its function has in the run's configuration."""
        wanted = {name: settings.memory_mb for name, settings in self._configuration.functions.items()}
        sizes = frame["function"].map(wanted)
        return (frame["memory_mb"].ne(sizes) & frame["memory_mb"].notna() & sizes.notna()).fillna(False)

    def unknown(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """What could not be joined in the frame that `follow` made."""
        known_by_gateway = frame["gateway_request_id"].notna()
        unanswered = frame["outcome"].isin(("no_response", "unfinished"))
        ran = frame["lambda_status"].eq(200).fillna(False)
        reasons = {
            "requests without an access-log row: cold start, throttle and cache are unknown":
                int((known_by_gateway & frame["gateway_status"].isna()).sum()),
            "invocations without a REPORT line: cold start and duration are unknown":
                int((ran & frame["environment"].isna()).sum()),
            "requests without an answer, which no id can find": int(unanswered.sum()),
        }
        return tuple(f"{count:,} {reason}" for reason, count in reasons.items() if count)

    def _throttled_by(self, frame: pd.DataFrame) -> pd.Series[str]:
        import pandas as pd

        by_gateway = (frame["gateway_status"].eq(THROTTLED) & frame["lambda_status"].isna()
                      & frame["function_status"].isna() & frame["gateway_error"].ne(QUOTA_EXCEEDED).fillna(True))
        direct = frame["gateway_request_id"].isna() & frame["lambda_request_id"].notna()
        by_lambda = frame["lambda_status"].eq(THROTTLED) | (direct & frame["status"].eq(THROTTLED))
        causes = pd.Series(pd.NA, index=frame.index, dtype="string")
        causes = causes.mask(by_gateway.fillna(False), frame["route"].map(self._gateway_limits(frame)).astype("string"))
        return causes.mask(by_lambda.fillna(False), frame["function"].map(self._lambda_limits()).astype("string"))

    def _gateway_limits(self, frame: pd.DataFrame) -> Mapping[str, str]:
        api = self._configuration.api
        return {route: "stage" if _throttles(api, route) else "account" for route in frame["route"].dropna().unique()}

    def _lambda_limits(self) -> Mapping[str, str]:
        return {name: "concurrency" if settings.reserved is None else "reserved"
                for name, settings in self._configuration.functions.items()}

    def _cache_hit(self, frame: pd.DataFrame) -> pd.Series[bool]:
        caches = frame["route"].map(_cached(self._configuration, frame)).astype("boolean").fillna(False)
        hit = (frame["logged_request_id"].isna() & frame["gateway_error"].isna() & (frame["gateway_status"] < 400))
        known = frame["gateway_status"].notna() & self._knows_ids
        return (caches & hit).where(known | ~caches).astype("boolean")


def _selected(run: Run, schema: FrameSchema, names: Mapping[str, str], key: str, first: str) -> pd.DataFrame:
    """A collected frame's columns under their new names, by `key`: of several rows the `first`; empty without any."""
    columns = [*names, first]
    empty = to_pandas(schema.arrow.empty_table())[columns]
    frame = run.frame(schema.name, columns) if run.shards(schema.name) else empty
    frame = frame.sort_values(first, kind="stable").dropna(subset=key).drop_duplicates(key)
    return frame[list(names)].rename(columns=dict(names)).set_index(key)


def _looked_up(frame: pd.DataFrame, key: str, table: pd.DataFrame) -> pd.DataFrame:
    """The frame with the table's columns beside it. A lookup in an index that is built once, unlike a merge's."""
    import pandas as pd

    found = table.reindex(frame[key]).set_axis(frame.index)
    return pd.concat([frame, found], axis="columns")


def _throttles(api: ApiSettings, route: str) -> bool:
    """Whether the stage limits this route, by itself or with all others."""
    return api.throttle_rps is not None or api.routes.get(route, RouteSettings()).throttle_rps is not None


def _cached(configuration: Configuration, frame: pd.DataFrame) -> Mapping[str, bool]:
    return {route: configuration.api.caches(route) for route in frame["route"].dropna().unique()}
