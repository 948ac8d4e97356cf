"""A REST stage's cache: answers to GET, by the values of the route's cache keys, for a time to live.

A cluster alone caches nothing: the stage's settings must say so, for all methods or for the route. Everything that is
no cache key is ignored, path parameters included. A client's `Cache-Control: max-age=0` is ignored, as AWS does by
default for callers without the right to invalidate. A hit calls no function and sends no header of its own. Source:
API Gateway developer guide, "Cache settings for REST APIs": TTL 300 s by default, 0 turns it off, answers up to
1,048,576 bytes. Unproven: that only answers of status 200 are kept, and that the least recently used entry goes when
the cluster is full.
"""

from __future__ import annotations

from collections import OrderedDict

from loadgen.local.account import MethodSettings, StageState
from loadgen.local.gateway.exchange import Answer, Exchange
from loadgen.local.gateway.validation import parameter

DEFAULT_TTL_S = 300
MAX_ANSWER_BYTES = 1_048_576
_UNSET = MethodSettings()
_Key = tuple[str, ...]


class Store:
    """One stage's cache cluster."""

    def __init__(self, capacity_bytes: float) -> None:
        self._capacity, self._size = capacity_bytes, 0
        self._entries: OrderedDict[_Key, tuple[float, Answer]] = OrderedDict()

    def get(self, key: _Key, now: float) -> Answer | None:
        """The answer kept under the key, unless it has expired."""
        expires_at, answer = self._entries.get(key, (now, None))
        if expires_at <= now:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return answer

    def put(self, key: _Key, answer: Answer, expires_at: float) -> None:
        """Keep an answer; the least recently used ones go when there is no room."""
        self._drop(key)
        self._entries[key] = (expires_at, answer)
        self._size += len(answer.body)
        while self._size > self._capacity:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._size -= len(dropped[1].body)


class Caches:
    """The caches of all stages. Another size drops all that a stage's cache held, as on AWS."""

    def __init__(self) -> None:
        self._stores: dict[tuple[str, str], tuple[float, Store]] = {}

    def look_up(self, exchange: Exchange, now: float) -> Answer | None:
        """The kept answer to this request, if the stage caches the route and has one."""
        assert exchange.api and exchange.stage and exchange.route
        if _ttl_s(exchange) <= 0:
            return None
        route = exchange.route
        exchange.cache_key = (route.name, *(parameter(exchange, name) or "" for name in route.cache_keys))
        answer = self._store(exchange.api.id, exchange.stage).get(exchange.cache_key, now)
        exchange.cache_hit = answer is not None
        return answer

    def keep(self, exchange: Exchange, answer: Answer, now: float) -> None:
        """Keep the function's answer to a request that missed."""
        if exchange.cache_key is None or answer.status != 200 or len(answer.body) > MAX_ANSWER_BYTES:
            return
        assert exchange.api and exchange.stage
        store = self._store(exchange.api.id, exchange.stage)
        store.put(exchange.cache_key, answer, now + _ttl_s(exchange))

    def flush(self, api_id: str, stage: str) -> None:
        """Forget all that a stage's cache holds (FlushStageCache)."""
        self._stores.pop((api_id, stage), None)

    def _store(self, api_id: str, stage: StageState) -> Store:
        assert stage.cache_gb is not None
        size_gb, store = self._stores.get((api_id, stage.name), (None, None))
        if store is None or size_gb != stage.cache_gb:
            store = Store(stage.cache_gb * 1024**3)
            self._stores[api_id, stage.name] = (stage.cache_gb, store)
        return store


def _ttl_s(exchange: Exchange) -> float:
    """Seconds that the answer may be kept; 0: the route is not cached."""
    stage, route = exchange.stage, exchange.route
    assert stage and route
    if exchange.kind != "rest" or stage.cache_gb is None or route.method not in ("GET", "ANY") \
            or exchange.request.method != "GET":
        return 0.0
    own, default = stage.settings.get(route.name, _UNSET), stage.default
    cached = own.cached if own.cached is not None else default.cached
    ttl_s = own.cache_ttl_s if own.cache_ttl_s is not None else default.cache_ttl_s
    return 0.0 if not cached else DEFAULT_TTL_S if ttl_s is None else ttl_s
