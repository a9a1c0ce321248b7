"""Microsoft's feeds of releases, small and as their publisher writes them."""

import gzip
from collections.abc import Iterable

NOTES_HEAD = """---
title: Microsoft Defender for Endpoint release notes
ms.topic: whats-new
ms.date: 04/08/2026
---

# Microsoft Defender for Endpoint release notes

## All supported releases by date

|OS  |Build |Month released|Details  |Learn more  |
|---------|---------|---------|---------|---------|
"""
NOTES = (
    NOTES_HEAD
    + """\
|macOS |101.26022.0020  |April 2026 |- Release version: 20.126022.20.0<br>- Engine version: 1.1.25100.4000<br>- \
Signature version: 1.439.74.0 |[Release details and updates](#macos--april-2026--101260220020) |
|Android |1.0.8805.0103  |April 2026 |- Build: 1.0.8805.0103<br>- Released: April 7, 2025 |[Details](#android) |
|Windows Antivirus |Platform 4.18.26030.3011 / Engine 1.1.26030.3008 |March 2026 |- Platform: 4.18.26030.3011<br>- \
Engine: 1.1.26030.3008<br>- Security intelligence: 1.449.16.0 |[Release details](#windows-antivirus--march-2026) |
|Linux  |101.26021.0002  |March 2026 |- Release version: 30.126021.0002.0<br>- Engine version: 1.1.26010.1003 |[D](#l) |
|iOS |1.1.70290103 |November 2025 |- Build: 1.1.70290103 |[Release details](#ios) |
|Windows |10.8797.25857.1000  |May 2025 |Supported on: Windows 11 24H2, Windows 10 22/H2 |[Release KBs](#windows) |

## Windows releases

### Windows | July 2024 | Platform: 10.8760.27617.1006

| OS | KB |
| -------- | -------- |
| Windows 11 24H2 | [KB5041865](https://support.microsoft.com/topic/august-27-2024-kb5041865) |

### macOS | April-2026 | 101.26022.0020

| Release version | Engine version | Signature version |
|-----------------|----------------|-------------------|
| 20.126022.20.0  | 1.1.25100.4000 | 1.439.74.0        |
"""
)


def notes(*rows: str, dated: str = "04/08/2026") -> bytes:
    """The page with these rows in its table."""
    return (NOTES_HEAD.replace("04/08/2026", dated) + "\n".join(rows) + "\n").encode()


def antivirus(
    engine: str = "1.1.26030.3008",
    platform: str = "4.18.26030.3011",
    intelligence: str = "1.449.16.0",
    date: str = "2026-04-08 06:00:00Z",
) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<versions>\n<engine>{engine}</engine>\n'
        f'<platform>{platform}</platform>\n<signatures date="{date}">{intelligence}</signatures>\n</versions>'
    ).encode()


PLIST_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
    '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
)


def manifest(*versions: str, date: str = "<date>2026-04-02T17:00:00Z</date>") -> bytes:
    updates = "".join(
        f"<dict><key>Application ID</key><string>WDAV00</string><key>Date</key>{date}"
        f"<key>Update Version</key><string>{version}</string></dict>"
        for version in versions
    )
    return f'{PLIST_HEAD}<plist version="1.0"><array>{updates}</array></plist>'.encode()


def packages(versions: Iterable[str], *, package: str = "mdatp") -> bytes:
    stanzas = ["Package: dotnet-runtime-8.0\nVersion: 8.0.11-1\nArchitecture: amd64\n"]
    stanzas += [
        f"Package: {package}\nVersion: {version}\nArchitecture: amd64\nDescription: Microsoft Defender\n for Linux\n"
        for version in versions
    ]
    return gzip.compress("\n".join(stanzas).encode(), mtime=0)
