"""`loadgen serve`: the local cloud in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from loadgen.target import Target

SAMPLE = Path("scenarios/shop/template.yaml")


def serve(
    template: Annotated[Path, typer.Argument(help="A SAM or CloudFormation template.")] = SAMPLE,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the APIs answer; 0: any free port.")] = 0,
    control_port: Annotated[int, typer.Option(min=0, max=65535, help="Where boto3 is answered; 0: any free port.")] = 0,
    target_file: Annotated[Path, typer.Option(help="The target file to write.")] = Path("target.toml"),
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the target as JSON.")] = False,
) -> None:
    """Serve a template's APIs and functions on this machine, until Ctrl-C."""
    from loadgen.local.cloud import LocalCloud
    from loadgen.schema import to_plain
    from loadgen.target import write_target
    from loadgen.terminal import console, print_json

    cloud = LocalCloud(template, seed=seed, data_port=port, control_port=control_port)
    with cloud as target:
        write_target(target, target_file)
        if as_json:
            print_json(to_plain(target))
        else:
            for line in _greeting(target, target_file):
                console().print(line, markup=False)
        with contextlib.suppress(KeyboardInterrupt):
            cloud.wait()


def _greeting(target: Target, target_file: Path) -> list[str]:
    routes = target.deployment.triggers
    route = next((r for r in routes if "{" not in r.path and r.method == "GET"), routes[0])
    kind = target.deployment.apis[route.api].kind
    return [
        *(f"{kind:<8}  {api.address}" for kind, api in target.apis.items()),
        f"boto3     {target.endpoint_url}   (endpoint_url; any credentials)",
        f"target    {target_file}",
        "",
        f"try       curl {target.api(kind).address}{route.path}",
        f"          loadgen run scenarios/spike.py --target {target_file}",
        f"          aws --endpoint-url {target.endpoint_url} lambda list-functions",
        "",
        "Ctrl-C stops it.",
    ]
