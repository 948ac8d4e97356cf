"""The question before a run or a reading that costs money: what it will cost, and whether to go on."""

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
    from costmodel.errors import PriceMissingError
    from costmodel.planning.quote import quote
    from costmodel.pricing.price_book import PriceBook

    if target.endpoint_url is not None:
        return
    try:
        text = str(quote(target.deployment, configurations, scenario.routes, scenario.expected,
                         PriceBook.load(target.region)))
    except PriceMissingError as problem:
        text = f"no quote: {problem}"
    _ask(text, "Send them?", yes=yes)


def confirm_reading(target: Target, metrics: int, *, yes: bool) -> None:
    """The same before so many metrics are read of CloudWatch: GetMetricData is charged by the metric."""
    from costmodel.activity import Activity
    from costmodel.errors import PriceMissingError
    from costmodel.pricing.bill import price
    from costmodel.pricing.price_book import PriceBook
    from costmodel.pricing.services import meter
    from costmodel.pricing.services.cloudwatch import MetricsTally

    if target.endpoint_url is not None:
        return
    read = Activity(target.region, 1.0, (MetricsTally(resource="loadgen", metrics_read=float(metrics)),), "predicted")
    try:
        usd = price(meter(read), PriceBook.load(target.region)).total
        text = f"{metrics:,} metrics of CloudWatch (GetMetricData): ${usd:,.4f}; reading logs (FilterLogEvents) is free"
    except PriceMissingError as problem:
        text = f"no quote: {problem}"
    _ask(text, "Read them?", yes=yes)


def _ask(text: str, question: str, *, yes: bool) -> None:
    import sys

    import typer

    from loadgen.errors import InputError

    print(f"quote     {text}", file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("--yes: not given, and nobody is there to ask: give it to accept the quote")
    typer.confirm(question, abort=True, err=True)
