"""How the verbs print tables and amounts of money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from loadgen.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 240
"""Columns of a table that goes to a file or a pipe, where nothing is cut."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[str]) -> Table:
    """A table without lines; the columns in `left` are texts, the others are aligned by their end."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def print_table(made: Table) -> None:
    """Print a table: as wide as the terminal, or as it needs to be elsewhere."""
    out = console()
    if not out.is_terminal:
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
