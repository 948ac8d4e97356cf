"""The values of one table of a usage file: of the right type, in AWS's limits, none missing.

Every error is one line: key, value and what to give.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints

from costmodel.errors import InputError
from costmodel.pricing.resource import ResourceTally
from costmodel.pricing.usage_keys import check_needs, keys_of

SHARES = ("discount", "utilisation")
LARGEST = 1e18
"""More than this is no usage of anything, but a slip."""


def values_of(kind: str, made: type[Any], given: Mapping[str, Any], hours: float) -> dict[str, Any]:
    """The value of every key of a kind (`made` is its class) in a month of so many hours, as given or else by default.

    Raises InputError.
    """
    hints, keys = get_type_hints(made), keys_of(kind)
    known = {each.name: each for each in fields(made) if each.name != "resource"}
    for key in given:
        if key not in known:
            raise InputError(f"{key}: no such key{suggestion(key, known) or f': give of {listed(known)}'}")
    values = {key: each.default for key, each in known.items() if each.default is not MISSING}
    values |= made.whole_period(hours) if issubclass(made, ResourceTally) else {}
    for key, value in given.items():
        values[key] = _value(key, value, hints[key])
        if isinstance(values[key], int | float) and hints[key] is not bool:
            keys[key].check(key, values[key], hours, given)
    for key in known:
        if key not in values:
            raise InputError(f"{key}: missing: give it")
    return values


def check_usage(kind: str, made: type[Any], given: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raises InputError where a table states no usage, or a key that says nothing without another."""
    amounts = made.asks or made.quantities
    if not given.keys() & set(amounts) and not any(values[key] for key in amounts):
        raise InputError(f"no usage: give {' or '.join(amounts)}")
    check_needs(kind, given)


def _value(key: str, value: Any, hint: Any) -> Any:
    """A value as its field has it. Raises InputError with the key, the value and what to give."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        if value not in choices:
            raise InputError(f"{key} = {value!r}: give {' or '.join(map(str, choices))}")
        return value
    if hint in (bool, str):
        if not isinstance(value, hint):
            raise InputError(f"{key} = {value!r}: give {'true or false' if hint is bool else 'a text'}")
        return value
    amount = number(key, value)
    if key in SHARES and amount > 1:
        raise InputError(f"{key} = {value!r}: give 0 to 1")
    if hint is int:
        if amount != int(amount):
            raise InputError(f"{key} = {value!r}: give a whole number")
        return int(amount)
    return amount


def number(key: str, value: Any) -> float:
    """An amount. Raises InputError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} = {value!r}: give a number")
    if value < 0:
        raise InputError(f"{key} = {value!r}: give 0 or more")
    if not value <= LARGEST:
        raise InputError(f"{key} = {float('inf') if value > LARGEST else value}: give a number up to {LARGEST:.0e}")
    return float(value)


def suggestion(word: str, known: Collection[str]) -> str:
    """` (did you mean requests?)`, or nothing when no word is near."""
    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def listed(words: Collection[str]) -> str:
    """The words, one after the other."""
    return ", ".join(words)
