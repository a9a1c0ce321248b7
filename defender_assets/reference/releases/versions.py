"""Versions of the Defender components: their form, and the number in them that orders releases.

Here: pure functions from the text of a version. Not here: the formats that versions are written in, and which versions
are believed (``history.py``).
"""

import re
from datetime import datetime
from typing import Any

import pyarrow as pa

from ...catalog.reference import AGENT_RELEASES
from ..entries import quoted
from ..errors import Unreadable

_YYMM = r"\d{2}(?:0[1-9]|1[0-2])"
COMPONENT_VERSIONS = {
    # 10.8797.25857.1000: the second number (of the MsSense agent) orders releases.
    "agent_windows": re.compile(r"10\.(\d{4,5})(?:\.\d{1,9}){2}", re.ASCII),
    # The app's own spelling 101.26012.0017, or that of the API: 20.126012.17.0 and 30.126021.2.0.
    "agent_macos": re.compile(rf"(?:101\.|20\.1)({_YYMM})\d(?:\.\d{{1,9}}){{1,2}}", re.ASCII),
    "agent_linux": re.compile(rf"(?:101\.|30\.1)({_YYMM})\d(?:\.\d{{1,9}}){{1,2}}", re.ASCII),
    "av_engine": re.compile(r"1\.1\.(\d{5})\.\d{1,9}", re.ASCII),
    "av_platform": re.compile(r"4\.18\.(\d{4,5})\.\d{1,9}", re.ASCII),
    # 1.449.16.0: there is a new one every few hours, so second and third number order them.
    "av_intelligence": re.compile(r"1\.(\d{1,5})\.(\d{1,5})\.\d{1,9}", re.ASCII),
}
"""The components, and the pattern of their versions. Its groups are the numbers that order releases."""

_INTELLIGENCE_STEP = 100_000
RELEASE_ROWS = pa.schema(
    [AGENT_RELEASES.schema.field(name) for name in ("component", "release", "version", "released_at", "source")]
)
"""The columns that a reader fills in; a null ``source`` is the address that was read."""


def release_of(component: str, version: str) -> str:
    """The whole number that orders releases, as text. Raises Unreadable for a version of another form."""
    matched = COMPONENT_VERSIONS[component].fullmatch(version)
    if matched is None:
        raise Unreadable("that is not the form of its versions")
    if component == "av_intelligence":
        return str(int(matched[1]) * _INTELLIGENCE_STEP + int(matched[2]))
    return matched[1]


def release_row(
    component: str, version: str, released_at: datetime | None, source: str | None = None
) -> dict[str, Any]:
    """The row of a release. Raises Unreadable, which names component and version."""
    try:
        release = release_of(component, version)
    except Unreadable as fault:
        raise Unreadable(f"{component} {quoted(version)}: {fault}") from None
    return {
        "component": component,
        "release": release,
        "version": version,
        "released_at": released_at,
        "source": source,
    }


def order_of(version: str) -> tuple[int, ...]:
    """The numbers of a version: versions of one feed compare as tuples of integers, never as text."""
    return tuple(int(number) for number in version.split("."))


def intelligence_series(release: str) -> int:
    """The second number of a version of security intelligence: 449 of 1.449.16.0."""
    return int(release) // _INTELLIGENCE_STEP
