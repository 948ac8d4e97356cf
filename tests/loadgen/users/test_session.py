"""What a process of Locust does before it sends."""

from __future__ import annotations

import subprocess
import sys

BEFORE_THE_WORKERS = """
import sys
import loadgen.users.session
from locust.argument_parser import get_parser
assert "pandas" not in sys.modules
get_parser()  # Locust does so between the scenario and its workers
assert "pandas" in sys.modules
"""


def test_what_takes_long_to_import_is_there_before_workers_have_to_answer_heartbeats() -> None:
    done = subprocess.run([sys.executable, "-c", BEFORE_THE_WORKERS], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
