"""What a verb says when Ctrl-C ended it: what is on disk and can be used."""

from __future__ import annotations

from pathlib import Path


def kept(directory: Path) -> str:
    """One line about the run, or the sweep's runs, in a directory."""
    from loadgen.measurements.run import Run

    runs = [Run(path.parent) for path in sorted((*directory.glob("intent.json"), *directory.glob("*/intent.json")))]
    found = [f"{run.path.name} ({run.rows('requests'):,} requests)" for run in runs if run.shards("requests")]
    return (f"interrupted: everything is restored and stopped; kept in {directory}: {', '.join(found)}" if found
            else "interrupted: everything is restored and stopped; nothing was measured yet")
