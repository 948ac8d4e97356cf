"""S3 Standard: storage, and requests in AWS's two groups. What a presigned URL lets out is transfer of the bucket.

Source: S3 pricing page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from costmodel.activity import Activity, Quantity
from costmodel.pricing.resource import Items, SenderTally, Standing, item_lines
from costmodel.pricing.usage import UsageLine

SERVICE = "s3"


@dataclass(frozen=True, kw_only=True)
class BucketTally(SenderTally):
    """A bucket."""

    stored_gb_months: Standing = 0.0
    writes: Quantity = 0.0
    """PUT, COPY, POST and LIST."""
    reads: Quantity = 0.0
    """GET and all others."""

    @property
    def items(self) -> Items:
        return {"standard_storage": (self.stored_gb_months, "GB-month"),
                "put_copy_post_list": (self.writes, "request"), "get_other": (self.reads, "request")}


def s3_lines(activity: Activity) -> Iterator[UsageLine]:
    """The usage lines of every bucket."""
    yield from item_lines(SERVICE, (BucketTally,), activity)
