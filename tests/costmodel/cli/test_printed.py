"""What the verbs that plan print, as it was read and accepted last time."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app

GOLDEN = Path(__file__).parents[2] / "golden" / "printed"
SHOP = "scenarios/shop/template.yaml"
TRAFFIC = ("--rps", "120", "--duration", "45ms")


@pytest.fixture
def larger(tmp_path: Path) -> str:
    """The shop with twice the memory, as a later template."""
    text = Path(SHOP).read_text(encoding="utf-8").replace("Default: 1024", "Default: 2048")
    (tmp_path / "larger.yaml").write_text(text, encoding="utf-8")
    return str(tmp_path / "larger.yaml")


@pytest.mark.parametrize(("name", "words"), [
    ("breakeven.txt", ("breakeven",)),
    ("breakeven_large_answers.txt", ("breakeven", "rest-http", "--response-kb", "1300")),
    ("ceiling.txt", ("ceiling", SHOP, "--cap", "5")),
    ("estimate.txt", ("price", SHOP, *TRAFFIC)),
    ("reconcile.txt", ("reconcile", str(GOLDEN / "usage.toml"), "--cur", str(GOLDEN / "reconcile.csv"))),
])
def test_a_verb_prints_what_was_accepted(name: str, words: tuple[str, ...]) -> None:
    check(name, words)


def test_a_change_prints_the_markdown_that_was_accepted(larger: str) -> None:
    check("estimate_diff.md", ("price", "--diff", SHOP, larger, *TRAFFIC))


def check(name: str, words: tuple[str, ...]) -> None:
    """To accept a change: delete the file, run the tests, read the new file."""
    output = CliRunner().invoke(app, list(words), catch_exceptions=False).output
    text = "".join(line.rstrip() + "\n" for line in output.splitlines())
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was missing: written, read it")
    assert text == path.read_text(encoding="utf-8")
