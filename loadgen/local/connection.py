"""One HTTP/1.1 connection: parses with httptools, answers in order, keeps alive. Raw asyncio protocol, no framework.

Of a body, no more is kept than the gateway takes and one byte, so that it can be refused without being held.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

import httptools

from loadgen.local.gateway.exchange import Answer, Request

Handler = Callable[[Request], Awaitable[Answer]]
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BAD_REQUEST = Answer(400, [("Content-Type", "text/plain")], b"not HTTP/1.1")


class Connection(asyncio.Protocol):
    """Serves the requests of one client; httptools calls the `on_` methods."""

    def __init__(self, handler: Handler, most_body_bytes: int, connections: set[Connection]) -> None:
        self._handler, self._most, self._connections = handler, most_body_bytes, connections
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._source_ip = ""
        self._start_message()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: a client connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._source_ip = transport.get_extra_info("peername")[0]
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the client is gone; what runs for it runs to its end."""
        self._transport = None
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError:
            self._write(_BAD_REQUEST, "GET", keep_alive=False)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def on_message_begin(self) -> None:
        """httptools: a request starts."""
        self._start_message()

    def on_url(self, url: bytes) -> None:
        """httptools: a part of the request's target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """httptools: a client that waits for leave to send its body gets it."""
        if self._transport is not None and any(name.lower() == "expect" for name, _ in self._headers):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        room = self._most + 1 - len(self._body)
        self._body += body[:room]

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        request = Request(self._parser.get_method().decode(), self._target.decode("latin-1"), self._headers,
                          bytes(self._body), self._source_ip)
        self._queue.append((request, self._parser.should_keep_alive()))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        while self._queue:
            request, keep_alive = self._queue.popleft()
            answer = await self._handler(request)
            self._write(answer, request.method, keep_alive)
        self._task = None

    def _write(self, answer: Answer, method: str, keep_alive: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        headers = "".join([f"{name}: {value}\r\n" for name, value in answer.headers])
        head = (f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}\r\n{_date(int(time.time()))}"
                f"Content-Length: {len(answer.body)}\r\nConnection: {'keep-alive' if keep_alive else 'close'}\r\n"
                f"{headers}\r\n").encode("latin-1", errors="replace")
        self._transport.write(head if method == "HEAD" else head + answer.body)
        if not keep_alive:
            self._transport.close()

    def _start_message(self) -> None:
        self._target, self._body = b"", bytearray()
        self._headers: list[tuple[str, str]] = []


_dates: dict[int, str] = {}


def _date(second: int) -> str:
    if second not in _dates:
        _dates.clear()
        _dates[second] = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(second))
    return _dates[second]
