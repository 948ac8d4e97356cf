"""What the services meter of resources that a run does not measure: units, ladders' items, floors, free parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from costmodel.activity import Quantity
from costmodel.pricing.services import meter
from costmodel.pricing.usage_file import parse_usage


def metered(kind: str, **values: Any) -> dict[str, Quantity]:
    """Quantities by service and item of one resource in a month of 720 hours."""
    usage = meter(parse_usage({"region": "us-east-1", "month": "30 days", "r": {"kind": kind, **values}}).activity)
    return {f"{line.service} {line.item}": line.quantity for line in usage.lines}


@pytest.mark.parametrize(("kind", "values", "expected"), [
    ("sqs.queue", {"requests": 10, "message_kb": 256}, {"sqs standard": 40}),
    ("sqs.queue", {"requests": 10, "queue_type": "fifo"}, {"sqs fifo": 10}),
    ("sqs.queue", {"requests": 10, "fair_requests": 4}, {"sqs standard": 10, "sqs fair_queue_surcharge": 4}),
    ("sns.topic", {"publishes": 10, "message_kb": 65, "sqs_deliveries": 30},
     {"sns publish": 20, "sns delivery_sqs": 30}),
    ("sns.topic", {"topic_type": "fifo", "publishes": 4096, "message_kb": 256},
     {"sns fifo_publish": 4096, "sns fifo_publish_payload": 1.0}),
    ("eventbridge.bus", {"custom_events": 10, "event_kb": 65, "discovered_events": 10},
     {"eventbridge custom_events": 20, "eventbridge schema_discovery": 90}),
    ("eventbridge.pipe", {"requests": 10, "payload_kb": 64}, {"eventbridge pipes": 10}),
    ("kinesis.stream", {"shards": 2, "records": 10, "record_kb": 26},
     {"kinesis provisioned_shard": 1440, "kinesis put_payload_units": 20}),
    ("kinesis.stream", {"mode": "on_demand", "records": 1024**2, "record_kb": 0.4, "retrieved_gb": 3},
     {"kinesis on_demand_stream": 720, "kinesis on_demand_ingest": 1.0, "kinesis on_demand_retrieve": 3}),
    ("stepfunctions.express", {"executions": 1_000_000, "duration_ms": 30_000, "memory_mb": 64},
     {"stepfunctions express_requests": 1_000_000, "stepfunctions express_duration": 1_875_000}),
    ("dynamodb.table", {"writes": 10, "reads": 10, "item_kb": 5},
     {"dynamodb write_request_units": 50, "dynamodb read_request_units": 10}),
    ("dynamodb.table", {"writes": 10, "reads": 10, "consistency": "transactional"},
     {"dynamodb write_request_units": 20, "dynamodb read_request_units": 20}),
    ("s3.bucket", {"writes": 1, "reads": 2, "transfer_out_gb": 3},
     {"s3 put_copy_post_list": 1, "s3 get_other": 2, "data_transfer_out internet": 3}),
    ("cognito.user_pool", {"tier": "lite", "monthly_users": 5, "app_clients": 1, "token_requests": 7},
     {"cognito user_pools_lite_mau": 5, "cognito m2m_app_clients": 1, "cognito m2m_token_requests": 7}),
    ("vpc.nat_gateway", {"gateways": 2, "processed_gb": 5}, {"vpc nat_gateway_hour": 1440, "vpc nat_gateway_gb": 5}),
    ("vpc.endpoint", {"endpoints": 2, "zones": 3}, {"vpc interface_endpoint_hour": 4320}),
    ("cloudfront.distribution", {"plan": "pro", "https_requests": 1e6}, {"cloudfront flat_rate_pro": 1}),
    ("cloudwatch.logs", {"source": "lambda", "log_class": "infrequent_access", "ingested_gb": 2, "stored_gb_months": 3},
     {"cloudwatch logs_ingest_lambda_ia": 2, "cloudwatch logs_storage_ia": 3}),
    ("cloudwatch.logs", {"source": "vended_to_s3", "ingested_gb": 2}, {"cloudwatch logs_delivery_s3_or_firehose": 2}),
    ("xray.traces", {"retrieved": 2, "scanned": 3}, {"xray traces_retrieved_or_scanned": 5}),
    ("apigateway.websocket", {"messages": 10, "message_kb": 33, "connection_minutes": 4},
     {"apigateway websocket_messages": 20, "apigateway websocket_connection_minutes": 4}),
    ("apigateway.portal", {"portals": 1, "products": 12}, {"apigateway portals": 1, "apigateway portal_products": 12}),
    ("alb.load_balancer", {"targets": "lambda", "processed_gb": 4, "new_connections": 90_000},
     {"alb hour": 720, "alb lcu_hour": 10}),
    ("alb.load_balancer", {"connection_minutes": 3000 * 60, "requests": 3.6e6 * 2, "rules": 11},
     {"alb hour": 720, "alb lcu_hour": 2}),
    ("fargate.tasks", {"vcpu": 0.5, "memory_gb": 1, "runs": 60, "run_seconds": 5},
     {"fargate vcpu_x86_64": 0.5, "fargate memory_x86_64": 1}),
    ("fargate.tasks", {"vcpu": 1, "memory_gb": 2, "tasks": 1, "storage_gb": 30, "architecture": "arm64"},
     {"fargate vcpu_arm64": 720, "fargate memory_arm64": 1440, "fargate ephemeral_storage": 7200}),
    ("ec2.instances", {"instance_type": "m7g.large", "busy_vcpus": 2.5, "vcpus": 2, "utilisation": 0.6}, {"ec2 m7g.large": 3 * 720}),
    ("ec2.instances", {"instance_type": "m7g.large", "busy_vcpus": 0.1, "vcpus": 2, "least": 2}, {"ec2 m7g.large": 2 * 720}),
    ("lambda.managed_instances", {"instance_type": "m7g.xlarge", "requests": 5},
     {"lambda managed_instances_requests": 5, "lambda managed_instances_fee_m7g.xlarge": 2160, "ec2 m7g.xlarge": 2160}),
    ("lambda.edge", {"requests": 10, "duration_ms": 0.5}, {"lambda edge_requests": 10, "lambda edge_duration": 0.00125}),
    ("lambda.poller", {"source": "sqs", "unit_hours": 3}, {"lambda esm_provisioned_sqs_epu": 3}),
])
def test_a_resource_is_metered_in_the_units_of_its_service(kind: str, values: dict[str, Any],
                                                           expected: dict[str, float]) -> None:
    assert metered(kind, **values) == pytest.approx(expected)


@pytest.mark.parametrize(("values", "expected"), [
    ({"storage_mb": 512, "requests": 10, "duration_ms": 1000}, {}),
    ({"storage_mb": 1536, "requests": 10, "duration_ms": 1000}, {"lambda ephemeral_storage": 10}),
    ({"streamed_responses": 1024, "streamed_mb": 6}, {}),
    ({"streamed_responses": 1024, "streamed_mb": 7}, {"lambda response_streaming": 1}),
    ({"snapstart_versions": 2, "snapstart_restores": 8},
     {"lambda snapstart_cache": 2 * 720 * 3600, "lambda snapstart_restore": 8}),
    ({"snapstart_versions": 1, "snapstart_hours": 1}, {"lambda snapstart_cache": 3 * 3600}),
    ({"snapstart_versions": 1, "snapstart_restores": 8, "snapstart_java": True}, {}),
    ({"tenant_environments": 3}, {"lambda tenant_isolation_x86_64": 3}),
    ({"durable_operations": 1, "durable_written_gb": 2, "durable_retained_gb_months": 3},
     {"lambda durable_operations": 1, "lambda durable_data_written": 2, "lambda durable_data_retained": 3}),
    ({"event_kb": 300, "requests": 10}, {"lambda requests": 20}),
    ({"log_gb": 2, "log_class": "infrequent_access"}, {"cloudwatch logs_ingest_lambda_ia": 2}),
])
def test_a_feature_of_a_function_is_metered_beyond_what_is_free(values: dict[str, Any], expected: dict[str, float]) -> None:
    plain = set() if "event_kb" in values else {"lambda requests"}
    made = {item: quantity for item, quantity in metered("lambda.function", memory_mb=1024, **values).items()
            if item not in {"lambda duration_x86_64"} | plain}
    assert made == pytest.approx(expected)


def test_resources_are_metered_elementwise_over_configurations() -> None:
    activity = parse_usage({"region": "us-east-1", "r": {"kind": "alb.load_balancer", "processed_gb": 4}}).activity
    (balancer,) = activity.tallies
    many = replace(activity, tallies=(replace(balancer, processed_gb=np.array([0.0, 7.0])),))
    assert [list(np.atleast_1d(line.quantity)) for line in meter(many).lines] == [[730.0], [0.0, 7.0]]
