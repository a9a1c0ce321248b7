"""Reference tables: public facts about CVEs and agent releases that no tenant knows.

Here: what each feed is, column by column. Not here: fetching and validating them (``reference/``), or what compliance
makes of them (``compliance/``). Each may be absent: whoever reads them does without and says so.
"""

from .column import real, text, time
from .table import OBSERVED_AT, Days, Group, Table

KEV = Table(
    name="kev",
    title="Known exploited vulnerabilities",
    description="CISA's catalogue of vulnerabilities known to be exploited, with the date each is to be remediated by "
    "(https://www.cisa.gov/known-exploited-vulnerabilities-catalog).",
    group=Group.REFERENCE,
    days=Days.STATE,
    key=("cve_id",),
    columns=(
        text("cve_id", "The CVE.", sampled=True),
        text("vendor_project", "Vendor or project.", sampled=True),
        text("product", "Product.", sampled=True),
        text("vulnerability_name", "Name of the vulnerability."),
        time("date_added", "Day it was added to the catalogue (00:00 UTC of that day)."),
        text("short_description", "Description."),
        text("required_action", "What the catalogue asks to be done."),
        time("due_date", "Day it is due (00:00 UTC of that day; it is due at the day's end)."),
        text("known_ransomware_campaign_use", "Known or Unknown.", sampled=True),
        text("notes", "Notes and references."),
        text("cwes", "Weaknesses (CWE-…).", many=True),
        OBSERVED_AT,
    ),
)

EPSS = Table(
    name="epss",
    title="Exploit prediction scores",
    description="FIRST's daily probability, per CVE, that it is exploited within the next 30 days "
    "(https://www.first.org/epss).",
    group=Group.REFERENCE,
    days=Days.STATE,
    key=("cve_id",),
    columns=(
        text("cve_id", "The CVE.", sampled=True),
        real("epss", "Probability of exploitation within 30 days, 0 to 1."),
        real("percentile", "Share of all CVEs with the same or a lower score, 0 to 1."),
        text("model_version", "Version of the model.", sampled=True),
        time("score_date", "Day of the scores (UTC)."),
        OBSERVED_AT,
    ),
)

SSVC = Table(
    name="ssvc",
    title="CISA SSVC decision points",
    description="CISA's Vulnrichment: per CVE whether it is exploited, whether an attack can be automated and how far "
    "it reaches (https://github.com/cisagov/vulnrichment). BOD 26-04 decides by the last two.",
    group=Group.REFERENCE,
    days=Days.STATE,
    key=("cve_id",),
    columns=(
        text("cve_id", "The CVE.", sampled=True),
        text("exploitation", "none, poc or active.", sampled=True),
        text("automatable", "yes or no.", sampled=True),
        text("technical_impact", "partial or total.", sampled=True),
        time("decided_at", "When CISA decided."),
        text("version", "Version of the decision tree.", sampled=True),
        OBSERVED_AT,
    ),
)

AGENT_RELEASES = Table(
    name="agent_releases",
    title="Defender releases",
    description="Releases of the Defender for Endpoint agents and of the antivirus: those that Microsoft's live feeds "
    "tell, those they told before, and those of the catalogue file. No interface of the service tells them.",
    group=Group.REFERENCE,
    days=Days.STATE,
    key=("component", "release", "version", "feed"),
    columns=(
        text(
            "component",
            "agent_windows, agent_macos, agent_linux, av_engine, av_platform or av_intelligence.",
            sampled=True,
        ),
        text(
            "release",
            "The whole number that orders releases of the component: sense number on Windows (8760), yymm on macOS and "
            "Linux (2601), third number of engine and platform (26090); of intelligence 1.421.1234.0 it is 42101234 "
            "(second number times 100000, plus the third).",
            sampled=True,
        ),
        text("version", "The version as published.", sampled=True),
        time(
            "released_at",
            "Day it was released (00:00 UTC). A month in place of a day means its last day, but not later than the "
            "day it was first listed. Where the feed tells no date: the day on which it first listed it, or, if it "
            "did so already when it was first read, the day that another feed tells; null if none does.",
        ),
        text("source", "Where that is written.", sampled=True),
        text(
            "feed",
            "What told it: antivirus_versions, macos, linux, release_notes (live feeds), or file (the catalogue that "
            "ships, or that the setting names).",
            sampled=True,
        ),
        time(
            "listed_at",
            "When the feed was last known to list it: the time it was read, or the date of a dated file or page. A "
            "release that the feed no longer lists keeps the time at which it last did.",
        ),
        OBSERVED_AT,
    ),
)

REFERENCE: dict[str, Table] = {table.name: table for table in (KEV, EPSS, SSVC, AGENT_RELEASES)}
"""The reference tables, by name."""
