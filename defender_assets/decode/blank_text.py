"""Blank texts, which the service sends where it means "no value".

Here: the rule for one text and over whole arrays. The service sends "" for "no value" in dozens of members, and
``[""]`` for "no tags". Words such as "None", "-", "null" and "Unassigned" are values. Nothing is trimmed: names
with a trailing NUL or blank were recorded. Not here: times (``times.py``).
"""

import pyarrow as pa
import pyarrow.compute as pc


def is_blank(text: str) -> bool:
    """Whether a text is empty or white space only."""
    return not text or text.isspace()


def blank_to_null(texts: pa.Array) -> pa.Array:
    """The same texts with null for the blank ones; the very same array when there are none."""
    blank = _blank(texts)
    if not pc.any(blank).as_py():
        return texts
    return pc.if_else(blank, pa.scalar(None, texts.type), texts)


def drop_blank_items(lists: pa.ListArray) -> pa.ListArray:
    """The same lists of text without their blank and null items; a list that is null stays null, [] stays []."""
    items = lists.flatten()
    kept = pc.fill_null(pc.invert(_blank(items)), False)
    if pc.all(kept).as_py() is not False:
        return lists
    kept_before = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(kept.cast(pa.int32()))])
    return pa.ListArray.from_arrays(
        kept_before.take(lists.offsets), items.filter(kept), type=lists.type, mask=lists.is_null()
    )


def _blank(texts: pa.Array) -> pa.Array:
    # utf8_is_space agrees with str.isspace on every code point, and is false for the empty text.
    return pc.or_(pc.equal(pc.binary_length(texts), 0), pc.utf8_is_space(texts))
