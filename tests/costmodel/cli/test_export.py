from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, PriceMissingError

USAGE = """
region = "us-east-1"
[products]
kind = "lambda.function"
requests = 3_000_000
duration_ms = 120
memory_mb = 1536
"""


def run(*words: str) -> str:
    return CliRunner().invoke(app, ["export", *words], catch_exceptions=False).output


@pytest.fixture
def usage(tmp_path: Path) -> str:
    file = tmp_path / "usage.toml"
    file.write_text(USAGE, encoding="utf-8")
    return str(file)


def test_a_usage_file_becomes_focus_rows(usage: str, tmp_path: Path) -> None:
    assert "FOCUS 1.2, 2 rows, 9.6000 USD" in run(usage, "-o", str(tmp_path / "bill.csv"), "--start", "2026-10-01")
    assert "2026-10-01T00:00:00Z" in (tmp_path / "bill.csv").read_text(encoding="utf-8")
    assert "2 rows" in run(usage, "-o", str(tmp_path / "bill.parquet"))


def test_infracost_usage_goes_out_and_comes_in(usage: str, tmp_path: Path) -> None:
    run(usage, "-o", str(tmp_path / "usage.yml"))
    output = run(str(tmp_path / "usage.yml"), "-o", str(tmp_path / "again.csv"), "--memory", "products=1536")
    assert "9.6000 USD" in output


@pytest.mark.parametrize(("words", "message"), [
    (("-o", "bill.xls"), r"--output = bill\.xls"), (("-o", "b.csv", "--start", "soon"), "--start = 'soon'")])
def test_wrong_options_are_refused(words: tuple[str, ...], message: str, usage: str) -> None:
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(app, ["export", usage, *words], catch_exceptions=False)


@pytest.mark.parametrize("memory", [("64",), ("F=big",), ("=512",), ("512", "F=512")])
def test_a_memory_that_is_none_is_refused(memory: tuple[str, ...], usage: str, tmp_path: Path) -> None:
    run(usage, "-o", str(tmp_path / "usage.yml"))
    options = [word for each in memory for word in ("--memory", each)]
    with pytest.raises(InputError, match="--memory = "):
        CliRunner().invoke(app, ["export", str(tmp_path / "usage.yml"), "-o", "x.csv", *options], catch_exceptions=False)


def test_what_infracost_cannot_hold_is_named_on_standard_error(tmp_path: Path) -> None:
    file = tmp_path / "usage.toml"
    file.write_text(USAGE + '[keys]\nkind = "kms.keys"\nkeys = 1\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["export", str(file), "-o", str(tmp_path / "usage.yml")], catch_exceptions=False)
    assert result.stderr == "not in the file: keys: kms.keys: Infracost's usage files have nothing for it\n"


def test_an_account_and_a_refreshed_price_book_can_be_given(usage: str, tmp_path: Path) -> None:
    run(usage, "-o", str(tmp_path / "bill.csv"), "--account", "123456789012")
    assert "123456789012" in (tmp_path / "bill.csv").read_text(encoding="utf-8")
    with pytest.raises(PriceMissingError, match="no prices for it"):
        run(usage, "-o", str(tmp_path / "bill.csv"), "--prices", str(tmp_path))


def test_a_savings_plan_is_exported_as_a_commitment(tmp_path: Path) -> None:
    file = tmp_path / "usage.toml"
    file.write_text(USAGE.replace("[products]", "[savings_plan]\nyears = 1\n[products]"), encoding="utf-8")
    assert "FOCUS 1.2, 3 rows, 8." in run(str(file), "-o", str(tmp_path / "bill.csv"))
    assert "compute-savings-plan-estimate" in (tmp_path / "bill.csv").read_text(encoding="utf-8")
