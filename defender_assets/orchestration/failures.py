"""One way from an error to a Dagster failure: a sentence, and whether trying again can help.

Here: translation; each error says in ``retryable`` whether it may be tried again. Not here: run retries, which are for
crashes only (``orchestration/dagster.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from ..errors import DefenderAssetsError
from ..quantity import quantity
from ..refresh import PartitionOutcome
from ..settings import how_to_do_without
from .run_tags import STEP_RETRIES
from .stopped_runs import cancel_if_stopped

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

_REQUEST = re.compile(r"^[A-Z]+ \S+ answered ")
_MOST_DAYS = 10
"""Days that a message names."""

OF_TENANTS = "tenants"
"""Of a failure in a run over several tenants, which of them it is about."""

Context = dg.AssetExecutionContext | dg.OpExecutionContext


def failure_of(error: DefenderAssetsError, *, step_retries: bool = True) -> dg.Failure:
    """The sentence as description; reason, dataset and remedy as metadata; no cause that could carry an address."""
    facts = {"dataset": error.dataset, "reason": error.reason, "remedy": error.remedy}
    return dg.Failure(
        description=error.sentence,
        metadata={name: fact for name, fact in facts.items() if fact},
        allow_retries=step_retries and error.retryable,
    )


def failure_of_days(context: Context, table: str, outcomes: Sequence[PartitionOutcome]) -> dg.Failure:
    """The failure of a step of which some days, or all, failed: it names them."""
    failed = {outcome.day: outcome.error for outcome in outcomes if outcome.error is not None}
    first_error = next(iter(failed.values()))
    if len(failed) == len(outcomes):
        return failure_of(first_error, step_retries=_may_retry(context))
    made, days = sum(outcome.is_made for outcome in outcomes), ", ".join(str(day) for day in list(failed)[:_MOST_DAYS])
    more = f" and {len(failed) - _MOST_DAYS} more" if len(failed) > _MOST_DAYS else ""
    return dg.Failure(
        f"{table}: {quantity(made, 'day')} {'was' if made == 1 else 'were'} made, {quantity(len(failed), 'day')} "
        f"{'was' if len(failed) == 1 else 'were'} not: {str(first_error).rstrip('.')}. Not made: {days}{more}.",
        allow_retries=False,
    )


def reason_key(table: str, sentence: str) -> str:
    """What is alike in the sentences about tables that failed for one reason: most begin with the table; the address
    that was asked differs, and how to do without the table."""
    words = _REQUEST.sub("", sentence.removeprefix(f"{table}: ").strip())
    return words.removesuffix(how_to_do_without(table)).strip()


@contextmanager
def as_failures(context: Context) -> Iterator[None]:
    """Expected errors of this block become a Failure; what is unexpected stays a stack trace."""
    try:
        yield
    except DefenderAssetsError as error:
        cancel_if_stopped(context)
        raise failure_of(error, step_retries=_may_retry(context)) from None
    except Exception as unexpected:
        cancel_if_stopped(context)
        if _may_retry(context):
            raise
        raise dg.Failure(allow_retries=False) from unexpected


def root_cause(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    """The error at the end of the chain of causes: what a step raised, below what Dagster wrapped around it."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _may_retry(context: Context) -> bool:
    return context.run.tags.get(STEP_RETRIES) != "off"
