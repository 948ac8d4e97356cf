"""Both command lines as a newcomer types them: as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from loadgen.local.cloud import LocalCloud
from loadgen.measurements.run import Run
from loadgen.target import Target, read_target, write_target

SCRIPTS = Path(sys.executable).parent
SHORT = '''
from locust import task
from loadgen.shapes import Constant
from loadgen.users.api import ApiUser


class Short(ApiUser):
    shape = Constant(rps=40, duration_s=3)

    @task
    def list_products(self):
        self.get("/products")
'''
NO_TASKS = '''
from loadgen.shapes import Constant
from loadgen.users.api import ApiUser


class Idle(ApiUser):
    shape = Constant(1, 1)
'''


def call(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script, *rest = map(str, arguments)
    return subprocess.run([str(SCRIPTS / script), *rest], cwd=cwd, env={**os.environ, **environment}, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Target]:
    with LocalCloud("scenarios/shop/template.yaml") as target:
        yield target


@pytest.fixture
def desk(tmp_path: Path, cloud: Target) -> Path:
    """A directory with scenarios, good and bad, and target files."""
    (tmp_path / "short.py").write_text(SHORT)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "idle.py").write_text(NO_TASKS)
    (tmp_path / "empty").mkdir()
    write_target(cloud, tmp_path / "target.toml")
    nowhere = {kind: replace(api, address="http://127.0.0.1:9") for kind, api in cloud.apis.items()}
    write_target(replace(cloud, apis=nowhere), tmp_path / "nowhere.toml")
    text = (tmp_path / "target.toml").read_text()
    (tmp_path / "misspelt.toml").write_text(text.replace("endpoint_url", "endpoint_uri"))
    return tmp_path


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["loadgen", "run", "missing.py"], 2, "missing.py: no such scenario"),
    (["loadgen", "run", "broken.py"], 2, "nothing_of_this_name"),
    (["loadgen", "run", "idle.py"], 2, "Idle"),
    (["loadgen", "run", "short.py", "--target", "nowhere.toml"], 1, "http://127.0.0.1:9: nothing answers"),
    (["loadgen", "run", "short.py", "--target", "misspelt.toml"], 2, "endpoint_uri"),
    (["loadgen", "run", "short.py", "--target", "no.toml"], 2, "no.toml"),
    (["loadgen", "run", "short.py", "--api", "soap"], 2, "soap"),
    (["loadgen", "run", "short.py", "--slo", "p95 > 3"], 2, "p95 > 3"),
    (["loadgen", "show", "empty"], 1, "empty"),
    (["costmodel", "fit", "empty"], 1, "empty"),
    (["costmodel", "price", "empty"], 1, "empty"),
    (["costmodel", "predict", "no.json", "--run", "empty"], 2, "no.json"),
    (["costmodel", "prices", "show", "--region", "mars-north-1"], 1, "mars-north-1"),
])
def test_what_cannot_be_used_gets_one_line_and_its_exit_code(
        desk: Path, arguments: list[str], code: int, said: str) -> None:
    done = call(*arguments, cwd=desk)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == done.stderr.splitlines()[-1:]
    assert "Traceback" not in done.stderr + done.stdout


def test_a_port_in_use_is_named(desk: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        template = Path.cwd() / "scenarios/shop/template.yaml"
        done = call("loadgen", "serve", template, "--port", port, cwd=desk)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and str(port) in done.stderr


def test_against_aws_a_run_quotes_and_asks_and_is_otherwise_the_same(desk: Path, cloud: Target) -> None:
    """boto3 finds the local cloud by AWS's own variable: nothing in the target file tells it from AWS."""
    write_target(replace(cloud, endpoint_url=None), desk / "aws.toml")
    usual = {"AWS_ENDPOINT_URL": str(cloud.endpoint_url), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    arguments = ["loadgen", "run", "short.py", "--target", "aws.toml", "--out", "aws"]
    refused = call(*arguments, cwd=desk, **usual)
    assert refused.returncode == 2 and "quote     about 120 requests on AWS" in refused.stderr
    assert not (desk / "aws" / "requests").exists()
    done = call(*arguments, "--yes", cwd=desk, **usual)
    assert done.returncode == 0, done.stderr
    shown = json.loads(call("loadgen", "show", "aws", "--json", cwd=desk).stdout)
    assert shown["reconciliation"]["unexplained"] == 0
    assert Run(desk / "aws").rows("invocations") > 0


def test_a_target_is_discovered_and_runs(desk: Path, cloud: Target) -> None:
    ids = [word for api in cloud.apis.values() for word in ("--api", api.id)]
    done = call("loadgen", "discover", *ids, "--region", cloud.region, "--endpoint-url", cloud.endpoint_url, "-o", "found.toml", cwd=desk)
    assert done.returncode == 0, done.stderr
    found = read_target(desk / "found.toml")
    assert {kind: api.id for kind, api in found.apis.items()} == {kind: api.id for kind, api in cloud.apis.items()}
    assert {route.name for route in found.deployment.triggers} == {route.name for route in cloud.deployment.triggers}


def test_ctrl_c_in_the_demo_stops_all_and_says_what_was_kept(workplace: Path) -> None:
    process = subprocess.Popen([str(SCRIPTS / "loadgen"), "demo", "--out", "runs/stopped"], cwd=workplace, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "  sent " in line:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2, "the local cloud and Locust"
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 15
    assert process.returncode == 130 and "Traceback" not in errors
    assert "kept in runs/stopped: rest-256-mb" in output
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    (run,) = [Run(path.parent) for path in workplace.glob("runs/stopped/*/intent.json")]
    assert len(run.frame("requests")) > 0 and run.finished is not None and not run.finished.complete
