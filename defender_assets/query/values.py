"""A single value of an answer, as JSON or as text.

Here: what Python, Arrow and DuckDB have and JSON has no word for. Not here: whole answers.
"""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa


def as_json(value: Any) -> bytes:
    """JSON, times in ISO 8601. Numbers that are not finite are null."""
    return orjson.dumps(value, default=_for_json, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _for_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        # Digit by digit: as a float, a sum of many rows would change.
        return orjson.Fragment(f"{value:f}") if value.is_finite() else None
    return as_text(value)


def as_text(value: Any) -> str:
    """One value by itself: times and durations in ISO 8601, bytes in hexadecimal, nested values as JSON."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case bytes():
            return value.hex()
        case datetime():
            said = value.isoformat()
            return said.removesuffix("+00:00") + "Z" if said.endswith("+00:00") else said
        case date() | time():
            return value.isoformat()
        case dict() | list():
            return as_json(value).decode()
        case pa.MonthDayNano():
            return _duration(value)
        case _:
            return str(value)


def _duration(interval: Any) -> str:
    """``P3DT1H2M3.5S``. DuckDB keeps the months, the days and the rest of an interval apart."""
    seconds, nanoseconds = divmod(abs(interval.nanoseconds), 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{nanoseconds:09}".rstrip("0").rstrip(".")
    sign = "-" if interval.nanoseconds < 0 else ""
    days = "".join(f"{number}{letter}" for number, letter in ((interval.months, "M"), (interval.days, "D")) if number)
    clock = "".join(f"{sign}{number}{letter}" for number, letter in ((hours, "H"), (minutes, "M")) if number)
    if seconds or fraction or not (days or clock):
        clock += f"{sign}{seconds}{fraction}S"
    return f"P{days}" + (f"T{clock}" if clock else "")
