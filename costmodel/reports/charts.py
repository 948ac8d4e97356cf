"""The report's charts, as SVG text, and a verb's, into a file. They draw what they are given and compute nothing.

`svg.hashsalt` makes the same figures give the same bytes, so that reports can be compared as goldens.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, CHOICE, TODAY, OTHER, MISS = "#334155", "#0f766e", "#b45309", "#94a3b8", "#be123c"
COMPONENT_COLOURS = ("#0f766e", "#0369a1", "#7c3aed", "#b45309", "#be123c", "#4d7c0f", "#64748b", "#a16207")


def cost_against_latency(labels: Sequence[str], p95_ms: Sequence[float], usd_per_million: Sequence[float], *,
                         low: Sequence[float], high: Sequence[float], choice: str, today: str,
                         limit_ms: float | None) -> str:
    """Every candidate as a point: p95 [ms] across, USD per million requests up, 90 % intervals, the SLO as a line."""
    figure, axes = _figure(7.2, 4.2)
    for label, x, y, y_low, y_high in zip(labels, p95_ms, usd_per_million, low, high, strict=True):
        colour = CHOICE if label == choice else TODAY if label == today else OTHER
        axes.errorbar(x, y, yerr=[[max(0.0, y - y_low)], [max(0.0, y_high - y)]], fmt="o", color=colour,
                      markersize=7 if label in (choice, today) else 4.5, capsize=2, linewidth=1)
        if label in (choice, today):
            axes.annotate(label, (x, y), xytext=(7, 6), textcoords="offset points", color=colour, fontsize=8.5)
    if limit_ms is not None:
        axes.axvline(limit_ms, color=MISS, linewidth=1, linestyle="--")
        axes.annotate("SLO", (limit_ms, axes.get_ylim()[1]), xytext=(-4, -10), textcoords="offset points",
                      color=MISS, fontsize=8.5, ha="right")
    axes.set(xlabel="p95 latency [ms]", ylabel="USD per million requests", ylim=(0, None))
    axes.set_xlim(left=0)
    return _svg(figure)


def stacked_bills(labels: Sequence[str], by_component: Mapping[str, Sequence[float]]) -> str:
    """One bar a candidate, one colour a cost component [USD per million requests]."""
    figure, axes = _figure(7.2, 0.55 * len(labels) + 1.5)
    left = [0.0] * len(labels)
    for index, (component, values) in enumerate(by_component.items()):
        colour = COMPONENT_COLOURS[index % len(COMPONENT_COLOURS)]
        axes.barh(range(len(labels)), list(values), left=left, color=colour, label=component, height=0.6)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_yticks(range(len(labels)), list(labels))
    axes.invert_yaxis()
    axes.set(xlabel="USD per million requests")
    axes.legend(fontsize=7.5, frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.28 - 0.5 / len(labels)), ncols=3)
    return _svg(figure)


def duration_by_memory(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
                       measured: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """Each function's fitted mean duration [ms] over memory [MB] as a line, what was measured as points."""
    figure, axes = _figure(7.2, 3.8)
    for index, (function, (memory_mb, duration_ms)) in enumerate(curves.items()):
        colour = COMPONENT_COLOURS[index % len(COMPONENT_COLOURS)]
        axes.plot(list(memory_mb), list(duration_ms), color=colour, linewidth=1.4, label=function)
        if function in measured:
            axes.plot(list(measured[function][0]), list(measured[function][1]), "o", color=colour, markersize=5)
    axes.set(xlabel="memory [MB]", ylabel="mean duration [ms]", ylim=(0, None))
    axes.set_xscale("log", base=2)
    ticks = (128, 256, 512, 1024, 2048, 4096, 8192)
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [str(tick) for tick in shown])
    axes.minorticks_off()
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


def predicted_against_measured(labels: Sequence[str], predicted: Sequence[float], measured: Sequence[float],
                               unit: str) -> str:
    """Pairs of bars a run: what the model says of it, and what was measured."""
    figure, axes = _figure(7.2, 2.9)
    positions = range(len(labels))
    axes.bar([p - 0.2 for p in positions], list(predicted), width=0.38, color=CHOICE, label="predicted")
    axes.bar([p + 0.2 for p in positions], list(measured), width=0.38, color=TODAY, label="measured")
    axes.set_xticks(list(positions), list(labels), fontsize=8)
    axes.set(ylabel=unit, ylim=(0, None))
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


@dataclass(frozen=True)
class Panel:
    """Costs [USD a month] along one variable: a line of points (x, y) by name, and the places where they cross."""

    title: str
    variable: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    crossings: Sequence[tuple[float, float]]


def write_panels(panels: Sequence[Panel], path: Path) -> None:
    """Draw the panels, each line with its floor at 0 as a dot and its name, into a .png or .svg file.

    Raises InputError for another kind of file or one that cannot be written.
    """
    from matplotlib.figure import Figure

    if path.suffix not in (".png", ".svg"):
        raise InputError(f"{path}: a chart is a .png or .svg file")
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns) if panels else 1
    figure = Figure(figsize=(5.2 * max(columns, 1), 3.6 * rows), layout="constrained")
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, number)
        _plain(axes)
        _draw_panel(axes, panel)
    try:
        figure.savefig(path, dpi=110)
    except OSError as problem:
        raise InputError(f"{path}: cannot be written ({problem})") from None


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import EngFormatter

    for (name, points), colour in zip(panel.curves.items(), (CHOICE, TODAY), strict=True):
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, color=colour, linewidth=1.4, label=name)
        axes.plot(xs[0], ys[0], "o", color=colour, markersize=4, clip_on=False)
        if ys[0] > 0:
            axes.axhline(ys[0], color=colour, linewidth=0.7, linestyle=":")
            axes.annotate(f"floor {ys[0]:,.2f}", (xs[0], ys[0]), xytext=(4, 3), textcoords="offset points", color=colour,
                          fontsize=7)
    for x, y in panel.crossings:
        axes.plot(x, y, "o", color=MISS, markersize=5)
        shown = f"{x:,.0f}" if x >= 1000 else f"{x:.4f}"
        axes.annotate(shown, (x, y), xytext=(4, -10), textcoords="offset points", color=MISS, fontsize=7.5)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_title(panel.title, fontsize=9, color=INK)
    axes.set(xlabel=panel.variable, ylabel="USD a month", xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize=7.5, frameon=False)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e2e8f0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=8.5)


def _svg(figure: Figure) -> str:
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "costmodel", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg"):]
