"""`loadgen run`: one scenario against a target as it is deployed, and what AWS saw of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def run(
    scenario: Annotated[Path, typer.Argument(help="A locustfile, for instance scenarios/spike.py.")],
    *,
    target: Annotated[Path, typer.Option("--target", "-t", help="The target file.")] = Path("target.toml"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The run directory [runs/SCENARIO-TIME].")] = None,
    api: Annotated[str | None, typer.Option(help="rest or http [the target's first].")] = None,
    seed: Annotated[int, typer.Option(help="Of the arrivals.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Locust processes; one a core.")] = 1,
    warm_s: Annotated[float, typer.Option(min=0, help="Seconds at the start that are not judged.")] = 0.0,
    slo: Annotated[list[str] | None, typer.Option(help="For instance 'p95 < 300 ms, errors < 1 %'.")] = None,
    deadline_s: Annotated[float, typer.Option(min=0, help="How long to wait for late logs [s].")] = 60.0,
    collect: Annotated[bool, typer.Option(help="Collect logs and metrics after the run.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask about the cost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Run a scenario against a target, with the settings that are deployed, and collect what AWS saw."""
    from loadgen import deployer, runner
    from loadgen.cli.interrupted import kept
    from loadgen.cli.quoting import confirm_cost
    from loadgen.collectors import collection
    from loadgen.schema import to_plain
    from loadgen.slo import SLO
    from loadgen.target import read_target
    from loadgen.terminal import console, print_json, progress

    slos = [SLO.parse(text) for text in slo or ()]
    place = read_target(target)
    kind = place.api(api or next(iter(place.apis))).kind  # type: ignore[arg-type]
    directory = out or Path("runs") / f"{scenario.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    description, configuration = runner.describe_scenario(scenario, place), deployer.describe(place, kind)
    confirm_cost(place, [configuration], description, yes=yes)
    with progress(quiet=as_json) as say:
        try:
            done = runner.run_scenario(scenario, place, configuration, out=directory, seed=seed, processes=processes,
                                       warm_s=warm_s, slos=slos, progress=say)
            if collect:
                collection.collect(done, deadline_s=deadline_s, progress=say)
        except KeyboardInterrupt:
            console().print(kept(directory), markup=False)
            raise
    finished = done.finished
    if as_json:
        print_json({"run": str(directory), "configuration": configuration.label, "finished": to_plain(finished)})
    elif finished is not None:
        console().print(f"run       {directory}  ({configuration.label}: {finished.rows:,} of {finished.scheduled:,} "
                        "arrivals on record)", markup=False)
