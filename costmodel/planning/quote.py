"""What a load test will cost on AWS, before anything is sent.

Nothing was measured yet, so two bills are made of the same requests: one with assumed durations, and a ceiling at which
every invocation runs to its function's timeout. Both are metered and priced as everything else is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from costmodel.activity import Activity, FunctionTally, RouteTally, Tally, standing_tallies
from costmodel.metering import KIB, gb_s
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from loadgen.configuration import Configuration
from loadgen.deployment import Deployment

ASSUMED_MS = 500.0
LOG_BYTES, RESPONSE_BYTES = 1.0 * KIB, 10.0 * KIB
STANDING_HOURS = 0.5
"""Provisioned concurrency and caches are there longer than a run: AWS takes minutes to make them."""
MOST = 4.0
"""Standard deviations of the number of arrivals, which is Poisson, in the ceiling."""


@dataclass(frozen=True)
class Quote:
    """USD of one or more runs. `requests`: expected in all."""

    requests: float
    expected: Decimal
    ceiling: Decimal

    def __str__(self) -> str:
        return (f"about {self.requests:,.0f} requests on AWS: about ${self.expected:,.2f} at {ASSUMED_MS:.0f} ms an "
                f"invocation, at most ${self.ceiling:,.2f} if every one runs to its timeout; {RESPONSE_BYTES / KIB:.0f} KB "
                "a response assumed, free tier and the collectors' own calls not counted")


def quote(deployment: Deployment, configurations: Iterable[Configuration], routes: Mapping[str, float], expected: float,
          book: PriceBook) -> Quote:
    """Of one run of `expected` arrivals under each configuration; `routes`: each one's share of them.

    Raises PriceMissingError. A share that is on no route of the deployment is taken for its dearest function.
    """
    likely = most = Decimal(0)
    runs = list(configurations)
    for configuration in runs:
        arrivals = expected + MOST * math.sqrt(expected)
        likely += _usd(deployment, configuration, routes, expected, book, to_timeout=False)
        most += _usd(deployment, configuration, routes, arrivals, book, to_timeout=True)
    return Quote(expected * len(runs), likely, most)


def _usd(deployment: Deployment, configuration: Configuration, routes: Mapping[str, float], arrivals: float, book: PriceBook,
         *, to_timeout: bool) -> Decimal:
    flows = tuple(_tallies(deployment, configuration, routes, arrivals, to_timeout=to_timeout))
    standing = tuple(standing_tallies(configuration, STANDING_HOURS))
    return price(meter(Activity(book.region, STANDING_HOURS, (*flows, *standing), "assumed")), book).total


def _tallies(deployment: Deployment, configuration: Configuration, routes: Mapping[str, float], arrivals: float, *,
             to_timeout: bool) -> Iterator[Tally]:
    kind = configuration.api.kind
    known = {route.name: route.function for route in deployment.routes(kind)}
    known |= {f"INVOKE {name}": name for name in configuration.functions}

    def run_gb_s(name: str) -> float:
        timeout_ms = deployment.functions[name].timeout_s * 1000
        return gb_s(timeout_ms if to_timeout else min(ASSUMED_MS, timeout_ms), configuration.functions[name].memory_mb)

    dearest = max(configuration.functions, key=run_gb_s)
    for route, share in routes.items():
        requests, name = arrivals * share, known.get(route, dearest)
        settings = configuration.functions[name]
        if not route.startswith("INVOKE "):
            yield RouteTally(kind, route, requests, units=requests, response_bytes=requests * RESPONSE_BYTES)
        yield FunctionTally(name, route, settings.architecture, settings.memory_mb, requests,
                            gb_s=requests * run_gb_s(name), log_bytes=requests * LOG_BYTES)
