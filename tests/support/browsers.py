"""A headless Chromium for tests of pages, where Playwright and a browser are installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PATIENCE = 300_000  # milliseconds, for machines with other things to do


@contextmanager
def chromium() -> Iterator[Any]:
    """A Playwright browser; skips the test, with the reason, where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")
    with api.sync_playwright() as play:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        if found is None and os.path.exists(play.chromium.executable_path):
            found = play.chromium.executable_path
        if found is None:
            pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the path")
        # No sandbox: it does not work in containers and as root; the pages are the tests' own.
        browser = play.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=PATIENCE
        )
        try:
            yield browser
        finally:
            browser.close()
