"""Where two ways to run the same thing cost the same: exactly, by solving, with tiers and with what stands.

Each question compares two cost curves along one variable (requests a month, a hit ratio, a utilisation, a slowdown).
Where the difference changes its sign they break even; where it never does, one side is said to be always cheaper. The
free tier is off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, pairwise

from costmodel.metering import http_units
from costmodel.planning.alternatives import (
    Side,
    balanced_lambda,
    ec2,
    fargate,
    http_lambda,
    invoked,
    managed_instances,
    month,
    side,
    traffic,
)
from costmodel.planning.case import Case
from costmodel.planning.cost_curves import PiecewiseLinear, exact, quantities
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services.lambda_features import SnapStartTally
from costmodel.pricing.usage import Usage


@dataclass(frozen=True)
class Crossing:
    """A place where the cheaper side changes; both cost `usd` a month there."""

    at: Fraction
    usd: Fraction
    below: str
    above: str


@dataclass(frozen=True)
class BreakEven:
    """The answer to one question. `until`: the end of the variable's range, None without end."""

    question: str
    variable: str
    left: Side
    right: Side
    until: Fraction | None = None
    given: Fraction | None = None
    """Where the case stands on the variable."""
    notes: tuple[str, ...] = ()

    @property
    def end(self) -> Fraction | None:
        """Where the variable's range ends, or what the price book knows; None without end."""
        ends = (self.until, self.left.cost.known_to, self.right.cost.known_to)
        return min((end for end in ends if end is not None), default=None)

    @property
    def difference(self) -> PiecewiseLinear:
        """USD a month that the left side costs more."""
        return self.left.usd - self.right.usd

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """In the order of the variable; none: one side is never dearer."""
        marks = self.difference.sign_changes(self.end)
        middles = _middles(marks, self.end)
        return tuple(Crossing(at, self.left.usd(at), self.cheaper(before), self.cheaper(after))
                     for at, (before, after) in zip(marks, pairwise(middles), strict=True))

    def cheaper(self, at: Fraction) -> str:
        """The name of the cheaper side there, or `equal`."""
        difference = self.difference(at)
        return "equal" if difference == 0 else self.right.name if difference > 0 else self.left.name

    @property
    def always(self) -> str | None:
        """The side that is cheaper wherever they differ, where nothing crosses; None where something does."""
        if self.crossings:
            return None
        places = [x for x, _ in self.difference.knots if self.end is None or x <= self.end]
        places.append(self.end if self.end is not None else places[-1] + 1)
        return next((name for name in map(self.cheaper, places) if name != "equal"), "equal")


def rest_or_http(case: Case, book: PriceBook) -> BreakEven:
    """REST or HTTP API, by requests a month; HTTP counts each started 512 KB."""
    units = http_units(case.request.request_bytes, case.request.response_bytes)
    return BreakEven("REST = HTTP", "requests a month", side("REST API", book, traffic(case, book, "rest")),
                     side("HTTP API", book, traffic(case, book, "http")), given=exact(case.requests_per_month),
                     notes=(f"a request is {units:.0f} unit(s) of 512 KB",))


def url_or_http(case: Case, book: PriceBook) -> BreakEven:
    """Function URL or HTTP API, by requests a month."""
    return BreakEven("function URL = HTTP API", "requests a month",
                     side("function URL", book, traffic(case, book, "url")),
                     side("HTTP API", book, traffic(case, book, "http")), given=exact(case.requests_per_month),
                     notes=("a function URL has no charge of its own",))


def cached_or_not(case: Case, book: PriceBook) -> BreakEven:
    """A REST cache or none, by hit ratio at the case's traffic: a hit runs no function."""
    def usage(hit_ratio: float) -> Usage:
        return month(case, book, "rest", hit_ratio=hit_ratio, cache=True)

    uncached = month(case, book, "rest")
    return BreakEven(
        f"a {case.cache_gb:g}-GB cache pays", "hit ratio",
        side("no cache", book, quantities(uncached, uncached)), side("cache", book, quantities(usage(0.0), usage(1.0))),
        until=Fraction(1), given=exact(case.hit_ratio), notes=(f"at {case.requests_per_month:,.0f} requests a month",))


def cached_or_not_by_traffic(case: Case, book: PriceBook) -> BreakEven:
    """A REST cache or none, by requests a month at the case's hit ratio."""
    cached = [month(replace(case, requests_per_month=requests), book, "rest", hit_ratio=case.hit_ratio, cache=True)
              for requests in (0.0, 1.0)]
    return BreakEven(
        f"a {case.cache_gb:g}-GB cache pays", "requests a month",
        side("no cache", book, traffic(case, book, "rest")), side("cache", book, quantities(*cached)),
        given=exact(case.requests_per_month), notes=(f"at a hit ratio of {case.hit_ratio:g}",))


def provisioned_or_not(case: Case, book: PriceBook) -> BreakEven:
    """Provisioned concurrency or on demand, by the share of their time that the environments are busy."""
    request, environments = case.request, case.environments
    on_demand = [invoked(case, book, requests) for requests in (0.0, case.capacity)]
    provisioned = [invoked(case, book, requests, case.kept) for requests in (0.0, case.capacity)]
    return BreakEven(
        "provisioned concurrency pays", "utilisation",
        side("on demand", book, quantities(*on_demand)), side("provisioned", book, quantities(*provisioned)),
        until=Fraction(1), notes=(f"{environments} environments of {request.memory_mb} MB for {case.hours:g} h",))


def arm_or_x86(case: Case, book: PriceBook) -> BreakEven:
    """arm64 or x86_64, by how much longer arm64 bills for the same request."""
    x86, arm = (replace(case, request=replace(case.request, architecture=a)) for a in ("x86_64", "arm64"))
    at_one = invoked(arm, book, case.requests_per_month)
    at_zero = replace(at_one, lines=tuple(line for line in at_one.lines if not line.item.startswith("duration")))
    fixed = invoked(x86, book, case.requests_per_month)
    return BreakEven(
        "arm64 pays", "billed duration on arm64 / x86_64",
        side("x86_64", book, quantities(fixed, fixed)), side("arm64", book, quantities(at_zero, at_one)),
        given=exact(case.slowdown), notes=(f"at {case.requests_per_month:,.0f} requests a month",))


def snapstart_or_provisioned(case: Case, book: PriceBook) -> BreakEven:
    """SnapStart with so many kept versions, or provisioned concurrency, by requests a month up to its capacity."""
    request, environments = case.request, case.environments
    provisioned = quantities(invoked(case, book, 0.0, case.kept), invoked(case, book, 1.0, case.kept))
    restored = replace(case, request=replace(request, init_ms=0.0))

    def kept(requests: float) -> SnapStartTally:
        return SnapStartTally(resource="F", memory_mb=request.memory_mb, versions=case.versions, hours=case.hours,
                              restores=requests * request.cold_share)

    on_demand = quantities(invoked(restored, book, 0.0, kept(0.0)), invoked(restored, book, 1.0, kept(1.0)))
    return BreakEven(
        f"SnapStart ({case.versions} kept versions) = provisioned ({environments})", "requests a month",
        side("SnapStart", book, on_demand), side("provisioned", book, provisioned), until=exact(case.capacity),
        given=exact(case.requests_per_month),
        notes=(f"{environments} environments can take {case.capacity:,.0f} requests a month",
               "the managed Java runtimes pay nothing for SnapStart"))


def fargate_or_lambda(case: Case, book: PriceBook) -> BreakEven:
    """Lambda behind an HTTP API or Fargate tasks behind a load balancer, by requests a month."""
    return _instead_of_lambda(case, book, fargate(case, book))


def ec2_or_lambda(case: Case, book: PriceBook) -> BreakEven:
    """Lambda behind an HTTP API or EC2 instances behind a load balancer, by requests a month."""
    return _instead_of_lambda(case, book, ec2(case, book))


def managed_instances_or_lambda(case: Case, book: PriceBook) -> BreakEven:
    """Lambda on demand or on managed instances, both behind an HTTP API, by requests a month."""
    return _instead_of_lambda(case, book, managed_instances(case, book))


def balanced_or_http(case: Case, book: PriceBook) -> BreakEven:
    """Lambda behind an HTTP API or behind a load balancer, by requests a month."""
    return _instead_of_lambda(case, book, balanced_lambda(case, book))


QUESTIONS: Mapping[str, Callable[[Case, PriceBook], BreakEven]] = {
    "rest-http": rest_or_http,
    "url-http": url_or_http,
    "cache": cached_or_not,
    "cache-traffic": cached_or_not_by_traffic,
    "provisioned": provisioned_or_not,
    "arm64": arm_or_x86,
    "snapstart": snapstart_or_provisioned,
    "alb": balanced_or_http,
    "fargate": fargate_or_lambda,
    "ec2": ec2_or_lambda,
    "managed-instances": managed_instances_or_lambda,
}
"""By the word that the command line takes."""


def cheapest_by_traffic(sides: Sequence[Side]) -> list[tuple[Fraction, Side]]:
    """From which requests a month on which side is the cheapest, in order; the first from 0.

    Up to where the price book knows the cost of all.
    """
    end = min((side.cost.known_to for side in sides if side.cost.known_to is not None), default=None)
    marks = {x for one, other in combinations(sides, 2) for x in (one.usd - other.usd).sign_changes(end)}
    starts = [Fraction(0), *sorted(marks)]
    ranges: list[tuple[Fraction, Side]] = []
    for start, middle in zip(starts, _middles(starts[1:], end), strict=True):
        best = min(sides, key=lambda side: side.usd(middle))
        if not ranges or ranges[-1][1] is not best:
            ranges.append((start, best))
    return ranges


def _instead_of_lambda(case: Case, book: PriceBook, other: Side) -> BreakEven:
    ours = http_lambda(case, book)
    return BreakEven(
        f"{ours.name} = {other.name}", "requests a month", ours, other, given=exact(case.requests_per_month),
        notes=(f"{other.name} costs {float(other.floor):,.2f} USD a month before the first request",))


def _middles(marks: Sequence[Fraction], until: Fraction | None) -> list[Fraction]:
    """A place within each of the ranges that the marks divide."""
    start = Fraction(0)
    end = until if until is not None else (marks[-1] if marks else start) + 1
    return [(left + right) / 2 for left, right in pairwise([start, *marks, end])]
