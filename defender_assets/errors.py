"""The root of the project's errors: those that a person can do something about.

Here: what every error of the project carries. Not here: the errors themselves; most rooms have a tree of their own,
drawn in their ``errors.py``.

::

    DefenderAssetsError
    ├── SettingsError         settings are missing or malformed (``settings/errors.py``)
    ├── DefenderError         the service refuses or cannot be reached (``api/errors.py``)
    ├── UndecodableResponse   a response of the service cannot be read (``decode/errors.py``)
    ├── FeedError             a public feed cannot be fetched (``reference/errors.py``)
    ├── LakeError             files of the lake (``lake/errors.py``)
    ├── QueryError            a query of the lake (``queries/errors.py``)
    ├── SqlError              DuckDB lacks memory or disk, or cannot read a file (``sql/errors.py``)
    ├── ComplianceError       policies and derived tables (``compliance/errors.py``)
    ├── ExplanationError      a device that cannot be explained (``explanation/errors.py``)
    ├── RefreshError          a partition that was not published (``refresh/errors.py``)
    ├── NoRoom                rows that wait for their proof on disk (``refresh/dataset/row_spool.py``)
    ├── MetricsNotWritten     the file of metrics cannot be written (``monitoring/metrics_file.py``)
    ├── WrongSelection        a selection of assets that names nothing (``orchestration/selection.py``)
    ├── WebhookRefused        a message that did not arrive (``orchestration/notifications/webhook.py``)
    ├── ServeError            Dagster cannot be served (``serve/errors.py``)
    ├── DemoFolderTaken       the demo has no folder of its own (``demo/folder.py``)
    └── TenantNotStarted      the simulated tenant did not start (``demo/tenant.py``)

Exceptions outside this tree either never leave the module that catches them, or are faults of the program.
"""

from typing import TypedDict

from .checks import Check


class ErrorFields(TypedDict, total=False):
    """What can be given when an error is raised, in place of the defaults of its class."""

    dataset: str | None
    reason: str | None
    remedy: str | None
    retryable: bool | None
    retry_after: float | None


class DefenderAssetsError(Exception):
    """An error that is shown as a sentence or two, never as a stack trace.

    Subclasses set their own defaults as class attributes; each can be given when the error is raised.
    """

    dataset: str = ""
    """The table that the error is about; empty if it is about none in particular."""
    reason: str = "failed"
    """A short code for programs."""
    remedy: str = ""
    """What to do, in one sentence; empty if the message already says so."""
    retryable: bool = False
    """Trying again later may well succeed."""
    retry_after: float | None = None
    """Seconds to wait before another attempt, if the other side asked for a pause."""
    checks: tuple[Check, ...] = ()
    """The results of checks on rows that were not published because of this."""

    def __init__(
        self,
        what: str,
        *,
        dataset: str | None = None,
        reason: str | None = None,
        remedy: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        if dataset is not None:
            self.dataset = dataset
        if reason is not None:
            self.reason = reason
        if remedy is not None:
            self.remedy = remedy
        if retryable is not None:
            self.retryable = retryable
        if retry_after is not None:
            self.retry_after = retry_after

    @property
    def sentence(self) -> str:
        """What happened and what to do, for a person."""
        return f"{self.what.rstrip('.')}. {self.remedy}" if self.remedy else self.what

    def __str__(self) -> str:
        return self.sentence
