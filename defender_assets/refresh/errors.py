"""What a refresh can refuse, as a small tree.

Here: the exceptions. Not here: what the service, the decoder and the lake refuse, which reach the caller as they are.

::

    RefreshError
    ├── WrongDay       a day was asked for that the service cannot tell about
    └── NotPublished   the rows came, and could not be proven whole
"""

from ..checks import Check
from ..errors import DefenderAssetsError


class RefreshError(DefenderAssetsError):
    """A partition that was not published. The former one stays as it was."""


class WrongDay(RefreshError):
    """A day was asked for that the service cannot tell about. Nothing was asked."""


class NotPublished(RefreshError):
    """The rows arrived but could not be proven whole. ``checks`` are all verdicts on them, failed or not."""

    def __init__(self, what: str, *, dataset: str, checks: tuple[Check, ...] = ()) -> None:
        super().__init__(what, dataset=dataset)
        self.checks = checks
