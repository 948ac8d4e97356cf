"""CloudWatch: the logs that Lambda writes, by the GB ingested, on the ladder that Lambda's logs have since 2025-05-01.

A GB is 2^30 uncompressed bytes (the published tiers count 1 TB as 1,024 GB). Storage and the gateway's access logs are
not metered here. Source: CloudWatch pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.activity import Activity, FunctionTally
from costmodel.metering import GIB
from costmodel.pricing.usage import UsageLine

SERVICE = "cloudwatch"
ITEM = "logs_ingest_lambda_standard"


def cloudwatch_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every function's log group."""
    for tally in activity.of(FunctionTally):
        gb = tally.log_bytes / GIB
        yield UsageLine(SERVICE, ITEM, tally.function, gb, "GB", activity.origin, tally.trigger)
