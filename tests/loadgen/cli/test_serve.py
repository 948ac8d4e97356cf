"""`loadgen serve` in a process of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from loadgen.target import read_target

SHOP = Path(__file__).resolve().parents[3] / "scenarios" / "shop" / "template.yaml"
COMMAND = [sys.executable, "-m", "loadgen", "serve", str(SHOP)]


def test_it_writes_a_target_says_what_to_try_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    with subprocess.Popen(COMMAND, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True) as serving:
        assert serving.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            lines.append(serving.stdout.readline())
            assert lines[-1], lines
        target = read_target(tmp_path / "target.toml")
        serving.send_signal(signal.SIGINT)
        assert serving.wait(20) == 0
    assert any(target.apis["rest"].address in line for line in lines)
    host, port = str(target.endpoint_url).removeprefix("http://").split(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_a_port_in_use_is_one_line_and_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*COMMAND, "--port", str(port)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: port {port}: ") and done.stderr.count("\n") == 1
