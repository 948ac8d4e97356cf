"""What a verb prices: a run, a window of production, a usage file (TOML) or an Infracost usage file (YAML)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costmodel.errors import InputError
from loadgen.terminal import given_time

if TYPE_CHECKING:
    from costmodel.activity import Activity
    from costmodel.pricing.bill import Bill
    from costmodel.pricing.usage_file import UsageFile

Source = Annotated[Path, typer.Argument(metavar="RUN|WINDOW|USAGE", help="A collected run, a window that `loadgen metrics` "
                                         "read, a usage file (TOML) or Infracost's (YAML).")]
Region = Annotated[str | None, typer.Option(help="Price it as if in this Region; else its own, us-east-1 for Infracost's.")]
Prices = Annotated[Path | None, typer.Option(help="A price book that `prices refresh` wrote.")]
Memory = Annotated[list[str] | None, typer.Option("--memory", help="For Infracost's file: MB, or Function=MB; more than once.")]


def read_source(source: Path, *, region: str | None = None, memory: list[str] | None = None) -> UsageFile:
    """What happened, as the file, the run or the window says. Raises InputError or RunError."""
    from dataclasses import replace

    from costmodel.pricing.infracost import read_infracost
    from costmodel.pricing.usage_file import UsageFile, read_usage_file

    if source.suffix in (".yml", ".yaml"):
        return UsageFile(read_infracost(source, region or "us-east-1", memory_mb=_memory(memory)))
    is_file = source.is_file() or source.suffix == ".toml"
    usage = read_usage_file(source) if is_file else UsageFile(_measured(source))
    return replace(usage, activity=replace(usage.activity, region=region or usage.activity.region))


def _measured(directory: Path) -> Activity:
    """What a run, or a window of production, used."""
    from costmodel.activity import observed
    from costmodel.pricing.production import observed_window
    from loadgen.measurements.production import Production
    from loadgen.measurements.run import Run

    production = Production(directory)
    return observed_window(production) if production.exists else observed(Run(directory))


def priced(usage: UsageFile, *, free_tier: bool = False, prices: Path | None = None) -> Bill:
    """The bill of what was read, by its own settings. `prices`: a book that `prices refresh` wrote."""
    from costmodel.pricing.bill import price
    from costmodel.pricing.price_book import PriceBook
    from costmodel.pricing.services import meter

    book = usage.book(PriceBook.load(usage.activity.region, prices))
    return price(meter(usage.activity), book, free_tier=free_tier or usage.free_tier, savings_plan=usage.savings_plan)


def started_at(source: Path, start: str | None) -> datetime:
    """When the period begins: as given, when the run or the window began, or the first of this month. Raises InputError."""
    if start is not None:
        return given_time("--start", start)
    if source.is_dir():
        from loadgen.measurements.production import Production
        from loadgen.measurements.run import Run

        production = Production(source)
        if production.exists:
            return production.asked.start
        scheduled: datetime = Run(source).frame("requests", ["scheduled_at"])["scheduled_at"].min().to_pydatetime()
        return scheduled
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _memory(given: list[str] | None) -> int | dict[str, int] | None:
    """One size for all, or by function."""
    if not given:
        return None
    by_name: dict[str, int] = {}
    for text in given:
        name, equals, size = text.rpartition("=")
        if not size.isdigit() or not 128 <= int(size) <= 10_240 or (equals and not name):
            raise InputError(f"--memory = {text!r}: give 128 to 10240 MB, as 512 or Function=512")
        if not equals and len(given) == 1:
            return int(size)
        if not equals:
            raise InputError(f"--memory = {text!r}: with more than one give Function=MB each time")
        by_name[name] = int(size)
    return by_name
