"""What can go wrong in compliance.

Here: the errors, and turning an engine's error into a table's. Not here: which kind an engine's own error is
(``engine/duckdb_engine.py``).

::

    ComplianceError
    ├── PolicyError        a policy file is not what it should be (names file and line of each problem)
    │   └── PolicyNotFound  there is no such file or preset
    ├── InputMissing       a table that is needed is absent for the day
    ├── DerivationFailed   the computation of a table failed
    └── EngineError        the SQL engine failed
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from ..errors import DefenderAssetsError


class ComplianceError(DefenderAssetsError):
    """Anything that keeps compliance from being computed."""


@dataclass(frozen=True)
class PolicyRemark:
    """Something to correct in a policy, or to look at: where it is written, and what to write. ``setting`` is a dotted
    path, empty for the file as a whole; ``line`` is None where no line is to blame."""

    file: str
    line: int | None
    setting: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file} line {self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.setting, self.message) if part)


class PolicyError(ComplianceError):
    """A policy file that cannot be used. ``problems`` has one remark for each thing to correct; ``setting`` is what
    names the file, where that is known to be another than ``DEFENDER_POLICY``."""

    setting: str = "DEFENDER_POLICY"

    def __init__(self, source: str, problems: Sequence[PolicyRemark]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(f"the compliance policy {source} cannot be used:\n  " + "\n  ".join(map(str, self.problems)))


class PolicyNotFound(PolicyError):
    """There is no policy file, and no preset, of the name that was given."""


class InputMissing(ComplianceError):
    """A needed input is absent: ``dataset`` needs every table of ``missing``, of which those that are ``lost`` can no
    longer be had for that day."""

    def __init__(self, table: str, missing: Sequence[str], *, lost: Sequence[str] = ()) -> None:
        self.missing, self.lost = tuple(missing), tuple(lost)
        names = ", ".join(self.missing)
        why = f", absent for this day: refresh {names} first"
        if lost:
            gone = (
                f"{'is' if len(self.lost) == 1 else 'are'} not in the lake for that day and can no longer be captured"
            )
            is_all = set(self.lost) == set(self.missing)
            why = f", which {gone}" if is_all else f", absent for this day: {', '.join(self.lost)} {gone}"
        super().__init__(f"{table} needs {names}{why}", dataset=table)


class DerivationFailed(ComplianceError):
    """The SQL of a table, or reading its inputs, failed."""

    def __init__(self, table: str, cause: str, remedy: str = "") -> None:
        super().__init__(f"{table} could not be computed: {cause}", dataset=table, remedy=remedy)


class EngineErrorKind(StrEnum):
    """Why an engine failed."""

    OUT_OF_MEMORY = "out_of_memory"
    INPUT_UNREADABLE = "input_unreadable"
    """A file is damaged or absent, or a value in it is not of the catalog's type."""
    FAILED = "failed"
    """Anything else: the SQL itself, or the engine."""


class EngineError(ComplianceError):
    """The engine failed; ``detail`` is the first line of its own message, redacted, without the class of the error."""

    def __init__(self, kind: EngineErrorKind, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.detail = detail or message


_REMEDIES = {
    EngineErrorKind.INPUT_UNREADABLE: "Refresh the tables that it is made from for that day again, or delete the file "
    "that is damaged.",
}


@contextmanager
def failures_of(table: str) -> Iterator[None]:
    """The engine's errors in this block as failures to compute ``table``."""
    try:
        yield
    except EngineError as error:
        raise DerivationFailed(table, error.what, _REMEDIES.get(error.kind, "")) from error
