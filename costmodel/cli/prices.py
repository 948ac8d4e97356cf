"""`costmodel prices`: what the price book holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.cli.tables import plain, print_table, table
from loadgen.terminal import print_json

if TYPE_CHECKING:
    from costmodel.pricing.price_book import Price

COLUMNS = ("service", "item", "unit", "up to", "USD", "effective", "confidence", "source")

prices = typer.Typer(no_args_is_help=True, help="Show the price book.")


@prices.callback()
def group() -> None:
    """Show the price book."""


@prices.command()
def show(
    region: Annotated[str, typer.Option(help="The Region.")] = "us-east-1",
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the prices as JSON.")] = False,
) -> None:
    """Print prices with their tiers, dates and sources."""
    from costmodel.errors import InputError
    from costmodel.pricing.price_book import PriceBook

    book = PriceBook.load(region)
    services = sorted({price.service for price in book.prices.values()})
    if service is not None and service not in services:
        raise InputError(f"--service = {service!r}: no such service in {region} (there are: {', '.join(services)})")
    shown = [price for price in book.prices.values() if service in (None, price.service)]
    if json:
        print_json([{"region": region, **asdict(price)} for price in shown])
    else:
        print_table(table(COLUMNS, _rows(shown), left=("service", "item", "unit", "effective", "confidence", "source")))


def _rows(shown: Iterable[Price]) -> Iterator[tuple[str, ...]]:
    """A row a tier; what a price says once stands at its first tier."""
    for price in shown:
        for number, tier in enumerate(price.tiers):
            up_to = "" if tier.up_to is None else f"{tier.up_to:,.0f}"
            name = (price.service, price.item, price.unit)
            about = (str(price.effective or "undated"), price.confidence, price.sources[0])
            first = (*name, up_to, plain(tier.usd, 10), *about)
            yield first if number == 0 else ("", "", "", up_to, plain(tier.usd, 10), "", "", "")
