"""`costmodel prices`: what the price book holds, what AWS's price list states otherwise, and a book with that in it.

Nothing here reaches the network unless a URL or `api:<offer code>` is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.tables import plain, print_table, table
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from costmodel.pricing.price_book import Price, Tier
    from costmodel.pricing.price_list import Change, Offer

Region = Annotated[str, typer.Option(help="The Region.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Source = Annotated[str, typer.Argument(help="A bulk offer file or a saved answer of get_products (path or URL), or "
                                            "api:AWSLambda to ask the Price List API with your AWS credentials.")]
BookFolder = Annotated[Path | None, typer.Option("--prices", help="A folder that `refresh` wrote; else the own book.")]
COLUMNS = ("service", "item", "unit", "up to", "USD", "effective", "confidence", "source")

prices = typer.Typer(no_args_is_help=True, help="Show, compare and refresh the price book.")


@prices.callback()
def group() -> None:
    """Show, compare and refresh the price book."""


@prices.command()
def show(
    region: Region = "us-east-1",
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    folder: BookFolder = None,
    json: Json = False,
) -> None:
    """Print prices with their tiers, dates and sources."""
    from costmodel.errors import InputError
    from costmodel.pricing.price_book import PriceBook

    book = PriceBook.load(region, folder)
    services = sorted({price.service for price in book.prices.values()})
    if service is not None and service not in services:
        raise InputError(f"--service = {service!r}: no such service in {region} (there are: {', '.join(services)})")
    shown = [price for price in book.prices.values() if service in (None, price.service)]
    if json:
        print_json([{"region": region, **asdict(price)} for price in shown])
    else:
        print_table(table(COLUMNS, _rows(shown), left=("service", "item", "unit", "effective", "confidence", "source")))


@prices.command()
def diff(source: Source, region: Region = "us-east-1", folder: BookFolder = None, json: Json = False) -> None:
    """Print what AWS's price list states otherwise than the book; write nothing."""
    _print_changes(_changes(_offers(source, region), region, folder), json=json)


@prices.command()
def refresh(
    source: Source,
    into: Annotated[Path, typer.Option(help="Folder of the book to write; a copy of the own book if it is new.")],
    region: Region = "us-east-1",
    json: Json = False,
) -> None:
    """Write a book with the prices of AWS's price list in it, and print what changed."""
    from costmodel.pricing import price_list

    offers = _offers(source, region)
    changed = _changes(offers, region, into if (into / "regions").is_dir() else None)
    price_list.refresh(into, region, offers, source)
    _print_changes(changed, json=json)


def _offers(source: str, region: str) -> list[Offer]:
    from costmodel.errors import InputError
    from costmodel.pricing.price_list import read_offers

    try:
        return read_offers(_documents(source, region), region)
    except InputError as problem:
        raise InputError(f"{source}: {problem}") from None


def _documents(source: str, region: str) -> list[Any]:
    """The price documents that an argument names."""
    from json import JSONDecodeError, loads
    from urllib.error import URLError
    from urllib.request import urlopen

    from costmodel.errors import InputError

    if source.startswith("api:"):
        return _answers(source.removeprefix("api:"), region)
    try:
        if source.startswith("https://"):
            with urlopen(source, timeout=60) as answer:
                return [loads(answer.read())]
        return [loads(Path(source).read_text(encoding="utf-8"))]
    except (OSError, URLError) as problem:
        raise InputError(f"not readable ({getattr(problem, 'strerror', None) or problem})") from None
    except (JSONDecodeError, UnicodeDecodeError) as problem:
        raise InputError(f"no JSON ({problem})") from None


def _answers(code: str, region: str) -> list[Any]:
    """All pages of the Price List API for an offer in a Region."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from costmodel.errors import InputError

    pages = boto3.client("pricing", region_name="us-east-1").get_paginator("get_products")
    wanted: Any = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    try:
        return list(pages.paginate(ServiceCode=code, Filters=wanted, FormatVersion="aws_v1"))
    except (BotoCoreError, ClientError) as problem:
        raise InputError(f"the Price List API did not answer ({problem})") from None


def _changes(offers: list[Offer], region: str, folder: Path | None) -> list[Change]:
    from costmodel.pricing.price_book import PRICES, PriceBook, regions
    from costmodel.pricing.price_list import changes

    known = region in regions(folder or PRICES)
    return changes(PriceBook.load(region, folder) if known else PriceBook(region, {}), offers)


def _print_changes(changed: list[Change], *, json: bool) -> None:
    if json:
        print_json([asdict(change) for change in changed])
    elif changed:
        rows = [(change.service, change.item, _ladder(change.before) or "(none)", _ladder(change.after),
                 str(change.effective)) for change in changed]
        columns = ("service", "item", "before", "after", "effective")
        print_table(table(columns, rows, left=columns))
    else:
        console().print("no price differs", markup=False)


def _ladder(tiers: tuple[Tier, ...]) -> str:
    """`0.0000035 to 333,000,000, 0.0000028`: the prices and where each ends."""
    return ", ".join(plain(tier.usd, 10) + ("" if tier.up_to is None else f" to {tier.up_to:,.0f}") for tier in tiers)


def _rows(shown: Iterable[Price]) -> Iterator[tuple[str, ...]]:
    """A row a tier; what a price says once stands at its first tier."""
    for price in shown:
        for number, tier in enumerate(price.tiers):
            up_to = "" if tier.up_to is None else f"{tier.up_to:,.0f}"
            name = (price.service, price.item, price.unit)
            about = (str(price.effective or "undated"), price.confidence, price.sources[0])
            first = (*name, up_to, plain(tier.usd, 10), *about)
            yield first if number == 0 else ("", "", "", up_to, plain(tier.usd, 10), "", "", "")
