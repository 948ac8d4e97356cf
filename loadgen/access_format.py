"""The access-log format that joining needs, by API kind.

A stage writes one line a request: its format with every `$context.` variable replaced. Any format will do that holds
the variables of `NEEDED`; `FORMATS` are those to give a stage that has none.

Source: API Gateway developer guide, "Variables for access logging for API Gateway", "Customize HTTP API access logs".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from loadgen.deployment import ApiKind

VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)")
"""A variable in a format; its name is the first group."""
_BOTH: Mapping[str, str] = {
    "requestId": "requestId",
    "requestTimeEpoch": "requestTimeEpoch",
    "httpMethod": "httpMethod",
    "stage": "stage",
    "status": "status",
    "responseLatency": "responseLatency",
    "integrationLatency": "integrationLatency",
    "integrationRequestId": "integration.requestId",
    "integrationStatus": "integration.integrationStatus",
    "functionStatus": "integration.status",
    "errorType": "error.responseType",
    "responseLength": "responseLength",
}
_VARIABLES: Mapping[ApiKind, Mapping[str, str]] = {
    "rest": {**_BOTH, "extendedRequestId": "extendedRequestId", "resourcePath": "resourcePath",
             "authorizerLatency": "authorizer.latency", "apiKeyId": "identity.apiKeyId"},
    "http": {**_BOTH, "routeKey": "routeKey"},
}
FORMATS: Mapping[ApiKind, str] = {
    kind: json.dumps({key: f"$context.{variable}" for key, variable in variables.items()})
    for kind, variables in _VARIABLES.items()
}
"""Every value is quoted: a variable without a value prints as -, which alone is no JSON."""
_NEEDED_BY_BOTH = (
    ("requestId",),
    ("requestTimeEpoch", "requestTime"),
    ("status",),
    ("responseLatency",),
    ("integrationLatency", "integration.latency"),
    ("integration.requestId", "awsEndpointRequestId"),
    ("integration.integrationStatus", "integrationStatus"),
    ("integration.status",),
    ("error.responseType",),
)
NEEDED: Mapping[ApiKind, tuple[tuple[str, ...], ...]] = {
    "rest": (*_NEEDED_BY_BOTH, ("httpMethod",), ("resourcePath",)),
    "http": (*_NEEDED_BY_BOTH, ("routeKey",)),
}
"""One of each group must be in the format."""


def lacking(log_format: str, kind: ApiKind) -> tuple[str, ...]:
    """The variables (`$context.requestId`, …) that joining needs and the format does not have."""
    found = set(VARIABLE.findall(log_format))
    return tuple(f"$context.{group[0]}" for group in NEEDED[kind] if not found.intersection(group))
