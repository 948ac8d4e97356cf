"""A token bucket: `rate` tokens a second up to `capacity`, one token a request; the clock is passed in.

API Gateway throttles with it (rate and burst), Lambda limits new environments and invocations per second with it.
"""

from __future__ import annotations


class TokenBucket:
    """Starts full. Times are seconds and must not go backwards."""

    __slots__ = ("_at", "_tokens", "capacity", "rate")

    def __init__(self, rate: float, capacity: float, now: float) -> None:
        self.rate, self.capacity = rate, capacity
        self._tokens, self._at = float(capacity), now

    def resize(self, rate: float, capacity: float) -> None:
        """Take another rate and capacity; tokens beyond the new capacity are lost."""
        self.rate, self.capacity = rate, capacity

    def has(self, now: float) -> bool:
        """Whether a whole token is there."""
        self._tokens = min(self.capacity, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return self._tokens >= 1.0

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        if not self.has(now):
            return False
        self._tokens -= 1.0
        return True
