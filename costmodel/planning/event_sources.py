"""What invokes a template's functions besides its routes: queues, streams, schedules, buses, topics, WebSocket messages.

Read from plain CloudFormation, where each is a resource that names its function. A poller (queue, stream) waits for the
function; what is asynchronous is tried again up to twice; a schedule says how often. A permission tells of callers that are
no resource of the template.

Sources: Lambda developer guide, "Event source mappings", "Configuring scaling behavior for SQS event source mappings" (2 to
2,000 at once), "Using Lambda to process records from Kinesis" (a batch a shard at once, times the parallelization factor),
"Asynchronous invocation" (two retries); CloudFormation template reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from costmodel.planning.resource_types import Resource
from costmodel.planning.schedules import times_an_hour

MAPPING = "AWS::Lambda::EventSourceMapping"
RETRIES = 2
POLLED = {"AWS::SQS::Queue": "SQS queue", "AWS::Kinesis::Stream": "Kinesis stream", "AWS::DynamoDB::Table": "DynamoDB stream",
          "AWS::DynamoDB::GlobalTable": "DynamoDB stream", "AWS::MSK::Cluster": "Kafka topic",
          "AWS::MSK::ServerlessCluster": "Kafka topic", "AWS::AmazonMQ::Broker": "MQ broker", "AWS::DocDB::DBCluster": "DocumentDB",
          "AWS::Kinesis::StreamConsumer": "Kinesis consumer"}
POLLED_ARNS = {"sqs": "SQS queue", "kinesis": "Kinesis stream", "dynamodb": "DynamoDB stream", "kafka": "Kafka topic",
               "mq": "MQ broker", "rds": "DocumentDB"}
STREAMS = ("Kinesis stream", "Kinesis consumer", "DynamoDB stream")
OTHERS = ("apigateway.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com", "scheduler.amazonaws.com")
"""Principals whose sources are resources of their own, or routes."""


@dataclass(frozen=True)
class EventSource:
    """One thing that invokes a function. `name`: its logical id; `of`: the resource that the events come from."""

    function: str
    kind: str
    name: str
    of: str = ""
    per_hour: float | None = None
    """How often it fires, where the template says it."""
    at_once: float | None = None
    """Batches that a poller has under way at once at most; None: no limit of its own is known."""
    attempts: int = 1
    """Invocations of an event that fails each time."""
    api: str | None = None
    """The WebSocket API that the messages come through."""

    @property
    def label(self) -> str:
        return f"{self.kind} {self.of or self.name}"

    @property
    def polled(self) -> bool:
        return self.kind in {*POLLED.values(), "self-managed Kafka"}


def event_sources(deployed: Mapping[str, Resource], functions: Mapping[str, Any]) -> tuple[EventSource, ...]:
    """All event sources of these functions, in the order of the template."""
    found = [source for name, resource in deployed.items() for source in _sources(name, resource, deployed, functions)]
    told = {source.function: source for source in found}
    found += [source for source in _permitted(deployed, functions) if source.function not in told]
    return tuple(found)


def provisioned_pollers(deployed: Mapping[str, Resource]) -> Iterator[str]:
    """Mappings with pollers that are paid for, used or not: what one poller is in units AWS says by its source only."""
    for name, resource in deployed.items():
        config = resource.properties.get("ProvisionedPollerConfig")
        if resource.type == MAPPING and isinstance(config, Mapping):
            yield (f"{name}: at least {config.get('MinimumPollers', 'some')} provisioned pollers, all the month: give their "
                   "unit_hours as a lambda.poller in a usage file")


def function_of(reference: Any, deployed: Mapping[str, Resource], functions: Mapping[str, Any]) -> str | None:
    """The function that `F`, `F.Arn`, an alias, or a WebSocket integration's address names; None: none of these."""
    text = str(reference)
    path = re.search(r":lambda:path/[^/]+/functions/(.+)/invocations", text)
    name = re.sub(r"^arn:[^:]*:lambda:[^:]*:[^:]*:function:", "", path[1] if path else text).split(":")[0].split(".")[0]
    if name in functions:
        return name
    resource = deployed.get(name)
    if resource is not None and resource.type in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
        return function_of(resource.properties.get("FunctionName"), deployed, functions)
    named = (of for of in functions if of in deployed and deployed[of].properties.get("FunctionName") == name)
    return next(named, None)


def _sources(name: str, resource: Resource, deployed: Mapping[str, Resource], functions: Mapping[str, Any]) -> Iterator[EventSource]:
    properties = resource.properties
    for kind, target, details in _targets(name, resource, deployed):
        function = function_of(target, deployed, functions)
        off = str(properties.get("Enabled", True)).lower() == "false" or properties.get("State") == "DISABLED"
        if function is not None and not off:
            asynchronous = kind not in ("WebSocket messages",) and resource.type != MAPPING
            attempts = 1 + _retries(function, deployed, functions) if asynchronous else 1
            yield EventSource(function, kind, name, attempts=attempts, **details)


def _targets(name: str, resource: Resource, deployed: Mapping[str, Resource]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Kind, function and what else is known of each source that a resource is."""
    of = resource.properties
    if resource.type == MAPPING:
        yield _mapping(of, deployed)
    elif resource.type in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
        expression = of.get("ScheduleExpression")
        per_hour = times_an_hour(str(expression)) if expression else None
        kind = "events of bus" if not expression else "schedule" if per_hour else f"schedule {expression}"
        targets = of.get("Targets") if resource.type == "AWS::Events::Rule" else [of.get("Target")]
        for target in _mappings(targets):
            yield kind, target.get("Arn"), {"per_hour": per_hour}
    elif resource.type == "AWS::SNS::Subscription" and of.get("Protocol") == "lambda":
        yield "SNS topic", of.get("Endpoint"), {"of": _named(of.get("TopicArn"))}
    elif resource.type == "AWS::S3::Bucket":
        configuration = of.get("NotificationConfiguration")
        for each in _mappings(configuration.get("LambdaConfigurations") if isinstance(configuration, Mapping) else None):
            yield "S3 bucket", each.get("Function"), {"of": name}
    elif resource.type == "AWS::ApiGatewayV2::Integration":
        api = deployed.get(str(of.get("ApiId")))
        if api is not None and api.properties.get("ProtocolType") == "WEBSOCKET":
            yield "WebSocket messages", of.get("IntegrationUri"), {"api": str(of["ApiId"]), "of": str(of["ApiId"])}


def _mapping(of: Mapping[str, Any], deployed: Mapping[str, Resource]) -> tuple[str, Any, dict[str, Any]]:
    """An event source mapping: from which source, and how many batches at once."""
    arn = str(of.get("EventSourceArn", ""))
    source = deployed.get(arn.split(".", maxsplit=1)[0])
    service = arn.split(":")[2] if arn.count(":") > 2 else ""
    kind = POLLED.get(source.type) if source else POLLED_ARNS.get(service)
    if kind is None:
        kind = "self-managed Kafka" if "SelfManagedEventSource" in of else "event source mapping"
    name = arn.split(".", maxsplit=1)[0] if source else arn.rpartition(":")[2]
    details: dict[str, Any] = {"of": name, "at_once": _at_once(kind, of, source)}
    return kind, of.get("FunctionName"), details


def _at_once(kind: str, of: Mapping[str, Any], source: Resource | None) -> float | None:
    scaling = of.get("ScalingConfig")
    if kind == "SQS queue":
        return _number(scaling.get("MaximumConcurrency")) if isinstance(scaling, Mapping) else None
    if kind in STREAMS:
        shards = _number(source.properties.get("ShardCount")) if source else None
        factor = _number(of.get("ParallelizationFactor", 1))
        return shards * factor if shards and factor else None
    return None


def _permitted(deployed: Mapping[str, Resource], functions: Mapping[str, Any]) -> Iterator[EventSource]:
    """Callers that only a permission tells of."""
    for name, resource in deployed.items():
        principal = str(resource.properties.get("Principal", ""))
        if resource.type == "AWS::Lambda::Permission" and principal.endswith(".amazonaws.com") and principal not in OTHERS:
            function = function_of(resource.properties.get("FunctionName"), deployed, functions)
            if function is not None:
                yield EventSource(function, "callers at", name, of=principal, attempts=1 + _retries(function, deployed, functions))


def _retries(function: str, deployed: Mapping[str, Resource], functions: Mapping[str, Any]) -> int:
    """Retries of its asynchronous events, two unless the function says otherwise."""
    for resource in deployed.values():
        if resource.type == "AWS::Lambda::EventInvokeConfig" and "MaximumRetryAttempts" in resource.properties and \
                function_of(resource.properties.get("FunctionName"), deployed, functions) == function:
            return int(_number(resource.properties["MaximumRetryAttempts"], RETRIES) or 0)
    return RETRIES


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in (value if isinstance(value, list) else ()) if isinstance(each, Mapping))


def _named(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any, default: float | None = None) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default
