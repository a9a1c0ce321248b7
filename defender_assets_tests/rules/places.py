"""Where the rules look: the project's root, the package, its modules."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "defender_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
