"""The kinds of values that settings take, with their short forms.

Here: one type per kind, with what a file may say and what becomes of it. Each tells an editor too (``schema.py``). Not
here: which setting takes which (``model.py``).
"""

import re
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from ...catalog import DATASETS, REFERENCE
from ...spelling import did_you_mean

Text = Annotated[str, Field(min_length=1)]
DayCount = Annotated[int, Field(ge=0, le=36_500, strict=True)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Flag = Annotated[bool, WithJsonSchema({"enum": [True, False, "yes", "no"]})]
"""Editors that follow YAML 1.2 take ``yes`` for text."""

ClockStart = Literal["first_seen", "published", "patch_available", "kev_added"]
CLOCKS: tuple[ClockStart, ...] = get_args(ClockStart)


class Strict(BaseModel):
    """A section of the policy: unknown settings are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# Names from a closed set ------------------------------------------------------------------------------------------


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def one_or_many(value: Any) -> Any:
    """``x`` is short for ``[x]``."""
    return value if isinstance(value, list | tuple) else [value]


RatedLevel = Annotated[Literal["critical", "high", "medium", "low", "unrated"], BeforeValidator(_folded)]
"""A level of the service, or ``unrated``: a finding that nothing rates."""
PlatformFamily = Annotated[Literal["windows", "macos", "linux", "android", "ios", "other"], BeforeValidator(_folded)]
_EXPLOITS = {level.lower(): level for level in ("ExploitIsPublic", "ExploitIsVerified", "ExploitIsInKit")}


def _exploit(value: Any) -> Any:
    return _EXPLOITS.get(value.lower(), value) if isinstance(value, str) else value


ExploitLevel = Annotated[
    Literal["ExploitIsPublic", "ExploitIsVerified", "ExploitIsInKit"],
    BeforeValidator(_exploit),
    AfterValidator(_folded),
]
"""The service's words for a working exploit; compared in lower case."""

AgentReason = Literal[
    "agent_unsupported",
    "agent_behind",
    "engine_out_of_date",
    "platform_out_of_date",
    "intelligence_out_of_date",
    "intelligence_behind",
    "sensor_impaired",
    "sensor_inactive",
]
"""What can make an agent noncompliant."""

FETCHED_TABLES = (*DATASETS, *REFERENCE)
"""Tables whose age can be limited: those that are fetched."""


def _fetched(value: str) -> str:
    if value not in FETCHED_TABLES:
        hint = did_you_mean(value, FETCHED_TABLES, before="; ")
        raise ValueError(f"there is no such table that is fetched{hint} (allowed here: {', '.join(FETCHED_TABLES)})")
    return value


FetchedTable = Annotated[
    str, AfterValidator(_fetched), WithJsonSchema({"type": "string", "enum": list(FETCHED_TABLES)})
]

# Names of a fixed form --------------------------------------------------------------------------------------------

_CVE = re.compile(r"(CVE|TVM)-\d{4}-\d{4,}", re.IGNORECASE)
_CONTROL = re.compile(r"scid-\d+", re.IGNORECASE)


def _cve(value: str) -> str:
    if not _CVE.fullmatch(value):
        raise ValueError("must be the id of a CVE, CVE-YYYY-NNNN (or Defender's own, TVM-YYYY-NNNN)")
    return value.upper()


def _control(value: str) -> str:
    if not _CONTROL.fullmatch(value):
        raise ValueError("must be the id of a configuration control, scid-N (column configuration_id)")
    return value.lower()


CveId = Annotated[
    str,
    AfterValidator(_cve),
    WithJsonSchema({"type": "string", "pattern": r"^([Cc][Vv][Ee]|[Tt][Vv][Mm])-\d{4}-\d{4,}$"}),
]
ControlId = Annotated[
    str, AfterValidator(_control), WithJsonSchema({"type": "string", "pattern": r"^[Ss][Cc][Ii][Dd]-\d+$"})
]

Many = Annotated[tuple[Text, ...], BeforeValidator(one_or_many, json_schema_input_type=Text | list[Text])]
ManyCves = Annotated[tuple[CveId, ...], BeforeValidator(one_or_many, json_schema_input_type=CveId | list[CveId])]
ManyControls = Annotated[
    tuple[ControlId, ...], BeforeValidator(one_or_many, json_schema_input_type=ControlId | list[ControlId])
]
ManyLevels = Annotated[
    tuple[RatedLevel, ...],
    BeforeValidator(one_or_many, json_schema_input_type=RatedLevel | list[RatedLevel]),
]
ManyPlatforms = Annotated[
    tuple[PlatformFamily, ...],
    BeforeValidator(one_or_many, json_schema_input_type=PlatformFamily | list[PlatformFamily]),
]
ManyExploitLevels = Annotated[
    tuple[ExploitLevel, ...], BeforeValidator(one_or_many, json_schema_input_type=ExploitLevel | list[ExploitLevel])
]
ManyAgentReasons = Annotated[
    tuple[AgentReason, ...], BeforeValidator(one_or_many, json_schema_input_type=AgentReason | list[AgentReason])
]

# Times ------------------------------------------------------------------------------------------------------------


class Term(Strict):
    """How long something may stay open. Both null: the policy sets no due date."""

    hours: int | None = None
    months: int | None = None


_TERM = re.compile(r"(\d{1,5}) (hour|day|week|month)s?")
_HOURS = {"hour": 1, "day": 24, "week": 168}


def as_term(value: Any) -> Any:
    """A Term from its words."""
    if isinstance(value, Term):
        return value
    if value in (None, "none", "on_upgrade"):
        return Term()
    words = f"{value} days" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    if not (match := _TERM.fullmatch(words)):
        raise ValueError("must be a number of days, 'N hours', 'N days', 'N weeks', 'N months', or none")
    count, unit = int(match[1]), match[2]
    return Term(hours=0, months=count) if unit == "month" else Term(hours=count * _HOURS[unit], months=0)


Due = Annotated[
    Term,
    BeforeValidator(
        as_term,
        json_schema_input_type=Annotated[int, Field(ge=0, le=99_999)]
        | Annotated[str, Field(pattern=r"^(\d{1,5} (hour|day|week|month)s?|none|on_upgrade)$")]
        | None,
    ),
]


def _no_days(value: Any) -> Any:
    return None if value == "none" else value


LevelDays = Annotated[
    DayCount | None, BeforeValidator(_no_days, json_schema_input_type=DayCount | Literal["none"] | None)
]
"""Days, or none: findings of the level have no due date."""


class EarliestOf(Strict):
    """Several dates, of which the earliest counts."""

    earliest_of: Annotated[tuple[ClockStart, ...], Field(min_length=1)]


def _clocks(value: Any) -> Any:
    """``first_seen`` is short for ``{earliest_of: [first_seen]}``."""
    try:
        return EarliestOf.model_validate(value if isinstance(value, dict) else {"earliest_of": [value]}).earliest_of
    except ValidationError:
        raise ValueError(f"must be one of {', '.join(CLOCKS)}, or earliest_of with a list of these") from None


Clocks = Annotated[tuple[ClockStart, ...], BeforeValidator(_clocks, json_schema_input_type=ClockStart | EarliestOf)]


class Kev(Strict):
    """How the due date of a known exploited vulnerability differs."""

    rule: Literal["earlier_due_date", "days", "ignore"]
    days: DayCount | None = None


class KevDays(Strict):
    """So many days from the day of the catalogue."""

    days: DayCount


def _kev(value: Any) -> Any:
    if isinstance(value, Kev):
        return value
    if value in ("earlier_due_date", "ignore"):
        return Kev(rule=value)
    if isinstance(value, dict) and set(value) == {"days"} and type(value["days"]) is int:
        return Kev(rule="days", days=value["days"])
    raise ValueError("must be earlier_due_date, ignore, or {days: N} (counted from the day of the catalogue)")


KevRule = Annotated[Kev, BeforeValidator(_kev, json_schema_input_type=Literal["earlier_due_date", "ignore"] | KevDays)]


def _date(value: Any) -> Any:
    if not isinstance(value, date):
        raise ValueError("must be a date, YYYY-MM-DD (it holds until the end of that day, UTC)")
    return value


EndDate = Annotated[date, BeforeValidator(_date)]
ReleaseNumber = Annotated[
    str,
    BeforeValidator(str, json_schema_input_type=int | Annotated[str, Field(pattern=r"^\d{1,12}$")]),
    Field(pattern=r"^\d{1,12}$"),
]
