"""The `loadgen` command: drive a deployed API and collect what AWS saw. A verb a file; heavy imports inside the verbs."""

from __future__ import annotations

import typer

from loadgen.cli.check import check
from loadgen.cli.collect import collect
from loadgen.cli.demo import demo
from loadgen.cli.discover import discover
from loadgen.cli.iam import iam
from loadgen.cli.metrics import metrics
from loadgen.cli.restore import restore
from loadgen.cli.run import run
from loadgen.cli.serve import serve
from loadgen.cli.show import show
from loadgen.cli.sweep import sweep
from loadgen.terminal import run_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Load-test AWS Lambda behind API Gateway with Locust, and collect what AWS saw.",
)
for verb in (demo, serve, discover, check, run, sweep, collect, show, metrics, restore, iam):
    app.command()(verb)


def main() -> None:
    """Entry point of the `loadgen` script."""
    run_app(app)
