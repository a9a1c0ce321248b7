"""What a device on the page opens to, as data for the page's script.

Here: its topics, their columns, and how many devices a page holds. Not here: the queries (``sections/``), the tables
that a reader sees (``templates/device.js``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import orjson

from .sections.opened_devices import OfDevice, OpenedDevices
from .work_list import Cell, ListColumn, Words

MOST_BYTES = 7_000_000
"""Of details on one page: a mail still takes it, and a browser reads it within a second."""


@dataclass
class Topic:
    """A table within an opened device. ``none`` is said where the device has no row, ``absent`` where the lake has no
    table. Values of shared columns stand once for all devices that have them (``shared``: place of the column -> its
    words)."""

    title: str
    columns: tuple[ListColumn, ...]
    none: str
    absent: str
    rows: Mapping[str, Sequence[OfDevice]] | None
    shared: dict[int, Words] = field(init=False)
    _told: "list[_Told]" = field(init=False)
    """For each column what is embedded of its values."""

    def __post_init__(self) -> None:
        self.shared = {place: Words() for place, column in enumerate(self.columns) if column.shared}
        self._told = [_Told(column, self.shared.get(place)) for place, column in enumerate(self.columns)]

    @property
    def size(self) -> int:
        """About how many bytes the shared values take."""
        return sum(words.size for words in self.shared.values())

    def of(self, device_id: str) -> dict[str, Any]:
        """The device's rows, and how many there are in the lake."""
        rows = (self.rows or {}).get(device_id, ())
        columns = [map(told.__getitem__, map(told.value_of, rows)) for told in self._told]
        return {
            "rows": list(map(list, zip(*columns, strict=True))),
            "total": rows[0].total if rows else 0,
        }

    def declared(self) -> dict[str, Any]:
        """The topic without its rows; to be asked for when all devices have been."""
        columns = [column.declared() for column in self.columns]
        for place, words in self.shared.items():
            columns[place]["words"] = list(words.numbers)
        return {"title": self.title, "none": self.none, "columns": columns} | (
            {"absent": self.absent} if self.rows is None else {}
        )


class _Told(dict[Any, Any]):
    """Value of a column -> what is embedded of it: the value as it is worded, or, where ``words`` are shared, its
    number among them; None where nothing is said. Thousands of devices have the same value: it is worded once."""

    def __init__(self, column: ListColumn, words: Words | None) -> None:
        super().__init__()
        self._column, self._words = column, words
        self.value_of: Callable[[OfDevice], Any] = attrgetter(column.value)
        if column.kind in (Cell.REFERENCES, Cell.TEXTS):
            self.value_of = _list_of(column.value)

    def __missing__(self, value: Any) -> Any:
        told = self._column.told(value)
        if self._words is not None and told is not None:
            told = self._words.number(told)
        self[value] = told
        return told


def _list_of(attribute: str) -> Callable[[OfDevice], tuple[Any, ...] | None]:
    """Gives the list of a row as a key of a dictionary."""
    value_of = attrgetter(attribute)

    def list_of(row: OfDevice) -> tuple[Any, ...] | None:
        value = value_of(row)
        return None if value is None else tuple(value)

    return list_of


def device_details(
    opened: OpenedDevices | None, absences: Mapping[str, str], places: Mapping[str, int]
) -> dict[str, Any]:
    """The topics, and the details of the devices that the page's lists name (device id -> place): those first that need
    somebody most, as many as the page holds. The others are null. ``absences``: table -> why it is absent on purpose.
    """
    details: list[Any] = [None] * len(places)
    if opened is None:
        return {"topics": [], "details": details}
    topics = _topics(opened, absences)
    size = 0
    for device_id in opened.facts:
        if device_id not in places:
            continue
        told = [topic.of(device_id) for topic in topics]
        size += len(orjson.dumps(told))
        if size + sum(topic.size for topic in topics) > MOST_BYTES:
            break
        details[places[device_id]] = told
    return {"topics": [topic.declared() for topic in topics], "details": details}


def _topics(opened: OpenedDevices, absences: Mapping[str, str]) -> list[Topic]:
    def absent(what: str, table: str) -> str:
        why = f"is left out ({absences[table]})" if table in absences else "is not in the lake for this day"
        return f"{what} cannot be shown: {table} {why}."

    return [
        Topic(
            "Device",
            (
                ListColumn("group", "group_name", shared=True),
                ListColumn("system", "os_platform", shared=True),
                ListColumn("last seen", "last_seen", Cell.DATE),
                ListColumn("population", "population", Cell.STATE, shared=True),
                ListColumn("patches", "patch_verdict", Cell.STATE, shared=True),
                ListColumn("agent", "agent_verdict", Cell.STATE, shared=True),
                ListColumn("configuration", "configuration_verdict", Cell.STATE, shared=True),
            ),
            none="Nothing is known of it.",
            absent="",
            rows=opened.facts,
        ),
        Topic(
            "Why",
            (
                ListColumn("topic", "topic", shared=True),
                ListColumn("verdict", "verdict", Cell.STATE, shared=True),
                ListColumn("reason", "sentence", longest=600, shared=True),
                ListColumn("policy", "policy", longest=200, shared=True),
            ),
            none="No reason is told.",
            absent=absent("Reasons", "verdict_reasons"),
            rows=opened.reasons,
        ),
        Topic(
            "Open findings by product",
            (
                ListColumn("product", "product", longest=120, shared=True),
                ListColumn("overdue", "overdue_findings", Cell.NUMBER),
                ListColumn("open", "open_findings", Cell.NUMBER),
                ListColumn("critical", "critical_findings", Cell.NUMBER),
                ListColumn("known exploited", "kev_findings", Cell.NUMBER),
                ListColumn("earliest due", "due_at", Cell.DATE, shared=True),
                ListColumn("days overdue", "oldest_overdue_days", Cell.NUMBER),
                ListColumn("update", "fix_id", Cell.REFERENCE, shared=True),
                ListColumn("CVEs, overdue ones first", "cves", Cell.REFERENCES, longest=24, shared=True),
            ),
            none="No open finding.",
            absent=absent("Findings", "patch_findings"),
            rows=opened.products,
        ),
        Topic(
            "Missing updates",
            (
                ListColumn("update", "update_id", Cell.REFERENCE, shared=True),
                ListColumn("name", "update_name", shared=True),
                ListColumn("severity", "severity", Cell.SEVERITY, shared=True),
                ListColumn("state", "state", Cell.STATE, shared=True),
                ListColumn("overdue findings", "overdue_findings", Cell.NUMBER),
                ListColumn("open findings", "open_findings", Cell.NUMBER),
                ListColumn("earliest due", "due_at", Cell.DATE, shared=True),
            ),
            none="No update is known to be missing.",
            absent=absent("Missing updates", "missing_updates"),
            rows=opened.updates,
        ),
        Topic(
            "Controls not met",
            (
                ListColumn("control", "configuration_id", shared=True),
                ListColumn("name", "configuration_name", shared=True),
                ListColumn("category", "configuration_category", shared=True),
                ListColumn("impact", "configuration_impact", Cell.NUMBER, digits=1),
                ListColumn("required", "is_required", Cell.YES_NO, shared=True),
            ),
            none="No control is known to be failed.",
            absent=absent("Controls", "policy_compliance"),
            rows=opened.controls,
        ),
        Topic(
            "Users",
            (
                ListColumn("account", "account", shared=True),
                ListColumn("logon", "logon_types", shared=True),
                ListColumn("domain admin", "is_domain_admin", Cell.YES_NO, shared=True),
                ListColumn("last seen", "last_seen", Cell.DATE, shared=True),
            ),
            none="Nobody is known to have logged on.",
            absent=absent("Users", "machine_users")
            if opened.names_users
            else "This report names no users (DEFENDER_REPORT_USERS).",
            rows=opened.users,
        ),
    ]
