"""The README's plan.html in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from costmodel.reports.report import usd

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the path")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser: Browser, readme: SimpleNamespace) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto((readme.place / "runs/readme/plan.html").as_uri())
    return page


@pytest.mark.parametrize("answer", ["choice", "monthly", "per-million", "saving", "sure"])
def test_the_first_screen_answers(page: Page, answer: str) -> None:
    box = page.locator(f"#{answer}").bounding_box()
    assert box is not None and box["height"] > 0 and box["y"] + box["height"] < 800


def test_the_answers_are_the_plans(page: Page, readme: SimpleNamespace) -> None:
    choice = readme.plan.choice
    assert page.locator("#choice").inner_text() == choice.label
    assert usd(choice.bill.total) in page.locator("#monthly").inner_text()
    assert usd(choice.bill.usd_per_million) in page.locator("#per-million").inner_text()
    assert page.locator("#saving").inner_text().startswith("saves $")


def test_charts_are_drawn_and_nothing_is_wider_than_the_window(page: Page) -> None:
    charts = page.locator("figure svg")
    assert charts.count() == 3
    assert all((charts.nth(n).bounding_box() or {})["height"] > 100 for n in range(charts.count()))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_is_asked_of_the_network(browser: Browser, readme: SimpleNamespace) -> None:
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((readme.place / "runs/readme/plan.html").as_uri())
    assert len(asked) == 1
