"""Lambda: requests, GB-seconds by architecture, provisioned concurrency and the duration in it, function URLs.

Requests are invocations that ran, on provisioned environments too, errors included; a throttled one is not billed.
GB-seconds are of the billed duration, INIT in it (see `metering`). A function URL has no charge of its own.
What else of Lambda has a price is in `lambda_features`.
Source: AWS Lambda pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally
from costmodel.pricing.services.lambda_features import feature_lines
from costmodel.pricing.usage import FRONT_DOORS, UsageLine

SERVICE = "lambda"


def lambda_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every function."""
    for tally in activity.of(FunctionTally):
        quantities = {
            "requests": (tally.invocations, "request"),
            f"duration_{tally.architecture}": (tally.gb_s, "GB-second"),
            f"provisioned_duration_{tally.architecture}": (tally.provisioned_gb_s, "GB-second"),
        }
        for item, (quantity, unit) in quantities.items():
            yield UsageLine(SERVICE, item, tally.function, quantity, unit, activity.origin, tally.trigger or None)
    for reserved in activity.of(ProvisionedTally):
        item = f"provisioned_concurrency_{reserved.architecture}"
        yield UsageLine(SERVICE, item, reserved.function, reserved.gb_s, "GB-second", activity.origin)
    for door in activity.of(RouteTally):
        if door.api == "url":
            name = door.resource or FRONT_DOORS[door.api]
            yield UsageLine(SERVICE, "function_url", name, door.requests, "request", activity.origin, door.route)
    yield from feature_lines(activity)
