"""The settings and presets in ``docs/policy.md``, between its markers.

Here: tables from the policy that ships, its comments and the schema. Not here: any word about a single setting, which
is in ``policies/default.yaml``; how to write a policy, which is in the page itself.

``python -m defender_assets.compliance.policy.page docs`` writes it (``make docs``).
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .marks import Location
from .meanings import Meaning, as_yaml, meanings
from .read import presets, read_policy
from .schema import policy_schema, property_of, resolved

_BLOCK = r"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
_LONGEST_DEFAULT = 120
_MANY = 10
_AGES = ("checks", "freshness_hours")
"""One number for each fetched table: shown as one setting."""


def with_policy_tables(text: str) -> str:
    """The page with its blocks brought up to date."""
    for name, block in (("settings", _settings()), ("presets", _presets())):
        pattern = re.compile(_BLOCK.format(name=name), re.DOTALL)
        text = pattern.sub(lambda found, block=block: found[1] + block + found[2], text)  # type: ignore[misc]
    return text


def _presets() -> str:
    lines = ["| preset | what | status |", "|---|---|---|"]
    for name in presets():
        document = read_policy(name).document
        lines.append(f"| `{name}` | {_cell(document.title)} | {document.status} |")
    return "\n".join(lines) + "\n"


def _settings() -> str:
    schema = policy_schema()
    found = {location: meaning for location, meaning in meanings().items() if location[0] not in ("name", "title")}
    sections = list(dict.fromkeys(location[0] for location in found))
    return "".join(
        "\n".join(_section(schema, str(section), {at: what for at, what in found.items() if at[0] == section})) + "\n"
        for section in sections
        if section not in ("status", "sources")
    )


def _section(schema: dict[str, Any], section: str, found: dict[Location, Meaning]) -> Iterator[str]:
    whole = found[section,]
    inner = {at: meaning for at, meaning in found.items() if len(at) > 1}
    yield f"### `{section}`"
    yield ""
    if whole.words:
        yield whole.words
        yield ""
    if whole.example:
        yield from ("```yaml", f"{section}:", *(f"  {line}" for line in whole.example.splitlines()), "```", "")
    yield from ("| setting | default | may be | meaning |", "|---|---|---|---|")
    for location, meaning in (inner or {(section,): whole}).items():
        if (isinstance(meaning.default, dict) and not meaning.words) or (location[:2] == _AGES and len(location) > 2):
            continue
        yield (
            f"| `{'.'.join(map(str, location))}` | {_default(meaning.default)} | "
            f"{_cell(may_be(schema, property_of(schema, location)))} | {_cell(meaning.words if inner else '')} |"
        )
    yield ""


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return "below" if len(value) < _MANY else f"{len(value)} tables"
    text = as_yaml(value)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT else f"{len(value)} entries"


def may_be(schema: dict[str, Any], described: dict[str, Any]) -> str:
    """What a setting may be, in a few words."""
    described = resolved(schema, described)
    if choices := described.get("anyOf"):
        one, *others = dict.fromkeys(may_be(schema, choice) for choice in choices)
        return one + "".join(", or a list" if other == f"list of: {one}" else f" or {other}" for other in others)
    if "enum" in described:
        return ", ".join(f"`{as_yaml(value)}`" for value in described["enum"] if value not in ("yes", "no"))
    if "const" in described:
        return f"`{described['const']}`"
    kind = described.get("type")
    if kind in ("integer", "number"):
        return _number("whole number" if kind == "integer" else "number", described)
    if kind == "array":
        return f"list of: {may_be(schema, described['items'])}"
    if kind == "object":
        return " ".join(("map", *(f"`{name}`" for name in described.get("properties", {}))))
    return {"null": "`null`", "string": "text"}.get(str(kind), "text")


def _number(words: str, described: dict[str, Any]) -> str:
    low, high = described.get("minimum"), described.get("maximum")
    if low is not None and high is not None:
        return f"{words}, {low:g} to {high:g}" if high < 10_000 else f"{words} from {low:g}"
    return f"{words} from {low:g}" if low is not None else words


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    page = Path(sys.argv[1]) / "policy.md"
    page.write_text(with_policy_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
