"""What a policy may say: every setting with its type and its limits.

Here: the model. Not here: what kinds of values there are (``values.py``), what no single setting can tell
(``contradictions.py``), reading files (``read.py``), the tables that SQL joins (``tables.py``), or any number: those
are in the policy files (``compliance/policies/``), with their sources.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from .values import (
    Clocks,
    DayCount,
    Due,
    EndDate,
    FetchedTable,
    Flag,
    KevRule,
    LevelDays,
    Many,
    ManyAgentReasons,
    ManyControls,
    ManyCves,
    ManyExploitLevels,
    ManyLevels,
    ManyPlatforms,
    Percent,
    RatedLevel,
    ReleaseNumber,
    Strict,
    Text,
    as_term,
    one_or_many,
)


class When(Strict):
    """Conditions of a rule; one that is left out always holds. ``unrated`` is a finding without a severity."""

    severity: ManyLevels | None = None
    in_kev: Flag | None = None
    exposed: Flag | None = None
    automatable: Flag | None = None
    technical_impact: Literal["partial", "total"] | None = None
    exploited: Flag | None = None
    cvss_at_least: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    category: Many | None = None


class Rule(Strict):
    """A row of the decision table. The first one whose conditions hold sets the time."""

    name: Text
    when: When = When()
    due: Due


class Unknown(Strict):
    """The values that are assumed for unknown inputs. Rows that were decided on an assumption are labelled.

    ``in_kev`` null: without the catalogue, a finding that it could make overdue is not decided.
    """

    in_kev: Flag | None
    exposed: Flag
    automatable: Flag
    technical_impact: Literal["partial", "total"]


class Patch(Strict):
    """When a finding is due. Either ``severity_days`` or ``rules``."""

    clock_start: Clocks
    severity_days: dict[RatedLevel, LevelDays] | None = None
    rules: tuple[Rule, ...] | None = None
    kev: KevRule
    kev_grace_days: DayCount | None
    published_grace_days: DayCount | None
    exceptions: Literal["honour", "report", "ignore"]
    unrated: Literal["unknown", "ignore"]
    no_fix: Literal["do_not_count", "count"]
    due_soon_days: DayCount
    unknown: Unknown

    @model_validator(mode="after")
    def _one_way_to_decide(self) -> "Patch":
        # That it has both is told with the line of the second (contradictions.py).
        if self.severity_days is None and self.rules is None:
            raise ValueError("needs either severity_days or rules")
        return self

    @property
    def decision_table(self) -> tuple[Rule, ...]:
        """The rules, whichever way they were written."""
        if self.rules is not None:
            return self.rules
        return tuple(
            Rule(name=f"severity {level}", when=When(severity=(level,)), due=as_term(days))
            for level, days in (self.severity_days or {}).items()
        )


class DeviceMatch(Strict):
    """Which devices: any that has one of the tags, is in one of the groups, and so on."""

    tags: Many = ()
    groups: Many = ()
    devices: Many = ()
    platforms: ManyPlatforms = ()

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


class Exemption(Strict):
    """Findings that do not count until a day: those for which everything that is named holds."""

    id: Text
    reason: Text
    owner: Text | None = None
    approved_by: Text
    expires: EndDate
    devices: Many = ()
    tags: Many = ()
    groups: Many = ()
    cves: ManyCves = ()
    products: Annotated[
        tuple[ProductMatch, ...],
        BeforeValidator(one_or_many, json_schema_input_type=ProductMatch | list[ProductMatch]),
    ] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "Exemption":
        if not (self.devices or self.tags or self.groups or self.cves or self.products):
            raise ValueError("needs devices, tags, groups, cves or products: it may not cover everything")
        return self


class PopulationLimits(Strict):
    """Who is judged."""

    inactive_after_days: DayCount
    duplicate_after_days: DayCount
    shared_names: Many


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

    windows_max_releases_behind: Annotated[int, Field(ge=0, le=10_000)]
    macos_expires_after_months: Annotated[int, Field(ge=1, le=1_200)]
    linux_expires_after_months: Annotated[int, Field(ge=1, le=1_200)]
    newest_release_min_share_pct: Percent
    releases_max_days: DayCount
    antivirus_unknown: Literal["unknown", "ignore", "noncompliant"]
    noncompliant_when: ManyAgentReasons


class AntivirusLimits(Strict):
    """When engine, platform and security intelligence are up to date."""

    refresh_max_days: DayCount
    intelligence_max_days: DayCount
    intelligence_max_behind: DayCount | None
    release_grace_days: DayCount


class SupportLimits(Strict):
    """What software past its end of support means for a device."""

    unsupported: Literal["ignore", "report", "noncompliant"]
    ends_soon_days: DayCount


class CoverageLimits(Strict):
    """When a device that is onboarded is not protected as it should be."""

    not_seen_days: DayCount


class PolicyRelease(Strict):
    """A release of the policy's own catalogue."""

    component: Literal["agent_windows", "agent_macos", "agent_linux", "av_engine", "av_platform"]
    release: ReleaseNumber
    released: EndDate
    version: Text | None = None
    source: Text | None = None


class Controls(Strict):
    """Which configuration a device has to have."""

    minimum_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None
    required: ManyControls


class Remediation(Strict):
    """What remediation times look at."""

    window_days: Annotated[int, Field(ge=1, le=365)]
    pairing_hours: Annotated[int, Field(ge=0, le=240)]
    silent_days: DayCount


class Checks(Strict):
    """When a result deserves a warning."""

    disagreement_max_pct: Percent
    exemptions_expire_days: DayCount
    freshness_hours: dict[FetchedTable, Annotated[int, Field(ge=1, le=1_000_000, strict=True)]]


ABOUT_ITSELF = frozenset({"name", "title", "status", "sources", "extends"})
"""The settings of a document that say what it is, and decide nothing."""


class Document(Strict):
    """A whole policy."""

    name: Text
    title: Text
    status: Literal["current", "legacy"]
    sources: Many
    extends: Text | None = None
    population: PopulationLimits
    patch: Patch
    exploited_levels: ManyExploitLevels
    kev_max_days: DayCount
    exposure: Exposure
    categories: tuple[Category, ...]
    scopes: tuple[Scope, ...]
    exemptions: tuple[Exemption, ...]
    agent: AgentLimits
    antivirus: AntivirusLimits
    software: SupportLimits
    coverage: CoverageLimits
    releases: tuple[PolicyRelease, ...]
    controls: Controls
    remediation: Remediation
    checks: Checks
