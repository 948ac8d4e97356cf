"""How far the target's clock is from ours, from the Date headers of its answers.

Date has whole seconds, so an answer that says D was made between D and D + 1 s of the target's clock, and between
`sent` and `received` of ours: the offset lies between D - received and D + 1 s - sent. The bounds of many answers
narrow each other; those at the turn of a second narrow the most, so only answers with a new Date are looked at.
"""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime


class ClockOffset:
    """Bounds of (target's clock - our clock) [s]."""

    def __init__(self) -> None:
        self.low, self.high = -math.inf, math.inf
        self._last: str | None = None

    def see(self, date: str | None, sent_at: float, received_at: float) -> None:
        """Take in one answer: its Date header, and when it was sent and received [s since the epoch]."""
        if date is None or date == self._last:
            return
        self._last = date
        try:
            said = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self.low, self.high = max(self.low, said - received_at), min(self.high, said + 1 - sent_at)

    @property
    def offset_ms(self) -> float | None:
        """The middle of the bounds [ms]; None before the first Date."""
        return round((self.low + self.high) * 500, 3) if math.isfinite(self.low) else None
