"""A single value of a result, as JSON, as text, or as people read it.

Here: types of Python, Arrow and DuckDB that JSON lacks. Not here: whole results (``formats.py``).
"""

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa


def as_json(value: Any) -> bytes:
    """JSON in UTF-8, with times in ISO 8601. Numbers that are not finite become null."""
    return orjson.dumps(value, default=_for_json, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _for_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        # With all its digits: a large sum would change as a float.
        return orjson.Fragment(f"{value:f}") if value.is_finite() else None
    return as_text(value)


def as_text(value: Any) -> str:
    """Times and durations in ISO 8601, bytes in hexadecimal, nested values as JSON."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case bytes():
            return value.hex()
        case datetime():
            text = value.isoformat()
            return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
        case date() | time():
            return value.isoformat()
        case dict() | list():
            return as_json(value).decode()
        case pa.MonthDayNano():
            return _duration(value)
        case _:
            return str(value)


def for_display(value: Any) -> str:
    """Numbers to four digits or two decimals, times to the second, all else as text. Programs take ``as_text``."""
    match value:
        case None:
            return "NULL"
        case float() if math.isfinite(value):
            return str(round(value, 2)) if abs(value) >= 1 else f"{value:.4g}"
        case datetime():
            return as_text(value.replace(microsecond=0))
        case _:
            return as_text(value)


def _duration(interval: pa.MonthDayNano) -> str:
    """``P3DT1H2M3.5S``. DuckDB's intervals count months, days and nanoseconds separately."""
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
