"""`loadgen check`: whether a target is ready for a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    target: Annotated[Path, typer.Option("--target", "-t", help="The target file.")] = Path("target.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Look whether a target is reachable, readable, and logs what a run needs; change nothing."""
    from loadgen.checks import check_target
    from loadgen.errors import RunError
    from loadgen.schema import to_plain
    from loadgen.target import read_target
    from loadgen.terminal import console, print_json

    found = []
    for result in check_target(read_target(target)):
        found.append(result)
        if not as_json:
            console().print(f"{'ok' if result.ok else 'no':<4}{result.name}: {result.detail}", markup=False)
    if as_json:
        print_json(to_plain(found))
    failed = sum(not result.ok for result in found)
    if failed:
        raise RunError(f"{target}: {failed} of {len(found)} checks failed")
