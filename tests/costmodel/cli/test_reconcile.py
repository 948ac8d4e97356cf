from __future__ import annotations

import json
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
CUR = """\
lineItem/LineItemType,lineItem/ProductCode,lineItem/UsageType,lineItem/UsageAmount,lineItem/UnblendedCost,lineItem/UsageStartDate
Usage,AWSLambda,Request,2000000,0.40,2026-11-01T00:00:00Z
Usage,AWSLambda,Global-Request,1000000,0,2026-11-01T00:00:00Z
Usage,AWSLambda,Lambda-GB-Second,540000,9.000018,2026-11-02T00:00:00Z
Usage,AWSLambda,Lambda-Strange,1,5,2026-11-02T00:00:00Z
Tax,AWSLambda,,,0.5,2026-11-01T00:00:00Z
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "usage.toml").write_text(USAGE, encoding="utf-8")
    (tmp_path / "cur.csv").write_text(CUR, encoding="utf-8")
    return [str(tmp_path / "usage.toml"), "--cur", str(tmp_path / "cur.csv")]


def run(*words: str) -> str:
    return CliRunner().invoke(app, ["reconcile", *words], catch_exceptions=False).output


def test_the_difference_is_explained_line_by_line(files: list[str]) -> None:
    output = run(*files)
    (requests,) = [line for line in output.splitlines() if " requests " in line]
    assert "3,000,000" in requests and "-$0.2000" in requests and "free tier -0.2000 USD" in requests
    assert "ours $9.6000, AWS's $14.4000: AWS charged $4.8000 more" in output
    assert "missing on our side: AWSLambda Lambda-Strange: 1, $5.0000" in output
    assert "not compared: Tax (AWSLambda): $0.5000" in output
    assert "AWS's file in all: $14.9000" in output


def test_our_own_export_reconciles_to_nothing(files: list[str], tmp_path: Path) -> None:
    CliRunner().invoke(app, ["export", files[0], "-o", str(tmp_path / "own.csv")], catch_exceptions=False)
    shown = json.loads(run(files[0], "--cur", str(tmp_path / "own.csv"), "--json"))
    assert [item["difference_usd"] for item in shown["items"]] == [0.0, 0.0]
    assert "AWS charged the same" in run(files[0], "--cur", str(tmp_path / "own.csv"))


def test_only_the_lines_of_a_period_count_when_one_is_given(files: list[str]) -> None:
    shown = json.loads(run(*files, "--from", "2026-11-02", "--to", "2026-11-03", "--json"))
    by_item = {item["item"]: item for item in shown["items"]}
    assert by_item["requests"]["parts_usd"] == {"missing in AWS's file": -0.6}
    assert by_item["duration_x86_64"]["difference_usd"] == 0
    with pytest.raises(InputError, match="no line in that time"):
        run(*files, "--from", "2027-01-01")


def test_accounts_and_the_span_of_aws_s_lines_are_told_and_one_account_can_be_taken(files: list[str], tmp_path: Path) -> None:
    lines = CUR.splitlines()
    more = ("lineItem/UsageAccountId,lineItem/UsageEndDate", *(f"{account},2026-11-03" for account in (111, 111, 222, 222, 222)))
    with_accounts = [f"{line},{columns}" for line, columns in zip(lines, more, strict=True)]
    (tmp_path / "cur.csv").write_text("\n".join(with_accounts), encoding="utf-8")
    output = run(*files)
    assert "AWS's lines are of 2 accounts (111, 222): --account takes one" in output
    assert "AWS's lines span 48 h, our bill 730 h" in output
    shown = json.loads(run(*files, "--account", "111", "--json"))
    assert shown["aws_file_usd"] == 0.4 and len(shown["notes"]) == 1
    with pytest.raises(InputError, match=r"--account = 9: no line of it in .*accounts: 111, 222"):
        run(*files, "--account", "9")


def test_a_refreshed_price_book_can_be_given(files: list[str], tmp_path: Path) -> None:
    with pytest.raises(PriceMissingError, match="no prices for it"):
        run(*files, "--prices", str(tmp_path))


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_time_that_is_none_names_its_own_option(files: list[str], option: str) -> None:
    with pytest.raises(InputError, match=f"^{option} = 'soon'"):
        run(*files, option, "soon")
