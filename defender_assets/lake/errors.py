"""What can go wrong with the lake.

Here: the errors, and what to do about a fault of the disk; the code that raises an error writes its sentence (what
happened, to which table, what to do). Not here: exit codes and retries, which the callers decide.

LakeError
├── DamagedNote         what a refresh left for the next one is not to be read as such
├── NoSnapshot          nothing has been published for what was asked
├── LakeNotWritable     the lake, or a place in it, refuses to be written
├── UnreadableSnapshot  a file of the lake is damaged or cannot be opened
└── WrongColumns        rows that do not fit the table they are written to
"""

import errno

from ..errors import DefenderAssetsError

_MORE_RIGHTS, _MORE_SPACE = "Give the user that runs this the right to write there", "Free some space there"
_WHAT_TO_DO: dict[int | None, str] = {
    errno.EACCES: _MORE_RIGHTS,
    errno.EPERM: _MORE_RIGHTS,
    errno.EROFS: "Mount it read-write",
    errno.ENOSPC: _MORE_SPACE,
    errno.EDQUOT: _MORE_SPACE,
    errno.EFBIG: "Raise the limit of a file's size (ulimit -f)",
}

RIGHTS_IN_STORE = "Give the identity that runs this the right to write there, or set DEFENDER_LAKE to another place"
"""What to do about an object store that refuses to be written, for which its library has an error of its own."""


class LakeError(DefenderAssetsError):
    """Anything about the lake that a person has to know or do."""


class DamagedNote(LakeError):
    """A note in the lake is no JSON."""


class NoSnapshot(LakeError):
    """The table has no snapshot in the lake, or none of that day."""


class LakeNotWritable(LakeError):
    """Nothing can be written where the lake is, or where the table's files are."""


def remedy_of_fault(error: OSError) -> str:
    """What to do about a file that could not be written, by what the system said: a sentence without its full stop."""
    remedy = _WHAT_TO_DO.get(error.errno)
    return f"{remedy}, or set DEFENDER_LAKE to another place" if remedy else "Set DEFENDER_LAKE to another place"


class UnreadableSnapshot(LakeError):
    """A file in the lake is damaged, or may not be read."""


class WrongColumns(LakeError):
    """The rows handed over do not have the columns and types that the table declares."""
