"""API Gateway, without IO: a request passes the stages in the order of `STAGES`; the first one that answers ends it.

What passes all of them goes to the function (elsewhere), and its result comes back through `answer`. The clock is
passed in: `now` in monotonic seconds. Source of the order: API Gateway developer guide, throttling ahead of the
method, validation ahead of the integration.

Overhead, the gateway's latency beyond the integration's, is an option by kind; the defaults are unproven guesses (AWS
publishes no figure, only that HTTP APIs are up to 60 % faster than REST APIs).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from loadgen.deployment import ApiKind
from loadgen.local.account import Account, ApiState
from loadgen.local.gateway import events, proxy, routing
from loadgen.local.gateway.caching import Caches
from loadgen.local.gateway.errors import identify
from loadgen.local.gateway.exchange import Answer, Exchange, Request
from loadgen.local.gateway.identity import identifiers
from loadgen.local.gateway.routing import Router
from loadgen.local.gateway.throttling import Throttles
from loadgen.local.gateway.validation import Validators
from loadgen.local.invocation import InvokeResult


@dataclass(frozen=True)
class GatewayOptions:
    """What AWS does not document, or what is measured only once."""

    overhead_ms: Mapping[ApiKind, float] = field(default_factory=lambda: {"rest": 6.0, "http": 2.4, "url": 1.0})
    http_throttled_status: int = 503
    """An HTTP API's status when Lambda throttles: measured once (503); the Lambda guide says 500."""


class Gateway:
    """All APIs of one account: what the stages share and keep between requests."""

    def __init__(self, account: Account, options: GatewayOptions, entropy: random.Random) -> None:
        self.account, self.options, self._entropy = account, options, entropy
        self.throttles = Throttles(account.quotas)
        self.validators = Validators(account.quotas)
        self.caches = Caches()
        self._routers: dict[str, tuple[ApiState, Router]] = {}

    def admit(self, request: Request, epoch: float, now: float) -> Exchange:
        """Take a request through the stages. `exchange.answer` is set when one of them answered."""
        exchange = Exchange(request, epoch, *identifiers(request, epoch, self._entropy))
        for stage in STAGES:
            answer = stage(self, exchange, now)
            if answer is not None:
                exchange.answer = answer
                break
        return exchange

    def answer(self, exchange: Exchange, result: InvokeResult | None, now: float) -> None:
        """Turn the integration's result (None: too late) into the client's answer; keep it when the route is cached."""
        answer = proxy.respond(exchange, result, self.options.http_throttled_status)
        if exchange.error is None:
            self.caches.keep(exchange, answer, now)
            answer = _identified(exchange, answer)
        exchange.answer = answer

    def timeout_s(self, exchange: Exchange) -> float:
        """How long the gateway waits for this request's function [s]."""
        assert exchange.route is not None
        quotas = self.account.quotas
        most = quotas.rest_integration_timeout_s if exchange.kind == "rest" else quotas.http_integration_timeout_s
        return min(exchange.route.timeout_s, most)

    def router(self, api: ApiState) -> Router:
        """The API's routes, compiled anew when the control plane changed them."""
        known = self._routers.get(api.id)
        if known is None or known[0] is not api:
            self._routers[api.id] = known = (api, Router(api))
        return known[1]


Stage = Callable[[Gateway, Exchange, float], Answer | None]


def locate(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Find the API and its stage."""
    return routing.locate(exchange, gateway.account.apis)


def route(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Find the route."""
    assert exchange.api is not None
    return routing.route(exchange, gateway.router(exchange.api))


def throttle(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Hold to the route's limit and the account's."""
    return gateway.throttles.check(exchange, now)


def measure(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Refuse a body that is too large."""
    return gateway.validators.check_size(exchange)


def validate(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Check parameters and body."""
    return gateway.validators.check(exchange)


def look_up(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Answer from the cache."""
    answer = gateway.caches.look_up(exchange, now)
    return _identified(exchange, answer) if answer is not None else None


def build_event(gateway: Gateway, exchange: Exchange, now: float) -> Answer | None:
    """Build what the function gets."""
    events.build(exchange, gateway.account.region, gateway.account.account_id)
    return None


STAGES: tuple[Stage, ...] = (locate, route, throttle, measure, validate, look_up, build_event)
"""A request's path; one stage a module: routing (two), throttling, validation (two), caching, events."""


def _identified(exchange: Exchange, answer: Answer) -> Answer:
    return Answer(answer.status, [*answer.headers, *identify(exchange)], answer.body)
