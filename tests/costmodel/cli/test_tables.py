from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from costmodel.cli import tables
from costmodel.cli.tables import known, number, percent, print_table, span, table
from costmodel.prediction.prediction import Interval


@pytest.mark.parametrize("width", [20, 45, 80, 200])
def test_no_figure_is_broken_however_narrow_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=width, soft_wrap=True)
    monkeypatch.setattr(tables, "console", lambda: screen)
    label = "REST 1024 MB Reports:reserved8 throttle100/25"
    print_table(table(("configuration", "p95 ms", "90 %"), [(label, "1,234", "1,100–1,400")], left=("configuration",)))
    file: Any = screen.file
    printed = file.getvalue()
    assert "1,234" in printed and "1,100–1,400" in printed and "…" not in printed
    assert all(word in "".join(printed.split()) for word in label.split()[:2])


def test_what_is_not_known_is_a_word_for_a_person_and_null_for_a_machine() -> None:
    assert number(math.nan) == percent(math.nan) == span(None, ".2%") == span(Interval(math.nan, math.nan), ".2%") == "unknown"
    assert (number(1234.5, 1), percent(0.0125), span(Interval(1.0, 2.0), ".1f")) == ("1,234.5", "1.25%", "1.0–2.0")
    assert known({"a": [math.nan, 1.0, {"b": math.inf}], "c": "nan"}) == {"a": [None, 1.0, {"b": None}], "c": "nan"}
