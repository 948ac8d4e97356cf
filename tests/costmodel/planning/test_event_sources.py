from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.planning.event_sources import EventSource, event_sources
from costmodel.planning.resource_types import Resource
from costmodel.planning.schedules import times_an_hour


def of(type_name: str, **properties: Any) -> Resource:
    return Resource(type_name, properties)


def found(**deployed: Resource) -> tuple[EventSource, ...]:
    return event_sources(deployed, {"F": None})


def mapping(arn: str, **properties: Any) -> Resource:
    return of("AWS::Lambda::EventSourceMapping", FunctionName="F", EventSourceArn=arn, **properties)


def test_pollers_have_their_own_concurrency() -> None:
    queue, stream, table = found(
        Queue=of("AWS::SQS::Queue"), Stream=of("AWS::Kinesis::Stream", ShardCount=4), Table=of("AWS::DynamoDB::Table"),
        A=mapping("Queue.Arn", ScalingConfig={"MaximumConcurrency": 5}), B=mapping("Stream.Arn", ParallelizationFactor=3),
        C=mapping("Table.StreamArn"))
    assert [(each.kind, each.of, each.at_once, each.attempts, each.polled) for each in (queue, stream, table)] == [
        ("SQS queue", "Queue", 5.0, 1, True), ("Kinesis stream", "Stream", 12.0, 1, True),
        ("DynamoDB stream", "Table", None, 1, True)]


def test_a_source_of_another_template_is_told_by_its_arn() -> None:
    (source,) = found(A=mapping("arn:aws:sqs:us-east-1:123456789012:jobs"))
    assert source.label == "SQS queue jobs"


def test_asynchronous_events_are_tried_again_as_often_as_the_function_says() -> None:
    rule = of("AWS::Events::Rule", EventPattern={}, Targets=[{"Arn": "F.Arn"}])
    assert [each.attempts for each in found(Rule=rule)] == [3]
    invoke = of("AWS::Lambda::EventInvokeConfig", FunctionName="F", MaximumRetryAttempts=0)
    assert [each.attempts for each in found(Rule=rule, Invoke=invoke)] == [1]


def test_schedules_topics_buckets_and_messages_are_found() -> None:
    kinds = {each.kind for each in found(
        Tick=of("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target={"Arn": "F.Arn"}),
        Topic=of("AWS::SNS::Subscription", Protocol="lambda", Endpoint="F.Arn", TopicArn="T"),
        Bucket=of("AWS::S3::Bucket", NotificationConfiguration={"LambdaConfigurations": [{"Function": "F.Arn"}]}),
        Chat=of("AWS::ApiGatewayV2::Api", ProtocolType="WEBSOCKET"),
        To=of("AWS::ApiGatewayV2::Integration", ApiId="Chat",
              IntegrationUri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/F.Arn/invocations"))}
    assert kinds == {"schedule", "SNS topic", "S3 bucket", "WebSocket messages"}


def test_what_is_off_or_leads_elsewhere_is_none() -> None:
    assert found(A=mapping("Queue.Arn", Enabled=False), B=of("AWS::Lambda::EventSourceMapping", FunctionName="Other"),
                 C=of("AWS::Events::Rule", State="DISABLED", ScheduleExpression="rate(1 day)", Targets=[{"Arn": "F.Arn"}])) == ()


def test_a_permission_tells_of_callers_that_are_no_resource() -> None:
    permission = of("AWS::Lambda::Permission", FunctionName="F", Principal="iot.amazonaws.com")
    assert [each.label for each in found(P=permission)] == ["callers at iot.amazonaws.com"]
    assert [each.kind for each in found(P=permission, A=mapping("Queue.Arn", SelfManagedEventSource={}))] == ["self-managed Kafka"]


def test_an_alias_leads_to_its_function() -> None:
    alias = of("AWS::Lambda::Alias", FunctionName="F", Name="live")
    rule = of("AWS::Events::Rule", ScheduleExpression="rate(1 minute)", Targets=[{"Arn": "FAlias"}])
    assert [each.per_hour for each in found(FAlias=alias, Rule=rule)] == [60.0]


@pytest.mark.parametrize(("expression", "a_year"), [
    ("rate(1 minute)", 525_960), ("rate(2 hours)", 4_383), ("cron(0 12 * * ? *)", 365.25), ("cron(0/15 * * * ? *)", 35_064),
    ("cron(0 18 ? * MON-FRI *)", 365.25 * 5 / 7), ("cron(0 8 1 * ? *)", 12), ("cron(0 8 L * ? *)", 12),
    ("cron(0 8 ? * 6L *)", 12), ("cron(0 0 1 JAN,JUL ? *)", 2), ("cron(5-10,30 0 ? * FRI-MON *)", 7 * 365.25 * 4 / 7)])
def test_a_schedule_is_counted_over_a_year(expression: str, a_year: float) -> None:
    assert (times_an_hour(expression) or 0.0) * 365.25 * 24 == pytest.approx(a_year)


@pytest.mark.parametrize("expression", ["at(2026-12-24T09:00:00)", "rate(0 minutes)", "cron(61 * * * ? *)", "cron(a b c)", "daily"])
def test_what_is_no_regular_schedule_is_not_counted(expression: str) -> None:
    assert times_an_hour(expression) is None


@given(st.text(max_size=30))
def test_any_text_is_read_or_not_counted(text: str) -> None:
    counted = times_an_hour(f"cron({text})")
    assert counted is None or 0 <= counted <= 60
