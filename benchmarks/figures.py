"""What the benchmarks with plain figures have in common: `--json` for machines, a line a figure for people."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping


def print_figures(description: str | None, measure: Callable[[], Mapping[str, float]]) -> None:
    """Read the command line, measure, and print; the command line first, so that `--help` measures nothing."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    figures = measure()
    if as_json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:24} {value:14,.2f}" for name, value in figures.items()))
