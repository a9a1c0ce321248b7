"""Which tables the service exports as files, and how often the lists of files may be requested.

Here: what the catalog says about it. Not here: the requests (``probe.py``).
"""

from collections.abc import Iterable

from ...catalog import DATASETS, DERIVED, CursorPages, ExportFiles


def exported_tables() -> dict[str, ExportFiles]:
    """The tables that the service exports as files and that others are computed from, with the endpoint of each list.

    The list says when the assessment was made, even where the rows are read in pages: both come from the same
    snapshot of the service. Tables that nothing is computed from wait for the daily refresh: all lists share an
    allowance of 20 calls an hour, so that watching them too would tell of a new assessment an hour late.
    """
    computed_from = {name for table in DERIVED.values() for name in (*table.inputs, *table.optional_inputs)}
    return {
        name: dataset.fetch.files
        for name, dataset in DATASETS.items()
        if name in computed_from and isinstance(dataset.fetch, CursorPages) and dataset.fetch.files is not None
    }


def change_feeds_of(table: str) -> list[str]:
    """The feeds of changes between the assessments of a table: event tables that are read by cursor and have its
    columns. The service makes them together."""
    return [
        name
        for name, dataset in DATASETS.items()
        if isinstance(dataset.fetch, CursorPages)
        and dataset.fetch.since is not None
        and dataset.columns == DATASETS[table].columns
    ]


def shortest_interval(exports: Iterable[ExportFiles]) -> float:
    """The shortest interval in seconds between two ticks that leaves half of the hourly quota of export lists to the
    refreshes, which ask for the same lists. Each tick asks for each list once."""
    families: dict[str, list[ExportFiles]] = {}
    for export in exports:
        families.setdefault(export.quota.name, []).append(export)
    return max((3_600 * len(members) / (members[0].quota.per_hour / 2) for members in families.values()), default=0)
