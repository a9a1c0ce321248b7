"""The policy's JSON schema, with which an editor completes settings and marks mistakes while they are typed.

Here: the model's own schema, with what a file may leave out, and the meaning of each setting. Not here: what a file may
say (``model.py``, ``values.py``), the words (``meanings.py``).

``python -m defender_assets.compliance.policy.schema docs`` writes ``docs/policy.schema.json`` (``make docs``).
"""

import json
import sys
from pathlib import Path
from typing import Any

from .marks import Location
from .meanings import meanings
from .model import Document

_ENTRIES = {"Category", "Exemption", "KevDays", "EarliestOf", "PolicyRelease", "ProductMatch", "Rule", "Scope"}
"""What has to be whole; of anything else a file says only what differs from the policy that it extends."""


def policy_schema() -> dict[str, Any]:
    """The schema of a policy file. Dates and yes/no may be text: editors read YAML 1.2."""
    schema = Document.model_json_schema(mode="validation")
    definitions: dict[str, Any] = schema["$defs"]
    for name, definition in definitions.items():
        if name not in _ENTRIES:
            definition.pop("required", None)
    schema["required"] = ["name"]
    definitions["Patch"]["not"] = {"required": ["severity_days", "rules"]}
    schema["properties"]["extends"]["description"] = "A preset or a file beside this one; null: nothing."
    for location, meaning in meanings().items():
        if meaning.words:
            property_of(schema, location)["description"] = meaning.words
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Compliance policy of defender-assets",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def property_of(schema: dict[str, Any], location: Location) -> dict[str, Any]:
    """What the schema says of a setting."""
    at = schema
    for part in location:
        section = resolved(schema, at)
        at = {}
        for held in (section, *(resolved(schema, choice) for choice in section.get("anyOf", ()))):
            # A map with names of its own has one description for all of them.
            at = at or held.get("properties", {}).get(part) or held.get("additionalProperties") or {}
    return at


def resolved(schema: dict[str, Any], at: dict[str, Any]) -> dict[str, Any]:
    """What it refers to, if it is a reference."""
    reference: str = at.get("$ref", "")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else at


def schema_text() -> str:
    """The schema as the file has it."""
    return json.dumps(policy_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / "policy.schema.json").write_text(schema_text(), encoding="utf-8")
