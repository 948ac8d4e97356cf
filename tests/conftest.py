"""A running local cloud with the sample API: one for the whole session, or one of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadgen.local.cloud import LocalCloud
from loadgen.target import Target

SHOP_TEMPLATE = Path(__file__).resolve().parents[1] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="session")
def local_cloud() -> Iterator[Target]:
    """The target of a local cloud that all tests share: leave its settings as they were."""
    with LocalCloud(SHOP_TEMPLATE, provisioned_delay_s=0.2) as target:
        yield target


@pytest.fixture
def fresh_cloud() -> Iterator[Target]:
    """The target of a local cloud that is this test's alone."""
    with LocalCloud(SHOP_TEMPLATE, provisioned_delay_s=0.2) as target:
        yield target


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, on one worker of pytest-xdist, what shares a fixture that takes long; the longest first."""
    items.sort(key=lambda item: "pipeline" not in item.path.parts)
    for item in items:
        group = "readme" if "readme" in getattr(item, "fixturenames", ()) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
