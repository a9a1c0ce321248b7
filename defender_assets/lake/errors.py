"""What can go wrong with the lake.

Here: the errors; the code that raises one writes its sentence (what happened, to which table, what to do). Not here:
exit codes and retries, which the callers decide.

LakeError
├── NoSnapshot          nothing has been published for what was asked
├── LakeNotWritable     the lake, or a place in it, refuses to be written
├── UnreadableSnapshot  a file of the lake is damaged or cannot be opened
└── WrongColumns        rows that do not fit the table they are written to
"""

from ..errors import DefenderAssetsError


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
