"""The limits of a stage's routes, then the account's: token buckets, one token a request.

A stage's settings hold for each of its methods by itself ("applied at the API method level"): a route without
settings of its own has its own bucket with the stage's default. Sources: API Gateway developer guide, "Throttle
requests to your REST APIs", "Throttle requests to your HTTP APIs", "Quotas". AWS calls the limits best effort; here
they are exact.
"""

from __future__ import annotations

from loadgen.local.account import StageState
from loadgen.local.buckets import TokenBucket
from loadgen.local.gateway.errors import refuse
from loadgen.local.gateway.exchange import Answer, Exchange, route_key
from loadgen.quotas import Quotas


class Throttles:
    """Every bucket of one account."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._account: TokenBucket | None = None
        self._routes: dict[tuple[str, str, str], TokenBucket] = {}

    def check(self, exchange: Exchange, now: float) -> Answer | None:
        """Take a token of the route's bucket and one of the account's, or refuse with 429."""
        bucket = self._route_bucket(exchange, now)
        if bucket is not None and not bucket.take(now):
            exchange.throttled_by = "stage"
        elif not self._account_bucket(now).take(now):
            exchange.throttled_by = "account"
        return refuse(exchange, "throttled") if exchange.throttled_by else None

    def _account_bucket(self, now: float) -> TokenBucket:
        if self._account is None:
            self._account = TokenBucket(self._quotas.gateway_rps, self._quotas.gateway_burst, now)
        return self._account

    def _route_bucket(self, exchange: Exchange, now: float) -> TokenBucket | None:
        assert exchange.api and exchange.stage and exchange.route
        name = route_key(exchange.route)
        rate, burst = _limits(exchange.stage, name)
        key = (exchange.api.id, exchange.stage.name, name)
        if rate is None and burst is None:
            self._routes.pop(key, None)
            return None
        rate = self._quotas.gateway_rps if rate is None else rate
        burst = self._quotas.gateway_burst if burst is None else burst
        bucket = self._routes.setdefault(key, TokenBucket(rate, burst, now))
        bucket.resize(rate, burst)
        return bucket


def _limits(stage: StageState, route: str) -> tuple[float | None, int | None]:
    own, default = stage.settings.get(route), stage.default
    if own is None:
        return default.throttle_rps, default.throttle_burst
    rate = own.throttle_rps if own.throttle_rps is not None else default.throttle_rps
    burst = own.throttle_burst if own.throttle_burst is not None else default.throttle_burst
    return rate, burst
