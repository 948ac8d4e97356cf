"""Whether a target is ready for a run: is it reachable, may we read what a run needs, does it log enough.

What only a change would prove (permission to update a function) is not tried: `loadgen iam sweep` prints what it takes.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from loadgen import deployer
from loadgen.access_format import lacking
from loadgen.aws import client, explained
from loadgen.errors import CollectError, LoadgenError, UnreachableError
from loadgen.target import Target, TargetApi

TIMEOUT_S = 10


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `detail`: what was found, or what is wrong and how to mend it."""

    name: str
    ok: bool
    detail: str


def check_target(target: Target) -> Iterator[Check]:
    """Every check, one after the other; none of them changes anything."""
    for api in target.apis.values():
        yield _attempt(f"{api.kind} address", partial(_answer, api))
        yield _attempt(f"{api.kind} settings", partial(_settings, target, api))
        yield _attempt(f"{api.kind} access log", partial(_access_log, target, api))
    for name, function in target.functions.items():
        yield _attempt(f"{name} log", partial(_log, target, function.log_group))
    yield _attempt("metrics", partial(_metrics, target))
    for gap in target.missing:
        yield Check("missing", False, gap)


def _attempt(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except LoadgenError as error:
        return Check(name, False, str(error))


def _answer(api: TargetApi) -> str:
    """Any answer will do: a path that no route has is refused by the gateway itself."""
    try:
        with urllib.request.urlopen(f"{api.address}/loadgen-check", timeout=TIMEOUT_S) as response:
            return f"{api.address} answers {response.status}"
    except urllib.error.HTTPError as answer:
        return f"{api.address} answers {answer.code}"
    except (OSError, ValueError) as problem:
        raise UnreachableError(f"{api.address}: {problem}: is it deployed, and reachable from here?") from None


def _settings(target: Target, api: TargetApi) -> str:
    return deployer.describe(target, api.kind).label


def _access_log(target: Target, api: TargetApi) -> str:
    if api.log_group is None:
        raise CollectError("off: `loadgen discover` prints the command that turns it on")
    if lacks := lacking(api.log_format or "", api.kind):
        raise CollectError(f"its format lacks {', '.join(lacks)}: `loadgen discover` prints the command that mends it")
    return _log(target, api.log_group)


def _log(target: Target, group: str) -> str:
    with explained(CollectError, group):
        now_ms = int(time.time() * 1000)
        client(target, "logs").filter_log_events(logGroupName=group, startTime=now_ms - 60_000, endTime=now_ms, limit=1)
    return f"{group} readable"


def _metrics(target: Target) -> str:
    query = {"Id": "m", "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations"},
                                       "Period": 60, "Stat": "Sum"}}
    end = time.time() // 60 * 60
    with explained(CollectError, "metrics"):
        client(target, "cloudwatch").get_metric_data(MetricDataQueries=[query], StartTime=end - 300, EndTime=end)
    return "readable"
