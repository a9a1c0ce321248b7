"""The compose files as a container runtime reads them.

Here: variables put in, and a service's parts. Not here: starting anything (``sandbox.py``).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..rules.places import ROOT

FOLDER = ROOT / "deploy" / "compose"
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")


def composed(name: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A file with the variables in their places. KeyError for one that has to be set and is not."""

    def value(match: re.Match[str]) -> str:
        variable, how, default = match.groups()
        return variables[variable] if how != ":-" else variables.get(variable, default)

    result: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(value, (FOLDER / name).read_text(encoding="utf-8")))
    return result


def named_files(composition: Mapping[str, Any]) -> set[Path]:
    """The files of this repository that the services mount, and those that they are built from. What is in ``secrets``
    is the reader's own."""
    found = set()
    for service in composition["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith(".") and not source.startswith("./secrets/"):
                found.add((FOLDER / source).resolve())
        if build := service.get("build"):
            found.add((FOLDER / build["context"] / build["dockerfile"]).resolve())
    return found
