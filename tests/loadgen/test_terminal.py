from __future__ import annotations

import pytest
import typer

from loadgen.errors import InputError, RunError
from loadgen.terminal import listed, run_app


@pytest.mark.parametrize(("fails", "code", "said"), [
    (RunError("runs/x: no run here"), 1, "error: runs/x: no run here\n"),
    (FileNotFoundError(2, "No such file or directory", "/nowhere/model.json"), 1,
     "error: /nowhere/model.json: no such file or directory\n"),
    (KeyboardInterrupt(), 130, ""),
])
def test_what_is_foreseen_is_one_line_and_its_exit_code(
        fails: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def verb() -> None:
        raise fails

    monkeypatch.setattr("sys.argv", ["verb"])
    with pytest.raises(SystemExit) as left:
        run_app(app)
    assert (left.value.code, capsys.readouterr().err) == (code, said)


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def verb() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sys.argv", ["verb"])
    with pytest.raises(ZeroDivisionError):
        run_app(app)


def test_an_option_takes_values_again_or_with_commas_and_names_itself_otherwise() -> None:
    assert listed("--memory", ["256, 512", "1024"], int) == [256, 512, 1024]
    assert listed("--memory", None, int) == []
    for wrong in ("", "256,x"):
        with pytest.raises(InputError, match=f"--memory = '{wrong}'"):
            listed("--memory", [wrong], int)
