"""Every error that costmodel raises on purpose.

    CostmodelError                  exit 1: the job failed
    ├── InputError                  exit 2: what was given cannot be used (loadgen.errors.InputError, the same type)
    ├── PriceMissingError           the price book has no such item in that Region
    ├── InsufficientDataError       too little was measured to fit or to predict
    └── NothingMeetsError           no candidate meets the SLO; names the nearest
"""

from __future__ import annotations

from loadgen.errors import InputError, LoadgenError

__all__ = ["CostmodelError", "InputError", "InsufficientDataError", "NothingMeetsError", "PriceMissingError"]


class CostmodelError(LoadgenError):
    """Root of costmodel's errors: one line, what is wrong and what to do next."""


class PriceMissingError(CostmodelError):
    """The price book lacks this item in this Region; never answered with another Region's price."""


class InsufficientDataError(CostmodelError):
    """Too little was measured; says what is needed."""


class NothingMeetsError(CostmodelError):
    """No candidate meets the SLO; carries the nearest one."""
