"""`loadgen iam`: the IAM policies that the verbs need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SAME_AS = {"check": "discover", "restore": "sweep"}


def iam(
    verb: Annotated[str, typer.Argument(help="discover, check, run, collect, metrics, sweep or restore.")] = "sweep",
    target: Annotated[Path | None, typer.Option("--target", "-t", help="Name this target's own resources.")] = None,
) -> None:
    """Print the least IAM policy that a verb needs, as JSON."""
    from loadgen.errors import InputError
    from loadgen.permissions import POLICIES, policy
    from loadgen.target import read_target
    from loadgen.terminal import print_json

    verb = SAME_AS.get(verb, verb)
    if verb not in POLICIES:
        raise InputError(f"verb = {verb}: it needs no policy, or is none: give one of {', '.join(POLICIES)}")
    print_json(policy(verb, read_target(target) if target else None))
