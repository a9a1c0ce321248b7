"""Code that nothing calls: vulture, which also learns what templates and declarations name.

Here: who counts as a caller. What only tests call is dead, except in the simulator, which is there for them. Not here:
names that a framework calls (``[tool.vulture]`` in pyproject.toml). ``make lint`` runs it.
"""

import inspect
import re
import sys
import tomllib
from pathlib import Path

import vulture

from defender_assets import catalog
from defender_assets.catalog import Table
from defender_assets.orchestration.resources import DefenderApplication
from defender_assets.settings import Settings

from .places import PACKAGE, ROOT

TEMPLATES = sorted((PACKAGE / "report" / "templates").iterdir())
COLUMNS = PACKAGE / "report" / "device_details.py"
"""Names attributes of rows, as the templates do."""


def read_by_name() -> set[str]:
    """What is found by going through declarations: tables of the catalog, fields of settings and resources."""
    rooms = (catalog, catalog.derived)
    families = [module for room in rooms for module in vars(room).values() if inspect.ismodule(module)]
    tables = {name for family in families for name, value in vars(family).items() if isinstance(value, Table)}
    return tables | set(Settings.model_fields) | set(DefenderApplication.model_fields)


def unused(callers: list[Path]) -> list[vulture.core.Item]:
    """What none of the callers, no template and no framework uses."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["vulture"]
    found = vulture.Vulture(ignore_names=options["ignore_names"], ignore_decorators=options["ignore_decorators"])
    found.scavenge([str(path) for path in callers])
    found.used_names.update(read_by_name())
    for template in (*TEMPLATES, COLUMNS):
        found.used_names.update(re.findall(r"\w+", template.read_text(encoding="utf-8")))
    return [item for item in found.get_unused_code() if PACKAGE in item.filename.parents]


def main() -> int:
    production = [PACKAGE, ROOT / "benchmarks"]
    dead = [item for item in unused(production) if PACKAGE / "simulator" not in item.filename.parents]
    tested = [*production, ROOT / "defender_assets_tests"]
    dead += [item for item in unused(tested) if PACKAGE / "simulator" in item.filename.parents]
    for item in dead:
        sys.stderr.write(f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} {item.name}\n")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
