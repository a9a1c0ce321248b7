"""Errors on the command line: one sentence and an exit code, never a stack trace.

Here: the exit codes of the contract, and the guard around every verb. Not here: the errors (``defender_assets.errors``
and each room's ``errors.py``).

Exit codes: 0 all well; 1 the answer is "no" (a refusal, a failed asset, a failed check); 2 wrong use or wrong settings;
130 stopped with Ctrl-C; 143 stopped with SIGTERM.
"""

import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import NoReturn, ParamSpec, TypeVar

from ..errors import DefenderAssetsError
from .console import print_error

OK, FAILED, WRONG_USE, STOPPED = 0, 1, 2, 130

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class StoppedBySignal(Exception):
    """A verb that writes to the lake was stopped. ``has_ended``: its work has ended too, and is not going on in another
    thread."""

    def __init__(self, signal: int, *, has_ended: bool) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.exit_code = 128 + signal
        self.has_ended = has_ended


def guarded(verb: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Prints an error of the project as one sentence on standard error and exits with its code.

    Any other exception is a fault of the program and keeps its stack trace.
    """

    @wraps(verb)
    def run(*arguments: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
        from .log_lines import log_errors_if_for_programs

        log_errors_if_for_programs()
        try:
            return verb(*arguments, **options)
        except DefenderAssetsError as error:
            print_error(f"defender-assets: {error.sentence}", indent="  ")
            if _is_about_the_demo(error):
                print_error(
                    "The demo's lake is in demo/lake: set DEFENDER_LAKE=demo/lake to ask that one.", indent="  "
                )
            if _is_of_a_beginner(error):
                print_error(
                    "defender-assets init writes a .env to fill in, docs/connect.md says with what; "
                    "defender-assets demo needs no settings.",
                    indent="  ",
                )
            sys.exit(_exit_code(error))
        except StoppedBySignal as stopped:
            sentence = "stopped; what was published stays, what was under way is discarded"
            _stop(sentence, stopped.exit_code, at_once=not stopped.has_ended)
        except KeyboardInterrupt:
            _stop("stopped", STOPPED)

    return run


def show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints what no one expected, as Python does (to be its ``sys.excepthook``), and what it is."""
    traceback.print_exception(kind, error, trace)
    if isinstance(error, Exception):
        print_error("defender-assets: this is a fault of the program; please report it with the lines above")
    # Its frames are kept for a debugger. With what they hold they would keep DuckDB alive, whose library then lists at
    # the end of the process what it calls leaked.
    traceback.clear_frames(trace)


def _stop(sentence: str, exit_code: int, *, at_once: bool = False) -> NoReturn:
    print_error(f"defender-assets: {sentence}", indent="  ")
    if at_once:
        # Python would wait for every thread, and one may wait for the service.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
    sys.exit(exit_code)


def _is_about_the_demo(error: DefenderAssetsError) -> bool:
    """Whether something is missing because there is no lake here, but that of the demo beside it."""
    from ..explanation import NotJudged
    from ..lake import NoSnapshot
    from ..queries import UnknownTable
    from ..settings import Settings

    if not isinstance(error, NoSnapshot | NotJudged | UnknownTable) or not Path("demo/lake").is_dir():
        return False
    lake = Settings.load().lake
    return "://" not in lake and not any(Path(lake).glob("*/tenant=*"))


def _is_of_a_beginner(error: DefenderAssetsError) -> bool:
    """Whether the settings of a connection are missing, and nothing of one is set yet."""
    from ..settings import Settings, SettingsError, names_application, variable

    if not isinstance(error, SettingsError):
        return False
    missing = variable("tenant_id") in {problem.variable for problem in error.problems}
    return missing and not names_application(Settings.readable()[0])


def _exit_code(error: DefenderAssetsError) -> int:
    # Imported here, because only failures need it and ``--help`` must stay instant.
    from ..compliance import PolicyNotFound
    from ..explanation import AmbiguousDevice
    from ..lake import LakeNotWritable
    from ..queries import QueryError
    from ..settings import SettingsError

    wrong_use = SettingsError | LakeNotWritable | QueryError | PolicyNotFound | AmbiguousDevice
    return WRONG_USE if isinstance(error, wrong_use) else FAILED
