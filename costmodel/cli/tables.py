"""How the verbs print tables and amounts of money."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from loadgen.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

    from costmodel.prediction.prediction import Interval

UNKNOWN = "unknown"
WIDEST = 240
"""Columns of a table that goes to a file or a pipe, where nothing is cut."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[str]) -> Table:
    """A table without lines; the columns in `left` are texts that may be broken, the others are aligned by their end."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="left" if column in left else "right", overflow="fold", no_wrap=column not in left)
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def print_table(made: Table) -> None:
    """Print a table: as wide as the terminal, or as it needs to be elsewhere. No figure is cut: where the terminal is too
    narrow for them, it breaks the lines."""
    from rich.measure import Measurement

    out = console()
    if out.is_terminal:
        options = out.options.update_width(WIDEST)
        out.width = max(out.width, Measurement.get(out, options, made).minimum)
    else:
        out.width = WIDEST
    out.print(made)


def usd(amount: Decimal | float, decimals: int = 2) -> str:
    """`$1,234.50`, negative ones as `-$1.50`; half a cent is rounded up, as on an invoice."""
    if isinstance(amount, Decimal) and amount.is_finite():
        amount = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{decimals}f}"


def plain(value: Decimal, digits: int = 6) -> str:
    """A number to so many significant digits, never with an exponent: `0.0000166667`."""
    return f"{Decimal(f'{value:.{digits}g}').normalize():,f}"


def number(value: float, decimals: int = 0) -> str:
    """`1,234`; unknown where nothing was counted."""
    return UNKNOWN if math.isnan(value) else f"{value:,.{decimals}f}"


def percent(share: float) -> str:
    """`1.25%`; unknown where nothing was counted."""
    return UNKNOWN if math.isnan(share) else f"{share:.2%}"


def span(interval: Interval | None, form: str) -> str:
    """`low–high`; unknown where there is none, as from one replication."""
    if interval is None or math.isnan(interval.low):
        return UNKNOWN
    return f"{interval.low:{form}}–{interval.high:{form}}"


def known(data: Any) -> Any:
    """Plain data for JSON, which has no NaN and no infinity: null in their place."""
    if isinstance(data, dict):
        return {key: known(value) for key, value in data.items()}
    if isinstance(data, list):
        return [known(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
