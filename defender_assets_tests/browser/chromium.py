"""Headless Chromium, as every browser test starts it: Debian's package, and no traffic of its own."""

import os
import shutil

import pytest

from ..peers import IN_CI

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PICTURES = os.environ.get("PICTURES")
"""Where the README's pictures are put, when they are to be made anew (make pictures)."""
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason="Chromium is not installed (Debian's package: chromium)"),
]
