"""The HTTP connections of the load generator, where geventhttpclient's own would falsify a count or a time.

- A request is sent once. geventhttpclient sends a GET, PUT or DELETE again, up to once a connection of the pool, when
  the server closes without an answer: one row would stand for many requests at the gateway.
- An idle connection is checked with poll. Its select fails on descriptors of 1024 and above, so that beyond about 1,000
  connections none would be used again, and gevent's select lets other work run before the request is sent.
"""

from __future__ import annotations

import select
from typing import Any

from gevent.monkey import get_original
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL

_poll = get_original("select", "poll")


class OnceOnlyPool(HTTPClientPool):
    """Clients by host and port that never repeat a request."""

    def get_client(self, url: str | URL) -> HTTPClient:
        """The client for this URL's host and port."""
        known = len(self.clients)
        client = super().get_client(url)
        if len(self.clients) > known:
            _send_once(client)
        return client


def _send_once(client: HTTPClient) -> None:
    pool = client._connection_pool
    pool.size = -1  # the number of repetitions it allows, less one
    pool._is_socket_alive = _is_alive  # type: ignore[method-assign]


def _is_alive(sock: Any) -> bool:
    if sock is None or sock.fileno() < 0:
        return False
    poller = _poll()
    poller.register(sock.fileno(), select.POLLIN)
    return not poller.poll(0)
