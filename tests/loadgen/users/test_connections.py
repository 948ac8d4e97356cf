"""In a process of its own: importing geventhttpclient for Locust patches it."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import os, resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from loadgen.users.connections import _is_alive
ours, theirs = socket.socketpair()
os.dup2(ours.fileno(), 2000)
high = socket.socket(fileno=2000)
assert _is_alive(ours) and _is_alive(high), "an idle connection can be used again, above descriptor 1023 too"
theirs.close()
assert not _is_alive(ours) and not _is_alive(high), "one that the server closed cannot"
"""


def test_an_idle_connection_is_told_from_a_closed_one_at_any_descriptor() -> None:
    checked = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
