import json

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError
from costmodel.validation.figures import Measurement


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Measurement, "figures", lambda self: {"memory_mape_2020": 3.0})
    monkeypatch.setattr("costmodel.validation.document.write_document", lambda measurement: "# the page\n")


def test_json_has_the_figures_and_output_the_page(known: None, tmp_path) -> None:
    result = CliRunner().invoke(app, ["accuracy", "--json", "-o", str(tmp_path / "accuracy.md")])
    assert json.loads(result.stdout) == {"memory_mape_2020": 3.0}
    assert (tmp_path / "accuracy.md").read_text(encoding="utf-8") == "# the page\n"


def test_a_model_of_your_own_is_checked_against_a_run(fitted) -> None:
    result = CliRunner().invoke(app, ["accuracy", "--model", str(fitted.model), "--run", str(fitted.today), "--json"])
    assert {check["figure"] for check in json.loads(result.stdout)} == {"bill", "p50", "p95", "cold", "throttled"}


def test_a_model_without_a_run_is_refused(fitted) -> None:
    result = CliRunner().invoke(app, ["accuracy", "--model", str(fitted.model)])
    assert isinstance(result.exception, InputError)
    assert "give both" in str(result.exception)
