"""client = gateway = Lambda, or who rejected the rest: three counts of one run that must meet, and what does not close.

    client    sent = ok + failed                       (and arrivals that were dropped before)
    gateway   seen = throttled + refused + cache hits + passed on
    lambda    tried = throttled + ran                  (of which cold)

Every request that failed is named by who rejected it (`lost`). `unexplained` counts requests that failed for no known
reason and those whose trail has a gap (`gaps`); it is unknown (null) without an access log. CloudWatch's own sums are a
second witness: they cover whole minutes, so that more than ours is other traffic, less is not published yet.
All phases count: warm-up requests are sent and billed too. Written to `reconciliation.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from loadgen.measurements.joined import THROTTLED, Trail
from loadgen.measurements.run import Run, write_record
from loadgen.schema import Record

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("route", "status", "outcome", "sent_at", "gateway_request_id", "lambda_request_id")
RAN = 200
"""The Lambda service's status for an invocation that ran."""
_THROTTLES = {"stage": "gateway: stage throttle", "account": "gateway: account throttle",
              "reserved": "lambda: reserved concurrency", "concurrency": "lambda: account concurrency"}


@dataclass(frozen=True)
class ClientCount(Record):
    """What the load generator did. arrivals = sent + dropped."""

    arrivals: int
    sent: int
    ok: int
    failed: int
    """Answered with an error, not answered, or still waiting at the end."""
    no_response: int
    unfinished: int
    dropped: int


@dataclass(frozen=True)
class GatewayCount(Record):
    """What the access log tells of our requests; all null without one."""

    seen: int | None = None
    throttled: int | None = None
    throttled_by: Mapping[str, int] = field(default_factory=dict)
    """By `stage` and `account`."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Answered by the gateway itself for another reason, by error type or status."""
    cache_hits: int | None = None
    passed: int | None = None


@dataclass(frozen=True)
class FunctionCount(Record):
    """What Lambda did with the requests that reached it; null where logs are lacking."""

    tried: int | None = None
    throttled: int | None = None
    throttled_by: Mapping[str, int] = field(default_factory=dict)
    """By `reserved` and `concurrency`."""
    ran: int | None = None
    """Invocations whose REPORT was found."""
    cold: int | None = None
    failed: int | None = None
    """Of those that ran: errors and timeouts."""


@dataclass(frozen=True)
class Check(Record):
    """One of our counts against CloudWatch's sum over whole minutes."""

    metric: str
    ours: int
    cloudwatch: int

    @property
    def verdict(self) -> Literal["equal", "more", "less"]:
        """`more`: other traffic in the same minutes; `less`: not published yet."""
        return "equal" if self.ours == self.cloudwatch else "more" if self.cloudwatch > self.ours else "less"


@dataclass(frozen=True)
class Reconciliation(Record):
    """The three counts and what does not close."""

    client: ClientCount
    gateway: GatewayCount
    function: FunctionCount
    lost: Mapping[str, int]
    """Requests that did not end well, by who rejected them."""
    gaps: Mapping[str, int]
    """Requests whose trail does not close, by what is lacking."""
    unexplained: int | None
    checks: tuple[Check, ...] = ()

    @property
    def closes(self) -> bool:
        return self.unexplained == 0


def reconcile(run: Run) -> Reconciliation:
    """Count a run on all three sides and write `reconciliation.json`. Raises RunError when it has no requests."""
    trail, counts = Trail(run), Counter[str]()
    for frame in trail.batches(run, COLUMNS):
        counts.update(_count(frame, trail))
    counts["gap on record when the run ended, not in requests/ now"] += _lost_rows(run, counts["arrivals"])
    found = _reconciliation(counts, trail, tuple(_checks(run, counts)))
    write_record(found, run.path / "reconciliation.json")
    return found


def _lost_rows(run: Run, rows: int) -> int:
    return max(0, run.finished.rows - rows) if run.finished else 0


def _reconciliation(counts: Counter[str], trail: Trail, checks: tuple[Check, ...]) -> Reconciliation:
    gaps = _named(counts, "gap ")
    client = ClientCount(counts["arrivals"], counts["arrivals"] - counts["outcome dropped"], counts["outcome ok"],
                         counts["arrivals"] - counts["outcome dropped"] - counts["outcome ok"],
                         counts["outcome no_response"], counts["outcome unfinished"], counts["outcome dropped"])
    by_gateway = {name: counts[f"throttle {name}"] for name in ("stage", "account") if counts[f"throttle {name}"]}
    by_lambda = {name: counts[f"throttle {name}"] for name in ("reserved", "concurrency") if counts[f"throttle {name}"]}
    known = trail.has_access
    gateway = GatewayCount(counts["seen"], sum(by_gateway.values()), by_gateway, _named(counts, "refused "),
                           counts["cache_hits"], counts["passed"]) if known else GatewayCount()
    ran = (counts["ran"], counts["cold"], counts["function_failed"]) if trail.has_invocations else (None, None, None)
    whole = known or not counts["by_gateway"]
    tried, throttled = (counts["tried"], sum(by_lambda.values())) if whole else (None, None)
    function = FunctionCount(tried, throttled, by_lambda, *ran)
    unexplained = sum(gaps.values()) if whole and trail.has_invocations else None
    return Reconciliation(client, gateway, function, _named(counts, "lost "), gaps, unexplained, checks)


def _named(counts: Counter[str], prefix: str) -> dict[str, int]:
    """The counts whose name begins so, largest first, without the beginning."""
    return {name.removeprefix(prefix): count for name, count in counts.most_common() if name.startswith(prefix) and count}


def _count(frame: pd.DataFrame, trail: Trail) -> Mapping[str, int]:
    seen, ran = frame["gateway_status"].notna(), frame["environment"].notna()
    direct = frame["gateway_request_id"].isna() & frame["lambda_request_id"].notna()
    passed = frame["lambda_status"].notna() | (seen & frame["lambda_request_id"].notna())
    lost, gap = _losses(frame), _gaps(frame, trail)
    gap = gap.mask(lost.eq("").fillna(False) & gap.isna(), "failed for no known reason")
    counts = Counter({
        "arrivals": len(frame), "by_gateway": int(frame["gateway_request_id"].notna().sum()),
        "seen": int(seen.sum()), "passed": int(passed.sum()),
        "cache_hits": int(frame["cache_hit"].fillna(False).sum()), "tried": int((passed | direct).sum()),
        "ran": int(ran.sum()), "cold": int(frame["cold"].fillna(False).sum()),
        "function_failed": int(frame["invocation_outcome"].isin(("error", "timeout")).sum()),
    })
    refused = seen & ~passed & frame["throttled_by"].isna() & (frame["gateway_status"] >= 400)
    reason = frame["gateway_error"].fillna(frame["gateway_status"].astype("string"))[refused.fillna(False)]
    for prefix, values in (("outcome", frame["outcome"]), ("throttle", frame["throttled_by"]), ("refused", reason),
                           ("lost", lost[lost != ""]), ("gap", gap)):
        counts.update({f"{prefix} {name}": int(count) for name, count in values.value_counts().items()})
    return counts


def _losses(frame: pd.DataFrame) -> pd.Series[str]:
    """Who rejected each request that did not end well: null for those that did, empty where nobody is known."""
    import pandas as pd

    ran = frame["lambda_status"].eq(RAN) | frame["environment"].notna()
    alone = frame["lambda_status"].isna() & frame["lambda_request_id"].isna() & (frame["gateway_status"] >= 400)
    answered = "answered " + frame["gateway_status"].astype("string")
    rules: tuple[tuple[pd.Series[bool], str | pd.Series[str]], ...] = (
        (ran & frame["outcome"].eq("http_error"), "function: error"),
        (alone, "gateway: " + frame["gateway_error"].fillna(answered)),
        (frame["lambda_status"].ne(RAN), "lambda: answered " + frame["lambda_status"].astype("string")),
        (ran & (frame["function_status"] >= 400), "function: answered " + frame["function_status"].astype("string")),
        (frame["gateway_error"].eq("INTEGRATION_TIMEOUT"), "gateway: INTEGRATION_TIMEOUT"),
        (frame["invocation_outcome"].eq("error"), "function: error"),
        (frame["invocation_outcome"].eq("timeout"), "function: timeout"),
        (frame["throttled_by"].notna(), frame["throttled_by"].map(_THROTTLES).astype("string")),
        (frame["outcome"].eq("no_response"), "client: no answer"),
        (frame["outcome"].eq("unfinished"), "client: no answer until the end"),
        (frame["outcome"].eq("dropped"), "client: dropped before it was sent"),
    )
    reason = pd.Series("", index=frame.index, dtype="string")
    for holds, name in rules:
        reason = reason.mask(holds.fillna(False), name)
    return reason.where(frame["outcome"].ne("ok"))


def _gaps(frame: pd.DataFrame, trail: Trail) -> pd.Series[str]:
    """What the trail of each request lacks; null where it closes."""
    import pandas as pd

    seen, named = frame["gateway_status"].notna(), frame["lambda_request_id"].notna()
    accepted = frame["lambda_status"].eq(RAN) | (frame["lambda_status"].isna() & frame["status"].ne(THROTTLED))
    nobody = seen & ~named & frame["outcome"].eq("ok") & ~frame["cache_hit"].fillna(False)
    gap = pd.Series(pd.NA, index=frame.index, dtype="string")
    gap = gap.mask(nobody, "answered, and neither an invocation nor a cache hit is named")
    if trail.has_invocations:
        gap = gap.mask((named & accepted & frame["environment"].isna()).fillna(False), "ran, its REPORT line not found")
        gap = gap.mask(trail.other_memory(frame), "ran with another memory size than the run's configuration")
    if trail.has_access:
        gap = gap.mask(frame["gateway_request_id"].notna() & ~seen, "answered, its access-log row not found")
    return gap


def _checks(run: Run, counts: Counter[str]) -> Iterator[Check]:
    """Ours against CloudWatch's sums, where metrics were collected."""
    if not run.shards("metrics"):
        return
    metrics = run.frame("metrics", ["dimensions", "metric", "statistic", "value"])
    by_resource = metrics["dimensions"].map(lambda text: "Resource" in json.loads(text)).astype(bool)
    whole = metrics[(metrics["statistic"] == "Sum") & ~by_resource]
    sums = {str(metric): float(rows.sum()) for metric, rows in whole.groupby("metric")["value"]}
    throttled = counts["throttle reserved"] + counts["throttle concurrency"]
    for metric, ours in (("Count", counts["seen"]), ("Invocations", counts["ran"]), ("Throttles", throttled)):
        if metric in sums:
            yield Check(metric, ours, round(sums[metric]))
