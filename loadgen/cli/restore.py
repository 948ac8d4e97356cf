"""`loadgen restore`: what a sweep that was killed left changed, back to how it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def restore(
    path: Annotated[Path, typer.Argument(help="The directory of a sweep, or its journal.jsonl.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was restored as JSON.")] = False,
) -> None:
    """Bring what a sweep changed back to how it was. Can be repeated."""
    from loadgen import deployer
    from loadgen.journal import Journal
    from loadgen.terminal import console, print_json, progress

    journal = Journal(path)
    target, resources = journal.target, [state.resource for state in journal.before]
    with progress(quiet=as_json) as say:
        deployer.restore(target, journal, say)
    if as_json:
        print_json({"restored": resources})
    else:
        console().print(f"restored  {', '.join(resources) or 'nothing: all is as it was'}", markup=False)
