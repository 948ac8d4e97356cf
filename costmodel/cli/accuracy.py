"""`costmodel accuracy`: how far predictions are from measurements that were not used in fitting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.cli.tables import print_table, table
from costmodel.errors import InputError
from loadgen.terminal import console, print_json, progress

if TYPE_CHECKING:
    from costmodel.accuracy import Check

PUBLISHED_REPLICATIONS, OWN_REPLICATIONS = 60, 8
COLUMNS = ("configuration", "figure", "predicted", "measured", "off by")


def accuracy(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the page, as Markdown.")] = None,
    model: Annotated[Path | None, typer.Option(help="A model of your own, to check against --run instead.")] = None,
    run: Annotated[list[Path] | None, typer.Option(help="A collected run that the model was not fitted to.")] = None,
    replications: Annotated[int | None, typer.Option(min=1, help="Simulated runs a case [60; of a run of your own 8].")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Check predictions against published measurements, or a model of your own against runs."""
    if (model is None) != (not run):
        raise InputError("accuracy: --model and --run belong together: give both, or neither")
    if model is not None and run:
        if output is not None:
            raise InputError(f"--output = {str(output)!r}: the page is of published measurements: leave it out with --model")
        _print_checks(_checks(model, run, replications or OWN_REPLICATIONS, quiet=json), json=json)
    else:
        _check_published(output, replications or PUBLISHED_REPLICATIONS, json=json)


def _check_published(output: Path | None, replications: int, *, json: bool) -> None:
    from costmodel.validation import document
    from costmodel.validation.figures import Measurement

    measurement = Measurement(replications)
    with progress(quiet=json) as say:
        say("predicting published measurements")
        figures = measurement.figures()
        page = document.write_document(measurement)
    if output is not None:
        output.write_text(page, encoding="utf-8")
    if json:
        print_json(figures)
        return
    for columns, rows in (document.memory_table(measurement), document.quantiles_table(measurement),
                          document.lifetime_table(measurement), document.calibration_table(measurement)):
        print_table(table(columns, rows, left=columns[:1]))
        console().print()


def _checks(model: Path, runs: list[Path], replications: int, *, quiet: bool) -> list[Check]:
    """Each run predicted on its own arrivals, by the prices of its Region."""
    from costmodel.accuracy import check
    from costmodel.cli.candidates import refuse_other_deployment
    from costmodel.performance.model import PerformanceModel
    from costmodel.pricing.price_book import PriceBook
    from loadgen.measurements.run import Run

    fitted = PerformanceModel.load(model)
    checks: list[Check] = []
    with progress(quiet=quiet) as say:
        for path in runs:
            say(f"predicting {path}")
            measured = Run(path)
            refuse_other_deployment(fitted.deployment, measured.intent.configuration, path)
            checks += check(measured, fitted, PriceBook.load(measured.intent.target.region), replications=replications)
    return checks


def _print_checks(checks: list[Check], *, json: bool) -> None:
    if json:
        print_json([{"configuration": each.label, "figure": each.metric, "unit": each.unit, "predicted": each.predicted,
                     "measured": each.measured, "error": each.error} for each in checks])
        return
    rows = [(each.label, each.metric, _value(each.predicted, each.unit), _value(each.measured, each.unit), each.difference)
            for each in checks]
    print_table(table(COLUMNS, rows, left=COLUMNS[:2]))


def _value(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:,.2f} {unit}"
