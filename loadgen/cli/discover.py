"""`loadgen discover`: deployed APIs and functions -> target.toml, and what they lack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AWS_INVOKE_URL = "https://{api_id}.execute-api.{region}.amazonaws.com"


def discover(
    *,
    api: Annotated[list[str], typer.Option(help="Id of a REST or HTTP API, or ID/STAGE; give one of each at most.")],
    region: Annotated[str, typer.Option(envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS Region.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The target file to write.")] = Path("target.toml"),
    endpoint_url: Annotated[str | None, typer.Option(help="Where the control plane answers, if not AWS.")] = None,
    invoke_url: Annotated[str, typer.Option(help="Where the APIs answer.")] = AWS_INVOKE_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the target as JSON.")] = False,
) -> None:
    """Write a target file for deployed APIs; say what they lack, with the command that mends it."""
    from loadgen import discovery
    from loadgen.schema import to_plain
    from loadgen.target import write_target
    from loadgen.terminal import console, print_json

    target = discovery.discover(region=region, api_ids=api, endpoint_url=endpoint_url, invoke_url=invoke_url)
    write_target(target, out)
    if as_json:
        print_json(to_plain(target))
        return
    screen = console()
    for place in target.apis.values():
        screen.print(f"{place.kind:<8}  {place.name} ({place.id}), {place.address}", markup=False)
    for name, function in target.deployment.functions.items():
        served = f"alias {function.alias}" if function.alias else "$LATEST"
        screen.print(f"function  {name}: {function.memory_mb} MB {function.architecture}, {served}", markup=False)
    for gap in target.missing:
        screen.print(f"missing   {gap}", markup=False)
    screen.print(f"target    {out}", markup=False)
