"""The data dictionary: one page a table, made from the catalog.

Here: Markdown from declarations, and the lists of permissions in docs/connect.md (``make docs`` writes both). Not here:
any fact that is not in the declarations.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from .column import Column
from .core import CORE_ROLES, REQUESTED_ROLES, comes_with_core_roles
from .dataset import Dataset
from .table import Days, Table

_DAYS = {
    Days.STATE: "one a day; what the service said on that day, so only today's can be captured",
    Days.EVENT: "one a day, by the day of the event; `query` and `read` give all days together",
    Days.DERIVED: "one a day; can be recomputed for any day whose inputs are in the lake",
}
_LEFT_OUT = (
    "## Left out, and why",
    "",
    "- Indicators (`/api/indicators`) and the live-response library (`/api/libraryfiles`): the roles that list them",
    "  (`Ti.ReadWrite`, `Ti.ReadWrite.All`, `Library.Manage`) can write as well, and this application only reads.",
    "- The missing updates of a device (`/api/machines/{id}/getmissingkbs`) cost a call for each device, and the",
    "  versions of a product (`/api/Software/{id}/distributions`) one for each product. `missing_updates` and",
    "  `software_versions` are made from the findings and the inventory, which are fetched anyway.",
)
_PERMISSIONS = re.compile(r"(<!-- permissions -->\n).*?(<!-- /permissions -->)", re.DOTALL)
_FURTHER = re.compile(r"(<!-- further permissions -->\n).*?(<!-- /further permissions -->)", re.DOTALL)
_ROLES = re.compile(r"for role in .*?; do")


def type_name(column_type: pa.DataType) -> str:
    """A type in a reader's words: ``list of text``, ``time (UTC)``."""
    if pa.types.is_list(column_type):
        return f"list of {type_name(column_type.value_type)}"
    if pa.types.is_struct(column_type):
        return "struct"
    if pa.types.is_timestamp(column_type):
        return "time (UTC)"
    return {"string": "text", "int64": "integer", "double": "number", "bool": "boolean"}.get(
        str(column_type), str(column_type)
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _rows(columns: tuple[Column, ...], key: tuple[str, ...], prefix: str = "") -> list[str]:
    lines = []
    for column in columns:
        marks = [word for word, holds in (("key", column.name in key), ("personal", column.personal)) if holds]
        words = _escaped(column.description) + (f" *({', '.join(marks)})*" if marks else "")
        lines.append(f"| `{prefix}{column.name}` | {type_name(column.arrow)} | {words} |")
        lines += _rows(column.all_members, (), f"{prefix}{column.name}{'[]' if column.many else ''}.")
    return lines


def page(table: Table) -> str:
    """The page of one table."""
    facts = [("Group", table.group.value), ("Key", ", ".join(f"`{name}`" for name in table.key) or "one row")]
    facts.append(("Partitions", _DAYS[table.days]))
    if isinstance(table, Dataset):
        quota = f"{table.quota.per_minute} calls a minute, {table.quota.per_hour:,} an hour"
        facts += [
            ("Permission", f"`{table.permission}`"),
            *([("Licence", table.licence)] if table.licence else []),
            ("Path", f"`GET {table.path}`"),
            ("Fetched by", table.fetch_in_words),
            ("Quota", quota + ("" if table.quota.documented else " (assumed; its page prints none)")),
            ("Documentation", f"<{table.documentation}>"),
        ]
        if table.credentials:
            members = ", ".join(f"`{name}`" for name in table.credentials)
            facts.append(
                ("Never kept", f"{members}, at any depth, and every other member that is not in the list below")
            )
        if table.remembered_days:
            facts.append(("The service remembers", f"{table.remembered_days} days"))
    lines = [f"# {table.name}", "", table.description, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_escaped(fact)} |" for name, fact in facts]
    lines += ["", "| column | type | meaning |", "|---|---|---|", *_rows(table.all_columns, table.key), ""]
    return "\n".join(lines)


def index(tables: Mapping[str, Table]) -> str:
    """The page that lists the tables."""
    lines = ["# Tables", "", "Made from the catalog by `make docs`; a test keeps these pages current.", ""]
    lines += ["| table | group | what | role | licence |", "|---|---|---|---|---|"]
    for table in tables.values():
        role, licence = (f"`{table.permission}`", table.licence or "") if isinstance(table, Dataset) else ("", "")
        cells = (f"[`{table.name}`]({table.name}.md)", table.group.value, _escaped(table.description), role, licence)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_LEFT_OUT, ""])


def pages(tables: Mapping[str, Table]) -> dict[str, str]:
    """File name -> text of every page of the dictionary, without the questions (``queries/dictionary.py``)."""
    return {"README.md": index(tables)} | {f"{name}.md": page(table) for name, table in tables.items()}


def with_permissions(text: str, tables: Mapping[str, Table]) -> str:
    """The text with its lists of permissions brought up to date: those to ask for, for people and for the Azure CLI,
    and what each beside the core brings."""
    words = ", ".join(f"`{permission}`" for permission in REQUESTED_ROLES)
    text = _PERMISSIONS.sub(lambda found: f"{found[1]}   {words}\n{found[2]}", text)
    text = _FURTHER.sub(lambda found: f"{found[1]}{_further_permissions(tables)}{found[2]}", text)
    return _ROLES.sub(f"for role in {' '.join(REQUESTED_ROLES)}; do", text)


def _further_permissions(tables: Mapping[str, Table]) -> str:
    """A row for each further role, or licence beside a role of the core, that datasets need."""
    brought: dict[tuple[bool, str, str], list[str]] = {}
    for table in tables.values():
        if isinstance(table, Dataset) and not comes_with_core_roles(table):
            need = (table.permission in CORE_ROLES, table.permission, table.licence or "")
            brought.setdefault(need, []).append(f"[`{table.name}`](tables/{table.name}.md)")
    lines = ["| role | brings | if the tenant has |", "|---|---|---|"]
    lines += [
        f"| `{role}`{' (core)' if core else ''} | {', '.join(names)} | {licence} |"
        for (core, role, licence), names in sorted(brought.items())
    ]
    return "\n".join([*lines, ""])


def main(folder: str) -> None:
    """Writes the dictionary into ``folder``/tables, removes pages of tables that are gone, and lists in
    ``folder``/connect.md the permissions to ask for, and what they bring."""
    from . import TABLES

    target = Path(folder) / "tables"
    target.mkdir(parents=True, exist_ok=True)
    wanted = pages(TABLES)
    for stale in {path.name for path in target.glob("*.md")} - set(wanted):
        (target / stale).unlink()
    for name, text in wanted.items():
        (target / name).write_text(text, encoding="utf-8")
    file = Path(folder) / "connect.md"
    file.write_text(with_permissions(file.read_text(encoding="utf-8"), TABLES), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
