"""What a CloudFormation type costs: which kind of the usage file it is, what one of it costs standing, or that it is free.

Source: AWS CloudFormation template reference; the pricing pages of the services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from costmodel.activity import Tally
from costmodel.errors import InputError
from costmodel.pricing.resource import ResourceTally
from costmodel.pricing.usage_file import KINDS, parse_usage

KIND_OF_TYPE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "AWS::Lambda::Function": ("lambda.function", {}),
    "AWS::Serverless::Function": ("lambda.function", {}),
    "AWS::ApiGateway::RestApi": ("apigateway.rest", {}),
    "AWS::Serverless::Api": ("apigateway.rest", {}),
    "AWS::Serverless::HttpApi": ("apigateway.http", {}),
    "AWS::Serverless::WebSocketApi": ("apigateway.websocket", {}),
    "AWS::DynamoDB::Table": ("dynamodb.table", {}),
    "AWS::DynamoDB::GlobalTable": ("dynamodb.table", {}),
    "AWS::Serverless::SimpleTable": ("dynamodb.table", {}),
    "AWS::S3::Bucket": ("s3.bucket", {}),
    "AWS::Events::EventBus": ("eventbridge.bus", {}),
    "AWS::Pipes::Pipe": ("eventbridge.pipe", {}),
    "AWS::Scheduler::Schedule": ("eventbridge.scheduler", {}),
    "AWS::Cognito::UserPool": ("cognito.user_pool", {}),
    "AWS::KMS::Key": ("kms.keys", {"keys": 1}),
    "AWS::SecretsManager::Secret": ("secretsmanager.secrets", {}),
    "AWS::CloudFront::Distribution": ("cloudfront.distribution", {}),
    "AWS::CloudWatch::CompositeAlarm": ("cloudwatch.metrics", {"composite_alarms": 1}),
    "AWS::CloudWatch::Dashboard": ("cloudwatch.metrics", {"dashboards": 1}),
    "AWS::Logs::LogGroup": ("cloudwatch.logs", {}),
    "AWS::CloudTrail::Trail": ("cloudtrail.trail", {}),
    "AWS::EC2::NatGateway": ("vpc.nat_gateway", {}),
    "AWS::EC2::EIP": ("vpc.public_address", {}),
    "AWS::EC2::Instance": ("ec2.instances", {}),
    "AWS::ECS::Service": ("fargate.tasks", {}),
}
"""The usage file's kind of a CloudFormation type, and what one of it stands for."""
Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource of a template: its type, and of its properties those whose values are known."""

    type: str
    properties: Properties = field(default_factory=dict)


def _kinesis(properties: Properties) -> tuple[str, Properties]:
    on_demand = (properties.get("StreamModeDetails") or {}).get("StreamMode") == "ON_DEMAND"
    shards = properties.get("ShardCount", 1)
    return "kinesis.stream", {"mode": "on_demand"} if on_demand else {"shards": float(shards)} if _is_number(shards) else {}


def _express_or_standard(properties: Properties) -> tuple[str, Properties]:
    express = "EXPRESS" in (properties.get("StateMachineType"), properties.get("Type"))
    return ("stepfunctions.express" if express else "stepfunctions.standard"), {}


def _endpoint(properties: Properties) -> tuple[str, Properties] | None:
    """A gateway endpoint is free; an interface endpoint is billed in each zone."""
    if properties.get("VpcEndpointType", "Gateway") == "Gateway":
        return None
    subnets = properties.get("SubnetIds")
    return "vpc.endpoint", {"zones": len(subnets) if isinstance(subnets, list) and subnets else 1}


def _alarm(properties: Properties) -> tuple[str, Properties]:
    period_s = properties.get("Period", 60)
    fast = _is_number(period_s) and float(period_s) < 60
    return "cloudwatch.metrics", {"high_resolution_alarms" if fast else "alarms": 1}


def _balancer(properties: Properties) -> tuple[str, Properties] | None:
    """Only of application load balancers are the prices known."""
    return None if properties.get("Type") in ("network", "gateway") else ("alb.load_balancer", {})


def _is_number(value: Any) -> bool:
    return str(value).isdigit()


def _yes(value: Any) -> bool:
    return str(value).lower() == "true"


BY_PROPERTIES: Mapping[str, Callable[[Properties], tuple[str, Properties] | None]] = {
    "AWS::Kinesis::Stream": _kinesis,
    "AWS::StepFunctions::StateMachine": _express_or_standard,
    "AWS::Serverless::StateMachine": _express_or_standard,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::SQS::Queue": lambda of: ("sqs.queue", {"queue_type": "fifo"} if _yes(of.get("FifoQueue")) else {}),
    "AWS::SNS::Topic": lambda of: ("sns.topic", {"topic_type": "fifo"} if _yes(of.get("FifoTopic")) else {}),
    "AWS::ApiGatewayV2::Api": lambda of: (
        "apigateway.websocket" if of.get("ProtocolType") == "WEBSOCKET" else "apigateway.http", {}),
    "AWS::WAFv2::WebACL": lambda of: ("waf.web_acl", {"rules": len(of["Rules"])} if isinstance(of.get("Rules"), list) else {}),
}
"""Types whose kind, or what stands of them, is in their properties; None: no charge of its own, or none that is known."""


def kind_of(resource: Resource) -> tuple[str, Properties] | None:
    """The usage file's kind of a resource and what one of it stands for; None when it has none, or no charge."""
    if resource.type in BY_PROPERTIES:
        return BY_PROPERTIES[resource.type](resource.properties)
    return KIND_OF_TYPE.get(resource.type)


FREE = (
    "AWS::IAM::", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::LayerVersion", "AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Lambda::Version",
    "AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Serverless::LayerVersion", "AWS::Serverless::Connector",
    "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitCondition", "Custom::", "AWS::SQS::QueuePolicy",
    "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy", "AWS::Events::Rule",
    "AWS::Cognito::UserPoolClient", "AWS::Cognito::UserPoolDomain", "AWS::Cognito::IdentityPool", "AWS::KMS::Alias",
    "AWS::CloudFront::OriginAccess", "AWS::CloudFront::CloudFrontOriginAccessIdentity", "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::InternetGateway",
    "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::ECS::Cluster",
    "AWS::ECS::TaskDefinition", "AWS::SSM::Parameter", "AWS::Scheduler::ScheduleGroup", "AWS::CloudWatch::AnomalyDetector",
    "AWS::Logs::LogStream", "AWS::Logs::SubscriptionFilter", "AWS::ApplicationAutoScaling::",
)
"""Types, or beginnings of types, that have no charge of their own (what flows through them is charged elsewhere)."""
FREE_TYPES = ("AWS::EC2::VPC", "AWS::EC2::VPCEndpoint")
NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")


def nested_path(properties: Properties) -> str:
    """` at ./nested.yaml`: where a nested template is, as far as it is said."""
    place = properties.get("Location", properties.get("TemplateURL", ""))
    if isinstance(place, Mapping):
        place = place.get("ApplicationId", "")
    return f" at {place}" if isinstance(place, str) and place else ""


def standing_of(name: str, resource: Resource, hours: float) -> tuple[list[Tally], str | None]:
    """What a resource of this type costs used or not, and what to give for the rest of it (None: nothing is missing)."""
    type_name, found = resource.type, kind_of(resource)
    if type_name in NESTED:
        return [], f"{name} ({type_name}){nested_path(resource.properties)}: a template of its own: estimate that one too"
    if type_name.endswith("::MODULE"):
        return [], f"{name} ({type_name}): a module, whose resources only the registry knows: price the template that it makes"
    if found is None:
        free = type_name in FREE_TYPES or type_name.startswith(FREE)
        return [], None if free else (f"{name} ({type_name}): this type has no price here: add its cost yourself, or give "
                                      f'[{name}] with a kind in --usage')
    kind, stands = found
    keys = ", ".join(of.name for of in fields(KINDS[kind]) if of.name not in ("resource", *stands))
    sentence = f"{name} ({type_name}): its usage is not known: give [{name}] in --usage, of {keys}"
    if not issubclass(KINDS[kind], ResourceTally):
        return [], sentence
    try:
        tallies = parse_usage({"region": "us-east-1", "month": f"{hours} h", name: {"kind": kind, **stands}}).activity.tallies
    except InputError:  # what stands cannot be told without its usage
        return [], sentence
    return list(tallies), None if kind == "cloudwatch.metrics" else sentence
