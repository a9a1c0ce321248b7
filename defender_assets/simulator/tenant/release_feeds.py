"""Microsoft's public feeds of Defender releases, in their real formats.

Here: the XML of antivirus versions, the manifest of AutoUpdate for macOS, package indexes of Linux repositories, the
page of release notes in Markdown, as of a moment. Not here: the releases (``releases.py``), serving the files.

Old and absurd copies, for faults: ``stale`` is two months old, ``jumped`` tells a version that is years ahead.
"""

import gzip
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from .releases import DefenderRelease, Releases, intelligence_at, yymm

Variant = Literal["stale", "jumped"]

_SYSTEMS = {"agent_windows": "Windows", "agent_macos": "macOS", "agent_linux": "Linux"}
_LISTED_MONTHS = timedelta(days=190)
_STALE = timedelta(days=60)
_STALE_RELEASES = 2
_JUMP_MONTHS = 60
DISTRIBUTIONS = {
    "ubuntu/24.04/prod/dists/noble": 0,
    "debian/12/prod/dists/bookworm": 1,
}
"""Where the package indexes are, and how many of the newest releases have not come to each yet."""


@dataclass(frozen=True)
class ReleaseFeeds:
    """The feeds at a moment. ``families``: the releases that they tell, newest first."""

    families: dict[str, tuple[DefenderRelease, ...]]
    intelligence: str
    moment: datetime

    @classmethod
    def at(cls, releases: Releases, now: datetime, variant: Variant | None = None) -> "ReleaseFeeds":
        families = releases.catalogue()
        match variant:
            case "stale":
                old = {family: listed[_STALE_RELEASES:] for family, listed in families.items()}
                return cls(old, intelligence_at(now - _STALE), now - _STALE)
            case "jumped":
                ahead = {family: (_jumped(family, listed[0], now), *listed) for family, listed in families.items()}
                return cls(ahead, f"1.{int(intelligence_at(now).split('.')[1]) + 500}.1.0", now)
            case _:
                # The newest intelligence of the moment was published two hours before.
                return cls(families, intelligence_at(now - timedelta(hours=2)), now - timedelta(hours=2))

    def antivirus_versions(self) -> bytes:
        """``adlpackages.aspx?action=info``."""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\r\n<versions>\r\n'
            f"  <engine>{self.families['av_engine'][0].version}</engine>\r\n"
            f"  <platform>{self.families['av_platform'][0].version}</platform>\r\n"
            f'  <signatures date="{self.moment:%Y-%m-%d %H:%M:%SZ}">{self.intelligence}</signatures>\r\n'
            "</versions>\r\n"
        ).encode()

    def macos_manifest(self) -> bytes:
        """``0409WDAV00.xml``: the newest release, and a way to it from the one before."""
        newest, former = self.families["agent_macos"][:2]
        place = "https://officecdnmac.example.com/MacAutoupdate"
        updates = "".join(
            "\t<dict>\n"
            "\t\t<key>Application ID</key>\n\t\t<string>WDAV00</string>\n"
            f"{extra}"
            f"\t\t<key>Date</key>\n\t\t<date>{newest.released:%Y-%m-%d}T17:00:00Z</date>\n"
            f"\t\t<key>Location</key>\n\t\t<string>{place}/{file}</string>\n"
            "\t\t<key>Minimum OS</key>\n\t\t<string>14.0</string>\n"
            f"\t\t<key>Title</key>\n\t\t<string>Microsoft Defender Update {newest.version}</string>\n"
            f"\t\t<key>Update Version</key>\n\t\t<string>{newest.version}</string>\n"
            "\t</dict>\n"
            for file, extra in (
                ("wdav-upgrade.pkg", ""),
                ("wdav-delta.pkg", f"\t\t<key>Baseline Version</key>\n\t\t<string>{former.version}</string>\n"),
            )
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
            f'<plist version="1.0">\n<array>\n{updates}</array>\n</plist>\n'
        ).encode()

    def package_index(self, distribution: str) -> bytes:
        """``Packages.gz`` of a distribution: other packages, every release of mdatp, and one of a preview ring."""
        listed = self.families["agent_linux"][DISTRIBUTIONS[distribution] :]
        preview = f"101.{yymm(self.moment, 0)}2.0001-insiderfast"
        packages = [
            ("dotnet-runtime-8.0", "8.0.11-1"),
            *(("mdatp", release.version) for release in reversed(listed)),
            ("mdatp", preview),
            ("mde-netfilter", "100.69.73"),
        ]
        stanzas = [
            f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nSection: utils\n"
            "Maintainer: Microsoft Corporation <support@example.com>\n"
            f"Filename: pool/main/{name[0]}/{name}/{name}_{version}_amd64.deb\nSize: 120000000\n"
            f"Description: {name}\n of the simulated repository\n"
            for name, version in packages
        ]
        return gzip.compress("\n".join(stanzas).encode(), mtime=0)

    def release_notes(self) -> bytes:
        """``microsoft-defender-endpoint-releases.md``: the table of the past six months, and a section of each
        release."""
        oldest = (self.moment - _LISTED_MONTHS).date()
        agents = [
            (release, system, release.version)
            for family, system in _SYSTEMS.items()
            for release in self.families[family]
            if release.released >= oldest or family == "agent_windows"
        ]
        antivirus = [
            (platform, "Windows Antivirus", f"Platform {platform.version} / Engine {engine.version}")
            for platform, engine in zip(self.families["av_platform"], self.families["av_engine"], strict=True)
            if platform.released >= oldest
        ]
        entries = sorted([*agents, *antivirus], key=lambda entry: entry[0].released, reverse=True)
        rows = "".join(
            f"|{system} |{build} |{release.released:%B %Y} |- Engine version: 1.1.25100.4000<br>"
            "- Signature version: 1.439.74.0 |[Release details](#details) |\n"
            for release, system, build in entries
        )
        sections = "".join(
            f"### {system} | {release.released:%B-%Y} | {build.replace(' / ', ' | ')}\n\n- Bug and performance fixes.\n"
            "\n"
            for release, system, build in entries
        )
        return (
            "---\ntitle: Microsoft Defender for Endpoint release notes\nms.topic: whats-new\n"
            f"ms.date: {self.moment:%m/%d/%Y}\n---\n\n# Microsoft Defender for Endpoint release notes\n\n"
            "## All supported releases by date\n\n"
            "|OS  |Build |Month released|Details  |Learn more  |\n|---------|---------|---------|---------|---------|\n"
            f"{rows}|Android |1.0.8805.0103  |April 2026 |- Build: 1.0.8805.0103 |[Release details](#details) |\n\n"
            f"## Releases\n\n{sections}"
        ).encode()


def _jumped(family: str, newest: DefenderRelease, now: datetime) -> DefenderRelease:
    if family == "agent_windows":
        ahead = str(int(newest.release) + 1_000)
    else:
        # Years ahead of the tenant's time, in the digits of the month.
        ahead = yymm(now, -_JUMP_MONTHS) + newest.release[4:]
    return replace(newest, release=ahead, version=newest.version.replace(newest.release, ahead, 1))
