"""What a policy may say: every setting with its type, its limits and its meaning.

Here: the schema. Not here: reading files (``read.py``), the tables that SQL joins (``tables.py``), or any number:
those are in the policy files (``compliance/policies/``), with their sources.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]
DayCount = Annotated[int, Field(ge=0, le=36_500, strict=True)]
Percent = Annotated[float, Field(ge=0, le=100)]
ClockStart = Literal["first_seen", "published", "patch_available", "kev_added"]
CLOCKS: tuple[ClockStart, ...] = get_args(ClockStart)


def _one_or_many(value: Any) -> Any:
    """``x`` is short for ``[x]``."""
    return value if isinstance(value, list | tuple) else [value]


Many = Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)]


class Strict(BaseModel):
    """A section of the policy: unknown settings are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(Strict):
    """How long something may stay open. Both null: the policy sets no due date."""

    hours: int | None = None
    months: int | None = None


_TERM = re.compile(r"(\d{1,5}) (hour|day|week|month)s?")
_HOURS = {"hour": 1, "day": 24, "week": 168}


def _term(value: Any) -> Any:
    if isinstance(value, Term):
        return value
    if value in (None, "none", "on_upgrade"):
        return Term()
    words = f"{value} days" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    if not (match := _TERM.fullmatch(words)):
        raise ValueError("must be a number of days, 'N hours', 'N days', 'N weeks', 'N months', or none")
    count, unit = int(match[1]), match[2]
    return Term(hours=0, months=count) if unit == "month" else Term(hours=count * _HOURS[unit], months=0)


def _clocks(value: Any) -> Any:
    """``first_seen`` is short for ``{earliest_of: [first_seen]}``."""
    sources = value.get("earliest_of") if isinstance(value, dict) and set(value) == {"earliest_of"} else [value]
    if not isinstance(sources, list | tuple) or not sources or any(source not in CLOCKS for source in sources):
        raise ValueError(f"must be one of {', '.join(CLOCKS)}, or earliest_of with a list of these")
    return tuple(sources)


class When(Strict):
    """Conditions of a rule; one that is left out always holds. ``unrated`` is a finding without a severity."""

    severity: Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)] | None = None
    in_kev: bool | None = None
    exposed: bool | None = None
    automatable: bool | None = None
    technical_impact: Literal["partial", "total"] | None = None
    exploited: bool | None = None
    cvss_at_least: Annotated[float, Field(ge=0, le=10)] | None = None
    category: Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)] | None = None


class Rule(Strict):
    """A row of the decision table. The first one whose conditions hold sets the time."""

    name: Text
    when: When = When()
    due: Annotated[Term, BeforeValidator(_term)]


class Kev(Strict):
    """How the due date of a known exploited vulnerability differs."""

    rule: Literal["earlier_due_date", "days", "ignore"]
    days: DayCount | None = None


def _kev(value: Any) -> Any:
    if isinstance(value, Kev):
        return value
    if value in ("earlier_due_date", "ignore"):
        return Kev(rule=value)
    if isinstance(value, dict) and set(value) == {"days"} and isinstance(value["days"], int):
        return Kev(rule="days", days=value["days"])
    raise ValueError("must be earlier_due_date, ignore, or {days: N} (counted from the day of the catalogue)")


class Unknown(Strict):
    """The values that are assumed for unknown inputs. Rows that were decided on an assumption are labelled.

    ``in_kev`` null: without the catalogue, a finding that it could make overdue is not decided.
    """

    in_kev: bool | None
    exposed: bool
    automatable: bool
    technical_impact: Literal["partial", "total"]


class Patch(Strict):
    """When a finding is due. Either ``severity_days`` or ``rules``."""

    clock_start: Annotated[tuple[ClockStart, ...], BeforeValidator(_clocks)]
    severity_days: dict[Text, DayCount] | None = None
    rules: tuple[Rule, ...] | None = None
    kev: Annotated[Kev, BeforeValidator(_kev)]
    kev_grace_days: DayCount | None
    published_grace_days: DayCount | None
    exceptions: Literal["honour", "report", "ignore"]
    unrated: Literal["unknown", "ignore"]
    no_fix: Literal["do_not_count", "count"]
    due_soon_days: DayCount
    unknown: Unknown

    @model_validator(mode="after")
    def _one_way_to_decide(self) -> "Patch":
        if (self.severity_days is None) == (self.rules is None):
            raise ValueError("needs either severity_days or rules")
        names = [rule.name for rule in self.rules or ()]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two rules are called {', '.join(sorted(twice))}")
        thresholds = {rule.when.cvss_at_least for rule in self.rules or ()} - {None}
        if len(thresholds) > 1:
            raise ValueError("cvss_at_least must be the same number in all rules")
        return self

    @property
    def decision_table(self) -> tuple[Rule, ...]:
        """The rules, whichever way they were written."""
        if self.rules is not None:
            return self.rules
        return tuple(
            Rule(name=f"severity {level.lower()}", when=When(severity=(level,)), due=_term(days))
            for level, days in (self.severity_days or {}).items()
        )


class DeviceMatch(Strict):
    """Which devices: any that has one of the tags, is in one of the groups, and so on."""

    tags: Many = ()
    groups: Many = ()
    devices: Many = ()
    platforms: Many = ()

    @model_validator(mode="after")
    def _says_something(self) -> "DeviceMatch":
        if not (self.tags or self.groups or self.devices or self.platforms):
            raise ValueError("needs tags, groups, devices or platforms")
        return self


class Scope(Strict):
    """Devices with patch rules of their own; what is left out is as for all others. The first that matches counts."""

    name: Text
    match: DeviceMatch
    patch: Patch


class ProductMatch(Strict):
    """A product by name, and by vendor and version if they are given; case does not matter."""

    name: Text
    vendor: Text | None = None
    version: Text | None = None


def _date(value: Any) -> Any:
    if not isinstance(value, date):
        raise ValueError("must be a date, YYYY-MM-DD (the exemption holds until the end of that day, UTC)")
    return value


class Exemption(Strict):
    """Findings that do not count until a day: those for which everything that is named holds."""

    id: Text
    reason: Text
    owner: Text | None = None
    approved_by: Text
    expires: Annotated[date, BeforeValidator(_date)]
    devices: Many = ()
    tags: Many = ()
    groups: Many = ()
    cves: Many = ()
    products: Annotated[tuple[ProductMatch, ...], BeforeValidator(_one_or_many)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "Exemption":
        if not (self.devices or self.tags or self.groups or self.cves or self.products):
            raise ValueError("needs devices, tags, groups, cves or products: it may not cover everything")
        return self


class PopulationLimits(Strict):
    """Who is judged."""

    inactive_after_days: DayCount
    duplicate_after_days: DayCount


class Exposure(Strict):
    """Which devices the internet reaches. A device with none of the tags is unknown."""

    exposed_tags: Many
    internal_tags: Many


class Category(Strict):
    """Puts products into a category. ``*`` at the end of a name matches anything."""

    category: Text
    names: Many
    vendor: Text | None = None


class AgentLimits(Strict):
    """When a Defender agent is supported, and what makes a device noncompliant."""

    windows_max_releases_behind: Annotated[int, Field(ge=0)]
    macos_expires_after_months: Annotated[int, Field(ge=1)]
    linux_expires_after_months: Annotated[int, Field(ge=1)]
    newest_release_min_share_pct: Percent
    releases_max_days: DayCount
    antivirus_unknown: Literal["unknown", "ignore", "noncompliant"]
    noncompliant_when: Annotated[
        tuple[
            Literal[
                "agent_unsupported",
                "agent_behind",
                "engine_out_of_date",
                "platform_out_of_date",
                "intelligence_out_of_date",
                "intelligence_behind",
                "sensor_impaired",
                "sensor_inactive",
            ],
            ...,
        ],
        BeforeValidator(_one_or_many),
    ]


class AntivirusLimits(Strict):
    """When engine, platform and security intelligence are up to date."""

    refresh_max_days: DayCount
    intelligence_max_days: DayCount
    intelligence_max_behind: DayCount | None
    release_grace_days: DayCount


class UnsupportedSoftware(Strict):
    """What software past its end of support means for a device."""

    unsupported: Literal["ignore", "report", "noncompliant"]
    ends_soon_days: DayCount


class CoverageLimits(Strict):
    """When a device that is onboarded is not protected as it should be."""

    not_seen_days: DayCount


class PolicyRelease(Strict):
    """A release of the policy's own catalogue."""

    component: Literal["agent_windows", "agent_macos", "agent_linux", "av_engine", "av_platform"]
    release: Annotated[str, BeforeValidator(str), Field(pattern=r"^\d+$")]
    released: Annotated[date, BeforeValidator(_date)]
    version: Text | None = None
    source: Text | None = None


class Controls(Strict):
    """Which configuration a device has to have."""

    minimum_score: Annotated[float, Field(ge=0, le=1)] | None
    required: Many


class Remediation(Strict):
    """What remediation times look at."""

    window_days: Annotated[int, Field(ge=1, le=365)]
    pairing_hours: Annotated[int, Field(ge=0, le=240)]
    silent_days: DayCount


class Checks(Strict):
    """When a result deserves a warning."""

    disagreement_max_pct: Percent
    exemptions_expire_days: DayCount
    freshness_hours: dict[Text, Annotated[int, Field(ge=1)]]


def _exploited(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(level.lower() for level in value)


class Document(Strict):
    """A whole policy."""

    name: Text
    title: Text
    status: Literal["current", "legacy"]
    sources: Many
    extends: Text | None = None
    population: PopulationLimits
    patch: Patch
    exploited_levels: Annotated[Many, AfterValidator(_exploited)]
    exposure: Exposure
    categories: tuple[Category, ...]
    scopes: tuple[Scope, ...]
    exemptions: tuple[Exemption, ...]
    agent: AgentLimits
    antivirus: AntivirusLimits
    software: UnsupportedSoftware
    coverage: CoverageLimits
    releases: tuple[PolicyRelease, ...]
    controls: Controls
    remediation: Remediation
    checks: Checks

    @model_validator(mode="after")
    def _names_once(self) -> "Document":
        for what, names in (
            ("scopes are called", [scope.name for scope in self.scopes]),
            ("exemptions have the id", [exemption.id for exemption in self.exemptions]),
        ):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"two {what} {', '.join(sorted(twice))}")
        thresholds = {
            rule.when.cvss_at_least
            for patch in (self.patch, *(scope.patch for scope in self.scopes))
            for rule in patch.decision_table
        } - {None}
        if len(thresholds) > 1:
            raise ValueError("cvss_at_least must be the same number in all rules, those of scopes included")
        return self
