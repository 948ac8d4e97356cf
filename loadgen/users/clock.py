"""How far the target's clock is from ours, from the Date headers of its answers.

Date has whole seconds, so an answer that says D was made between D and D + 1 s of the target's clock, and between
`sent` and `received` of ours: the offset lies between D - received and D + 1 s - sent. The bounds of many answers
narrow each other, those near the turn of a second the most.
"""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime


class ClockOffset:
    """Bounds of (target's clock - our clock) [s]."""

    def __init__(self) -> None:
        self.low, self.high = -math.inf, math.inf
        self._date, self._said = "", math.nan

    def see(self, date: str | None, sent_at: float, received_at: float) -> None:
        """Take in one answer: its Date header, and when it was sent and received [s since the epoch]."""
        if date is None:
            return
        if date != self._date:
            self._date, self._said = date, _seconds(date)
        if not math.isnan(self._said):
            self.low, self.high = max(self.low, self._said - received_at), min(self.high, self._said + 1 - sent_at)

    @property
    def offset_ms(self) -> float | None:
        """The middle of the bounds [ms]; None before the first Date."""
        return round((self.low + self.high) * 500, 3) if math.isfinite(self.low) else None


def _seconds(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return math.nan
