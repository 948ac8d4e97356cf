"""Every notebook runs from top to bottom, as nbclient runs it for Jupyter."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_runs_and_draws(notebook: Path, workplace: Path) -> None:
    book = nbformat.read(notebook, as_version=4)
    (workplace / "notebooks").mkdir(exist_ok=True)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(workplace / "notebooks")}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_is_kept_without_outputs(notebook: Path) -> None:
    book = nbformat.read(notebook, as_version=4)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in book.cells if cell.cell_type == "code")
