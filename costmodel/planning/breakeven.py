"""Where two ways to run the same thing cost the same: exactly, by solving, with tiers and with what stands.

Each question compares two cost curves along one variable (requests a month, a hit ratio, a utilisation, a slowdown).
Where the difference changes its sign they break even, once or several times; where it never does, one side is said to
be always cheaper. What both use alike and the price book does not know is left out of both, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations, pairwise

from costmodel.metering import http_units
from costmodel.planning.alternatives import (
    MOST_INSTANCES,
    Side,
    Way,
    balanced_lambda,
    compared,
    ec2,
    fargate,
    http_lambda,
    invoked,
    managed_instances,
    month,
    traffic,
    way,
)
from costmodel.planning.case import Case
from costmodel.planning.cost_curves import PiecewiseLinear, exact, quantities
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services.lambda_features import SnapStartTally
from costmodel.pricing.usage import Usage
from loadgen.deployment import ApiKind

BY_REQUESTS = "requests a month"


@dataclass(frozen=True)
class Crossing:
    """A place where the cheaper side changes. The two cost the same there, unless one of them jumps."""

    at: Fraction
    left_usd: Fraction
    right_usd: Fraction
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
        """Where the variable's range ends, or what is known of a side; None without end."""
        ends = (self.until, self.left.cost.known_to, self.right.cost.known_to)
        return min((end for end in ends if end is not None), default=None)

    @cached_property
    def difference(self) -> PiecewiseLinear:
        """USD a month that the left side costs more."""
        return self.left.usd - self.right.usd

    @cached_property
    def crossings(self) -> tuple[Crossing, ...]:
        """In the order of the variable; none: one side is never dearer."""
        return tuple(Crossing(change.at, self.left.usd(change.at), self.right.usd(change.at),
                              self._cheaper(-change.after), self._cheaper(change.after))
                     for change in self.difference.sign_changes(self.end))

    def cheaper(self, at: Fraction) -> str:
        """The name of the cheaper side there, `equal`, or `not known` beyond the range."""
        if self.end is not None and at > self.end:
            return "not known"
        return self._cheaper(self.difference(at))

    @property
    def always(self) -> str | None:
        """The side that is cheaper wherever they differ, where nothing crosses; None where something does."""
        if self.crossings:
            return None
        signs = (sign for _, _, sign in self.difference.stretches(self.end) if sign)
        return self._cheaper(next(signs, 0))

    def _cheaper(self, difference: Fraction | int) -> str:
        return "equal" if difference == 0 else self.right.name if difference > 0 else self.left.name


def rest_or_http(case: Case, book: PriceBook) -> BreakEven:
    """REST or HTTP API, by requests a month; HTTP counts each started 512 KB."""
    units = http_units(case.request.request_bytes, case.request.response_bytes)
    sides = (_behind("REST API", case, "rest"), _behind("HTTP API", case, "http"))
    return _by_requests("REST = HTTP", sides, case, book,
                        f"a request is {units:.0f} unit{'s' if units > 1 else ''} of 512 KB to an HTTP API")


def url_or_http(case: Case, book: PriceBook) -> BreakEven:
    """Function URL or HTTP API, by requests a month."""
    sides = (_behind("function URL", case, "url"), _behind("HTTP API", case, "http"))
    return _by_requests("function URL = HTTP API", sides, case, book, "a function URL has no charge of its own")


def cached_or_not(case: Case, book: PriceBook) -> BreakEven:
    """A REST cache or none, by hit ratio at the case's traffic: a hit runs no function."""
    def usage(hit_ratio: float) -> Usage:
        return month(case, "rest", hit_ratio=hit_ratio, cache=True)

    uncached = month(case, "rest")
    return _answer(
        f"a {case.cache_gb:g}-GB cache pays", "hit ratio",
        (way("no cache", quantities(uncached, uncached)), way("cache", quantities(usage(0.0), usage(1.0)))), case, book,
        f"at {case.requests_per_month:,.0f} requests a month", until=Fraction(1), given=exact(case.hit_ratio))


def cached_or_not_by_traffic(case: Case, book: PriceBook) -> BreakEven:
    """A REST cache or none, by requests a month at the case's hit ratio."""
    cached = [month(replace(case, requests_per_month=requests), "rest", hit_ratio=case.hit_ratio, cache=True)
              for requests in (0.0, 1.0)]
    sides = (_behind("no cache", case, "rest"), way("cache", quantities(*cached)))
    return _by_requests(f"a {case.cache_gb:g}-GB cache pays", sides, case, book, f"at a hit ratio of {case.hit_ratio:g}")


def provisioned_or_not(case: Case, book: PriceBook) -> BreakEven:
    """Provisioned concurrency or on demand, by the share of their time that the environments are busy."""
    on_demand = [invoked(case, requests) for requests in (0.0, case.capacity)]
    provisioned = [invoked(case, requests, case.kept) for requests in (0.0, case.capacity)]
    return _answer(
        "provisioned concurrency pays", "utilisation",
        (way("on demand", quantities(*on_demand)), way("provisioned", quantities(*provisioned))), case, book,
        f"{case.environments} environments of {case.request.memory_mb} MB for {case.hours:g} h are busy all the time at "
        f"{case.capacity:,.0f} requests a month", until=Fraction(1), given=exact(case.requests_per_month / case.capacity))


def arm_or_x86(case: Case, book: PriceBook) -> BreakEven:
    """arm64 or x86_64, by how much longer arm64 bills for the same request."""
    x86, arm = (replace(case, request=replace(case.request, architecture=a)) for a in ("x86_64", "arm64"))
    at_one = invoked(arm, case.requests_per_month)
    at_zero = replace(at_one, lines=tuple(line for line in at_one.lines if not line.item.startswith("duration")))
    fixed = invoked(x86, case.requests_per_month)
    return _answer(
        "arm64 pays", "billed duration on arm64 / x86_64",
        (way("x86_64", quantities(fixed, fixed)), way("arm64", quantities(at_zero, at_one))), case, book,
        f"at {case.requests_per_month:,.0f} requests a month", given=exact(case.slowdown))


def snapstart_or_provisioned(case: Case, book: PriceBook) -> BreakEven:
    """SnapStart with so many kept versions, or provisioned concurrency, by requests a month up to its capacity."""
    request, environments = case.request, case.environments
    provisioned = quantities(invoked(case, 0.0, case.kept), invoked(case, 1.0, case.kept))
    restored = replace(case, request=replace(request, init_ms=0.0))

    def kept(requests: float) -> SnapStartTally:
        return SnapStartTally(resource="F", memory_mb=request.memory_mb, versions=case.versions, hours=case.hours,
                              restores=requests * request.cold_share)

    on_demand = quantities(invoked(restored, 0.0, kept(0.0)), invoked(restored, 1.0, kept(1.0)))
    versions = f"{case.versions} kept version{'' if case.versions == 1 else 's'}"
    return _by_requests(
        f"SnapStart ({versions}) = provisioned ({environments})",
        (way("SnapStart", on_demand), way("provisioned", provisioned)), case, book,
        f"{environments} environments can take {case.capacity:,.0f} requests a month",
        "the managed Java runtimes pay nothing for SnapStart", until=exact(case.capacity))


def fargate_or_lambda(case: Case, book: PriceBook) -> BreakEven:
    """Lambda behind an HTTP API or Fargate tasks behind a load balancer, by requests a month."""
    return _instead_of_lambda(case, book, fargate(case))


def ec2_or_lambda(case: Case, book: PriceBook) -> BreakEven:
    """Lambda behind an HTTP API or EC2 instances behind a load balancer, by requests a month."""
    return _instead_of_lambda(case, book, ec2(case))


def managed_instances_or_lambda(case: Case, book: PriceBook) -> BreakEven:
    """Lambda on demand or on managed instances, both behind an HTTP API, by requests a month."""
    return _instead_of_lambda(case, book, managed_instances(case))


def balanced_or_http(case: Case, book: PriceBook) -> BreakEven:
    """Lambda behind an HTTP API or behind a load balancer, by requests a month."""
    return _instead_of_lambda(case, book, balanced_lambda(case))


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

    Up to where the cost of all is known.
    """
    end = min((side.cost.known_to for side in sides if side.cost.known_to is not None), default=None)
    changes = (change for one, other in combinations(sides, 2) for change in (one.usd - other.usd).sign_changes(end))
    starts = sorted({Fraction(0), *(change.at for change in changes)})
    ranges: list[tuple[Fraction, Side]] = []
    for start, stop in pairwise([*starts, end if end is not None else starts[-1] + 2]):
        best = min(sides, key=lambda side: side.usd((start + stop) / 2))
        if not ranges or ranges[-1][1] is not best:
            ranges.append((start, best))
    return ranges


def _instead_of_lambda(case: Case, book: PriceBook, other: Way) -> BreakEven:
    ours = http_lambda(case)
    notes = [f"whole instances: looked at up to {max(MOST_INSTANCES, case.least)} of them"] if other.until else []
    return _by_requests(f"{ours.name} = {other.name}", (ours, other), case, book, *notes)


def _behind(name: str, case: Case, kind: ApiKind) -> Way:
    return way(name, traffic(case, kind))


def _by_requests(question: str, sides: tuple[Way, Way], case: Case, book: PriceBook, *notes: str,
                 until: Fraction | None = None) -> BreakEven:
    return _answer(question, BY_REQUESTS, sides, case, book, *notes, until=until, given=exact(case.requests_per_month))


def _answer(question: str, variable: str, sides: tuple[Way, Way], case: Case, book: PriceBook, *notes: str,
            until: Fraction | None = None, given: Fraction | None = None) -> BreakEven:
    one, other, unknown = compared(*sides, case, book)
    if unknown:
        notes = (*notes, f"left out of both sides, which use it alike and have no full price for it: {', '.join(unknown)}")
    return BreakEven(question, variable, one, other, until, given, notes)
