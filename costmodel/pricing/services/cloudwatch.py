"""CloudWatch: logs by the GB ingested, stored and scanned, metrics, alarms, dashboards and the calls that read metrics.

Logs that Lambda writes are on the ladder of vended logs since 2025-05-01; what an application puts with PutLogEvents is
not. A GB is 2^30 uncompressed bytes (the published tiers count 1 TB as 1,024 GB); storage is of the compressed data.
What a collector reads itself is here too: metrics requested by GetMetricData, GB that Insights queries scan.
Source: CloudWatch pricing page; announcement of tiered Lambda log prices, 2025-05-01.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costmodel.activity import Activity, FunctionTally, Quantity
from costmodel.metering import GIB
from costmodel.pricing.resource import Items, ResourceTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "cloudwatch"
ITEM = "logs_ingest_lambda_standard"
LogClass = Literal["standard", "infrequent_access"]
LogSource = Literal["custom", "lambda", "vended", "vended_to_s3"]
INGEST = {
    ("standard", "custom"): "logs_ingest_standard_custom", ("infrequent_access", "custom"): "logs_ingest_ia_custom",
    ("standard", "lambda"): ITEM, ("infrequent_access", "lambda"): "logs_ingest_lambda_ia",
    ("standard", "vended"): ITEM, ("infrequent_access", "vended"): "logs_ingest_lambda_ia",
}
DELIVERED = "logs_delivery_s3_or_firehose"
STORAGE = {"standard": "logs_storage_standard", "infrequent_access": "logs_storage_ia"}


@dataclass(frozen=True, kw_only=True)
class LogsTally(ResourceTally):
    """A log group. `vended` logs are those that AWS services write, on the ladder of Lambda's."""

    log_class: LogClass = "standard"
    source: LogSource = "custom"
    ingested_gb: Quantity = 0.0
    stored_gb_months: Standing = 0.0
    scanned_gb: Quantity = 0.0
    """By Logs Insights."""
    live_tail_minutes: Quantity = 0.0

    @property
    def items(self) -> Items:
        ingest = DELIVERED if self.source == "vended_to_s3" else INGEST[self.log_class, self.source]
        return {ingest: (self.ingested_gb, "GB"), STORAGE[self.log_class]: (self.stored_gb_months, "GB-month"),
                "logs_insights_scan": (self.scanned_gb, "GB"), "live_tail": (self.live_tail_minutes, "minute")}


@dataclass(frozen=True, kw_only=True)
class MetricsTally(ResourceTally):
    """Custom metrics (embedded format, detailed monitoring), alarms on metrics, dashboards, and calls."""

    custom_metrics: Standing = 0.0
    alarms: Standing = 0.0
    high_resolution_alarms: Standing = 0.0
    anomaly_alarms: Standing = 0.0
    composite_alarms: Standing = 0.0
    dashboards: Standing = 0.0
    put_requests: Quantity = 0.0
    metrics_read: Quantity = 0.0
    """Metrics requested by GetMetricData."""

    @property
    def items(self) -> Items:
        return {
            "custom_metrics": (self.custom_metrics, "metric-month"),
            "alarm_standard": (self.alarms, "alarm-metric-month"),
            "alarm_high_resolution": (self.high_resolution_alarms, "alarm-metric-month"),
            "alarm_anomaly_detection_standard": (self.anomaly_alarms, "alarm-month"),
            "alarm_composite": (self.composite_alarms, "alarm-month"),
            "dashboard": (self.dashboards, "dashboard-month"),
            "put_metric_data": (self.put_requests, "request"),
            "get_metric_data": (self.metrics_read, "metric"),
        }


def cloudwatch_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every function's log group and of what else is observed."""
    for tally in activity.of(FunctionTally):
        gb = tally.log_bytes / GIB
        yield UsageLine(SERVICE, ITEM, tally.function, gb, "GB", activity.origin, tally.trigger or None)
    yield from item_lines(SERVICE, (LogsTally, MetricsTally), activity)
