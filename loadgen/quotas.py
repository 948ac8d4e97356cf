"""The account's limits, defaults as data.

Sources (AWS documentation, 2026): Lambda developer guide, "Lambda quotas", "Understanding Lambda function scaling" and
"Lambda scaling behavior"; API Gateway developer guide, "Quotas" and "Throttle requests to your REST APIs".
"""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.schema import Record


@dataclass(frozen=True)
class Quotas(Record):
    """Limits of one account in one Region. The defaults are AWS's for an established account."""

    account_concurrency: int = 1_000
    """Execution environments busy at once, over all functions [environments]."""
    unreserved_minimum: int = 100
    """What reserved concurrency must leave to the other functions [environments]."""
    scaling_capacity: int = 1_000
    """New environments a function may start at any instant [environments]."""
    scaling_refill_per_s: float = 100.0
    """1,000 every 10 s, refilled continuously [environments/s]."""
    invokes_per_s_per_concurrency: float = 10.0
    """Synchronous invocations per second and unit of concurrency."""
    gateway_rps: float = 10_000.0
    """Requests per second of all APIs of the account."""
    gateway_burst: int = 5_000
    """Token bucket size of the account [requests]."""
    rest_integration_timeout_s: float = 29.0
    http_integration_timeout_s: float = 30.0
    gateway_payload_bytes: int = 10_485_760
    lambda_payload_bytes: int = 6_291_556
