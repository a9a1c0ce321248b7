"""The newest snapshot of a reference table up to a day: the rows of each feed, and where they were from.

Here: finding and reading it. Not here: when its rows are kept (``reading.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from ...catalog import Table
from ...lake import Lake, NoSnapshot, UnreadableSnapshot
from ...reference import Feed, Provenance


@dataclass(frozen=True)
class Former:
    """A former snapshot. Its rows are read only if they are needed. ``provenances``: by the feed's name."""

    lake: Lake
    table: Table
    day: date
    provenances: Mapping[str, Provenance]

    @property
    def is_of_several(self) -> bool:
        """Whether its rows say which feed told them."""
        return "feed" in self.table.schema.names

    def rows_of(self, feed: Feed) -> pa.Table:
        """The feed's rows, in today's schema: columns added since are null."""
        rows = self.lake.read(self.table.name, self.day)
        schema = self.table.schema
        columns = [
            rows.column(field.name).cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(len(rows), field.type)
            for field in schema
        ]
        conformed = pa.Table.from_arrays(columns, schema=schema)
        if not self.is_of_several:
            return conformed
        if _written_before_there_were_several(rows.schema):
            provenance = self.provenances[feed.name]
            known = {"feed": feed.name, "listed_at": provenance.dated or provenance.fetched_at}
            for name, value in known.items():
                field = schema.field(name)
                filled = pa.repeat(pa.scalar(value, field.type), len(rows))
                conformed = conformed.set_column(schema.get_field_index(name), field, filled)
        return conformed.filter(pc.field("feed") == feed.name)


def former_snapshot(table: Table, feeds: Sequence[Feed], lake: Lake, day: date) -> Former | None:
    """The newest one that can be read and whose metadata says where its rows are from."""
    for former_day in reversed(lake.dates(table.name, last=day)):
        try:
            metadata = lake.metadata(table.name, former_day)
        except (NoSnapshot, UnreadableSnapshot):
            continue
        several = len(feeds) > 1 and "feeds" in metadata
        # A table that has several feeds since had the one whose file ships with the package.
        of_day = feeds if several or len(feeds) == 1 else [feed for feed in feeds if feed.shipped]
        found = {feed.name: Provenance.read(metadata, feed.name if several else None) for feed in of_day}
        provenances = {name: provenance for name, provenance in found.items() if provenance is not None}
        if provenances:
            return Former(lake, table, former_day, provenances)
    return None


def _written_before_there_were_several(schema: pa.Schema) -> bool:
    return "feed" not in schema.names
