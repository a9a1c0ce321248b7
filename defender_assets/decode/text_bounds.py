"""The longest text that a cell may hold.

Here: finding a longer one in decoded columns. Not here: the refusal (``decoder.py``).
"""

import pyarrow as pa
import pyarrow.compute as pc

LONGEST_CELL = 16 * 1024 * 1024
"""Bytes. The longest text recorded of the service has 2,295 characters, the longest list of evidence some kilobytes."""


def column_with_too_long_text(array: pa.Array, path: str) -> str | None:
    """The column that holds a longer text, in this array or inside it (dotted); None if there is none."""
    if array.nbytes <= LONGEST_CELL:
        return None
    if pa.types.is_list(array.type):
        return column_with_too_long_text(array.flatten(), path)
    if pa.types.is_struct(array.type):
        inner = zip(array.type.names, array.flatten(), strict=True)
        found = (column_with_too_long_text(member, f"{path}.{name}") for name, member in inner)
        return next((name for name in found if name), None)
    if pa.types.is_string(array.type) and (pc.max(pc.binary_length(array)).as_py() or 0) > LONGEST_CELL:
        return path
    return None
