from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from loadgen.configuration import Configuration
from loadgen.errors import InputError, LoadgenError, RunError, ScenarioError, UnreachableError
from loadgen.measurements.run import Run
from loadgen.runner import describe_scenario, run_scenario
from loadgen.target import Target

WriteScenario = Callable[..., Path]
LONG = "Constant(60, 30)"


def one_line(problem: LoadgenError) -> str:
    assert "\n" not in str(problem)
    assert "Traceback" not in str(problem)
    return str(problem)


def locust_processes(run: Run) -> list[psutil.Process]:
    """Every process that was told to write to this run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LOADGEN_OUT") == str(run.path.resolve()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def when_sending(act: Callable[[], None]) -> Callable[[str], None]:
    """A progress callback that acts once requests are on disk."""
    done: list[str] = []

    def see(line: str) -> None:
        done.append(line)
        if len(done) == 5:
            act()
    return see


def interrupt() -> None:
    raise KeyboardInterrupt


def test_describing_tells_shape_routes_and_arrivals_without_sending(write_scenario: WriteScenario, api_server) -> None:
    asked = api_server.asked.total()
    show, order = 'self.get("/products/{id}", id=self.random.randint(1, 9))', 'self.post("/orders", json={})'
    scenario = write_scenario(show, order)
    description = describe_scenario(scenario)
    assert description.routes == {"GET /products/{id}": 0.5, "POST /orders": 0.5}
    assert (description.expected, description.duration_s) == (100, 1)
    assert description.shape == {"kind": "constant", "rps": 100, "duration_s": 1}
    assert api_server.asked.total() == asked


def test_the_shipped_scenarios_send_what_the_sample_api_serves() -> None:
    scenarios = sorted((Path(__file__).parents[2] / "scenarios").glob("*.py"))
    assert {path.stem for path in scenarios} >= {"spike", "steady", "ramp"}
    for path in scenarios:
        description = describe_scenario(path)
        assert set(description.routes) == {"GET /products", "GET /products/{id}", "POST /orders", "GET /reports"}
        assert sum(description.routes.values()) == pytest.approx(1)
        assert description.expected >= 2500


def test_a_missing_scenario_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such scenario") as raised:
        describe_scenario(tmp_path / "nowhere.py")
    assert "nowhere.py" in one_line(raised.value)


@pytest.mark.parametrize(("text", "said"), [
    ("import nothing_of_that_name\n", r"bad\.py:1: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ("\nx = [1, 2\n", r"bad\.py:2: SyntaxError: '\[' was never closed"),
    ("\n\nraise SystemExit('no shop')\n", r"bad\.py:3: SystemExit: no shop"),
    ("x = 1\n", "no user class"),
])
def test_a_scenario_that_cannot_be_imported_is_blamed_by_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(ScenarioError, match=said) as raised:
        describe_scenario(tmp_path / "bad.py")
    one_line(raised.value)


@pytest.mark.parametrize(("tasks", "options", "said"), [
    ((), {}, "Shopper: no tasks"),
    (('self.get("/products")',), {"shape": "None"}, r"Shopper\.shape = None"),
    (('self.get("/products"), self.get("/reports")',), {}, "a task sends one request"),
    (("pass",), {}, "task0: sends no request"),
    (('self.get("/products/{id}")',), {}, "task0: sends no request .*KeyError: 'id'"),
    (('self.get("/products")',), {"more": "class Old(HttpUser):\n    pass\nclass Other(ApiUser):\n    pass"},
     "Old: would not run beside"),
])
def test_a_scenario_with_nothing_right_to_do_is_refused(
        write_scenario: WriteScenario, tasks: tuple[str, ...], options: dict[str, str], said: str) -> None:
    if "more" in options:
        path = write_scenario(*tasks)
        path.write_text(path.read_text() + options["more"])
    else:
        path = write_scenario(*tasks, **options)
    with pytest.raises(ScenarioError, match=said) as raised:
        describe_scenario(path)
    assert str(path) in one_line(raised.value)


def test_a_route_that_the_target_lacks_is_named(write_scenario: WriteScenario, api_target: Target) -> None:
    with pytest.raises(ScenarioError, match="GET /basket: no such route in the target"):
        describe_scenario(write_scenario('self.get("/basket")'), api_target)


def test_an_unreachable_target_is_found_before_anything_starts(
        tmp_path: Path, write_scenario: WriteScenario, api_target: Target, api_configuration: Configuration) -> None:
    nowhere = replace(api_target, apis={"rest": replace(api_target.apis["rest"], address="http://127.0.0.1:9")})
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9: nothing answers") as raised:
        run_scenario(write_scenario('self.get("/products")'), nowhere, api_configuration, out=tmp_path / "run")
    one_line(raised.value)
    assert not (tmp_path / "run").exists()


def test_wrong_settings_are_refused_by_name(
        tmp_path: Path, write_scenario: WriteScenario, api_target: Target, api_configuration: Configuration) -> None:
    scenario = write_scenario('self.get("/products")')
    (tmp_path / "old" / "requests").mkdir(parents=True)
    for settings, said in (({"processes": 0}, "processes=0"), ({"warm_s": 1}, "warm_s=1"), ({"seed": -1}, "seed=-1"),
                           ({"out": tmp_path / "old"}, "there is a run already")):
        with pytest.raises(InputError, match=said):
            run_scenario(scenario, api_target, api_configuration, **({"out": tmp_path / "run"} | settings))


def test_ctrl_c_stops_locust_and_keeps_whole_files(
        tmp_path: Path, write_scenario: WriteScenario, api_target: Target, api_configuration: Configuration) -> None:
    scenario = write_scenario('self.get("/products")', 'self.get("/slow")', shape=LONG, more="    concurrency = 25")
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario, api_target, api_configuration, out=run.path, processes=2,
                     progress=when_sending(interrupt))
    assert locust_processes(run) == []
    frame, finished = run.frame("requests"), run.finished
    assert finished is not None
    assert (finished.complete, finished.reason) == (False, "interrupted")
    assert 0 < finished.rows == len(frame) < finished.scheduled
    counts = frame["outcome"].value_counts()
    assert counts["unfinished"] == 50, "requests that wait for an answer fill what each of two processes may have open"
    assert counts["dropped"] > 0, "what finds no room is not sent, and has its row"
    assert frame.loc[frame["outcome"] == "dropped", "sent_at"].isna().all()
    assert frame["seq"].is_unique
    assert finished.saturated


def test_a_killed_locust_leaves_readable_shards_and_the_difference_is_told(
        tmp_path: Path, write_scenario: WriteScenario, api_target: Target, api_configuration: Configuration) -> None:
    run = Run(tmp_path / "run")

    def kill() -> None:
        for process in locust_processes(run):
            os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(RunError, match="killed by SIGKILL") as raised:
        run_scenario(write_scenario('self.get("/products")', shape=LONG), api_target, api_configuration, out=run.path,
                     progress=when_sending(kill))
    one_line(raised.value)
    finished = run.finished
    assert finished is not None
    assert not finished.complete
    assert 0 < finished.rows == len(run.frame("requests")) < finished.scheduled


@pytest.mark.slow
@pytest.mark.parametrize("part", ["master", "worker"])
def test_without_its_master_or_one_of_its_workers_the_rest_of_a_run_ends_and_is_kept(
        part: str, tmp_path: Path, write_scenario: WriteScenario, api_target: Target,
        api_configuration: Configuration) -> None:
    run = Run(tmp_path / "run")
    said = {"master": "killed by SIGKILL", "worker": "1 of 2 workers were lost"}[part]

    def kill() -> None:
        processes = locust_processes(run)
        master = next(process for process in processes if process.ppid() == os.getpid())
        (master if part == "master" else master.children()[0]).kill()

    with pytest.raises(RunError, match=said) as raised:
        run_scenario(write_scenario('self.get("/products")', shape="Constant(60, 8)"), api_target, api_configuration,
                     out=run.path, processes=2, progress=when_sending(kill))
    one_line(raised.value)
    assert locust_processes(run) == []
    assert run.finished is not None
    assert 0 < run.finished.rows == len(run.frame("requests")) < run.finished.scheduled
    assert sum(worker.finished for worker in run.workers) == (2 if part == "master" else 1)


def test_bare_locust_writes_nothing_and_refuses_a_user_without_tasks_in_one_line(
        tmp_path: Path, write_scenario: WriteScenario, api_server) -> None:
    def bare(scenario: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "locust", "-f", str(scenario), "--headless", "--only-summary",
                   "--host", f"http://127.0.0.1:{api_server.port}"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    api_server.asked.clear()
    done = bare(write_scenario('self.get("/reports")', shape="Constant(50, 1)"))
    assert done.returncode == 0, done.stderr
    assert api_server.asked["GET /reports"] > 20
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["scenario.py"]

    refused = bare(write_scenario())
    assert refused.returncode == 2
    assert "Shopper: no tasks: mark a method with @task" in refused.stderr
    assert "Traceback" not in refused.stderr
