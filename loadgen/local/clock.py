"""The data plane's clock: monotonic seconds for the rules, epoch seconds for what is written, one offset between the
two."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """`now` is monotonic; an epoch time is never read twice, so that logs stay ordered when the system's clock is
    set."""

    def __init__(self, now: Callable[[], float] = time.monotonic, epoch: Callable[[], float] = time.time) -> None:
        self.now = now
        self._offset_s = epoch() - now()

    def epoch(self, now: float) -> float:
        """Epoch seconds of a monotonic time."""
        return now + self._offset_s
