"""The README's own lines, run once as they are written, and runs beside them that they were not fitted on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with scenarios/ as a newcomer's clone has it, and no runs yet."""
    place = tmp_path_factory.mktemp("clone")
    (place / "scenarios").symlink_to(ROOT / "scenarios")
    return place


@pytest.fixture(scope="session")
def readme(workplace: Path) -> Iterator[SimpleNamespace]:
    """What the README's Python leaves: runs, model, month, comparison, plan, …"""
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workplace)
        exec(compile(code[1], "README.md", "exec"), names)
        yield SimpleNamespace(**names, place=workplace)
