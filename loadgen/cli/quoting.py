"""The question before a run that costs money: what it will cost, and whether to go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadgen.configuration import Configuration
    from loadgen.runner import ScenarioDescription
    from loadgen.target import Target


def confirm_cost(target: Target, configurations: Iterable[Configuration], scenario: ScenarioDescription, *,
                 yes: bool) -> None:
    """Print the quote of runs against AWS, and ask unless `yes`; another endpoint than AWS's costs nothing.

    Raises InputError when there is nobody to ask; Abort when the answer is no.
    """
    import sys

    import typer

    from costmodel.errors import PriceMissingError
    from costmodel.planning.quote import quote
    from costmodel.pricing.price_book import PriceBook
    from loadgen.errors import InputError

    if target.endpoint_url is not None:
        return
    try:
        text = str(quote(target.deployment, configurations, scenario.routes, scenario.expected,
                         PriceBook.load(target.region)))
    except PriceMissingError as problem:
        text = f"no quote: {problem}"
    print(f"quote     {text}", file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("--yes: not given, and nobody is there to ask: give it to accept the quote")
    typer.confirm("Send them?", abort=True, err=True)
