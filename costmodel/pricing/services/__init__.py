"""Every service that can be on a bill. A service is one file, `Activity -> usage lines` with no price in it, and one
line in SERVICES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from costmodel.activity import Activity, FunctionTally, Quantity, RouteTally
from costmodel.pricing.services.apigateway import apigateway_lines
from costmodel.pricing.services.cloudwatch import cloudwatch_lines
from costmodel.pricing.services.data_transfer import data_transfer_lines
from costmodel.pricing.services.lambda_ import lambda_lines
from costmodel.pricing.usage import Usage, UsageLine

SERVICES: Mapping[str, Callable[[Activity], Iterator[UsageLine]]] = {
    "lambda": lambda_lines,
    "apigateway": apigateway_lines,
    "cloudwatch": cloudwatch_lines,
    "data_transfer_out": data_transfer_lines,
}
"""By the service's name in the price book."""


def meter(activity: Activity) -> Usage:
    """What the activity uses of every service, in the units that AWS bills. What was not used has no line."""
    lines = (line for lines_of in SERVICES.values() for line in lines_of(activity))
    used = tuple(line for line in lines if np.any(line.quantity))
    return Usage(activity.region, activity.hours, used, _requests(activity), activity.missing)


def _requests(activity: Activity) -> Quantity:
    """What the front doors accepted; where there is no front door, what the functions ran."""
    accepted = [tally.requests for tally in activity.of(RouteTally)]
    return sum(accepted or [tally.invocations for tally in activity.of(FunctionTally)], 0.0)
