"""The root of everything that can go wrong and that a person can do something about.

Here: what every error of the project carries. Not here: the errors themselves; each room has its own tree, drawn in its
``errors.py``.

::

    DefenderAssetsError
    ├── SettingsError     settings are missing or malformed (``settings/problem.py``)
    ├── DefenderError     the service refuses or cannot be reached (``api/errors.py``)
    ├── DecodeError       an answer cannot be read (``decode/errors.py``)
    ├── FeedError         a public feed cannot be fetched (``reference/errors.py``)
    ├── LakeError         files of the lake (``lake/errors.py``)
    ├── QueryError        a question to the lake (``query/errors.py``)
    ├── ComplianceError   policies and derived tables (``compliance/errors.py``)
    └── RefreshError      a partition that was not published (``refresh/errors.py``)
"""

from typing import ClassVar


class DefenderAssetsError(Exception):
    """Something that is told to a person in a sentence or two, never as a stack trace.

    ``dataset``: the table it is about, empty where it is none in particular. ``reason``: a short code for programs.
    ``remedy``: what to do, one sentence, empty where the text says it already. ``retryable``: trying again later may
    well succeed.
    """

    default_reason: ClassVar[str] = "unexpected"
    default_remedy: ClassVar[str] = ""
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        what: str = "",
        *,
        dataset: str = "",
        reason: str | None = None,
        remedy: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(what)
        self.dataset = dataset
        self.reason = self.default_reason if reason is None else reason
        self.remedy = self.default_remedy if remedy is None else remedy
        self.retryable = self.default_retryable if retryable is None else retryable

    @property
    def sentence(self) -> str:
        """What happened and what to do, for a person."""
        text = str(self)
        return text if not self.remedy or self.remedy in text else f"{text.rstrip('.')}. {self.remedy}"
