"""`loadgen sweep`: one scenario under several configurations of a deployed API."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer


def sweep(
    scenario: Annotated[Path, typer.Argument(help="A locustfile, for instance scenarios/spike.py.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The sweep's directory; complete runs in it are kept.")],
    target: Annotated[Path, typer.Option("--target", "-t", help="The target file.")] = Path("target.toml"),
    api: Annotated[list[str] | None, typer.Option(help="rest, http or both [all of the target's].")] = None,
    memory: Annotated[list[str] | None, typer.Option(help="Memory sizes [MB], as 256,512; [as deployed].")] = None,
    provisioned: Annotated[list[str] | None, typer.Option(help="Provisioned environments a function, as 0,2; [0].")] = None,
    cache_gb: Annotated[list[str] | None, typer.Option(help="REST cache sizes [GB], beside no cache.")] = None,
    seed: Annotated[int, typer.Option(help="Of the arrivals: the same in every run.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Locust processes; one a core.")] = 1,
    warm_s: Annotated[float, typer.Option(min=0, help="Seconds at the start of a run that are not judged.")] = 0.0,
    deadline_s: Annotated[float, typer.Option(min=0, help="How long to wait for late logs of a run [s].")] = 60.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask about the cost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> None:
    """Apply each configuration, run the scenario, collect; restore in the end, also after Ctrl-C."""
    from loadgen import sweeps
    from loadgen.cli.interrupted import kept
    from loadgen.cli.quoting import confirm_cost
    from loadgen.configuration import grid
    from loadgen.errors import DeployError
    from loadgen.runner import describe_scenario
    from loadgen.schema import to_plain
    from loadgen.target import read_target
    from loadgen.terminal import console, listed, print_json, progress

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # restore then, too
    place = read_target(target)
    kinds = [place.api(kind).kind for kind in (listed("--api", api, str) or place.apis)]  # type: ignore[arg-type]
    candidates = grid(place.deployment, api=kinds, memory_mb=listed("--memory", memory, int),
                      provisioned=listed("--provisioned", provisioned, int) or (0,),
                      cache_gb=(None, *listed("--cache-gb", cache_gb, float)))
    confirm_cost(place, candidates, describe_scenario(scenario, place), yes=yes)
    with progress(quiet=as_json) as say:
        try:
            sweeps.sweep(scenario, place, candidates, out=out, seed=seed, processes=processes, warm_s=warm_s,
                         deadline_s=deadline_s, progress=say)
        except KeyboardInterrupt:
            console().print(kept(out), markup=False)
            raise
    found = sweeps.outcomes(out)
    if as_json:
        print_json(to_plain(list(found)))
    else:
        for outcome in found:
            what = f"failed: {outcome.error}" if outcome.error else str(out / outcome.directory)
            console().print(f"{outcome.label:<24}  {what}", markup=False)
            for sentence in outcome.missing:
                console().print(f"{'':<24}  not collected: {sentence}", markup=False)
    failed = [outcome.label for outcome in found if outcome.error]
    if failed:
        raise DeployError(f"{out}: {len(failed)} of {len(found)} configurations failed: {', '.join(failed)}")
