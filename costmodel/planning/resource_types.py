"""What a CloudFormation type costs: which kind of the usage file it is, what one of it costs standing, or that it is free.

Source: AWS CloudFormation template reference; the pricing pages of the services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
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
    "AWS::ApiGatewayV2::Api": ("apigateway.http", {}),
    "AWS::Serverless::HttpApi": ("apigateway.http", {}),
    "AWS::Serverless::WebSocketApi": ("apigateway.websocket", {}),
    "AWS::DynamoDB::Table": ("dynamodb.table", {}),
    "AWS::DynamoDB::GlobalTable": ("dynamodb.table", {}),
    "AWS::Serverless::SimpleTable": ("dynamodb.table", {}),
    "AWS::SQS::Queue": ("sqs.queue", {}),
    "AWS::SNS::Topic": ("sns.topic", {}),
    "AWS::S3::Bucket": ("s3.bucket", {}),
    "AWS::Kinesis::Stream": ("kinesis.stream", {}),
    "AWS::StepFunctions::StateMachine": ("stepfunctions.standard", {}),
    "AWS::Serverless::StateMachine": ("stepfunctions.standard", {}),
    "AWS::Events::EventBus": ("eventbridge.bus", {}),
    "AWS::Pipes::Pipe": ("eventbridge.pipe", {}),
    "AWS::Scheduler::Schedule": ("eventbridge.scheduler", {}),
    "AWS::Cognito::UserPool": ("cognito.user_pool", {}),
    "AWS::KMS::Key": ("kms.keys", {"keys": 1}),
    "AWS::SecretsManager::Secret": ("secretsmanager.secrets", {}),
    "AWS::WAFv2::WebACL": ("waf.web_acl", {}),
    "AWS::CloudFront::Distribution": ("cloudfront.distribution", {}),
    "AWS::CloudWatch::Alarm": ("cloudwatch.metrics", {"alarms": 1}),
    "AWS::CloudWatch::CompositeAlarm": ("cloudwatch.metrics", {"composite_alarms": 1}),
    "AWS::CloudWatch::Dashboard": ("cloudwatch.metrics", {"dashboards": 1}),
    "AWS::Logs::LogGroup": ("cloudwatch.logs", {}),
    "AWS::CloudTrail::Trail": ("cloudtrail.trail", {}),
    "AWS::EC2::NatGateway": ("vpc.nat_gateway", {}),
    "AWS::EC2::VPCEndpoint": ("vpc.endpoint", {}),
    "AWS::EC2::EIP": ("vpc.public_address", {}),
    "AWS::EC2::Instance": ("ec2.instances", {}),
    "AWS::ECS::Service": ("fargate.tasks", {}),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("alb.load_balancer", {}),
}
"""The usage file's kind of a CloudFormation type, and what one of it stands for."""
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
FREE_TYPES = ("AWS::EC2::VPC",)
NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")


def standing_of(name: str, type_name: str, hours: float) -> tuple[list[Tally], str | None]:
    """What a resource of this type costs used or not, and what to give for the rest of it (None: nothing is missing)."""
    if type_name in NESTED:
        return [], f"{name} ({type_name}): a template of its own: estimate that one too"
    if type_name not in KIND_OF_TYPE:
        free = type_name in FREE_TYPES or type_name.startswith(FREE)
        return [], None if free else (f"{name} ({type_name}): this type has no price here: add its cost yourself, or give "
                                      f'[{name}] with a kind in --usage')
    kind, stands = KIND_OF_TYPE[type_name]
    keys = ", ".join(of.name for of in fields(KINDS[kind]) if of.name not in ("resource", *stands))
    sentence = f"{name} ({type_name}): its usage is not known: give [{name}] in --usage, of {keys}"
    if not issubclass(KINDS[kind], ResourceTally):
        return [], sentence
    try:
        tallies = parse_usage({"region": "us-east-1", "month": f"{hours} h", name: {"kind": kind, **stands}}).activity.tallies
    except InputError:  # what stands cannot be told without its usage
        return [], sentence
    return list(tallies), None if kind == "cloudwatch.metrics" else sentence
