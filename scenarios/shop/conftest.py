"""Puts the functions' folder on the path, as Lambda does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "functions"))
