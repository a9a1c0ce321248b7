"""Which files for spreadsheets a day's report has beside it, as the page says it.

Here: the choice as values. Not here: choosing, and writing them (``csv_files.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LeftOutFile:
    """Why a file is left out, and the command that writes one which holds all."""

    sentence: str
    command: str


@dataclass(frozen=True)
class CsvFiles:
    """What lies beside a day's report: the files it gets, and those that would be too large for a spreadsheet."""

    wanted: tuple[str, ...] = ()
    too_large: Mapping[str, LeftOutFile] = field(default_factory=dict)


NO_FILES = CsvFiles()
