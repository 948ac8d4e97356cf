"""`costmodel fit`: collected runs -> a performance model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.tables import print_table, table
from costmodel.errors import InputError, InsufficientDataError
from loadgen.terminal import console, print_json, progress

if TYPE_CHECKING:
    from costmodel.performance.curves import Curves
    from costmodel.performance.lifetime import Lifetime
    from costmodel.performance.model import FunctionModel, PerformanceModel
    from loadgen.deployment import Architecture

USUAL_SIZES_MB = (128, 256, 512, 1024, 1769, 3008, 5120, 10240)
"""Of these, what to measure next is said."""
SURE = 0.95
"""Probability from which a form is named alone."""


def fit(
    runs: Annotated[list[Path], typer.Argument(help="Collected run directories, of different configurations.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the model.")] = Path("model.json"),
    lifetime: Annotated[Path | None, typer.Option(
        help="A window of production (`loadgen metrics --log-days 7`) that tells how long environments live.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was fitted as JSON.")] = False,
) -> None:
    """Fit a performance model to what runs measured."""
    from costmodel.performance import fitting
    from loadgen.measurements.production import Production

    for window in (path for path in runs if Production(path).exists):
        raise InputError(f"{window}: a window of production, not a run: give it as --lifetime, beside runs")
    with progress(quiet=json) as say:
        law = None
        if lifetime is not None:
            say(f"fitting the environment lifetime of {lifetime}")
            law = fitting.window_lifetime(Production(lifetime))
        say(f"fitting {len(runs)} run{'s' if len(runs) > 1 else ''}")
        model = fitting.fit(runs, lifetime=law)
    model.save(output)
    if json:
        print_json({"model": str(output), **summary(model)})
    else:
        _print(model, output)


def summary(model: PerformanceModel) -> dict[str, Any]:
    """What was fitted, as plain data: durations, inits, overheads [ms]; lifetime [s]; log and response bytes; notes."""
    return {
        "functions": {name: _function(function) for name, function in model.functions.items()},
        "overhead_p50_ms": {kind: overhead.quantile(0.5) for kind, overhead in model.overheads.items()},
        "lifetime": _lifetime(model.lifetime),
        "notes": list(model.notes),
    }


def _lifetime(law: Lifetime) -> dict[str, Any]:
    return {
        "idle_p50_s": law.idle_s.quantile(0.5),
        "function_idle_p50_s": law.function_idle_s and law.function_idle_s.quantile(0.5),
        "maximum_age_p50_s": law.maximum_age_s.quantile(0.5),
        "cold_error": law.cold_error,
        "origin": law.origin,
    }


def _function(function: FunctionModel) -> dict[str, Any]:
    by_architecture = function.duration.by_architecture
    sizes = [
        {"architecture": architecture, "memory_mb": size.memory_mb, "n": size.n, "mean_ms": size.warm.mean,
         "p50_ms": size.warm.quantile(0.5), "p95_ms": size.warm.quantile(0.95)}
        for architecture, measured in by_architecture.items() for size in measured.sizes
    ]
    return {
        "sizes": sizes,
        "next_memory_mb": {architecture: _next_memory_mb(function, architecture) for architecture in by_architecture},
        "form": {architecture: _form(measured.curve) for architecture, measured in by_architecture.items() if measured.curve},
        "init_p50_ms": {a: inits.quantile(0.5) for a, inits in function.init.measured.items()},
        "cold_starts": dict(function.init.counts),
        "first_over_warm": function.duration.first and function.duration.first.mean,
        "error_share": function.error_share,
        "response_bytes": function.response_bytes,
        "log_bytes": function.log_bytes,
        "max_memory_mb": function.max_memory_mb,
    }


def _form(curve: Curves) -> str:
    """The likeliest form of duration by memory, with its probability where that is not near 1."""
    from costmodel.performance.curves import FORMS

    likeliest = max(FORMS, key=curve.share)
    return likeliest if curve.share(likeliest) > SURE else f"{likeliest} ({curve.share(likeliest):.0%})"


def _next_memory_mb(function: FunctionModel, architecture: Architecture) -> int | None:
    """Of the usual sizes, the one that would tell most; None: two sizes must be measured before it can be said, or all were."""
    try:
        return function.duration.next_memory_mb(architecture, USUAL_SIZES_MB)
    except InsufficientDataError:
        return None


def _print(model: PerformanceModel, output: Path) -> None:
    columns = ("function", "size", "n", "mean ms", "p50 ms", "p95 ms", "form", "init p50 ms", "cold starts", "errors")
    found = summary(model)
    print_table(table(columns, _rows(found["functions"]), left=("function", "size", "form")))
    out = console()
    for kind, overhead in model.overheads.items():
        out.print(f"overhead {kind}: p50 {overhead.quantile(0.5):.1f} ms, p95 {overhead.quantile(0.95):.1f} ms")
    law = found["lifetime"]
    said = any(law["origin"] in note for note in model.notes)
    out.print(f"environments: gone after {law['idle_p50_s']:,.0f} s idle or at an age of {law['maximum_age_p50_s']:,.0f} s "
              f"(p50){'' if said else ', ' + law['origin']}", markup=False)
    for name, function in found["functions"].items():
        for architecture, memory_mb in function["next_memory_mb"].items():
            if memory_mb is not None:
                out.print(f"measure next: {name} at {memory_mb} MB {architecture} (of the usual sizes the one that tells most)")
    for note in model.notes:
        out.print(f"note: {note}")
    out.print(f"model: {output}")


def _rows(functions: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for name, function in functions.items():
        for size in function["sizes"]:
            architecture = size["architecture"]
            init_ms = function["init_p50_ms"].get(architecture)
            yield (
                name, f"{size['memory_mb']} MB {architecture}", f"{size['n']:,}",
                *(f"{size[key]:.1f}" for key in ("mean_ms", "p50_ms", "p95_ms")),
                function["form"].get(architecture, "one size"), "unknown" if init_ms is None else f"{init_ms:.0f}",
                f"{function['cold_starts'].get(architecture, 0):,}", f"{function['error_share']:.2%}",
            )
