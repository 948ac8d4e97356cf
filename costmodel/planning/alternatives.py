"""What a request a month costs in each place that can run it, as cost curves: Lambda behind its front doors, and what one
would run instead, each with its own load balancer or gateway and its floor.

    instance hours = the larger of  floor x hours  and  requests x vCPU-s / (vCPUs x utilisation x 3600)

an average over the month: fractions of a task or an instance count, as autoscaling gives them; or, when asked for, the
whole instances that an even load needs, up to MOST_INSTANCES. vCPU-s of a request are
its billed duration times the share of a vCPU that Lambda gives its memory (1,769 MB = 1 vCPU), all of it used unless
`cpu_share` says otherwise.

Sources: pricing pages of Lambda, Elastic Load Balancing and Fargate; Lambda developer guide, "Managed Instances"
(three instances to begin with) and "Configure function memory" (1,769 MB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.metering import GIB, gb_s, http_units
from costmodel.planning.case import Case, Request
from costmodel.planning.cost_curves import (
    Cost,
    PiecewiseLinear,
    Quantities,
    check_prices,
    cost,
    exact,
    quantities,
    together,
)
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.services.alb import LoadBalancerTally
from costmodel.pricing.services.vpc import PublicAddressTally
from costmodel.pricing.usage import Usage
from loadgen.deployment import ApiKind

MB_PER_VCPU = 1769.0
BALANCER_ADDRESSES = 2
"""Public IPv4 addresses of an internet-facing load balancer: one in each of its two zones."""
MANAGED_INSTANCES = 3
"""What a published version starts with, and keeps."""
MOST_INSTANCES = 300
"""Whole ones that are looked at."""
NO_REGION = ""
"""Of usage that is not priced yet: it is the same in every Region."""


@dataclass(frozen=True)
class Way:
    """One of the ways to run it: what it uses along the variable, up to `until` (None: everywhere)."""

    name: str
    uses: Quantities
    until: Fraction | None = None


@dataclass(frozen=True)
class Side:
    """A way and its cost [USD a month] along the variable."""

    name: str
    cost: Cost

    @property
    def usd(self) -> PiecewiseLinear:
        return self.cost.usd

    @property
    def floor(self) -> Fraction:
        """What it costs before the first request."""
        return self.usd(0)


def way(name: str, *parts: Quantities, until: Fraction | None = None) -> Way:
    """The way of that name which uses all of these."""
    return Way(name, together(parts), until)


def priced(of: Way, case: Case, book: PriceBook) -> Side:
    """What it costs under the case's terms. Raises PriceMissingError that names all that the book lacks."""
    found = cost(of.uses, book, free_tier=case.free_tier, savings_plan=case.savings_plan)
    ends = [end for end in (found.known_to, of.until) if end is not None]
    return Side(of.name, replace(found, known_to=min(ends, default=None)))


def compared(left: Way, right: Way, case: Case, book: PriceBook) -> tuple[Side, Side, Sequence[str]]:
    """Both with their costs, and the items that are left out of both: used alike, and the book does not know them."""
    unknown = [key for key, quantity in left.uses.items() if right.uses.get(key) == quantity
               and (key not in book.prices or book.price(*key).known_to is not None)]
    left, right = (replace(of, uses={key: of.uses[key] for key in of.uses if key not in unknown}) for of in (left, right))
    check_prices((*left.uses, *right.uses), book)
    return priced(left, case, book), priced(right, case, book), [" ".join(key) for key in unknown]


def http_lambda(case: Case) -> Way:
    """Lambda on demand behind an HTTP API."""
    return way("Lambda", traffic(case, "http"))


def balanced_lambda(case: Case) -> Way:
    """Lambda on demand behind an application load balancer."""
    return way("Lambda + ALB", traffic(case, "url"), _load_balancer(case, "lambda"))


def fargate(case: Case) -> Way:
    """Fargate tasks behind an application load balancer, at least `least` of them."""
    hours, until = _instance_hours(case, case.task_vcpus, case.least)
    architecture = case.request.architecture
    tasks = {("fargate", f"vcpu_{architecture}"): hours.times(exact(case.task_vcpus)),
             ("fargate", f"memory_{architecture}"): hours.times(exact(case.task_gb))}
    return way("Fargate", tasks, _load_balancer(case, "instances"), _answers(case), until=until)


def ec2(case: Case) -> Way:
    """EC2 instances behind an application load balancer, at least `least` of them."""
    hours, until = _instance_hours(case, case.instance_vcpus, case.least)
    return way("EC2", {("ec2", case.ec2_item): hours}, _load_balancer(case, "instances"), _answers(case), until=until)


def managed_instances(case: Case) -> Way:
    """Lambda managed instances behind an HTTP API: requests, EC2 hours and the fee on them, no GB-seconds.

    The fee is a part of the on-demand price, whatever is paid for the instances.
    """
    hours, until = _instance_hours(case, case.instance_vcpus, MANAGED_INSTANCES)
    flow = {key: quantity for key, quantity in traffic(case, "http").items()
            if key not in (("lambda", "requests"), ("lambda", f"duration_{case.request.architecture}"))}
    fleet = {("lambda", "managed_instances_requests"): PiecewiseLinear.affine(0, 1), ("ec2", case.ec2_item): hours,
             ("lambda", f"managed_instances_fee_{case.instance_type}"): hours}
    return way("managed instances", flow, fleet, until=until)


def traffic(case: Case, kind: ApiKind) -> Quantities:
    """What a request a month uses behind this front door; nothing stands."""
    one = replace(case, requests_per_month=1.0)
    none = replace(case, requests_per_month=0.0)
    return quantities(month(none, kind), month(one, kind))


def month(case: Case, kind: ApiKind, *, hit_ratio: float = 0.0, cache: bool = False) -> Usage:
    """The usage of the case's traffic behind this front door; a cache hit runs no function."""
    request, requests = case.request, case.requests_per_month
    units = http_units(request.request_bytes, request.response_bytes) if kind == "http" else 0.0
    tallies: list[Tally] = [
        RouteTally(kind, "GET /", requests, units=requests * units, cache_hits=requests * hit_ratio,
                   response_bytes=requests * request.response_bytes),
        _function(request, requests * (1.0 - hit_ratio))]
    if cache:
        tallies.append(CacheTally(kind, case.cache_gb, case.hours))
    return metered(case, *tallies)


def _function(request: Request, invocations: float, *, provisioned: bool = False) -> FunctionTally:
    tally = FunctionTally("F", "GET /", request.architecture, request.memory_mb, invocations,
                          log_bytes=invocations * request.log_bytes)
    if provisioned:
        return replace(tally, provisioned_gb_s=gb_s(invocations * request.billed_ms, request.memory_mb))
    return replace(tally, gb_s=invocations * request.gb_s)


def invoked(case: Case, invocations: float, *standing: Tally) -> Usage:
    """The usage of the function alone; in provisioned environments when such stand."""
    provisioned = any(isinstance(tally, ProvisionedTally) for tally in standing)
    return metered(case, _function(case.request, invocations, provisioned=provisioned), *standing)


def metered(case: Case, *tallies: Tally) -> Usage:
    """The usage of a month of these."""
    return meter(Activity(NO_REGION, case.hours, tallies, "given"))


def _instance_hours(case: Case, vcpus: float, least: int) -> tuple[PiecewiseLinear, Fraction | None]:
    """Hours a month by requests a month, and up to how many requests that holds."""
    vcpu_s = exact(case.request.billed_ms) / 1000 * case.request.memory_mb / Fraction(MB_PER_VCPU) * exact(case.cpu_share)
    per_request = vcpu_s / (exact(vcpus) * exact(case.utilisation) * 3600)
    if case.whole:
        rate, most = per_request / exact(case.hours), max(MOST_INSTANCES, least)
        return PiecewiseLinear.stairs(rate, least, most).times(exact(case.hours)), most / rate
    floor = PiecewiseLinear.affine(least * exact(case.hours), 0)
    return floor.largest(PiecewiseLinear.affine(0, per_request)), None


def _load_balancer(case: Case, targets: Literal["lambda", "instances"]) -> Quantities:
    """Hours, addresses, and capacity units by requests a month."""
    request = case.request

    def used(requests: float) -> Usage:
        balancer = LoadBalancerTally(
            resource="ALB", targets=targets, hours=case.hours, new_connections=requests / case.requests_per_connection,
            connection_minutes=requests * request.billed_ms / 60_000.0,
            processed_gb=requests * (request.request_bytes + request.response_bytes) / GIB)
        return metered(case, balancer,
                       PublicAddressTally(resource="ALB", addresses=BALANCER_ADDRESSES, hours=case.hours))

    return quantities(used(0.0), used(1.0))


def _answers(case: Case) -> Quantities:
    """Responses and logs of what is not Lambda: logs pay the flat price of custom logs."""
    return {
        ("data_transfer_out", "internet"): PiecewiseLinear.affine(0, exact(case.request.response_bytes / GIB)),
        ("cloudwatch", "logs_ingest_standard_custom"): PiecewiseLinear.affine(0, exact(case.request.log_bytes / GIB)),
    }
