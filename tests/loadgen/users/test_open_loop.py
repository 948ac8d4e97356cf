"""In a process of its own: importing Locust patches it."""

from __future__ import annotations

import subprocess
import sys

FAILURES = """
import gc
from locust.env import Environment
from loadgen.users.api import ApiUser
from loadgen.users.open_loop import Arrival

class Shopper(ApiUser):
    host = "http://127.0.0.1:9"

user = Shopper(Environment())
def fail(seq):
    user.arrival = Arrival(seq, seed=0, at_s=0.0, due=0.0)
    user.get("/products")
fail(0)
gc.collect()
gc.disable()
for seq in range(100):
    fail(seq)
print(gc.collect())
"""
CALLS = """
from locust.env import Environment
from loadgen.errors import ScenarioError
from loadgen.users.api import ApiUser
from loadgen.users.open_loop import Arrival

class Shopper(ApiUser):
    host = "http://127.0.0.1:9"

user = Shopper(Environment())
try:
    user.get("/products")
except ScenarioError as problem:
    print(problem)
user.arrival = Arrival(3, seed=0, at_s=0.0, due=0.0)
first, second = user.random.random(), user.random.random()
user.arrival = Arrival(3, seed=0, at_s=0.0, due=0.0)
print(first == user.random.random(), first == second)
user.get("/a/{b}", b="c/d e", query={"x": "1&2"})
print(user.arrival.route, user.arrival.request_bytes, user.arrival.sent is not None)
try:
    user.get("/products")
except ScenarioError as problem:
    print(problem)
"""


def run_apart(code: str) -> str:
    """What the code prints, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_failed_requests_leave_no_cycles_to_the_garbage_collector() -> None:
    assert int(run_apart(FAILURES)) < 100, "40 objects each, if they did"


def test_a_user_sends_one_request_an_arrival_with_that_arrivals_own_draws() -> None:
    outside, draws, sent, second = run_apart(CALLS).splitlines()
    assert outside == "Shopper: a request outside of a task: move it into a @task method"
    assert draws == "True False"
    assert sent == "GET /a/{b} 0 True"
    assert second.startswith("Shopper: a task sends one request, this one a second (GET /products)")
