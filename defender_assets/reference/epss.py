"""FIRST's exploit prediction scores, from their daily CSV.

Here: the format: a comment ``#model_version:v2025.03.14,score_date:2026-03-02T12:55:00Z``, a header, a line per CVE
(https://www.first.org/epss/data_stats). Not here: where it comes from.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ..catalog.column import REAL, TEXT, TIME
from .entries import CVE_PATTERN, parse_iso_time, quoted
from .errors import Unreadable
from .parsed import Parsed
from .unpack import decompressed_file

_LARGEST = 256 * 2**20
"""Bytes of the plain text. A third of a million lines are 10 MB."""
_COLUMNS = ("cve", "epss", "percentile")
_NUMBER = r"^[0-9]*\.?[0-9]+([eE][-+]?[0-9]{1,3})?$"
"""Small scores are written as 5e-05. ``nan`` and ``inf`` parse as floats and are no scores."""


def read_epss(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The scores. Raises Unreadable, which names the first bad line. The file is generated, so one bad line means that
    all of it is broken."""
    data = decompressed_file(file, _LARGEST).removeprefix(b"\xef\xbb\xbf")
    first, _, rest = data.partition(b"\n")
    model, scored_at = _comment(first)
    table = _lines(rest)
    cve, score, percentile = (table.column(name).combine_chunks() for name in _COLUMNS)
    _refuse_unless(pc.match_substring_regex(cve, CVE_PATTERN), cve, cve, "is no CVE id")
    numbers = {}
    for name, texts in (("epss", score), ("percentile", percentile)):
        fault = f"as {name} is no number between 0 and 1"
        _refuse_unless(pc.match_substring_regex(texts, _NUMBER), cve, texts, fault)
        numbers[name] = pc.cast(texts, REAL)
        _refuse_unless(pc.less_equal(numbers[name], 1.0), cve, texts, fault)
    if pc.count_distinct(cve).as_py() != len(cve):
        counts = pc.value_counts(cve)
        repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        raise Unreadable(f"{repeated[0].as_py()} is listed twice")
    day = datetime(scored_at.year, scored_at.month, scored_at.day, tzinfo=UTC)
    rows = pa.table(
        {
            "cve_id": cve,
            "epss": numbers["epss"],
            "percentile": numbers["percentile"],
            "model_version": pa.repeat(pa.scalar(model, TEXT), len(cve)),
            "score_date": pa.repeat(pa.scalar(day, TIME), len(cve)),
        }
    )
    return Parsed(rows=rows, entries=len(cve), dated=scored_at, version=model)


def _comment(line: bytes) -> tuple[str, datetime]:
    """Model version and score date from the first line."""
    text = line.decode("utf-8", "replace").strip()
    if text.startswith("<"):
        raise Unreadable("it is a web page and not CSV")
    members = dict(piece.split(":", 1) for piece in text.lstrip("#").split(",") if ":" in piece)
    if not text.startswith("#") or not members.get("model_version") or "score_date" not in members:
        raise Unreadable("its first line does not say model_version and score_date")
    try:
        return members["model_version"], parse_iso_time(members["score_date"])
    except Unreadable as fault:
        raise Unreadable(f"score_date: {fault}") from None


def _lines(data: bytes) -> pa.Table:
    if not data.isascii():
        raise Unreadable("it is not the CSV that FIRST publishes, which is plain ASCII")
    header = data.partition(b"\n")[0].decode("utf-8", "replace").strip().split(",")
    if missing := [name for name in _COLUMNS if header.count(name) != 1]:
        raise Unreadable(f"its header does not name {', '.join(missing)}")
    ragged: list[str] = []

    def refuse(row: pacsv.InvalidRow) -> str:
        ragged.append(
            f"the line {quoted(row.text)} has {row.actual_columns} columns in place of {row.expected_columns}"
        )
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            parse_options=pacsv.ParseOptions(invalid_row_handler=refuse),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(_COLUMNS), column_types=dict.fromkeys(_COLUMNS, TEXT), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        raise Unreadable("it is not the CSV that FIRST publishes") from None
    if ragged:
        raise Unreadable(ragged[0])
    return table


def _refuse_unless(good: pa.Array, cve: pa.Array, texts: pa.Array, fault: str) -> None:
    bad = pc.invert(good)
    count = pc.sum(bad).as_py() or 0
    if not count:
        return
    row = pc.index(bad, True).as_py()
    whose = "" if texts is cve else f"{quoted(cve[row].as_py())}: "
    more = f" (and so are {count - 1} more)" if count > 1 else ""
    raise Unreadable(f"{whose}{quoted(texts[row].as_py())} {fault}{more}")
