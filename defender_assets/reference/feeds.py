"""The public feeds, each declared once: address, format, licence, and how long it is up to date.

Here: data. Not here: fetching (``fetch.py``), storing (``refresh/``), the columns (``catalog/reference.py``).

Each feed has a setting of its own (``DEFENDER_KEV``, ``DEFENDER_EPSS``, ``DEFENDER_SSVC``,
``DEFENDER_AGENT_RELEASES``): an https address, the path of a file (for networks without internet access), ``off``, or
``public`` for the address that is declared here.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

from ..catalog.reference import AGENT_RELEASES, EPSS, KEV, SSVC
from ..catalog.table import Table
from ..settings import PREFIX
from .agent_releases import read_agent_releases
from .epss import read_epss
from .kev import read_kev
from .parsed import Parsed
from .ssvc import read_ssvc

_MIB = 2**20

Reader = Callable[[IO[bytes], Collection[str] | None], Parsed]


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One feed. Its default source is either ``address`` (public) or ``shipped`` (a file of this package).

    ``fresh_for``: an older feed is out of date. ``largest``: the most bytes that are accepted. ``tolerated``: the share
    of entries that may be unreadable (they are left out, counted and named); with 0, one is enough to refuse the feed.
    ``by_cve``: it can be read for some CVEs only.
    """

    table: Table
    address: str | None = None
    shipped: str | None = None
    format: str
    page: str
    licence: str
    attribution: str
    fresh_for: timedelta
    largest: int
    read: Reader
    tolerated: float = 0.0
    by_cve: bool = False

    def __post_init__(self) -> None:
        if (self.address is None) == (self.shipped is None):
            raise ValueError(f"{self.table.name}: either a public address or a shipped file")

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def setting(self) -> str:
        """The field of the settings that names its source."""
        return self.table.name

    @property
    def variable(self) -> str:
        """The environment variable of the setting."""
        return PREFIX + self.table.name.upper()


_KEV = Feed(
    table=KEV,
    address="https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
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
    # Redirects to the file of the day (epss_scores-YYYY-MM-DD.csv.gz).
    address="https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
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
    # The same tree as a zip is 3.6 times as large (measured), and its whole directory has to be in memory.
    address="https://codeload.github.com/cisagov/vulnrichment/tar.gz/refs/heads/develop",
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

_AGENT_RELEASES = Feed(
    table=AGENT_RELEASES,
    shipped="agent_releases.yaml",
    format="YAML or JSON, described in the file that ships (defender_assets/reference/agent_releases.yaml)",
    page="https://learn.microsoft.com/en-us/defender-endpoint/microsoft-defender-endpoint-releases",
    licence="facts from Microsoft Learn (CC BY 4.0)",
    attribution="Microsoft Defender for Endpoint release notes",
    # Engine and platform are released every month; an older catalogue lacks the newest release.
    fresh_for=timedelta(days=45),
    largest=4 * _MIB,
    read=read_agent_releases,
)

FEEDS: dict[str, Feed] = {feed.name: feed for feed in (_KEV, _EPSS, _SSVC, _AGENT_RELEASES)}
"""The feeds, by the name of their table."""
