"""CISA's SSVC decisions, from an archive of the Vulnrichment repository.

Here: the format: ``YYYY/NNxxx/CVE-YYYY-NNNN.json``, each a CVE record with CISA's ADP container
(https://github.com/cisagov/vulnrichment). Not here: where the archive comes from, what a decision means.
"""

import re
from collections.abc import Collection, Iterator
from typing import IO, Any

import orjson
import pyarrow as pa

from ..catalog.reference import SSVC
from ..catalog.table import OBSERVED_AT
from .entries import is_cve, parse_iso_time, quoted
from .errors import Unreadable, UnreadableArchive
from .parsed import Parsed
from .unpack import Archive, Member, members

_ROWS = pa.schema([field for field in SSVC.schema if field.name != OBSERVED_AT.name])
_RECORD = re.compile(r"(?:^|/)(CVE-[0-9]{4}-[0-9]{4,19})\.json\Z")
_CISA_ADP = "CISA-ADP"
_DECISIONS = {
    "exploitation": ("Exploitation", ("none", "poc", "active")),
    "automatable": ("Automatable", ("yes", "no")),
    "technical_impact": ("Technical Impact", ("partial", "total")),
}
_BATCH = 20_000
_EXAMPLES = 5


def read_ssvc(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The decisions. With ``cves`` only the records of these CVEs are unpacked and read. Memory grows with the rows and
    not with the archive.

    Rejected CVEs have a record without a decision, so they have no row. A record that cannot be read is left out,
    counted and named. A decision point that a record lacks is null. Raises Unreadable for a broken archive.
    """
    selected = None if cves is None else {cve.upper() for cve in cves}
    archive = Archive()
    reading = _Reading(selected)
    batches = [pa.RecordBatch.from_pylist(rows, schema=_ROWS) for rows in reading.rows(members(file, archive))]
    return Parsed(
        rows=pa.Table.from_batches(batches, schema=_ROWS),
        entries=reading.records,
        dated=archive.dated,
        version=archive.commit,
        unreadable=reading.unreadable,
        examples=tuple(reading.examples),
    )


class _Reading:
    """One pass over an archive, and its counts."""

    def __init__(self, selected: set[str] | None) -> None:
        self._selected = selected
        self._seen: set[str] = set()
        self.records = 0
        self.unreadable = 0
        self.examples: list[str] = []

    def rows(self, files: Iterator[Member]) -> Iterator[list[dict[str, Any]]]:
        """The rows in batches."""
        batch: list[dict[str, Any]] = []
        for member in files:
            match = _RECORD.search(member.name)
            if match is None:
                continue
            cve = match[1]
            self.records += 1
            if self._selected is not None and cve not in self._selected:
                continue
            if cve in self._seen:
                raise Unreadable(f"{cve} is in it twice")
            self._seen.add(cve)
            try:
                row = _row(cve, member.read())
            except UnreadableArchive:
                raise
            except Unreadable as fault:
                self.unreadable += 1
                if len(self.examples) < _EXAMPLES:
                    self.examples.append(f"{cve}: {fault}")
                continue
            if row is not None:
                batch.append(row)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        yield batch


def _row(cve: str, content: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Unreadable("it is not JSON, or ends too early") from None
    cve_id = _member(_member(record, "cveMetadata"), "cveId")
    if not is_cve(cve_id) or cve_id != cve:
        raise Unreadable(f"its record is that of {quoted(cve_id)}")
    decisions = [decision for container in _cisa_containers(record) for decision in _decisions(container)]
    if not decisions:
        return None
    # A record has one decision; if there are two, the later one counts.
    return max((_decided(cve, decision) for decision in decisions), key=lambda row: str(row["decided_at"] or ""))


def _cisa_containers(record: Any) -> Iterator[Any]:
    for container in _items(_member(_member(record, "containers"), "adp")):
        if _member(_member(container, "providerMetadata"), "shortName") == _CISA_ADP:
            yield container


def _decisions(container: Any) -> Iterator[Any]:
    for metric in _items(_member(container, "metrics")):
        other = _member(metric, "other")
        if _member(other, "type") == "ssvc":
            yield _member(other, "content")


def _decided(cve: str, content: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for option in _items(_member(content, "options")):
        if not isinstance(option, dict):
            raise Unreadable(f"{quoted(option)} is no decision")
        chosen |= option
    timestamp, version = _member(content, "timestamp"), _member(content, "version")
    return {
        "cve_id": cve,
        **{column: _choice(chosen.get(name), name, values) for column, (name, values) in _DECISIONS.items()},
        "decided_at": None if timestamp is None else parse_iso_time(timestamp),
        "version": version if isinstance(version, str) else None,
    }


def _choice(value: Any, name: str, values: tuple[str, ...]) -> str | None:
    """One of ``values``. Older records write them with capitals (Yes, PoC, Total)."""
    if value is None:
        return None
    choice = value.strip().lower() if isinstance(value, str) else value
    if choice not in values:
        raise Unreadable(f"{name} is {quoted(value)} and not one of {', '.join(values)}")
    return choice


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
