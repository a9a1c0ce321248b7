"""One way from an error to a Dagster failure: a sentence, and whether trying again can help.

Here: the table of what may be retried is each error's own ``retryable``; this only translates. Not here: run retries,
which serve crashes only.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ..api import DefenderError
from ..compliance import ComplianceError
from ..decode import UndecodableResponse
from ..lake import LakeError
from ..refresh import NotPublished, WrongDay
from ..settings import SettingsError

NO_STEP_RETRIES = "defender/step_retries"
"""Run tag: ``off`` where somebody waits at a terminal."""

EXPECTED = (DefenderError, UndecodableResponse, NotPublished, WrongDay, LakeError, SettingsError, ComplianceError)


def failure_of(error: Exception, *, step_retries: bool = True) -> dg.Failure:
    """The sentence as description; reason, dataset and remedy as metadata; no cause that could carry an address."""
    facts = {name: getattr(error, name, None) for name in ("dataset", "reason", "remedy")}
    words = str(error)
    remedy = facts["remedy"]
    if remedy and remedy not in words:
        words = f"{words} {remedy}"
    return dg.Failure(
        description=words,
        metadata={name: str(value) for name, value in facts.items() if value},
        allow_retries=step_retries and bool(getattr(error, "retryable", False)),
    )


@contextmanager
def told_as_failure(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Expected errors of this block become a Failure; what is unexpected stays a stack trace."""
    try:
        yield
    except EXPECTED as error:
        retries = context.run.tags.get(NO_STEP_RETRIES) != "off"
        raise failure_of(error, step_retries=retries) from None
