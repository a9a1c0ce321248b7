"""A policy as small tables for the SQL to join, so that no number is hidden in code.

Here: one function per table, and the truth table that a decision table is unrolled into. Not here: what a policy may
say (``model.py``).
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from .marks import Location, Mark
from .model import CLOCKS, DeviceMatch, Document, Exemption, Patch, Rule, When

BASE_SCOPE = "all devices"
"""The scope of devices that no scope of the policy names."""

ANY = "any"
"""The severity and the category if a scope's rules do not use them (boolean facts are then false)."""

_TEXT, _WHOLE, _REAL, _FLAG, _TIME = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC")

FACTS: Mapping[str, pa.DataType] = {
    "severity": _TEXT,
    "in_kev": _FLAG,
    "exposed": _FLAG,
    "automatable": _FLAG,
    "total_impact": _FLAG,
    "exploited": _FLAG,
    "high_cvss": _FLAG,
    "category": _TEXT,
}
"""What a decision can depend on."""

SCHEMAS: Mapping[str, pa.Schema] = {
    "policy_settings": pa.schema(
        {
            "policy": _TEXT,
            "policy_digest": _TEXT,
            "inactive_after_days": _WHOLE,
            "duplicate_after_days": _WHOLE,
            "cvss_threshold": _REAL,
            "windows_max_releases_behind": _WHOLE,
            "macos_expires_after_months": _WHOLE,
            "linux_expires_after_months": _WHOLE,
            "newest_release_min_share_pct": _REAL,
            "releases_max_days": _WHOLE,
            "antivirus_unknown": _TEXT,
            "av_refresh_max_days": _WHOLE,
            "av_intelligence_max_days": _WHOLE,
            "av_intelligence_max_behind": _WHOLE,
            "av_release_grace_days": _WHOLE,
            "unsupported_software": _TEXT,
            "support_ends_soon_days": _WHOLE,
            "coverage_not_seen_days": _WHOLE,
            "minimum_score": _REAL,
            "remediation_window_days": _WHOLE,
            "remediation_pairing_hours": _WHOLE,
            "remediation_silent_days": _WHOLE,
        }
    ),
    "policy_rules": pa.schema(
        {
            "scope": _TEXT,
            "position": _WHOLE,
            "clock_first_seen": _FLAG,
            "clock_published": _FLAG,
            "clock_patch_available": _FLAG,
            "clock_kev_added": _FLAG,
            "stand_in": _TEXT,
            "kev_rule": _TEXT,
            "kev_days": _WHOLE,
            "kev_grace_days": _WHOLE,
            "published_grace_days": _WHOLE,
            "exceptions": _TEXT,
            "unrated": _TEXT,
            "no_fix_counts": _FLAG,
            "due_soon_days": _WHOLE,
            **{f"uses_{fact}": _FLAG for fact in FACTS},
            "assume_in_kev": _FLAG,
            "assume_exposed": _FLAG,
            "assume_automatable": _FLAG,
            "assume_total_impact": _FLAG,
        }
    ),
    "policy_decision_table": pa.schema(
        {"scope": _TEXT, **FACTS, "rule": _TEXT, "due_hours": _WHOLE, "due_months": _WHOLE}
    ),
    # What can decide a due date, and where that is written: patch.severity_days.critical, scopes.0.patch.kev.
    "policy_decisions": pa.schema({"scope": _TEXT, "decision": _TEXT, "setting": _TEXT, "base_setting": _TEXT}),
    "policy_severities": pa.schema({"severity": _TEXT}),
    "policy_exploited_levels": pa.schema({"exploitability_level": _TEXT}),
    "policy_categories": pa.schema(
        {"position": _WHOLE, "category": _TEXT, "software_vendor": _TEXT, "software_name": _TEXT, "is_prefix": _FLAG}
    ),
    "policy_scope_members": pa.schema({"scope": _TEXT, "position": _WHOLE, "kind": _TEXT, "value": _TEXT}),
    "policy_exposure_tags": pa.schema({"tag": _TEXT, "exposed": _FLAG}),
    "policy_exemptions": pa.schema(
        {
            "position": _WHOLE,
            "exemption": _TEXT,
            "reason": _TEXT,
            "owner": _TEXT,
            "approved_by": _TEXT,
            "expires_at": _TIME,
            "device_kinds": _WHOLE,
            "names_cves": _FLAG,
            "names_products": _FLAG,
        }
    ),
    "policy_exemption_devices": pa.schema({"position": _WHOLE, "kind": _TEXT, "value": _TEXT}),
    "policy_exemption_cves": pa.schema({"position": _WHOLE, "cve_id": _TEXT}),
    "policy_exemption_products": pa.schema(
        {"position": _WHOLE, "software_vendor": _TEXT, "software_name": _TEXT, "software_version": _TEXT}
    ),
    "policy_agent_failures": pa.schema({"reason": _TEXT}),
    "policy_required_controls": pa.schema({"configuration_id": _TEXT}),
    "policy_releases": pa.schema(
        {"component": _TEXT, "release": _TEXT, "version": _TEXT, "released_at": _TIME, "source": _TEXT}
    ),
    # Where each setting is written: patch.severity_days.critical, the file, its line.
    "policy_lines": pa.schema({"setting": _TEXT, "file": _TEXT, "line": _WHOLE}),
}
"""The tables a policy is compiled into."""


def _day(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _end_of(day: date) -> datetime:
    """A calendar date means the end of that day in UTC."""
    return _day(day) + timedelta(days=1, microseconds=-1)


def _conditions(when: When) -> dict[str, tuple[str | bool, ...]]:
    """Fact -> the values for which the condition holds; facts it does not look at are left out."""
    single = {
        "in_kev": when.in_kev,
        "exposed": when.exposed,
        "automatable": when.automatable,
        "total_impact": None if when.technical_impact is None else when.technical_impact == "total",
        "exploited": when.exploited,
        "high_cvss": None if when.cvss_at_least is None else True,
    }
    conditions: dict[str, tuple[str | bool, ...]] = {
        fact: (value,) for fact, value in single.items() if value is not None
    }
    if when.severity is not None:
        conditions["severity"] = tuple(level.lower() for level in when.severity)
    if when.category is not None:
        conditions["category"] = when.category
    return conditions


def _domain(fact: str, rules: tuple[Rule, ...]) -> tuple[str | bool, ...]:
    """Every value that a fact can have, those that no rule names included."""
    if FACTS[fact] == _FLAG:
        return (False, True)
    named = {value for rule in rules for value in _conditions(rule.when).get(fact, ())}
    unnamed = {"severity": {"unrated", "other"}, "category": {"other"}}[fact]
    return tuple(sorted(named | unnamed, key=str))


def _truth_table(scope: str, patch: Patch) -> Iterable[dict[str, Any]]:
    """One row for every combination of the facts that the rules use, with the first rule whose conditions hold."""
    rules = patch.decision_table
    used = {fact for rule in rules for fact in _conditions(rule.when)}
    unused = {fact: (False,) if kind == _FLAG else (ANY,) for fact, kind in FACTS.items()}
    domains = [_domain(fact, rules) if fact in used else unused[fact] for fact in FACTS]
    for values in itertools.product(*domains):
        facts = dict(zip(FACTS, values, strict=True))
        rule = next((rule for rule in rules if _holds(rule.when, facts)), None)
        if rule is not None:
            yield {
                "scope": scope,
                **facts,
                "rule": rule.name,
                "due_hours": rule.due.hours,
                "due_months": rule.due.months,
            }


def _holds(when: When, facts: Mapping[str, str | bool]) -> bool:
    return all(facts[fact] in values for fact, values in _conditions(when).items())


def _scopes(document: Document) -> list[tuple[str, Patch]]:
    return [(BASE_SCOPE, document.patch), *((scope.name, scope.patch) for scope in document.scopes)]


def _rules(document: Document) -> Iterable[dict[str, Any]]:
    for position, (scope, patch) in enumerate(_scopes(document)):
        used = {fact for rule in patch.decision_table for fact in _conditions(rule.when)}
        clocks = patch.clock_start
        yield {
            "scope": scope,
            "position": position,
            **{f"clock_{clock}": clock in clocks for clock in CLOCKS},
            # Stand-ins for a date that is not known: a patch's release is nearest to its CVE's publication, anything
            # else to the first sight on the device.
            "stand_in": "published" if set(clocks) & {"published", "patch_available"} else "first_seen",
            "kev_rule": patch.kev.rule,
            "kev_days": patch.kev.days,
            "kev_grace_days": patch.kev_grace_days,
            "published_grace_days": patch.published_grace_days,
            "exceptions": patch.exceptions,
            "unrated": patch.unrated,
            "no_fix_counts": patch.no_fix == "count",
            "due_soon_days": patch.due_soon_days,
            **{f"uses_{fact}": fact in used for fact in FACTS},
            "assume_in_kev": patch.unknown.in_kev,
            "assume_exposed": patch.unknown.exposed,
            "assume_automatable": patch.unknown.automatable,
            "assume_total_impact": patch.unknown.technical_impact == "total",
        }


def _decisions(document: Document) -> Iterable[dict[str, Any]]:
    """For each scope, the setting behind each decision; ``base_setting`` is where that is if the scope is silent."""
    for position, (scope, patch) in enumerate(_scopes(document)):
        section = "patch" if position == 0 else f"scopes.{position - 1}.patch"
        decided = {"KEV catalogue": "kev", "no rule": "rules" if patch.rules else "severity_days"}
        settings = [f"severity_days.{level}" for level in patch.severity_days or ()]
        settings += [f"rules.{index}" for index, _ in enumerate(patch.rules or ())]
        decided |= {rule.name: setting for rule, setting in zip(patch.decision_table, settings, strict=True)}
        for decision, setting in decided.items():
            yield {
                "scope": scope,
                "decision": decision,
                "setting": f"{section}.{setting}",
                "base_setting": f"patch.{setting}",
            }


def _categories(document: Document) -> Iterable[dict[str, Any]]:
    pairs = ((entry, name) for entry in document.categories for name in entry.names)
    for position, (entry, name) in enumerate(pairs):
        yield {
            "position": position,
            "category": entry.category,
            "software_vendor": entry.vendor.lower() if entry.vendor else None,
            "software_name": name.lower().removesuffix("*"),
            "is_prefix": name.endswith("*"),
        }


def _named_devices(entry: DeviceMatch | Exemption) -> Iterable[dict[str, str]]:
    """What a scope or an exemption names devices by, as (kind, value)."""
    for kind, values in (
        ("tag", entry.tags),
        ("group", entry.groups),
        ("device", entry.devices),
        ("platform", getattr(entry, "platforms", ())),
    ):
        for value in values:
            yield {"kind": kind, "value": value.lower()}


def _exemption(position: int, exemption: Exemption) -> dict[str, Any]:
    return {
        "position": position,
        "exemption": exemption.id,
        "reason": exemption.reason,
        "owner": exemption.owner,
        "approved_by": exemption.approved_by,
        "expires_at": _end_of(exemption.expires),
        "device_kinds": len({named["kind"] for named in _named_devices(exemption)}),
        "names_cves": bool(exemption.cves),
        "names_products": bool(exemption.products),
    }


def _settings(document: Document) -> dict[str, Any]:
    thresholds = [
        rule.when.cvss_at_least
        for _, patch in _scopes(document)
        for rule in patch.decision_table
        if rule.when.cvss_at_least is not None
    ]
    return {
        "policy": document.name,
        "policy_digest": digest_of(document),
        "inactive_after_days": document.population.inactive_after_days,
        "duplicate_after_days": document.population.duplicate_after_days,
        "cvss_threshold": thresholds[0] if thresholds else None,
        "windows_max_releases_behind": document.agent.windows_max_releases_behind,
        "macos_expires_after_months": document.agent.macos_expires_after_months,
        "linux_expires_after_months": document.agent.linux_expires_after_months,
        "newest_release_min_share_pct": document.agent.newest_release_min_share_pct,
        "releases_max_days": document.agent.releases_max_days,
        "antivirus_unknown": document.agent.antivirus_unknown,
        "av_refresh_max_days": document.antivirus.refresh_max_days,
        "av_intelligence_max_days": document.antivirus.intelligence_max_days,
        "av_intelligence_max_behind": document.antivirus.intelligence_max_behind,
        "av_release_grace_days": document.antivirus.release_grace_days,
        "unsupported_software": document.software.unsupported,
        "support_ends_soon_days": document.software.ends_soon_days,
        "coverage_not_seen_days": document.coverage.not_seen_days,
        "minimum_score": document.controls.minimum_score,
        "remediation_window_days": document.remediation.window_days,
        "remediation_pairing_hours": document.remediation.pairing_hours,
        "remediation_silent_days": document.remediation.silent_days,
    }


def digest_of(document: Document) -> str:
    """Twelve hexadecimal digits that change when any setting does."""
    return hashlib.sha256(document.model_dump_json().encode()).hexdigest()[:12]


def policy_tables(document: Document, marks: Mapping[Location, Mark]) -> dict[str, pa.Table]:
    """The policy as tables (SCHEMAS), by name."""
    named = {
        level for _, patch in _scopes(document) for rule in patch.decision_table for level in (rule.when.severity or ())
    }
    exemptions = list(enumerate(document.exemptions))
    rows: dict[str, list[dict[str, Any]]] = {
        "policy_settings": [_settings(document)],
        "policy_rules": list(_rules(document)),
        "policy_decision_table": [row for scope, patch in _scopes(document) for row in _truth_table(scope, patch)],
        "policy_decisions": list(_decisions(document)),
        "policy_severities": [
            {"severity": level} for level in sorted({level.lower() for level in named} - {"unrated"})
        ],
        "policy_exploited_levels": [{"exploitability_level": level} for level in document.exploited_levels],
        "policy_categories": list(_categories(document)),
        "policy_scope_members": [
            {"scope": scope.name, "position": position, **named_device}
            for position, scope in enumerate(document.scopes, start=1)
            for named_device in _named_devices(scope.match)
        ],
        "policy_exposure_tags": [
            {"tag": tag.lower(), "exposed": exposed}
            for exposed, tags in ((True, document.exposure.exposed_tags), (False, document.exposure.internal_tags))
            for tag in tags
        ],
        "policy_exemptions": [_exemption(position, exemption) for position, exemption in exemptions],
        "policy_exemption_devices": [
            {"position": position, **named_device}
            for position, exemption in exemptions
            for named_device in _named_devices(exemption)
        ],
        "policy_exemption_cves": [
            {"position": position, "cve_id": cve} for position, exemption in exemptions for cve in exemption.cves
        ],
        "policy_exemption_products": [
            {
                "position": position,
                "software_vendor": product.vendor.lower() if product.vendor else None,
                "software_name": product.name.lower(),
                "software_version": product.version.lower() if product.version else None,
            }
            for position, exemption in exemptions
            for product in exemption.products
        ],
        "policy_agent_failures": [{"reason": reason} for reason in document.agent.noncompliant_when],
        "policy_required_controls": [{"configuration_id": control.lower()} for control in document.controls.required],
        "policy_releases": [
            {
                "component": release.component,
                "release": release.release,
                "version": release.version,
                "released_at": _day(release.released),
                "source": release.source,
            }
            for release in document.releases
        ],
        "policy_lines": [
            {"setting": ".".join(map(str, location)), "file": mark.file, "line": mark.line}
            for location, mark in marks.items()
            if location
        ],
    }
    return {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in SCHEMAS.items()}
