"""`costmodel ceiling TEMPLATE`: the worst bill, which limit stops it, and which setting would cap it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.candidates import Json
from costmodel.cli.sources import Prices
from costmodel.cli.tables import print_table, table, usd
from costmodel.cli.templates import Parameters, Template, site_of
from costmodel.errors import InputError
from costmodel.metering import KIB
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from costmodel.planning.caps import Cap
    from costmodel.planning.ceiling import Ceiling, Exposure

LIMITS = ("limit", "value", "unit", "one more adds an hour")
CAPS = ("setting", "value", "unit", "USD an hour then")


def ceiling(
    template: Template,
    *,
    parameter: Parameters = None,
    region: Annotated[str, typer.Option(help="The Region whose prices count.")] = "us-east-1",
    account_concurrency: Annotated[int, typer.Option(help="The account's limit [environments].")] = 1_000,
    gateway_rps: Annotated[float, typer.Option(help="The account's API Gateway limit [requests/s].")] = 10_000.0,
    events_per_s: Annotated[float | None, typer.Option(
        help="Events of each source whose rate is not known, and of each function without a source; else no limit.")] = None,
    request_kb: Annotated[float, typer.Option(help="Payload of a request [KB].")] = 1.0,
    response_kb: Annotated[float, typer.Option(help="Payload of a response [KB].")] = 10.0,
    log_kb: Annotated[float, typer.Option(help="Logs of an invocation [KB].")] = 1.0,
    cap: Annotated[float | None, typer.Option(help="USD an hour that is bearable; else half of the ceiling.")] = None,
    prices: Prices = None,
    json: Json = False,
) -> None:
    """What an hour and a day cost if everything that can be invoked is."""
    from dataclasses import replace

    from costmodel.planning import ceiling as of
    from costmodel.planning.caps import caps as single_caps
    from costmodel.pricing.price_book import PriceBook
    from loadgen.quotas import Quotas

    if cap is not None and not cap >= 0:
        raise InputError(f"--cap = {cap}: give 0 USD an hour or more")
    site = site_of(template, region, parameter)
    deployment, entries = site.deployment, of.entries_of(site)
    book = PriceBook.load(region, prices)
    quotas = Quotas(account_concurrency=account_concurrency, gateway_rps=gateway_rps)
    exposure = of.Exposure(request_kb * KIB, response_kb * KIB, log_kb * KIB, events_per_s)
    worst = replace(of.ceiling(deployment, book, quotas, exposure, entries), notes=tuple(of.notes_of(site, entries, exposure)))
    wanted = Decimal(str(cap)) if cap is not None else worst.hour.total / 2
    caps = single_caps(deployment, book, wanted, quotas, exposure, entries)
    if json:
        print_json(ceiling_document(worst, caps, wanted, exposure))
    else:
        _print(worst, caps, wanted, exposure)


def ceiling_document(worst: Ceiling, caps: list[Cap], wanted: Decimal, exposure: Exposure) -> dict[str, Any]:
    """The ceiling as plain data, amounts in USD."""
    from dataclasses import asdict

    return {
        "usd_per_hour": worst.hour.total, "usd_per_day": worst.day.total,
        "usd_per_hour_by_service": dict(worst.hour.by("service")),
        "limits": [{**asdict(limit), "binds": limit.binds} for limit in worst.limits],
        "flows_per_s": {name: value for name, value in worst.flows.items() if value},
        "wanted_usd_per_hour": wanted, "caps": [asdict(cap) for cap in caps], "assumed": asdict(exposure),
        "notes": list(worst.notes),
    }


def _print(worst: Ceiling, caps: list[Cap], wanted: Decimal, exposure: Exposure) -> None:
    services = ", ".join(f"{service} {usd(cost)}" for service, cost in worst.hour.by("service").items())
    lines = [
        f"at most {usd(worst.hour.total)} an hour, {usd(worst.day.total)} a day ({worst.hour.region}; {services} an hour)",
        f"assumed: {exposure.request_bytes / KIB:g} KB in, {exposure.response_bytes / KIB:g} KB out, "
        f"{exposure.log_bytes / KIB:g} KB of logs; every invocation as long as its timeout allows",
    ]
    for line in (*lines, *worst.notes):
        console().print(line, markup=False)
    limits = sorted(worst.limits, key=lambda limit: -limit.usd_per_hour * limit.value)
    print_table(table(LIMITS, [
        (limit.name, f"{limit.value:,.6g}", limit.unit, usd(limit.usd_per_hour, 4) if limit.binds else "does not bind")
        for limit in limits], left=("limit", "unit")))
    enough = [cap for cap in caps if cap.value is not None]
    console().print(f"to stay at {usd(wanted)} an hour, one of these is enough:" if enough
                    else f"no single setting holds it at {usd(wanted)} an hour; set to 0 they would give:", markup=False)
    print_table(table(CAPS, [(cap.setting, f"{cap.value or 0:,}", cap.unit, usd(cap.usd_per_hour)) for cap in enough or caps],
                      left=("setting", "unit")))
