"""What can go wrong with the lake, as a small tree.

Here: the exceptions; whoever raises one writes the sentence (what happened, to which table, what to do). Not here:
exit codes and retries, which the callers decide.

LakeError
├── NoSnapshot          nothing has been published for what was asked
├── LakeNotWritable     the lake, or a place in it, refuses to be written
├── UnreadableSnapshot  a file of the lake is damaged or cannot be opened
└── WrongColumns        rows that do not fit the table they are written to
"""

import re

from ..errors import DefenderAssetsError

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")
_QUERY = re.compile(r"(?<=[\w/=])\?[^\s'\"]*")


class LakeError(DefenderAssetsError):
    """Anything about the lake that a person has to know or do."""


class NoSnapshot(LakeError):
    """The table has no snapshot in the lake, or none of that day."""


class LakeNotWritable(LakeError):
    """Nothing can be written where the lake is, or where the table's files are."""


class UnreadableSnapshot(LakeError):
    """A file in the lake is damaged, or may not be read."""


class WrongColumns(LakeError):
    """The rows handed over do not have the columns and types that the table declares."""


def without_secrets(text: str) -> str:
    """An address, or a sentence with addresses in it, without user:password and without the query of a signed one."""
    return _QUERY.sub("", _CREDENTIALS.sub("", text))


def in_brief(error: BaseException) -> str:
    """What another library said, in one short line: its own words may hold signed addresses and stack traces."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = without_secrets(str(error).strip().partition("\n")[0])[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
