"""What the values of settings may look like.

Here: the types of values, each with its check. Not here: which settings there are, and the sentences about a value that
is refused (``variables.py``). No error has the value in it.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from ..spelling import did_you_mean
from .names import listed_names


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: the name of a folder of zones, such as "Europe".
        # There are hundreds, and something is always a bit like it.
        remedy = did_you_mean(name, available_timezones(), alike=0.8) or "give an IANA name, such as Europe/Berlin"
        raise PydanticCustomError("time_zone", "no such time zone", {"remedy": remedy}) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


def _memory_size(text: str) -> str:
    if not re.fullmatch(r"\s*(\d*\.)?\d*[1-9]\d*(\.\d+)?\s*[KMGT]i?B\s*", text, re.IGNORECASE):
        raise PydanticCustomError("memory_size", "no amount of memory")
    return text.strip()


MemorySize = Annotated[str, AfterValidator(_memory_size)]


def _with_names(text: str) -> str:
    try:
        names = listed_names(text)
    except ValueError as error:
        raise PydanticCustomError("unclosed_quote", "an opening quote without a closing one") from error
    if not names:
        raise ValueError("no name")
    return text


NameList = Annotated[str, AfterValidator(_with_names)]


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _switch_or_auto(value: object) -> object:
    word = _lower(value)
    if isinstance(word, bool) or word in _TRUE + _FALSE:
        return "true" if word in (True, *_TRUE) else "false"
    return word


_TRUE, _FALSE = ("1", "on", "t", "true", "y", "yes"), ("0", "off", "f", "false", "n", "no")
"""How pydantic lets one say so."""

SwitchOrAuto = Annotated[Literal["auto", "true", "false"], BeforeValidator(_switch_or_auto)]

SeverityLevel = Annotated[Literal["low", "medium", "high", "critical"], BeforeValidator(_lower)]


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        well_formed = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError("no web address")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _file_of_metrics(path: Path) -> Path:
    if path.suffix != ".prom":
        raise PydanticCustomError("metrics_file", "no file that is collected")
    return path


MetricsFile = Annotated[Path, AfterValidator(_file_of_metrics)]
