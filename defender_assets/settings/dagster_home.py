"""The folder in which Dagster keeps its history: which one it is, and whether it can be used, before Dagster is loaded.

Here: finding it, the checks of the path, and making the folder. Not here: opening what Dagster keeps in it
(``orchestration/dagster_home.py``).
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .dotenv import value_of
from .errors import Problem, SettingsError
from .paths import expanded

HOME_VARIABLE = "DAGSTER_HOME"
DAGSTER_CONFIGURATION = "dagster.yaml"
LOCAL_HOME = ".dagster"
"""The folder in the working directory that is used where nothing else is named."""

_OTHER_FOLDER = "let it name a folder of this user's own"


@dataclass(frozen=True)
class DagsterHome:
    """Where Dagster's history is: the ``folder`` as it was written, and what a person calls it by (``named``)."""

    folder: Path
    named: str


def dagster_home() -> DagsterHome:
    """The folder of Dagster's history: DAGSTER_HOME of the environment, else of ``.env`` (which Dagster's own commands
    read too), else ``.dagster`` in the working directory. It need not exist."""
    if folder := value_of(HOME_VARIABLE):
        return DagsterHome(Path(folder), HOME_VARIABLE)
    return DagsterHome(Path(LOCAL_HOME).absolute(), LOCAL_HOME)


def kept_home() -> DagsterHome | None:
    """The folder of ``dagster_home``, if it is named, or if ``init`` or ``serve`` has made it; else None."""
    home = dagster_home()
    # Dagster itself makes a .dagster in the user's home folder, which holds no history.
    is_kept = home.named == HOME_VARIABLE or (home.folder / DAGSTER_CONFIGURATION).exists()
    return home if is_kept else None


def usable_home(folder: str | Path, *, named: str = HOME_VARIABLE, remedy: str = _OTHER_FOLDER) -> Path:
    """The folder, which is made if it does not exist; files can be written in it.

    ``named`` is what a person calls it by, ``remedy`` what to do about one that cannot be used. Raises SettingsError.
    """
    home = expanded(folder)
    if not home.is_absolute():
        raise _unusable(
            named, f"is a relative path ({home})", f"write the whole path, {Path.cwd() / home} for instance"
        )
    try:
        # What runs say of devices is nobody else's; a folder that is there already keeps its mode.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if (file := next((path for path in (home, *home.parents) if _is_file(path)), None)) is None:
            raise _unusable(named, f"cannot be made ({home}: {error.strerror})", remedy) from None
        where = f"is a file ({home})" if file == home else f"is below a file ({home}: {file} is one)"
        raise _unusable(named, where, remedy) from None
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
        locked = next((str(file) for file in _databases(home) if not os.access(file, os.R_OK | os.W_OK)), None)
    except OSError as error:
        raise _unusable(named, f"cannot be written ({home}: {error.strerror})", remedy) from None
    if locked is not None:
        raise _unusable(named, f"has files of another user ({locked} cannot be written)", remedy)
    return home


def _is_file(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except OSError:
        return False


def _databases(home: Path) -> list[Path]:
    """What every refresh writes to: Dagster's databases and their folders."""
    folders = [
        folder for folder in (home / "history", home / "history" / "runs", home / "schedules") if folder.exists()
    ]
    return [
        *folders,
        *(file for folder in folders for file in (folder / "runs.db", folder / "index.db") if file.exists()),
    ]


def _unusable(named: str, what: str, remedy: str) -> SettingsError:
    return SettingsError(Problem(named, what, remedy))
