"""ApiUser: what a scenario for an API is written with. A scenario is a plain locustfile:

    class Shopper(ApiUser):
        shape = spike(base_rps=100, peak_rps=200)

        @task(3)
        def show_product(self):
            self.get("/products/{id}", id=PRODUCTS.draw(self.random))

It runs under `loadgen run` and under Locust's own command line, headless or with the web UI, in any number of
processes:

    locust -f scenarios/spike.py --host http://127.0.0.1:8000/api/prod --headless --processes 2

A bare Locust writes nothing unless the environment asks: LOADGEN_OUT names a directory for the requests and workers
(a run's first test goes there, not a second one started from the web UI), LOADGEN_SEED the seed (0), LOADGEN_WARM_S the
seconds at the start that count as warming up (0). Locust's users, spawn rate and run time have no effect: the shape
says it all.
"""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from locust.contrib.fasthttp import FastResponse

import loadgen.users.session  # noqa: F401  (registers the `init` listener)
from loadgen.users.open_loop import OpenLoopUser


class ApiUser(OpenLoopUser):
    """Sends requests to an API. Paths are templates, filled from keyword arguments: they name the route in every frame.

    Each verb takes `query` (a mapping) and `headers`; those with a body take `json` (anything) or `data` (text, bytes).
    """

    abstract = True

    def get(self, path: str, **parameters: Any) -> FastResponse:
        """`self.get("/products/{id}", id=7, query={"page": 2})`"""
        return self.request("GET", path, **parameters)

    def delete(self, path: str, **parameters: Any) -> FastResponse:
        """`self.delete("/orders/{id}", id=7)`"""
        return self.request("DELETE", path, **parameters)

    def post(self, path: str, **parameters: Any) -> FastResponse:
        """`self.post("/orders", json={"product": 7})`"""
        return self.request("POST", path, **parameters)

    def put(self, path: str, **parameters: Any) -> FastResponse:
        """`self.put("/orders/{id}", id=7, json={"quantity": 2})`"""
        return self.request("PUT", path, **parameters)

    def patch(self, path: str, **parameters: Any) -> FastResponse:
        """`self.patch("/orders/{id}", id=7, json={"quantity": 2})`"""
        return self.request("PATCH", path, **parameters)

    def request(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, json: Any = None,
                data: str | bytes = b"", headers: Mapping[str, str] | None = None, **parameters: Any) -> FastResponse:
        """Any method; the rest as in the verbs. A placeholder of the path without its argument raises KeyError."""
        url = path.format(**{name: quote(str(value), safe="") for name, value in parameters.items()})
        if query:
            url += "?" + urlencode(query)
        body = data.encode() if isinstance(data, str) else data
        headers = dict(headers or {})
        if json is not None:
            body = json_text.dumps(json).encode()
            headers.setdefault("Content-Type", "application/json")
        return self.send(method, url, route=f"{method} {path}", key={**parameters, **(query or {})}, body=body,
                         headers=headers)
