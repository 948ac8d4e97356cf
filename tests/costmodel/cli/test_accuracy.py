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


def test_a_run_of_another_deployment_is_refused(fitted, build_run) -> None:
    from loadgen.configuration import FunctionSettings

    other = build_run({"Products": FunctionSettings(1024)}, name="other")
    other.request()
    other.write()
    result = CliRunner().invoke(app, ["accuracy", "--model", str(fitted.model), "--run", str(other.run.path)])
    assert isinstance(result.exception, InputError) and "of another deployment than the model's" in str(result.exception)


def test_replications_are_those_of_the_checks_too(fitted) -> None:
    def checked(*more: str) -> str:
        return CliRunner().invoke(app, ["accuracy", "--model", str(fitted.model), "--run", str(fitted.today), "--json", *more]).stdout

    assert checked("--replications", "8") == checked() != checked("--replications", "1")


def test_the_page_is_not_of_a_model_of_your_own(fitted, tmp_path) -> None:
    page = tmp_path / "page.md"
    result = CliRunner().invoke(app, ["accuracy", "--model", str(fitted.model), "--run", str(fitted.today), "-o", str(page)])
    assert isinstance(result.exception, InputError) and "leave it out with --model" in str(result.exception)
    assert not page.exists()
