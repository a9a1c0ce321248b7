"""Times as the service writes them, read into UTC microseconds.

Here: one rule for every time member, for one text and for whole arrays. Seen in recorded responses: ``T`` or a blank
between date and time, 0 to 7 digits of a second, ``Z``, an offset, `` Z`` or no zone at all (read as UTC), dates alone,
and ``0001-01-01T00:00:00Z`` for "none". No Arrow type reads them all: microseconds refuse the seventh digit and
nanoseconds the year 1. Not here: which members are times (``catalog/``).
"""

import re
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ..catalog.column import TIME
from .blank_text import blank_to_null, is_blank

_FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?)?)?"
    r" ?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_YEAR_1 = (datetime(1, 1, 1) - _EPOCH) // _MICROSECOND
_YEAR_2 = (datetime(2, 1, 1) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max - _EPOCH) // _MICROSECOND
_DIGITS_END = len("2021-01-01T10:00:00.123456")


def microseconds_utc(text: str) -> int | None:
    """Microseconds since 1970 in UTC, further digits cut off; None for a blank text and for any time in the year 1.

    Raises ValueError (without the text) where it is no time.
    """
    if is_blank(text):
        return None
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second, digits, sign, offset_hours, offset_minutes = form.groups()
    try:
        local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        raise ValueError("not a time") from None
    if local.year == 1:
        return None
    microseconds = (local - _EPOCH) // _MICROSECOND + int((digits or "")[:6].ljust(6, "0"))
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes or 0) > 59:
            raise ValueError("not a time")
        offset = (int(offset_hours) * 60 + int(offset_minutes or 0)) * 60_000_000
        microseconds += offset if sign == "-" else -offset
    if microseconds > _LAST:
        raise ValueError("a time beyond the year 9999")
    return microseconds


def parse_times(texts: pa.Array) -> tuple[pa.Array, list[int]]:
    """``microseconds_utc`` over an array of texts: timestamps[us, UTC], and the positions of those that
    are no times."""
    texts = blank_to_null(texts)
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), TIME), []
    times = _parse_common_form(texts)
    return (times, []) if times is not None else _parse_any_form(texts)


def _parse_common_form(texts: pa.Array) -> pa.Array | None:
    """All texts at once by Arrow's own cast, which knows no offsets and at most six digits; None if it refuses one."""
    zoneless = pc.ascii_rtrim(texts, "Z")
    lengths = pc.binary_length(zoneless)
    if pc.max(pc.subtract(pc.binary_length(texts), lengths)).as_py() > 1:
        return None
    try:
        longest = pc.max(lengths).as_py()
        if longest > _DIGITS_END:
            # Only digits may be cut off: after the seventh there could be an offset.
            octets = zoneless.cast(pa.binary())
            # Without an end, Arrow refuses every array of more than one text (seen with 26.0).
            tails = pc.binary_slice(octets, _DIGITS_END, longest).cast(pa.string())
            if not pc.all(pc.or_(pc.less_equal(lengths, _DIGITS_END), pc.ascii_is_decimal(tails))).as_py():
                return None
            zoneless = pc.binary_slice(octets, 0, _DIGITS_END).cast(pa.string())
        times = zoneless.cast(pa.timestamp("us")).view(TIME)
    except pa.ArrowInvalid:
        return None
    microseconds = times.view(pa.int64())
    earliest = pc.min(microseconds).as_py()
    if earliest < _YEAR_1:
        return None
    if earliest < _YEAR_2:
        times = pc.if_else(pc.less(microseconds, _YEAR_2), pa.scalar(None, TIME), times)
    return times


def _parse_any_form(texts: pa.Array) -> tuple[pa.Array, list[int]]:
    """Every distinct text once through ``microseconds_utc``."""
    encoded = texts.dictionary_encode()
    parsed: list[int | None] = []
    refused: list[bool] = []
    for text in encoded.dictionary.to_pylist():
        try:
            parsed.append(microseconds_utc(text))
            refused.append(False)
        except ValueError:
            parsed.append(None)
            refused.append(True)
    times = pa.array(parsed, pa.int64()).take(encoded.indices).view(TIME)
    unreadable = pc.indices_nonzero(pa.array(refused, pa.bool_()).take(encoded.indices)).to_pylist()
    return times, unreadable
