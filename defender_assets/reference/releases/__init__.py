"""The sources of the table ``agent_releases``: four live feeds of Microsoft and a catalogue file.

Here: a reader for each format, what a version may look like, and how what a source tells joins what it told before.
Not here: their addresses and settings (``feeds.py``), fetching them, what a device makes of a release
(``compliance/``).
"""

from .antivirus_versions import read_antivirus_versions
from .catalogue_file import read_agent_releases
from .history import Join, Occasion, dated_by_others, joined_catalogue, joined_feed, joined_page
from .linux import read_linux_packages
from .macos import read_macos_manifest
from .release_notes import read_release_notes
from .versions import COMPONENT_VERSIONS

__all__ = [
    "COMPONENT_VERSIONS",
    "Join",
    "Occasion",
    "dated_by_others",
    "joined_catalogue",
    "joined_feed",
    "joined_page",
    "read_agent_releases",
    "read_antivirus_versions",
    "read_linux_packages",
    "read_macos_manifest",
    "read_release_notes",
]
