"""A policy as small tables for the SQL to join, so that no number is hidden in code.

Here: one function per table. Not here: what a policy may say (``model.py``), the truth table that its rules are
unrolled into (``decision_table.py``).
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from .contradictions import BASE_SCOPE
from .decision_table import FACTS, LEVELS, READ_AS, UNRATED, conditions, names_unrated, truth_table
from .marks import Location, Mark
from .model import ABOUT_ITSELF, DeviceMatch, Document, Exemption, Patch
from .values import CLOCKS

_TEXT, _WHOLE, _REAL, _FLAG, _TIME = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC")

SCHEMAS: Mapping[str, pa.Schema] = {
    "policy_settings": pa.schema(
        {
            "policy": _TEXT,
            "policy_digest": _TEXT,
            "inactive_after_days": _WHOLE,
            "duplicate_after_days": _WHOLE,
            "cvss_threshold": _REAL,
            "kev_max_days": _WHOLE,
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
            "names_unrated": _FLAG,
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
        {
            "scope": _TEXT,
            **FACTS,
            "rule": _TEXT,
            "due_hours": _WHOLE,
            "due_months": _WHOLE,
            **{f"{fact}_matters": _FLAG for fact in READ_AS},
        }
    ),
    # What can decide a due date, and where that is written: patch.severity_days.critical, scopes.0.patch.kev.
    "policy_decisions": pa.schema({"scope": _TEXT, "decision": _TEXT, "setting": _TEXT, "base_setting": _TEXT}),
    # Device names that many devices share, without a domain.
    "policy_shared_names": pa.schema({"name": _TEXT}),
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


def _scopes(document: Document) -> list[tuple[str, Patch]]:
    return [(BASE_SCOPE, document.patch), *((scope.name, scope.patch) for scope in document.scopes)]


def _levels(document: Document) -> tuple[str, ...]:
    """The levels that rate a finding: those of the service, and what the rules of any scope name besides."""
    named = {
        level
        for _, patch in _scopes(document)
        for rule in patch.decision_table
        for level in conditions(rule.when).get("severity", ())
        if isinstance(level, str)
    }
    return (*LEVELS, *sorted(named - {*LEVELS, UNRATED}))


def _rules(document: Document) -> Iterable[dict[str, Any]]:
    for position, (scope, patch) in enumerate(_scopes(document)):
        used = {fact for rule in patch.decision_table for fact in conditions(rule.when)}
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
            "names_unrated": any(map(names_unrated, patch.decision_table)),
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
        "kev_max_days": document.kev_max_days,
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


def _each_once(column: str, values: Iterable[str]) -> list[dict[str, Any]]:
    """A row for each value. What a policy names twice must not count twice where SQL joins it."""
    return [{column: value} for value in dict.fromkeys(values)]


def digest_of(document: Document) -> str:
    """Twelve hexadecimal digits that change when any setting does."""
    # Words about the policy change nothing that it decides, save for its name, which is in the tables.
    settings = document.model_dump_json(exclude=set(ABOUT_ITSELF - {"name"}))
    return hashlib.sha256(settings.encode()).hexdigest()[:12]


def policy_tables(document: Document, marks: Mapping[Location, Mark]) -> dict[str, pa.Table]:
    """The policy as tables (SCHEMAS), by name."""
    levels = _levels(document)
    exemptions = list(enumerate(document.exemptions))
    rows: dict[str, list[dict[str, Any]]] = {
        "policy_settings": [_settings(document)],
        "policy_rules": list(_rules(document)),
        "policy_decision_table": [
            row for scope, patch in _scopes(document) for row in truth_table(scope, patch, levels)
        ],
        "policy_decisions": list(_decisions(document)),
        "policy_shared_names": _each_once("name", (name.lower() for name in document.population.shared_names)),
        "policy_severities": [{"severity": level} for level in levels],
        "policy_exploited_levels": _each_once("exploitability_level", document.exploited_levels),
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
        "policy_agent_failures": _each_once("reason", document.agent.noncompliant_when),
        "policy_required_controls": _each_once("configuration_id", document.controls.required),
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
