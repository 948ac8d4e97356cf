"""The local cloud as a process: it starts, serves, says why it cannot, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadgen.errors import LocalCloudError, TemplateError
from loadgen.local.cloud import LocalCloud

SHOP = Path(__file__).resolve().parents[3] / "scenarios" / "shop" / "template.yaml"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def test_it_has_a_session_of_its_own_and_its_stop_leaves_no_process() -> None:
    cloud = LocalCloud(SHOP)
    cloud.start()
    pid = cloud.pid
    assert pid is not None and os.getsid(pid) == pid != os.getsid(0)
    cloud.stop()
    assert not is_running(pid) and cloud.pid is None
    cloud.stop()


def test_two_clouds_run_side_by_side(local_cloud) -> None:
    with LocalCloud(SHOP) as other:
        assert other.endpoint_url != local_cloud.endpoint_url
        assert {api.id for api in other.apis.values()} == {api.id for api in local_cloud.apis.values()}


@pytest.mark.parametrize("which", ["data_port", "control_port"])
def test_a_port_in_use_is_one_line_that_names_it(which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalCloudError, match=f"port {port}: ") as refused:
            LocalCloud(SHOP, **{which: port}).start()
    assert "\n" not in str(refused.value)


def test_a_template_that_is_not_there_is_said_by_the_reader_of_templates() -> None:
    with pytest.raises(TemplateError, match=r"nowhere\.yaml"):
        LocalCloud("nowhere.yaml").start()


def test_a_cloud_that_runs_is_not_started_again() -> None:
    cloud = LocalCloud(SHOP)
    with cloud, pytest.raises(LocalCloudError, match="running already"):
        cloud.start()


def test_it_ends_when_its_parent_was_killed() -> None:
    program = (f"import time; from loadgen.local.cloud import LocalCloud; cloud = LocalCloud({str(SHOP)!r}); "
               "cloud.start(); print(cloud.pid, flush=True); time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)


def test_a_process_that_dies_is_told_with_its_last_words() -> None:
    cloud = LocalCloud(SHOP)
    cloud.start()
    os.kill(cloud.pid or 0, signal.SIGKILL)
    with pytest.raises(LocalCloudError, match="ended by itself"):
        cloud.wait()
    cloud.stop()


def test_a_profile_that_cannot_be_read_stops_the_start_by_name(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(SHOP.read_text().replace("Function: f3,", "Function: f9,"))
    with pytest.raises(TemplateError, match=r"Product\.Metadata\.LocalProfile\.Function"):
        LocalCloud(template).start()
