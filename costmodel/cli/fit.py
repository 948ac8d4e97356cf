"""`costmodel fit`: collected runs -> a performance model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.tables import print_table, table
from loadgen.terminal import console, print_json, progress

if TYPE_CHECKING:
    from costmodel.performance.model import FunctionModel, PerformanceModel


def fit(
    runs: Annotated[list[Path], typer.Argument(help="Collected run directories, of different configurations.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the model.")] = Path("model.json"),
    json: Annotated[bool, typer.Option("--json", help="Print what was fitted as JSON.")] = False,
) -> None:
    """Fit a performance model to what runs measured."""
    from costmodel.performance import fitting

    with progress(quiet=json) as say:
        say(f"fitting {len(runs)} runs")
        model = fitting.fit(runs)
    model.save(output)
    if json:
        print_json({"model": str(output), **summary(model)})
    else:
        _print(model, output)


def summary(model: PerformanceModel) -> dict[str, Any]:
    """What was fitted, as plain data: durations, inits, overheads [ms]; log and response bytes; notes."""
    return {
        "functions": {name: _function(function) for name, function in model.functions.items()},
        "overhead_p50_ms": {kind: overhead.quantile(0.5) for kind, overhead in model.overheads.items()},
        "notes": list(model.notes),
    }


def _function(function: FunctionModel) -> dict[str, Any]:
    sizes = [
        {"architecture": architecture, "memory_mb": size.memory_mb, "n": size.n, "mean_ms": size.warm.mean,
         "p50_ms": size.warm.quantile(0.5), "p95_ms": size.warm.quantile(0.95)}
        for architecture, measured in function.duration.by_architecture.items() for size in measured.sizes
    ]
    curves = function.duration.by_architecture.items()
    return {
        "sizes": sizes,
        "form": {architecture: measured.curve.form for architecture, measured in curves if measured.curve},
        "init_p50_ms": {a: inits.quantile(0.5) for a, inits in function.init.measured.items()},
        "cold_starts": dict(function.init.counts),
        "first_over_warm": function.duration.first and function.duration.first.mean,
        "error_share": function.error_share,
        "response_bytes": function.response_bytes,
        "log_bytes": function.log_bytes,
        "max_memory_mb": function.max_memory_mb,
    }


def _print(model: PerformanceModel, output: Path) -> None:
    columns = ("function", "size", "n", "mean ms", "p50 ms", "p95 ms", "form", "init p50 ms", "cold starts", "errors")
    print_table(table(columns, _rows(model), left=("function", "size", "form")))
    out = console()
    for kind, overhead in model.overheads.items():
        out.print(f"overhead {kind}: p50 {overhead.quantile(0.5):.1f} ms, p95 {overhead.quantile(0.95):.1f} ms")
    for note in model.notes:
        out.print(f"note: {note}")
    out.print(f"model: {output}")


def _rows(model: PerformanceModel) -> Iterator[tuple[str, ...]]:
    for name, function in summary(model)["functions"].items():
        for size in function["sizes"]:
            architecture = size["architecture"]
            init_ms = function["init_p50_ms"].get(architecture)
            yield (
                name, f"{size['memory_mb']} MB {architecture}", f"{size['n']:,}",
                *(f"{size[key]:.1f}" for key in ("mean_ms", "p50_ms", "p95_ms")),
                function["form"].get(architecture, "one size"), "unknown" if init_ms is None else f"{init_ms:.0f}",
                f"{function['cold_starts'].get(architecture, 0):,}", f"{function['error_share']:.2%}",
            )
