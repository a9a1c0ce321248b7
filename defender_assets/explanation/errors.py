"""The errors of this room.

Here: the tree. Not here: the files of the lake (``lake/errors.py``).

::

    ExplanationError
    ├── UnknownDevice     no record has that id or name on that day
    ├── AmbiguousDevice   the name is that of several devices
    └── NotJudged         the day's verdicts are not in the lake
"""

from ..errors import DefenderAssetsError


class ExplanationError(DefenderAssetsError):
    """A device cannot be explained."""


class UnknownDevice(ExplanationError):
    """No record of the day has that id or name."""

    reason = "unknown_device"


class AmbiguousDevice(ExplanationError):
    """Several devices have that name: one has to be asked for by its id."""

    reason = "ambiguous_device"


class NotJudged(ExplanationError):
    """The lake does not hold the verdicts of that day."""

    reason = "not_judged"
