from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError
from costmodel.planning.estimate import Estimate, estimate
from costmodel.planning.premises import Question
from costmodel.planning.resource_types import BY_PROPERTIES, FREE_TYPES, KIND_OF_TYPE, Resource, kind_of
from costmodel.planning.site import Doubt
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.usage_file import KINDS
from loadgen.deployment import Api, Deployment, Function, Route

BOOK = PriceBook.load("us-east-1")
F = Function("F", memory_mb=1024)
SHOP = Deployment({"F": F}, {"Api": Api("Api", "rest", "prod")}, (Route("Api", "GET", "/", "F"),))
TYPES = {"F": "AWS::Serverless::Function", "Api": "AWS::Serverless::Api"}
TRAFFIC = Question(rps=10.0, duration_ms=100.0)
REQUESTS = 10 * 3600 * 730


def ask(question: Question = TRAFFIC, deployment: Deployment = SHOP, types: dict[str, str] | None = None) -> Estimate:
    resources = {name: Resource(type_name) for name, type_name in (TYPES if types is None else types).items()}
    return estimate(deployment, resources, BOOK, question)


def parts(found: Estimate, resource: str) -> dict[tuple[str, str], float]:
    return {(part.item, part.origin): float(part.quantity) for part in found.parts(resource)}


def test_given_traffic_becomes_quantities_of_each_resource() -> None:
    found = parts(ask(), "F")
    assert found["requests", "given"] == REQUESTS
    assert found["duration_x86_64", "given"] == pytest.approx(REQUESTS * 0.1)
    assert found["duration_x86_64", "assumed"] == pytest.approx(REQUESTS * 0.01 * 0.5)
    assert found["logs_ingest_lambda_standard", "assumed"] == pytest.approx(REQUESTS / 1024**2)
    assert parts(ask(), "Api") == {("rest_requests", "given"): REQUESTS,
                                   ("internet", "assumed"): pytest.approx(REQUESTS * 10 / 1024**2)}


def test_what_is_assumed_has_bounds_and_what_is_given_has_none() -> None:
    for part in (*ask().parts("F"), *ask().parts("Api")):
        assert part.low_usd < part.usd < part.high_usd if part.origin == "assumed" else part.low_usd == part.high_usd


def test_the_bounds_of_the_resources_add_up_to_those_of_the_whole() -> None:
    found = ask()
    assert [sum(found.bounds(name)[side] for name in ("F", "Api")) for side in (0, 1)] == pytest.approx(found.bounds())
    assert found.bounds()[0] < found.bill.total < found.bounds()[1]


def test_traffic_is_spread_over_the_routes_and_the_extremes_are_told() -> None:
    deployment = replace(SHOP, functions={"F": F, "Big": Function("Big", memory_mb=4096)}, triggers=(
        Route("Api", "GET", "/", "F"), Route("Api", "GET", "/big", "Big")))
    found = ask(deployment=deployment)
    assert parts(found, "Big")["requests", "given"] == REQUESTS / 2
    (note,) = [note for note in found.notes if "evenly over 2 routes" in note]
    assert "all on Api GET /:" in note and "all on Api GET /big:" in note


def test_an_invocation_stops_at_its_timeout() -> None:
    found = ask(Question(rps=1.0, duration_ms=60_000.0))
    assert parts(found, "F")["duration_x86_64", "given"] == pytest.approx(3600 * 730 * 3.0)
    assert "F: stops at its timeout of 3 s" in found.notes


def test_provisioned_concurrency_and_a_cache_stand_without_traffic() -> None:
    deployment = Deployment({"F": replace(F, provisioned=2, alias="live")}, {"Api": Api("Api", "rest", "prod", cache_gb=0.5)},
                            SHOP.triggers)
    found = ask(Question(), deployment)
    assert parts(found, "F") == {("provisioned_concurrency_x86_64", "given"): 2 * 730 * 3600}
    assert parts(found, "Api") == {("cache_0.5_gb", "given"): 730}
    assert any(note.startswith("no traffic given") for note in found.notes)


def test_a_usage_table_takes_memory_and_architecture_from_the_template() -> None:
    usage = {"F": {"requests": 3_000_000, "duration_ms": 120}, "Api": {"requests": 3_000_000}}
    deployment = replace(SHOP, functions={"F": replace(F, memory_mb=1536, architecture="arm64")})
    found = ask(Question(usage=usage), deployment)
    assert parts(found, "F") == {("requests", "given"): 3e6, ("duration_arm64", "given"): pytest.approx(540_000)}
    assert parts(found, "Api") == {("rest_requests", "given"): 3e6}
    assert found.bounds() == (found.bill.total, found.bill.total)
    assert "F: log_kb is not given: its logs are not on the bill" in found.bill.missing


def test_a_usage_file_s_month_and_free_tier_count() -> None:
    usage = {"month": "720 h", "free_tier": True, "F": {"requests": 1_000_000, "duration_ms": 100}}
    found = ask(Question(usage=usage))
    assert found.bill.hours == 720 and found.bill.total == 0


def test_a_resource_that_nobody_gave_the_usage_of_is_named_with_what_to_give() -> None:
    found = ask(types={**TYPES, "Db": "AWS::DynamoDB::Table", "Odd": "AWS::Odd::Thing", "Role": "AWS::IAM::Role"})
    db, odd = found.bill.missing
    assert db.startswith("Db (AWS::DynamoDB::Table): its usage is not known: give [Db] in --usage, of writes, reads")
    assert odd.startswith("Odd (AWS::Odd::Thing): this type has no price here")


def test_functions_and_apis_without_traffic_are_named_too() -> None:
    alone = replace(SHOP, functions={"F": F, "Worker": Function("Worker")})
    assert [sentence.partition(":")[0] for sentence in ask(deployment=alone).bill.missing] == ["Worker"]
    assert [sentence.partition(":")[0] for sentence in ask(Question()).bill.missing] == ["F", "Api"]


def test_what_stands_by_its_type_is_on_the_bill() -> None:
    found = ask(Question(), types={"Nat": "AWS::EC2::NatGateway", "Alarm": "AWS::CloudWatch::Alarm", "Key": "AWS::KMS::Key"})
    assert {name: float(usd) for name, usd in found.bill.by("resource").items()} == pytest.approx(
        {"Nat": 730 * 0.045, "Alarm": 0.10, "Key": 1.0})
    assert not any(sentence.startswith("Alarm") for sentence in found.bill.missing)


@pytest.mark.parametrize("type_name", sorted({*KIND_OF_TYPE, *BY_PROPERTIES} - {"AWS::EC2::VPCEndpoint"}))
def test_every_type_with_a_price_is_asked_for_by_a_kind_of_the_usage_file(type_name: str) -> None:
    kind, _ = kind_of(Resource(type_name)) or ("", {})
    assert kind in KINDS
    found = ask(types={**TYPES, "X": type_name})
    assert "X" in found.bill.by("resource") or any(sentence.startswith("X ") for sentence in found.bill.missing)


@pytest.mark.parametrize("type_name", ["AWS::Serverless::Application", "AWS::CloudFormation::Stack"])
def test_a_nested_template_is_to_be_estimated_too(type_name: str) -> None:
    assert ask(types={**TYPES, "Shared": type_name}).bill.missing == (
        f"Shared ({type_name}): a template of its own: estimate that one too",)
    named = estimate(SHOP, {"Shared": of(type_name, Location="./shared.yaml")}, BOOK, TRAFFIC).bill.missing
    assert f"Shared ({type_name}) at ./shared.yaml: a template of its own: estimate that one too" in named


def test_free_types_are_not_asked_for() -> None:
    free = {f"R{number}": name for number, name in enumerate((*FREE_TYPES, "AWS::IAM::Role", "AWS::Lambda::Permission"))}
    assert ask(types={**TYPES, **free}).bill.missing == ()


@pytest.mark.parametrize(("given", "message"), [
    ({"rps": -1.0, "duration_ms": 1.0}, "rps = -1.0"), ({"rps": 1.0}, "give both"), ({"duration_ms": float("nan")}, "duration_ms = nan")])
def test_a_question_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Question(**given)


RUN = Activity("us-east-1", 0.01, (
    RouteTally("rest", "GET /", 100.0, rejected=5.0, response_bytes=1e5),
    FunctionTally("F", "GET /", "x86_64", 1024, 100.0, gb_s=7.0, init_gb_s=1.0, log_bytes=3e4),
    ProvisionedTally("F", "x86_64", 99.0)), "measured", ("2 invocations have no REPORT line: not on the bill",))


def test_a_run_is_scaled_to_the_traffic_and_is_measured() -> None:
    found = ask(Question(rps=10.0, measured=RUN))
    assert parts(found, "F") == {
        ("requests", "measured"): pytest.approx(REQUESTS), ("duration_x86_64", "measured"): pytest.approx(REQUESTS * 0.07),
        ("logs_ingest_lambda_standard", "measured"): pytest.approx(REQUESTS * 300 / 1024**3)}
    assert parts(found, "Api")["rest_requests", "measured"] == pytest.approx(REQUESTS)
    assert found.bounds() == (found.bill.total, found.bill.total)
    assert found.bill.missing == RUN.missing


def test_without_a_rate_a_run_goes_on_all_month() -> None:
    assert parts(ask(Question(measured=RUN)), "F")["requests", "measured"] == pytest.approx(100 * 73_000)


def test_a_function_that_was_measured_otherwise_is_told() -> None:
    deployment = replace(SHOP, functions={"F": replace(F, memory_mb=512)})
    assert "F: measured at 1024 MB x86_64, the template has 512 MB x86_64: fit a model and predict that" in ask(
        Question(measured=RUN), deployment).notes
    assert "F: in the run, not in the template" in ask(Question(measured=RUN), Deployment({}, {}, ())).notes


def test_a_run_without_requests_and_a_duration_beside_a_run_are_refused() -> None:
    with pytest.raises(InputError, match="no billed request"):
        ask(Question(measured=replace(RUN, tallies=())))
    with pytest.raises(InputError, match="the run has measured it"):
        Question(rps=1.0, duration_ms=5.0, measured=RUN)


def test_a_misspelt_key_of_a_usage_table_is_suggested() -> None:
    with pytest.raises(InputError, match="did you mean requests"):
        ask(Question(usage={"F": {"request": 1}}))
    with pytest.raises(InputError):
        ask(Question(usage={"F": 5}))


@pytest.mark.parametrize(("type_name", "properties", "kind"), [
    ("AWS::Kinesis::Stream", {"ShardCount": 8}, ("kinesis.stream", {"shards": 8})),
    ("AWS::Kinesis::Stream", {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}, ("kinesis.stream", {"mode": "on_demand"})),
    ("AWS::StepFunctions::StateMachine", {"StateMachineType": "EXPRESS"}, ("stepfunctions.express", {})),
    ("AWS::Serverless::StateMachine", {"Type": "EXPRESS"}, ("stepfunctions.express", {})),
    ("AWS::SQS::Queue", {"FifoQueue": True}, ("sqs.queue", {"queue_type": "fifo"})),
    ("AWS::SNS::Topic", {"FifoTopic": "true"}, ("sns.topic", {"topic_type": "fifo"})),
    ("AWS::ApiGatewayV2::Api", {"ProtocolType": "WEBSOCKET"}, ("apigateway.websocket", {})),
    ("AWS::EC2::VPCEndpoint", {}, None),
    ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b", "c"]}, ("vpc.endpoint", {"zones": 3})),
    ("AWS::WAFv2::WebACL", {"Rules": [{}, {}, {}]}, ("waf.web_acl", {"rules": 3})),
    ("AWS::CloudWatch::Alarm", {"Period": 10}, ("cloudwatch.metrics", {"high_resolution_alarms": 1})),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Type": "network"}, None),
])
def test_what_a_resource_is_billed_as_is_read_from_its_properties(
        type_name: str, properties: dict[str, object], kind: tuple[str, dict[str, object]] | None) -> None:
    assert kind_of(Resource(type_name, properties)) == kind


def test_storage_beyond_what_is_free_is_billed_over_the_billed_duration() -> None:
    large = Deployment({"F": Function("F", memory_mb=1024, ephemeral_storage_mb=1_536)}, SHOP.apis, SHOP.triggers)
    found = parts(ask(deployment=large), "F")
    assert found["ephemeral_storage", "given"] == pytest.approx(REQUESTS * 0.1)
    assert found["ephemeral_storage", "assumed"] == pytest.approx(REQUESTS * 0.01 * 0.5)
    assert not any(item == "ephemeral_storage" for item, _ in parts(ask(), "F"))


def of(type_name: str, **properties: Any) -> Resource:
    return Resource(type_name, properties)


def asked(deployed: dict[str, Resource], question: Question = TRAFFIC, deployment: Deployment = SHOP, **options: Any) -> Estimate:
    resources = {name: Resource(type_name) for name, type_name in TYPES.items()}
    return estimate(deployment, resources, BOOK, question, deployed=deployed, **options)


def test_traces_are_sampled_and_assumed() -> None:
    """10 requests a second: one, and 5 % of the other nine; none and 5 % of ten; all ten."""
    found = asked({"F": of("AWS::Lambda::Function", TracingConfig={"Mode": "Active"})})
    assert parts(found, "F")["traces_recorded", "assumed"] == pytest.approx(1.45 / 10 * REQUESTS)
    (part,) = [part for part in found.parts("F") if part.item == "traces_recorded"]
    assert float(part.low_usd) == pytest.approx(0.05 * REQUESTS * 5e-6) and float(part.high_usd) == pytest.approx(REQUESTS * 5e-6)
    assert any("X-Ray samples" in note for note in found.notes)


def test_a_request_that_the_api_traces_is_one_trace() -> None:
    found = asked({"F": of("AWS::Lambda::Function", TracingConfig={"Mode": "Active"}),
                   "Stage": of("AWS::ApiGateway::Stage", RestApiId="Api", TracingEnabled=True)})
    assert ("traces_recorded", "assumed") in parts(found, "Api") and ("traces_recorded", "assumed") not in parts(found, "F")


def test_an_access_log_is_on_the_line_of_its_group() -> None:
    logged = replace(SHOP, apis={"Api": Api("Api", "rest", "prod", access_log_format="{}")})
    stage = of("AWS::ApiGateway::Stage", RestApiId="Api", AccessLogSetting={"DestinationArn": "Log.Arn"})
    found = asked({"Stage": stage, "Log": of("AWS::Logs::LogGroup")}, deployment=logged)
    assert parts(found, "Log") == {("logs_ingest_lambda_standard", "assumed"): pytest.approx(REQUESTS * 0.5 / 1024**2)}
    assert ("logs_ingest_lambda_standard", "assumed") in parts(ask(deployment=logged), "Api")


def test_snapshots_stand_and_cold_starts_restore_them() -> None:
    snapped = replace(SHOP, functions={"F": replace(F, snap_start=True)})
    found = parts(ask(deployment=snapped), "F")
    assert found["snapstart_cache", "assumed"] == pytest.approx(730 * 3600)
    assert found["snapstart_restore", "assumed"] == pytest.approx(REQUESTS * 0.01)


SCHEDULE = {"Tick": of("AWS::Events::Rule", ScheduleExpression="rate(5 minutes)", Targets=[{"Arn": "F.Arn"}])}


def test_a_schedule_s_invocations_are_counted_from_the_template() -> None:
    alone = Deployment({"F": F}, {}, ())
    found = asked(SCHEDULE, Question(duration_ms=100.0), alone)
    assert parts(found, "F")["requests", "given"] == pytest.approx(730 * 12)
    assert parts(found, "F")["duration_x86_64", "given"] == pytest.approx(730 * 12 * 0.1)
    assert "given by the template: Tick invokes F 8,760 times" in found.notes
    guessed = asked(SCHEDULE, Question(), alone)
    assert parts(guessed, "F")["requests", "given"] == pytest.approx(730 * 12)
    assert guessed.bounds()[0] < guessed.bill.total < guessed.bounds()[1]


def test_a_schedule_gives_way_to_a_usage_table() -> None:
    found = asked(SCHEDULE, Question(usage={"F": {"requests": 5, "duration_ms": 1}}), Deployment({"F": F}, {}, ()))
    assert parts(found, "F")["requests", "given"] == 5


def test_what_invokes_a_function_is_said_where_its_invocations_are_not_known() -> None:
    mapping = of("AWS::Lambda::EventSourceMapping", FunctionName="F", EventSourceArn="Jobs.Arn")
    found = asked({"Jobs": of("AWS::SQS::Queue"), "Map": mapping}, Question(), Deployment({"F": F}, {}, ()))
    assert any(sentence.startswith("F: its invocations (by SQS queue Jobs) are not known") for sentence in found.bill.missing)
    both = asked({"Jobs": of("AWS::SQS::Queue"), "Map": mapping})
    assert any(sentence.startswith("F: its invocations by SQS queue Jobs are not known") for sentence in both.bill.missing)


def test_a_memory_size_that_only_the_account_knows_is_bounded_and_named() -> None:
    doubt = Doubt("F.MemorySize = {{resolve:ssm:/m}}: not a number that can be known offline", "F", "MemorySize")
    found = asked({}, doubts=[doubt])
    assert parts(found, "F")["duration_x86_64", "assumed"] == pytest.approx(REQUESTS * (0.1 + 0.01 * 0.5))
    assert found.bounds()[0] < ask().bounds()[0] and found.bounds()[1] > ask().bounds()[1]
    (sentence,) = found.bill.missing
    assert sentence.endswith("1,024 MB is taken (128–10,240): give [F] with memory_mb in --usage, or the parameter behind it")
    known = {"F": {"requests": 1, "duration_ms": 1, "memory_mb": 512}}
    assert not any("MemorySize" in sentence for sentence in asked({}, Question(usage=known), doubts=[doubt]).bill.missing)


def test_a_misspelt_resource_of_a_usage_file_is_suggested() -> None:
    with pytest.raises(InputError, match=r"\[Apy\]: the template has no such resource \(did you mean Api\?\)"):
        ask(Question(usage={"Apy": {"requests": 1}}))
    assert "Queue" in ask(Question(usage={"Queue": {"kind": "sqs.queue", "requests": 1e6}})).bill.by("resource")


def test_traffic_that_no_route_takes_is_said() -> None:
    found = ask(deployment=Deployment({"F": F}, {}, ()))
    assert any("10 requests/s, but no route of the template takes them" in note for note in found.notes)


def test_a_duration_alone_is_of_schedules() -> None:
    with pytest.raises(InputError, match="give both"):
        ask(Question(duration_ms=5.0))


def test_a_function_that_is_switched_off_runs_nothing_and_its_api_is_paid() -> None:
    found = ask(deployment=replace(SHOP, functions={"F": replace(F, reserved=0)}))
    assert parts(found, "F") == {}
    assert parts(found, "Api")["rest_requests", "given"] == REQUESTS
    assert any("F is switched off" in note for note in found.notes)


def test_provisioned_pollers_are_named() -> None:
    mapping = Resource("AWS::Lambda::EventSourceMapping", {"FunctionName": "F", "ProvisionedPollerConfig": {"MinimumPollers": 4}})
    found = estimate(SHOP, {}, BOOK, TRAFFIC, deployed={"M": mapping})
    assert any(sentence.startswith("M: at least 4 provisioned pollers") for sentence in found.bill.missing)
