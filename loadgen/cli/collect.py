"""`loadgen collect RUN`: what AWS saw of a run, into its directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def collect(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    source: Annotated[list[str] | None, typer.Option(help="Only this source (again for more).")] = None,
    deadline_s: Annotated[float, typer.Option(min=0, help="How long to wait for late data [s].")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Collect logs and metrics of a run; once more for what was missing. Exit 1 while something still is."""
    from loadgen.collectors import collection
    from loadgen.measurements.run import Run
    from loadgen.schema import to_plain
    from loadgen.terminal import console, print_json, progress

    with progress(quiet=as_json) as say:
        found = collection.collect(Run(run), sources=source, deadline_s=deadline_s, progress=say)
    if as_json:
        print_json({name: {**to_plain(one), "complete": one.complete} for name, one in found.sources.items()})
    else:
        for one in found.sources.values():
            console().print(f"{one}  ({one.api_calls} API calls)", markup=False)
    if not found.complete:
        raise typer.Exit(1)
