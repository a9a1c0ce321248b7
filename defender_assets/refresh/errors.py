"""What can go wrong in a refresh itself, as a small tree.

Here: the exceptions. Not here: the errors of the service, the decoder and the lake, which reach the caller unchanged.

::

    RefreshError
    ├── WrongDay       a day was requested that the source has no data for
    ├── NotPublished   the rows arrived, but could not be proven complete
    └── Stopped        somebody stopped the refresh
"""

from ..checks import Check
from ..errors import DefenderAssetsError


class RefreshError(DefenderAssetsError):
    """A partition that was not published. The former one stays as it was."""


class WrongDay(RefreshError):
    """A day was requested that the source has no data for. No request was sent."""


class NotPublished(RefreshError):
    """The rows arrived but could not be proven complete. ``checks`` are all results for them, failed or not."""

    def __init__(self, what: str, *, dataset: str, checks: tuple[Check, ...] = ()) -> None:
        super().__init__(what, dataset=dataset)
        self.checks = checks


class Stopped(RefreshError):
    """Somebody stopped the refresh before this partition was published."""
