"""Every service that can be on a bill. A service is one file, `Activity -> usage lines` with no price in it, and one
line in SERVICES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from costmodel.activity import Activity, FunctionTally, Quantity, RouteTally
from costmodel.metering import INIT_BILLED_FROM
from costmodel.pricing.services.alb import alb_lines
from costmodel.pricing.services.apigateway import apigateway_lines
from costmodel.pricing.services.cloudfront import cloudfront_lines
from costmodel.pricing.services.cloudtrail import cloudtrail_lines
from costmodel.pricing.services.cloudwatch import cloudwatch_lines
from costmodel.pricing.services.cognito import cognito_lines
from costmodel.pricing.services.data_transfer import data_transfer_lines
from costmodel.pricing.services.dynamodb import dynamodb_lines
from costmodel.pricing.services.ec2 import ec2_lines
from costmodel.pricing.services.eventbridge import eventbridge_lines
from costmodel.pricing.services.fargate import fargate_lines
from costmodel.pricing.services.kinesis import kinesis_lines
from costmodel.pricing.services.kms import kms_lines
from costmodel.pricing.services.lambda_ import lambda_lines
from costmodel.pricing.services.s3 import s3_lines
from costmodel.pricing.services.secretsmanager import secretsmanager_lines
from costmodel.pricing.services.sns import sns_lines
from costmodel.pricing.services.sqs import sqs_lines
from costmodel.pricing.services.stepfunctions import stepfunctions_lines
from costmodel.pricing.services.vpc import vpc_lines
from costmodel.pricing.services.waf import waf_lines
from costmodel.pricing.services.xray import xray_lines
from costmodel.pricing.usage import Usage, UsageLine

SERVICES: Mapping[str, Callable[[Activity], Iterator[UsageLine]]] = {
    "lambda": lambda_lines,
    "apigateway": apigateway_lines,
    "cloudwatch": cloudwatch_lines,
    "data_transfer_out": data_transfer_lines,
    "cloudfront": cloudfront_lines,
    "sqs": sqs_lines,
    "sns": sns_lines,
    "eventbridge": eventbridge_lines,
    "kinesis": kinesis_lines,
    "stepfunctions": stepfunctions_lines,
    "dynamodb": dynamodb_lines,
    "s3": s3_lines,
    "cognito": cognito_lines,
    "kms": kms_lines,
    "secretsmanager": secretsmanager_lines,
    "waf": waf_lines,
    "vpc": vpc_lines,
    "xray": xray_lines,
    "cloudtrail": cloudtrail_lines,
    "alb": alb_lines,
    "fargate": fargate_lines,
    "ec2": ec2_lines,
}
"""By the service's name in the price book."""


def meter(activity: Activity) -> Usage:
    """What the activity uses of every service, in the units that AWS bills. What was not used has no line."""
    lines = (line for lines_of in SERVICES.values() for line in lines_of(activity))
    used = tuple(line for line in lines if np.any(line.quantity))
    notes = (*activity.notes, *_rules(activity))
    return Usage(activity.region, activity.hours, used, _requests(activity), activity.missing, notes)


def _rules(activity: Activity) -> Iterator[str]:
    """Rules of billing that have a date, where they count."""
    if any(np.any(tally.init_gb_s) for tally in activity.of(FunctionTally)):
        yield f"INIT of cold starts is billed as duration: AWS's rule since {INIT_BILLED_FROM}"


def _requests(activity: Activity) -> Quantity:
    """What the front doors accepted; where there is no front door, what the functions ran."""
    accepted = [tally.requests for tally in activity.of(RouteTally)]
    return sum(accepted or [tally.invocations for tally in activity.of(FunctionTally)], _none(activity))


def _none(activity: Activity) -> Quantity:
    """0 of each configuration, where the activity is of many."""
    shapes = (np.shape(getattr(tally, name)) for tally in activity.tallies for name in tally.quantities)
    shape = np.broadcast_shapes(*shapes)
    return np.zeros(shape) if shape else 0.0
