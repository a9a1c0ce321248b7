"""Ctrl-C and SIGTERM while tables are refreshed: the end comes within seconds, and in order.

Here: taking the signals, and how long the work has to end. Not here: what ends because of it
(``refresh/stopping.py``), what Dagster's record says of it (``orchestration/stopped_runs.py``), the sentence and the
exit code (``errors.py``).

The work is in a thread of its own. In the main thread Dagster would turn the signal into an error of the step under
way, which it may try again, and go on with the next one.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeVar

from .errors import StoppedBySignal

_Result = TypeVar("_Result")

_GRACE_SECONDS = 3.0
"""For what is under way. A query, or a service that does not answer, may take minutes and is left to itself."""

_LOOK_EVERY_SECONDS = 0.1


def until_stopped(work: Callable[[], _Result]) -> _Result:
    """What ``work`` returns or raises. Raises StoppedBySignal after SIGINT or SIGTERM, at once after a second one."""
    outcome: Future[_Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            outcome.set_exception(error)

    with _signals() as received:
        threading.Thread(target=run, name="refresh", daemon=True).start()
        while not outcome.done() and not received:
            wait([outcome], timeout=_LOOK_EVERY_SECONDS)
        if not received:
            return outcome.result()
        has_ended = _end(outcome, received)
        raise StoppedBySignal(received[0], has_ended=has_ended)


@contextmanager
def unwound_by_sigterm() -> Iterator[None]:
    """Within this block, SIGTERM raises StoppedBySignal, so that what the block has opened is closed. A block within it
    may take the signal itself."""

    def unwind(number: int, _: FrameType | None) -> None:
        raise StoppedBySignal(number, has_ended=True)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    former = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _end(outcome: Future[_Result], received: list[int]) -> bool:
    """Asks the work to end, and waits for it for a while; whether it did."""
    from ..orchestration.stopped_runs import cancel_runs, report_runs_canceled
    from ..refresh import request_stop

    # Dagster's own record comes first: a run that fails after it is canceled, and nobody is told of a failure.
    with suppress(Exception):
        cancel_runs()
    request_stop()
    deadline = time.monotonic() + _GRACE_SECONDS
    while not outcome.done() and len(received) == 1 and time.monotonic() < deadline:
        wait([outcome], timeout=_LOOK_EVERY_SECONDS)
    if not outcome.done():
        with suppress(Exception):
            # One that is failing at this very moment writes its own end, which needs nobody's answer.
            deadline = time.monotonic() + _GRACE_SECONDS
            while not report_runs_canceled() and len(received) == 1 and time.monotonic() < deadline:
                wait([outcome], timeout=_LOOK_EVERY_SECONDS)
            report_runs_canceled(failing_too=True)
    return outcome.done()


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Within this block, SIGINT and SIGTERM are only noted."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # signals reach the main thread alone
        return

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
