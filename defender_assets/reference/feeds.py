"""The public feeds, each declared once: address, format, licence, and how long it is up to date.

Here: data. Not here: fetching (``fetch.py``), storing (``refresh/``), the columns (``catalog/reference.py``).

A table has one feed or several (``FEEDS``). Each feed has a setting of its own (``DEFENDER_KEV``,
``DEFENDER_MACOS_RELEASES``, …): an https address, the path of a file (for networks without internet access), ``off``,
or ``public`` for the address that is declared here.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

import pyarrow as pa

from ..catalog.reference import AGENT_RELEASES, EPSS, KEV, SSVC
from ..catalog.table import Table
from ..settings import PREFIX
from .epss import read_epss
from .kev import read_kev
from .parsed import Parsed
from .releases import (
    COMPONENT_VERSIONS,
    Join,
    dated_by_others,
    joined_catalogue,
    joined_feed,
    joined_page,
    read_agent_releases,
    read_antivirus_versions,
    read_linux_packages,
    read_macos_manifest,
    read_release_notes,
)
from .ssvc import read_ssvc

_MIB = 2**20

Reader = Callable[[IO[bytes], Collection[str] | None], Parsed]


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One feed. Its default source is either ``addresses`` (public) or ``shipped`` (a file of this package).

    ``setting``: the field of the settings that names its source. ``several``: it may have more than one address, whose
    entries it tells together. ``fresh_for``: an older feed is out of date. ``largest``: the most bytes that are
    accepted of a file. ``tolerated``: the share of entries that may be unreadable (they are left out, counted and
    named); with 0, one is enough to refuse the feed. ``by_cve``: it can be read for some CVEs only. ``join``: makes its
    rows from what it tells and what it told before; without it, they are what it tells. ``may_shrink``: fewer entries
    than before are no reason to refuse it. ``components``: those of ``agent_releases`` that it tells.
    """

    table: Table
    name: str
    setting: str
    addresses: tuple[str, ...] = ()
    shipped: str | None = None
    several: bool = False
    format: str
    page: str
    licence: str
    attribution: str
    fresh_for: timedelta
    largest: int
    read: Reader
    tolerated: float = 0.0
    by_cve: bool = False
    join: Join | None = None
    may_shrink: bool = False
    components: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.addresses) == bool(self.shipped):
            raise ValueError(f"{self.name}: either public addresses or a shipped file")

    @property
    def variable(self) -> str:
        """The environment variable of the setting."""
        return PREFIX + self.setting.upper()

    @property
    def published_at(self) -> str:
        """Where people find it."""
        return self.addresses[0] if self.addresses else self.page


_KEV = Feed(
    table=KEV,
    name="kev",
    setting="kev",
    addresses=("https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",),
    format="JSON by CISA's schema (known_exploited_vulnerabilities_schema.json)",
    page="https://www.cisa.gov/known-exploited-vulnerabilities-catalog",
    licence="CC0 1.0",
    attribution="CISA Known Exploited Vulnerabilities Catalog",
    # Entries are added several times a week, with a pause at the end of the year.
    fresh_for=timedelta(days=14),
    largest=64 * _MIB,
    read=read_kev,
)

_EPSS = Feed(
    table=EPSS,
    name="epss",
    setting="epss",
    # Redirects to the file of the day (epss_scores-YYYY-MM-DD.csv.gz).
    addresses=("https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",),
    format="gzip CSV (cve,epss,percentile) after a line with model_version and score_date",
    page="https://www.first.org/epss/data_stats",
    licence="free to use with attribution (FIRST's EPSS usage agreement, https://www.first.org/epss/faq)",
    attribution="Exploit Prediction Scoring System, https://www.first.org/epss",
    fresh_for=timedelta(days=3),
    largest=64 * _MIB,
    read=read_epss,
)

_SSVC = Feed(
    table=SSVC,
    name="ssvc",
    setting="ssvc",
    # The same tree as a zip is 3.6 times as large (measured), and its whole directory has to be in memory.
    addresses=("https://codeload.github.com/cisagov/vulnrichment/tar.gz/refs/heads/develop",),
    format="tar.gz or zip of the repository: one CVE record (JSON 5.x) per CVE with CISA's ADP container",
    page="https://github.com/cisagov/vulnrichment",
    licence="CC0 1.0",
    attribution="CISA Vulnrichment",
    fresh_for=timedelta(days=7),
    largest=2048 * _MIB,
    read=read_ssvc,
    # Several hundred thousand independent records: a few unreadable ones are no reason to lose the others.
    tolerated=0.01,
    by_cve=True,
)

# Engine and platform are released every month; an older list lacks the newest release.
_RELEASES_FRESH_FOR = timedelta(days=45)
_MICROSOFT_FACTS = "facts (version numbers and dates) that Microsoft publishes"

_ANTIVIRUS_VERSIONS = Feed(
    table=AGENT_RELEASES,
    name="antivirus_versions",
    setting="antivirus_versions",
    addresses=("https://www.microsoft.com/security/encyclopedia/adlpackages.aspx?action=info",),
    format="XML: versions with engine, platform and signatures",
    page="https://www.microsoft.com/wdsi/defenderupdates",
    licence=_MICROSOFT_FACTS,
    attribution="Microsoft Defender Antivirus security intelligence and product updates",
    fresh_for=_RELEASES_FRESH_FOR,
    largest=_MIB,
    read=read_antivirus_versions,
    join=joined_feed,
    may_shrink=True,
    components=("av_engine", "av_platform", "av_intelligence"),
)

_MACOS = Feed(
    table=AGENT_RELEASES,
    name="macos",
    setting="macos_releases",
    addresses=(
        "https://officecdnmac.microsoft.com/pr/C1297A47-86C4-4C1F-97FA-950631F94777/MacAutoupdate/0409WDAV00.xml",
    ),
    format="property list: the manifest of Microsoft AutoUpdate",
    page="https://learn.microsoft.com/en-us/defender-endpoint/mac-updates",
    licence=_MICROSOFT_FACTS,
    attribution="Microsoft AutoUpdate",
    fresh_for=_RELEASES_FRESH_FOR,
    largest=4 * _MIB,
    read=read_macos_manifest,
    join=joined_feed,
    may_shrink=True,
    components=("agent_macos",),
)

_LINUX = Feed(
    table=AGENT_RELEASES,
    name="linux",
    setting="linux_releases",
    # A release can come to one distribution some days before the others: the newest of any counts.
    addresses=(
        "https://packages.microsoft.com/ubuntu/24.04/prod/dists/noble/main/binary-amd64/Packages.gz",
        "https://packages.microsoft.com/ubuntu/22.04/prod/dists/jammy/main/binary-amd64/Packages.gz",
        "https://packages.microsoft.com/debian/12/prod/dists/bookworm/main/binary-amd64/Packages.gz",
    ),
    several=True,
    format="package index of Debian's form (Packages or Packages.gz), with the package mdatp",
    page="https://learn.microsoft.com/en-us/defender-endpoint/linux-updates",
    licence=_MICROSOFT_FACTS,
    attribution="Linux software repository for Microsoft products",
    fresh_for=_RELEASES_FRESH_FOR,
    largest=32 * _MIB,
    read=read_linux_packages,
    tolerated=0.1,
    join=joined_feed,
    may_shrink=True,
    components=("agent_linux",),
)

_RELEASE_NOTES = Feed(
    table=AGENT_RELEASES,
    name="release_notes",
    setting="release_notes",
    addresses=(
        "https://raw.githubusercontent.com/MicrosoftDocs/defender-docs/public/defender-endpoint/"
        "microsoft-defender-endpoint-releases.md",
    ),
    format="Markdown of Microsoft's page of releases",
    page="https://learn.microsoft.com/en-us/defender-endpoint/microsoft-defender-endpoint-releases",
    licence="facts from Microsoft Learn (CC BY 4.0)",
    attribution="Microsoft Defender for Endpoint release notes",
    fresh_for=_RELEASES_FRESH_FOR,
    largest=8 * _MIB,
    read=read_release_notes,
    tolerated=0.2,
    join=joined_page,
    components=("agent_windows", "agent_macos", "agent_linux", "av_engine", "av_platform"),
)

_RELEASES_FILE = Feed(
    table=AGENT_RELEASES,
    name="file",
    setting="agent_releases",
    shipped="agent_releases.yaml",
    format="YAML or JSON, described in the file that ships (defender_assets/reference/agent_releases.yaml)",
    page="https://learn.microsoft.com/en-us/defender-endpoint/microsoft-defender-endpoint-releases",
    licence="facts from Microsoft Learn (CC BY 4.0)",
    attribution="Microsoft Defender for Endpoint release notes",
    fresh_for=_RELEASES_FRESH_FOR,
    largest=4 * _MIB,
    read=read_agent_releases,
    join=joined_catalogue,
    components=tuple(component for component in COMPONENT_VERSIONS if component != "av_intelligence"),
)

FEEDS: dict[str, tuple[Feed, ...]] = {
    feeds[0].table.name: feeds
    for feeds in (
        (_KEV,),
        (_EPSS,),
        (_SSVC,),
        (_ANTIVIRUS_VERSIONS, _MACOS, _LINUX, _RELEASE_NOTES, _RELEASES_FILE),
    )
}
"""The feeds of each reference table, by its name."""

TOGETHER: dict[str, Callable[[pa.Table], pa.Table]] = {AGENT_RELEASES.name: dated_by_others}
"""What the rows of a table of several feeds tell of each other, by the table's name."""
