"""The settings as a Markdown table, generated from their declarations.

Here: the table in docs/settings.md; ``python -m defender_assets.settings.page docs`` writes it between its markers. Not
here: any fact that is not in the declarations.
"""

import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from .variables import Settings, variable

_BLOCK = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def _default(field: Any) -> str:
    if field.default_factory is not None:
        return "`" + str(field.default_factory()).replace(str(Path.home()), "~") + "`"
    if field.default is None or field.default is PydanticUndefined:
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _choices(annotation: Any) -> tuple[str, ...]:
    """The values that the type allows, where it lists them."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((found for part in get_args(annotation) if (found := _choices(part))), ())


def settings_table() -> str:
    """One row per variable: name, meaning, default."""
    lines = ["| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        meaning, choices = str(field.description), _choices(field.annotation)
        if not all(choice in meaning for choice in choices):
            meaning += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
        lines.append(f"| `{variable(name)}` | {meaning} | {_default(field)} |")
    return "\n".join(lines) + "\n"


def with_settings(text: str) -> str:
    """The text with the table between its markers brought up to date."""
    return _BLOCK.sub(lambda match: match[1] + settings_table() + match[2], text)


if __name__ == "__main__":
    page = Path(sys.argv[1]) / "settings.md"
    page.write_text(with_settings(page.read_text(encoding="utf-8")), encoding="utf-8")
