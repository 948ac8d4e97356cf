"""What Infracost's usage files call the usage of a resource, for all but functions and the APIs in front of them.

A line of MAPPINGS is one type of Terraform resource: which of our tallies it is, and its keys with our fields (nested
keys with dots, as `standard.storage_gb`). A key's value is our field times its factor, of a tally in its `canonical`
form: the same usage, told by the fields that have a key. What Infracost takes from the Terraform code is in no usage
file: `fixed` is what reading assumes of it, `assumed` says so in words. A month is 730 hours.
Source: infracost/infracost, infracost-usage-example.yml and the usage schemas of internal/resources/aws (2026-08).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any

from costmodel.pricing.resource import ResourceTally
from costmodel.pricing.services.alb import FREE_RULES, LoadBalancerTally
from costmodel.pricing.services.apigateway import WebSocketTally
from costmodel.pricing.services.cloudfront import DistributionTally
from costmodel.pricing.services.cloudtrail import TrailTally
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.services.data_transfer import TransferTally
from costmodel.pricing.services.dynamodb import TableTally
from costmodel.pricing.services.eventbridge import BusTally
from costmodel.pricing.services.kinesis import PUT_KB, StreamTally
from costmodel.pricing.services.s3 import BucketTally
from costmodel.pricing.services.secretsmanager import SecretsTally
from costmodel.pricing.services.sns import TopicTally
from costmodel.pricing.services.sqs import QueueTally
from costmodel.pricing.services.stepfunctions import ExpressWorkflowTally, StandardWorkflowTally
from costmodel.pricing.services.vpc import EndpointTally, NatGatewayTally
from costmodel.pricing.services.waf import WebAclTally

MONTH_HOURS = 730.0
MONTH_S = MONTH_HOURS * 3600.0
KB_PER_GB = 1024.0**2
WHOLE_CHANGE = 0.01
"""A quantity that changes by more than this when Infracost's whole numbers round it is told."""
MONTH_CHANGE = 0.09
"""How much a month of 28 to 31 days differs from one of 730 hours, and what stands for it."""
SUBSCRIPTIONS = {"http_subscriptions": "http_deliveries", "email_subscriptions": "email_deliveries",
                 "kinesis_subscriptions": "firehose_deliveries", "mobile_push_subscriptions": "mobile_push_deliveries"}
NOT_RESOURCES = ("resource", "transfer_out_gb")
"""Fields that are written elsewhere: the address, and aws_data_transfer."""


def _same(tally: Any) -> Any:
    return tally


@dataclass(frozen=True)
class ResourceMapping:
    """One type of resource; `whole` are the keys that are whole numbers there."""

    kind: str
    tally: type[ResourceTally]
    keys: Mapping[str, tuple[str, float]]
    whole: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    assumed: str = ""
    canonical: Callable[[Any], Any] = _same
    restored: Callable[[Any], Any] = _same
    """From the canonical form back, where the two are not billed alike."""

    def takes(self, tally: ResourceTally) -> bool:
        """Whether the tally is of this type, in its mode."""
        return isinstance(tally, self.tally) and getattr(tally, "mode", None) == self.fixed.get("mode")


def keys(kind: str) -> set[str]:
    """All keys of a type of resource that are read."""
    return {key for mapping in MAPPINGS if mapping.kind == kind for key in mapping.keys}


def written(tally: ResourceTally) -> tuple[str, str, dict[str, Any], list[str]] | None:
    """Type, name, usage, and what of it has no key, each a sentence; None for what Infracost knows no usage of."""
    mapping = next((each for each in MAPPINGS if each.takes(tally)), None)
    if mapping is None:
        return None
    plain, lost = mapping.canonical(tally), []
    usage: dict[str, Any] = {}
    for key, (name, factor) in mapping.keys.items():
        amount = float(getattr(plain, name)) * factor
        value: float = round(amount) if key in mapping.whole or amount.is_integer() else amount
        if abs(value - amount) > WHOLE_CHANGE * amount:
            lost.append(f"{key} = {amount:g} is written as {value:g}: Infracost takes whole numbers")
        if value:
            _put(usage, key, value)
    if not usage:
        _put(usage, next(iter(mapping.keys)), 0)
    return mapping.kind, tally.resource, usage, lost + list(_unwritten(mapping, plain))


def read(kind: str, name: str, usage: Mapping[str, float]) -> tuple[list[ResourceTally], set[str], list[str]]:
    """The tallies of a resource, the keys that are in them, and what was assumed, each a sentence."""
    tallies: list[ResourceTally] = []
    taken: set[str] = set()
    assumed: list[str] = []
    for mapping in MAPPINGS:
        found = {key: usage[key] for key in mapping.keys if key in usage}
        if mapping.kind == kind and found:
            values = {mapping.keys[key][0]: value / mapping.keys[key][1] for key, value in found.items()}
            needed = {each.name: 0.0 for each in fields(mapping.tally) if _is_needed(each)}
            tallies.append(mapping.restored(mapping.tally(resource=name, **(needed | dict(mapping.fixed) | values))))
            taken |= found.keys()
            assumed += [mapping.assumed] if mapping.assumed else []
    return tallies, taken, assumed


def _is_needed(each: Field[Any]) -> bool:
    return each.default is MISSING and each.name != "resource"


def _put(usage: dict[str, Any], key: str, value: float) -> None:
    """A value at its place, where the key has a dot within the inner table."""
    outer, dot, inner = key.partition(".")
    if dot:
        usage.setdefault(outer, {})[inner] = value
    else:
        usage[key] = value


def _unwritten(mapping: ResourceMapping, tally: ResourceTally) -> Iterator[str]:
    """The fields without a key that do not have the value that Infracost's reader would take."""
    mapped = {name for name, _ in mapping.keys.values()}
    for each in fields(tally):
        value, expected = getattr(tally, each.name), mapping.fixed.get(each.name, each.default)
        within = MONTH_CHANGE if each.name in tally.hourly else 0.0
        if isinstance(value, float) and isinstance(expected, int | float):
            same = math.isclose(value, expected, rel_tol=within, abs_tol=1e-12)
        else:
            same = value == expected
        if each.name not in mapped and each.name not in NOT_RESOURCES and not same:
            shown = f"{value:g}" if isinstance(value, float) else value
            yield f"{each.name} = {shown} is in the Terraform code or nowhere, not in a usage file"


def _table(tally: TableTally) -> TableTally:
    items = tally.items
    return replace(tally, writes=0.0, reads=0.0, item_kb=1.0, consistency="eventual",
                   write_units=items["write_request_units"][0], read_units=items["read_request_units"][0])


def _bus(tally: BusTally) -> BusTally:
    items = tally.items
    return replace(
        tally, event_kb=0.0, custom_events=items["custom_events"][0], partner_events=items["partner_events"][0],
        cross_account_events=items["cross_account_custom"][0],
        cross_account_aws_events=items["cross_account_aws_event"][0],
        api_destination_invocations=items["api_destinations"][0], discovered_events=items["schema_discovery"][0])


def _provisioned(tally: StreamTally) -> StreamTally:
    return replace(tally, records=tally.items["put_payload_units"][0], record_kb=PUT_KB,
                   consumers=tally.consumers * tally.shards)


def _on_demand(tally: StreamTally) -> StreamTally:
    return replace(tally, records=tally.items["on_demand_ingest"][0] * KB_PER_GB, record_kb=1.0)


def _balancer(tally: LoadBalancerTally) -> LoadBalancerTally:
    return replace(tally, requests=tally.requests * max(tally.rules - FREE_RULES, 0.0), rules=FREE_RULES + 1.0)


def _subscriptions(tally: TopicTally) -> TopicTally:
    """Deliveries as subscriptions of every message."""
    each = tally.publishes or 1.0
    return replace(tally, **{name: getattr(tally, name) / each for name in SUBSCRIPTIONS.values()})


def _deliveries(tally: TopicTally) -> TopicTally:
    return replace(tally, **{name: getattr(tally, name) * tally.publishes for name in SUBSCRIPTIONS.values()})


def _log_group(tally: LogsTally) -> LogsTally:
    return replace(tally, source="custom") if tally.source == "lambda" else tally


def _whole_kb(tally: Any) -> Any:
    """A message's size in whole KB, of which the same units start."""
    return replace(tally, message_kb=float(math.ceil(tally.message_kb)))


def _plain(**names: str) -> dict[str, tuple[str, float]]:
    """Keys whose values are our fields as they are."""
    return {key: (name, 1.0) for key, name in names.items()}


BALANCER = {
    "new_connections": ("new_connections", 1 / MONTH_S), "active_connections": ("connection_minutes", 60 / MONTH_S),
    "processed_bytes_gb": ("processed_gb", 1 / MONTH_HOURS), "rule_evaluations": ("requests", 1 / MONTH_S)}
"""A second, at any minute, an hour, a second: as the LCU is counted."""
MAPPINGS = (
    ResourceMapping("aws_apigatewayv2_api", WebSocketTally, _plain(
        monthly_messages="messages", message_size_kb="message_kb", monthly_connection_mins="connection_minutes"),
        whole=("monthly_messages", "message_size_kb", "monthly_connection_mins"),
        canonical=_whole_kb),
    ResourceMapping("aws_cloudfront_distribution", DistributionTally, {
        "monthly_data_transfer_to_internet_gb.us": ("data_out_gb", 1.0),
        "monthly_data_transfer_to_origin_gb.us": ("to_origin_gb", 1.0),
        "monthly_http_requests.us": ("http_requests", 1.0), "monthly_https_requests.us": ("https_requests", 1.0)},
        whole=("monthly_http_requests.us", "monthly_https_requests.us")),
    ResourceMapping("aws_cloudtrail", TrailTally, _plain(
        monthly_additional_management_events="management_events", monthly_data_events="data_events",
        monthly_insight_events="insights_events")),
    ResourceMapping("aws_cloudwatch_event_bus", BusTally, _plain(
        monthly_custom_events="custom_events", monthly_third_party_events="partner_events",
        monthly_archive_processing_gb="archived_gb", archive_storage_gb="archive_gb_months",
        monthly_schema_discovery_events="discovered_events"),
        whole=("monthly_custom_events", "monthly_third_party_events", "monthly_schema_discovery_events"),
        canonical=_bus),
    ResourceMapping("aws_cloudwatch_log_group", LogsTally, _plain(
        monthly_data_ingested_gb="ingested_gb", storage_gb="stored_gb_months", monthly_data_scanned_gb="scanned_gb"),
        canonical=_log_group),
    ResourceMapping("aws_data_transfer", TransferTally, {
        "monthly_outbound_internet_gb": ("internet_gb", 1.0), "monthly_intra_region_gb": ("between_zones_gb", 0.5),
        "monthly_outbound_other_regions_gb": ("between_regions_gb", 1.0)}),
    ResourceMapping("aws_dynamodb_table", TableTally, _plain(
        monthly_write_request_units="write_units", monthly_read_request_units="read_units",
        storage_gb="stored_gb_months", pitr_backup_storage_gb="backup_gb_months", on_demand_backup_storage_gb="on_demand_backup_gb_months",
        monthly_data_restored_gb="restored_gb", monthly_streams_read_request_units="stream_reads"),
        whole=("monthly_write_request_units", "monthly_read_request_units", "storage_gb", "pitr_backup_storage_gb",
               "on_demand_backup_storage_gb", "monthly_data_restored_gb", "monthly_streams_read_request_units"),
        canonical=_table),
    ResourceMapping("aws_kinesis_stream", StreamTally, {
        "monthly_on_demand_data_in_gb": ("records", 1 / KB_PER_GB),
        "monthly_on_demand_data_out_gb": ("retrieved_gb", 1.0),
        "monthly_on_demand_efo_data_out_gb": ("consumer_gb", 1.0),
        "monthly_on_demand_extended_retention_gb": ("extended_retention_gb_months", 1.0),
        "monthly_on_demand_long_term_retention_gb": ("long_term_gb_months", 1.0)},
        fixed={"mode": "on_demand", "hours": MONTH_HOURS}, canonical=_on_demand),
    ResourceMapping("aws_kinesis_stream", StreamTally, {
        "monthly_provisioned_put_units": ("records", 1.0), "monthly_provisioned_efo_data_out_gb": ("consumer_gb", 1.0),
        "monthly_provisioned_efo_consumer_hours": ("consumers", MONTH_HOURS),
        "monthly_provisioned_long_term_retention_gb": ("long_term_gb_months", 1.0),
        "monthly_provisioned_long_term_retrieval_gb": ("long_term_retrieved_gb", 1.0)},
        fixed={"mode": "provisioned", "hours": MONTH_HOURS, "record_kb": PUT_KB}, canonical=_provisioned,
        assumed="taken for a stream of one shard: the number is in the Terraform code"),
    *(ResourceMapping(kind, LoadBalancerTally, BALANCER, canonical=_balancer,
                      whole=("new_connections", "active_connections", "rule_evaluations"),
                      fixed={"hours": MONTH_HOURS, "rules": FREE_RULES + 1.0})
      for kind in ("aws_lb", "aws_alb")),
    ResourceMapping("aws_nat_gateway", NatGatewayTally, _plain(monthly_data_processed_gb="processed_gb"),
                    fixed={"hours": MONTH_HOURS}),
    ResourceMapping("aws_s3_bucket", BucketTally, {
        "standard.storage_gb": ("stored_gb_months", 1.0), "standard.monthly_tier_1_requests": ("writes", 1.0),
        "standard.monthly_tier_2_requests": ("reads", 1.0)},
        whole=("standard.monthly_tier_1_requests", "standard.monthly_tier_2_requests")),
    ResourceMapping("aws_secretsmanager_secret", SecretsTally, _plain(monthly_requests="calls"),
                    whole=("monthly_requests",)),
    ResourceMapping("aws_sfn_state_machine", StandardWorkflowTally, _plain(monthly_transitions="transitions"),
                    whole=("monthly_transitions",)),
    ResourceMapping("aws_sfn_state_machine", ExpressWorkflowTally, _plain(
        monthly_requests="executions", workflow_duration_ms="duration_ms", memory_mb="memory_mb"),
        whole=("monthly_requests", "workflow_duration_ms", "memory_mb")),
    ResourceMapping("aws_sns_topic", TopicTally, _plain(
        monthly_requests="publishes", request_size_kb="message_kb", **SUBSCRIPTIONS),
        whole=("monthly_requests", *SUBSCRIPTIONS), canonical=_subscriptions, restored=_deliveries,
        assumed="taken for a standard topic: its type is in the Terraform code"),
    ResourceMapping("aws_sqs_queue", QueueTally, _plain(monthly_requests="requests", request_size_kb="message_kb"),
                    whole=("request_size_kb",), canonical=_whole_kb,
                    assumed="taken for a standard queue: its type is in the Terraform code"),
    ResourceMapping("aws_vpc_endpoint", EndpointTally, _plain(monthly_data_processed_gb="processed_gb"),
                    fixed={"hours": MONTH_HOURS},
                    assumed="taken for an interface endpoint in one zone: type and subnets are in the Terraform code"),
    ResourceMapping("aws_wafv2_web_acl", WebAclTally, _plain(rule_group_rules="rules", monthly_requests="requests"),
                    whole=("rule_group_rules", "monthly_requests")),
)
