"""One way from an error to a Dagster failure: a sentence, and whether trying again can help.

Here: the table of what may be retried is each error's own ``retryable``; this only translates. Not here: run retries,
which serve crashes only.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ..errors import DefenderAssetsError

NO_STEP_RETRIES = "defender/step_retries"
"""Run tag: ``off`` where somebody waits at a terminal."""


def failure_of(error: DefenderAssetsError, *, step_retries: bool = True) -> dg.Failure:
    """The sentence as description; reason, dataset and remedy as metadata; no cause that could carry an address."""
    facts = {"dataset": error.dataset, "reason": error.reason, "remedy": error.remedy}
    return dg.Failure(
        description=error.sentence,
        metadata={name: text for name, text in facts.items() if text},
        allow_retries=step_retries and error.retryable,
    )


@contextmanager
def told_as_failure(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Expected errors of this block become a Failure; what is unexpected stays a stack trace."""
    try:
        yield
    except DefenderAssetsError as error:
        retries = context.run.tags.get(NO_STEP_RETRIES) != "off"
        raise failure_of(error, step_retries=retries) from None
