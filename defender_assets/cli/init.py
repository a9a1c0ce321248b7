"""``defender-assets init``: a folder that is ready for a tenant.

Here: which files are written, and what is printed. Not here: what they mean (``settings/env.example``,
``orchestration/dagster.yaml``).
"""

import os
import re
from pathlib import Path

import click

from .console import print_line
from .errors import guarded

_EMPTY_LINE = re.compile(r"^(?P<name>[A-Z_]+)=$", re.MULTILINE)


@click.command()
@guarded
def init() -> None:
    """Write .env, workspace.yaml and .dagster/dagster.yaml into this folder; what is there stays as it is."""
    from importlib.resources import files

    from ..settings import DAGSTER_CONFIGURATION, DOTENV, HOME_VARIABLE, dagster_home, usable_home

    chosen = dagster_home()
    home = usable_home(chosen.folder, named=chosen.named)
    package = files("defender_assets")
    example = package.joinpath("settings", "env.example").read_text(encoding="utf-8")
    environment = _EMPTY_LINE.sub(_unless_set, example)
    # Dagster's own commands read .env too; without this, each would keep a history that ends with it.
    environment += f"\n# Where Dagster keeps its history\n{HOME_VARIABLE}={_quoted(home)}\n"
    configuration = package.joinpath("orchestration", "dagster.yaml").read_text(encoding="utf-8")
    workspace = package.joinpath("orchestration", "workspace.yaml").read_text(encoding="utf-8")
    for path, text, what in (
        (Path(DOTENV), environment, "the settings; only you can read it"),
        (Path("workspace.yaml"), workspace, "what Dagster's own commands load here"),
        (home / DAGSTER_CONFIGURATION, configuration, "how Dagster runs here"),
    ):
        name = os.path.relpath(path)
        if _write_new(path, text):
            print_line(f"wrote  {name:<22}{what}")
        else:
            print_line(f"kept   {name:<22}it was there already", style="dim")
    empty = " and ".join(match["name"] for match in _EMPTY_LINE.finditer(environment))
    print_line(f"""
Next: {f"fill in {empty} in .env, then" if empty else "the environment has the credentials, then"}
  defender-assets doctor     tests the connection, and says what is refused and what to do
  defender-assets refresh    fetches every table once
  defender-assets serve      keeps them up to date, with the UI""")


def _unless_set(line: re.Match[str]) -> str:
    """An empty line of ``.env``; a comment where the environment has the value, which Dagster's own commands would
    replace by nothing."""
    return f"# In the environment: {line['name']}" if os.environ.get(line["name"]) else line[0]


def _write_new(path: Path, text: str) -> bool:
    """Writes a file that only this user can read; False, and nothing written, where there is one (or a link)."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def _quoted(path: Path) -> str:
    """The path as ``.env`` spells it, whatever is in it."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
