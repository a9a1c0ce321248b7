"""What is not kept of a dataset whose answers hold credentials (``Dataset.credentials``).

Here: dropping what the catalog does not declare, and naming it without quoting it. Not here: which members hold
credentials (``catalog/``).

A list of forbidden names would let the next spelling pass, and a password in a text or in a member of another type
too. So it is the other way round: the declared columns are kept, each with a value of its own type, and nothing else.
"""

from collections.abc import Set
from dataclasses import replace

import pyarrow as pa

from ..catalog.column import TEXT
from .decode_counts import DecodeCounts
from .decoded_block import DecodedBlock


def unnamed(counts: DecodeCounts) -> DecodeCounts:
    """The counts with ``*`` in place of each outermost undeclared member: its name may itself be what nobody should
    read."""
    return replace(counts, unknown_members=tuple(_unnamed(member) for member in counts.unknown_members))


def _unnamed(member: str) -> str:
    return member if member.endswith(".*") else "*"


def without_undeclared(block: DecodedBlock, credentials: Set[str]) -> DecodedBlock:
    """The block with nothing in ``extra``.

    Undeclared members are counted without those of ``credentials`` (in lower case), which are expected. Further inside,
    ``scan_authentication_params.*`` stands for any.
    """
    unknown = set()
    for name in block.unknown:
        path, _, member = name.rpartition(".")
        if member.casefold() not in credentials:
            unknown.add(f"{path}.*" if path else name)
    return replace(block, extra=pa.nulls(block.rows, TEXT), unknown=unknown)
