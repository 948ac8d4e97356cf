"""The `costmodel` command: fit, predict, price and plan from run directories. A verb a file; heavy imports inside."""

from __future__ import annotations

import typer

from costmodel.cli.fit import fit
from loadgen.terminal import run_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Predict and price serverless configurations from measured runs.",
)
for verb in (fit,):
    app.command()(verb)


def main() -> None:
    """Entry point of the `costmodel` script."""
    run_app(app)
