"""The directions of import that docs/architecture.md draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_no_module_imports_against_the_contracts() -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    lint = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout[-4000:] + lint.stderr[-2000:]
