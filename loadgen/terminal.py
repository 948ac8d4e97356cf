"""The terminal side of both command lines: one-line errors, progress on long work, tables, JSON for machines.

Exit codes: 0 ok; 1 the job failed, with a one-line reason; 2 the call itself was wrong; 130 interrupted.
Progress and errors go to standard error, results to standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from loadgen.errors import InputError, LoadgenError

if TYPE_CHECKING:
    import typer
    from rich.console import Console

Progress = Callable[[str], None]
T = TypeVar("T")


def run_app(app: typer.Typer) -> None:
    """Run a Typer app; an error raised on purpose becomes one line and its exit code."""
    try:
        app()
    except LoadgenError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as problem:
        if problem.filename is None:
            raise
        print(f"error: {problem.filename}: {(problem.strerror or str(problem)).lower()}", file=sys.stderr)
        sys.exit(1)


def console() -> Console:
    """A rich console on standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def print_json(data: object) -> None:
    """Print plain data as JSON; Decimals as numbers in full, times as ISO 8601."""
    print(json.dumps(data, indent=1, default=_plain))


def listed(option: str, given: Sequence[str] | None, read: Callable[[str], T]) -> list[T]:
    """The values of an option that may be given again, or once with commas. Raises InputError that names it."""
    try:
        return [read(word.strip()) for text in given or () for word in text.split(",")]
    except ValueError:
        raise InputError(f"{option} = {','.join(given or ())!r}: give values of its kind with commas between them, "
                         "see --help") from None


def given_time(option: str, text: str) -> datetime:
    """A time that an option gives, UTC unless it says otherwise. Raises InputError that names the option."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} = {text!r}: give a time, as 2026-10-01 or 2026-10-01T00:00:00Z") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """A status line on standard error that each call replaces; plain lines where standard error is no terminal."""
    from rich.console import Console

    stderr = Console(stderr=True, highlight=False)
    if quiet:
        yield lambda message: None
    elif not stderr.is_terminal:
        yield lambda message: print(message, file=sys.stderr, flush=True)
    else:
        with stderr.status("starting") as status:
            yield status.update


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "as_tuple"):
        return float(value)
    return str(value)
