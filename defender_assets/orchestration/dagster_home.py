"""Dagster's history on this machine, opened by one process at a time.

Here: making its databases and opening them, under the configuration that ships (``dagster.yaml`` beside this module).
Not here: which folder it is, and whether it can be used at all (``settings/dagster_home.py``), how its databases are
written to (``sqlite_history.py``), keeping Dagster running (``serve/``).
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef  # the one way to open a folder with something said otherwise
from filelock import FileLock, Timeout

from ..sanitize import brief
from ..settings import (
    DAGSTER_CONFIGURATION,
    HOME_VARIABLE,
    Problem,
    SettingsError,
    kept_home,
    take_into_environment,
    usable_home,
)
from .sqlite_history import SqliteHistory, history_in_memory

SHIPPED_CONFIGURATION = Path(__file__).with_name("dagster.yaml")

_LOCK_TIMEOUT_SECONDS = 120.0
_UNFINISHED = ".opening-"
_NO_OUTPUT = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
_STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")
"""The parts of Dagster's configuration that say where its databases are."""
_FOLDERS = ("history", "schedules")
"""Where Dagster keeps its SQLite databases, unless its configuration says otherwise."""


@contextmanager
def open_home(home: Path, *, named: str = HOME_VARIABLE, for_terminal: bool = False) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance of this folder, for as long as the block lasts.

    The configuration that ships becomes the folder's ``dagster.yaml`` when it has none yet. ``for_terminal``: the runs
    are those of a command; what they print is not kept, if the configuration says nothing else, because to keep it
    Dagster redirects standard output and standard error, and they are recorded by ``sqlite_history.py``. Raises
    SettingsError, which calls the folder by what it is ``named``.
    """
    instance = _opened(usable_home(home, named=named), named, for_terminal=for_terminal)
    with instance:
        yield instance


@contextmanager
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of the folder that is named or was made here, so that the UI shows what is done with it; else one in
    memory that ends with the block.

    Raises SettingsError for a folder that cannot be used.
    """
    if home := kept_home():
        # What these runs print is for the terminal, which draws lines over: not to be read back out of a file.
        with open_home(home.folder, named=home.named, for_terminal=True) as instance:
            yield instance
    else:
        with history_in_memory() as instance:
            yield instance


def _opened(home: Path, named: str, *, for_terminal: bool) -> dg.DagsterInstance:
    in_sqlite = True
    try:
        # Dagster makes its tables when it first opens a database, and two processes that both do so break each other.
        with FileLock(home / "opening.lock", timeout=_LOCK_TIMEOUT_SECONDS):
            for left_behind in home.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left_behind, ignore_errors=True)
            if not (home / DAGSTER_CONFIGURATION).exists():
                shutil.copyfile(SHIPPED_CONFIGURATION, home / DAGSTER_CONFIGURATION)
            configuration = yaml.safe_load((home / DAGSTER_CONFIGURATION).read_text(encoding="utf-8")) or {}
            in_sqlite = not any(name in configuration for name in _STORAGES)
            take_into_environment(_variables(configuration))
            if in_sqlite and not any((home / folder).exists() for folder in _FOLDERS):
                _make_databases(home)
            overrides = {**_NO_OUTPUT, **(_quick_history(home) if in_sqlite else {})} if for_terminal else {}
            return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides))
    except Timeout:
        what = f"has been locked by another process for more than {_LOCK_TIMEOUT_SECONDS:.0f} s ({home})"
        remedy = "end the process that hangs"
    except Exception as error:  # noqa: BLE001 - each database's library has errors of its own
        what = f"cannot be opened ({home}: {brief(_cause(error))})"
        remedy = f"correct its {DAGSTER_CONFIGURATION}, or let it name another folder"
        if not in_sqlite:
            remedy = f"see that the database that its {DAGSTER_CONFIGURATION} names answers, and lets this user in"
    raise SettingsError(Problem(named, what, remedy))


def _cause(error: BaseException) -> BaseException:
    """Of a failure to connect what the database's own library said, rather than how often it was tried."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _variables(configuration: object) -> Iterator[str]:
    """What the configuration calls ``{env: NAME}``."""
    if isinstance(configuration, Mapping):
        name = configuration.get("env")
        if len(configuration) == 1 and isinstance(name, str):
            yield name
        else:
            for part in configuration.values():
                yield from _variables(part)


def _quick_history(home: Path) -> Mapping[str, object]:
    """The same SQLite databases by a storage that keeps its connections."""
    storage = {"module": SqliteHistory.__module__, "class": SqliteHistory.__name__, "config": {"base_dir": str(home)}}
    return {"storage": {"custom": storage}}


def _make_databases(home: Path) -> None:
    """Makes the databases beside their place and moves them there: a half-made one is never mended by Dagster."""
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
    shutil.copyfile(home / DAGSTER_CONFIGURATION, unfinished / DAGSTER_CONFIGURATION)
    with dg.DagsterInstance.from_config(str(unfinished)):
        pass
    for folder in _FOLDERS:
        if (unfinished / folder).exists():
            (unfinished / folder).rename(home / folder)
    shutil.rmtree(unfinished)
