"""How often an EventBridge schedule fires: `rate(5 minutes)`, `cron(0 12 * * ? *)`, `at(2026-12-24T09:00:00)`.

A cron has minutes, hours, day of month, month, day of week, year; each of `*`, `?`, numbers, lists, ranges and steps.
Days are counted over a year of 365.25: `L`, `W` and `#` mean one day a month. Source: EventBridge user guide, "Cron
expressions and rate expressions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

HOURS_OF = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
YEAR_HOURS = 365.25 * 24
MONTHS = {name: number for number, name in enumerate(
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1)}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}


def times_an_hour(expression: str) -> float | None:
    """How often it fires an hour, on average over a year; None when it cannot be read or is not regular (`at`)."""
    rate = re.fullmatch(r"\s*rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)\s*", expression)
    if rate:
        return 1 / (int(rate[1]) * HOURS_OF[rate[2]]) if int(rate[1]) else None
    cron = re.fullmatch(r"\s*cron\(\s*(.+?)\s*\)\s*", expression)
    parts = cron[1].upper().split() if cron else []
    if len(parts) not in (5, 6):
        return None
    try:
        minutes, hours = (len(set(_values(part, 0, last, {}))) for part, last in zip(parts, (59, 23), strict=False))
        return minutes * hours * _days_a_year(*parts[2:5]) / YEAR_HOURS
    except (KeyError, ValueError):
        return None


def _days_a_year(day: str, month: str, weekday: str) -> float:
    months = len(set(_values(month, 1, 12, MONTHS))) / 12
    if weekday not in ("*", "?"):
        if re.search(r"[L#]", weekday.replace("JUL", "")):
            return 12.0 * months
        return 365.25 * months * len(set(_values(weekday, 1, 7, DAYS))) / 7
    if day in ("*", "?"):
        return 365.25 * months
    if re.search(r"[LW]", day):
        return 12.0 * months
    return 12.0 * months * len(set(_values(day, 1, 31, {})))


def _values(field: str, first: int, last: int, names: dict[str, int]) -> Iterator[int]:
    """The numbers that a field of a cron stands for. Raises ValueError or KeyError for another form."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        if low in ("*", "?"):
            start, end = first, last
        else:
            start = _number(low, names)
            end = _number(high, names) if high else last if step else start
        if not first <= start <= last or not first <= end <= last:
            raise ValueError(field)
        found = list(range(start, end + 1, int(step or 1))) if start <= end else [*range(start, last + 1), *range(first, end + 1)]
        yield from found


def _number(text: str, names: dict[str, int]) -> int:
    return int(text) if text.isdigit() else names[text]
