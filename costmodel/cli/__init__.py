"""The `costmodel` command: fit, predict, price and plan from run directories. A verb a file; heavy imports inside."""

from __future__ import annotations

import typer

from costmodel.cli.accuracy import accuracy
from costmodel.cli.breakeven import breakeven
from costmodel.cli.ceiling import ceiling
from costmodel.cli.compare import compare
from costmodel.cli.export import export
from costmodel.cli.fit import fit
from costmodel.cli.optimise import optimise
from costmodel.cli.predict import predict
from costmodel.cli.price import price
from costmodel.cli.prices import prices
from costmodel.cli.reconcile import reconcile
from costmodel.cli.report import report
from loadgen.terminal import run_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Predict and price serverless configurations from measured runs.",
)
for verb in (fit, predict, price, compare, optimise, report, breakeven, ceiling, export, reconcile, accuracy):
    app.command()(verb)
app.add_typer(prices, name="prices")


def main() -> None:
    """Entry point of the `costmodel` script."""
    run_app(app)
