"""Checks: they pass on what was derived, and fail, with numbers, on tables that were tampered with."""

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest

from defender_assets.catalog.derived import DERIVED
from defender_assets.checks import Check, Severity
from defender_assets.compliance import TABLE_CHECKS, Inputs, Policy, inputs_are_fresh

from .tenant import AS_OF, ENGINE, Row, Tenant, days

POLICY = Policy.load()


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    tenant = Tenant().machine("a").machine("b").machine("c", last_seen=AS_OF - days(60))
    tenant.finding("a", first_seen_timestamp=AS_OF - days(40)).finding("b").antivirus("a").antivirus("b")
    tenant.control("a", "scid-1")
    for component in ("av_engine", "av_platform", "av_intelligence"):
        tenant.add("agent_releases", component=component, release="26090", version="1.443.820.0",
                   feed="antivirus_versions", listed_at=AS_OF - days(1))  # fmt: skip
    for control in POLICY.document.controls.required:
        tenant.control("b", control)
    names = [name for name in DERIVED if name not in ("users", "remediation_times")]
    found = {
        name: pa.Table.from_pylist(rows, schema=DERIVED[name].schema) for name, rows in tenant.derive(*names).items()
    }
    return {**tenant.inputs, **found}


def _with(tables: dict[str, pa.Table], name: str, change: Callable[[list[Row]], object]) -> Inputs:
    rows = tables[name].to_pylist()
    change(rows)
    return {**tables, name: pa.Table.from_pylist(rows, schema=tables[name].schema)}


def _checked(name: str, table: str, tables: Inputs, policy: Policy = POLICY) -> Check:
    (check,) = (check for check in TABLE_CHECKS if (check.name, check.table) == (name, table))
    return check.run(tables, policy, engine=ENGINE)


@pytest.mark.parametrize("check", TABLE_CHECKS, ids=lambda check: f"{check.table}-{check.name}")
def test_every_check_passes_on_what_was_derived(tables, check) -> None:
    result = check.run({name: tables[name] for name in check.inputs}, POLICY, engine=ENGINE)
    assert result.passed, result.message


def test_a_machine_that_is_judged_twice_or_never_or_that_nobody_knows_fails(tables) -> None:
    judged_twice = _with(tables, "patch_compliance", lambda rows: rows.append(rows[0]))
    result = _checked("machines_judged_once", "patch_compliance", judged_twice)
    assert (result.passed, result.severity, result.numbers["repeated"]) == (False, Severity.ERROR, 1)
    never = _with(tables, "agent_compliance", lambda rows: rows.pop())
    assert _checked("machines_judged_once", "agent_compliance", never).numbers["missing"] == 1
    stranger = _with(tables, "device_identity", lambda rows: rows.append(rows[0] | {"device_id": "stranger"}))
    result = _checked("machines_judged_once", "device_identity", stranger)
    assert (result.numbers["unknown"], "unknown 1" in result.message) == (1, True)
    nameless = _with(tables, "device_identity", lambda rows: rows.append(rows[0] | {"device_id": None}))
    numbers = _checked("machines_judged_once", "device_identity", nameless).numbers
    assert {name: numbers[name] for name in ("repeated", "missing", "unknown")} == {
        "repeated": 0,
        "missing": 0,
        "unknown": 1,
    }


def test_parts_that_do_not_add_up_fail(tables) -> None:
    for part, whole in (
        ("inactive", "populations"),
        ("patch_compliant_devices", "patch_verdicts"),
        ("agent_unknown_devices", "agent_verdicts"),
        ("policy_unknown_devices", "policy_verdicts"),
        ("due_soon_findings", "finding_states"),
        ("overdue_8_30_days", "overdue_ages"),
        ("agents_behind", "agent_states"),
        ("unprotected_devices", "coverage"),
        ("sensors_unknown", "sensor_states"),
    ):
        wrong = _with(tables, "fleet_summary", lambda rows, part=part: rows[0].update({part: rows[0][part] + 2}))
        result = _checked("shares_add_up", "fleet_summary", wrong)
        assert not result.passed
        assert {name for name, number in result.numbers.items() if number} == {whole}


def test_a_finding_on_an_unknown_device_is_a_warning_with_its_count(tables) -> None:
    wrong = _with(tables, "patch_findings", lambda rows: rows[0].update(device_id="gone"))
    result = _checked("findings_have_devices", "patch_findings", wrong)
    assert (result.passed, result.severity) == (False, Severity.WARNING)
    assert (result.numbers["without_device"], result.numbers["unknown_devices"]) == (1, 1)


def test_a_verdict_that_contradicts_its_findings_fails(tables) -> None:
    for change in (
        {"verdict": "compliant"},
        {"overdue_findings": 0},
        {"open_findings": 7},
        {"undecided_findings": 1},
        {"reasons": []},
    ):
        wrong = _with(tables, "patch_compliance", lambda rows, change=change: rows[0].update(change))
        assert not _checked("verdicts_agree_with_findings", "patch_compliance", wrong).passed


def test_an_update_that_is_not_what_the_findings_say_fails(tables) -> None:
    for change, number in (({"open_findings": 7}, "other_findings"), ({"overdue_findings": 0}, "other_overdue")):
        wrong = _with(tables, "missing_updates", lambda rows, change=change: rows[0].update(change))
        result = _checked("missing_updates_cover_findings", "missing_updates", wrong)
        assert (result.passed, result.severity) == (False, Severity.ERROR)
        assert {name for name, found in result.numbers.items() if found and name.startswith("other")} == {number}
    lost = _with(tables, "missing_updates", lambda rows: rows.pop())
    assert not _checked("missing_updates_cover_findings", "missing_updates", lost).passed
    # a finding that names no update is told, and no mistake
    unnamed = _with(tables, "patch_findings", lambda rows: rows.append(rows[0] | {"fix_id": None}))
    result = _checked("missing_updates_cover_findings", "missing_updates", unnamed)
    assert (result.passed, result.numbers["naming_none"]) == (True, 1)
    assert result.message == "2 of 3 open findings name the update that they lack; the other 1 are in no row"


def test_versions_that_contradict_their_product_fail(tables) -> None:
    for change, number in (
        ({"devices": 3}, "larger_than_product"),
        ({"devices": 0}, "without_version"),
        ({"product_devices": 3, "devices": 3}, "larger_than_fleet"),
    ):
        wrong = _with(tables, "software_versions", lambda rows, change=change: rows[0].update(change))
        result = _checked("versions_add_up", "software_versions", wrong)
        assert (result.passed, result.severity, result.numbers[number]) == (False, Severity.ERROR, 1)


def test_disagreement_over_the_threshold_is_a_warning(tables, tmp_path) -> None:
    differing = _with(tables, "agent_compliance", lambda rows: rows[0].update(disagrees=True))
    result = _checked("antivirus_verdicts_agree", "agent_compliance", differing)
    assert (result.passed, result.severity, result.numbers["disagreement_pct"]) == (
        False,
        Severity.WARNING,
        50.0,
    )
    lenient = tmp_path / "lenient.yaml"
    lenient.write_text("name: lenient\nextends: default\nchecks: {disagreement_max_pct: 50}\n")
    assert _checked("antivirus_verdicts_agree", "agent_compliance", differing, Policy.load(lenient)).passed


def _releases(tables: dict[str, pa.Table], change: Callable[[Row], object], policy: Policy = POLICY) -> Check:
    """The check of newest releases, with every listed release changed, judged anew."""
    tenant = Tenant()
    tenant.rows = {name: table.to_pylist() for name, table in tables.items() if name not in DERIVED}
    tenant.rows["agent_releases"] = [row for row in tenant.rows["agent_releases"] if change(row) is not False]
    judged = pa.Table.from_pylist(tenant.one("agent_compliance", policy), schema=DERIVED["agent_compliance"].schema)
    inputs = {"agent_compliance": judged, "agent_releases": tenant.inputs["agent_releases"]}
    return _checked("newest_releases_are_told", "agent_compliance", inputs, policy)


def test_what_no_list_told_is_named_with_its_reason(tables, tmp_path) -> None:
    # given lists of today: no feed has the Windows sensor, and that alone is no warning
    fresh = _releases(tables, lambda row: None)
    assert (fresh.passed, fresh.message) == (
        True,
        "the newest release is listed: the antivirus engine, the antivirus platform, security intelligence; "
        "inferred from what the fleet runs: the Windows sensor 8760 (no feed tells it)",
    )
    assert fresh.numbers["agent_windows_source"] == "fleet"
    assert fresh.numbers["av_engine_listed_days"] == 1
    # and nothing is said of platforms that nobody has
    assert not any("macos" in name for name in fresh.numbers)

    off = _releases(tables, lambda row: False)
    assert (off.passed, off.severity) == (False, Severity.WARNING)
    for component in (
        "the antivirus engine 26090",
        "the antivirus platform 26090",
        "security intelligence 1.443.820.0",
    ):
        assert f"{component} (no list has it)" in off.message
    assert off.message.endswith("refresh agent_releases, or list releases in the policy")

    stale = _releases(tables, lambda row: row.update(listed_at=AS_OF - days(60)))
    assert not stale.passed
    assert "the antivirus engine 26090 (it was last listed 60 days ago, the limit is 45)" in stale.message

    # a list that is current and behind what the fleet runs: nothing that a refresh would better
    behind = _releases(tables, lambda row: row.update(release="26080", version="1.443.1.0"))
    assert behind.passed
    assert "the antivirus engine 26090 (what is listed is older)" in behind.message

    # the policy's own list is a list
    ours = tmp_path / "ours.yaml"
    ours.write_text("name: x\nreleases:\n  - {component: av_engine, release: 26090, released: 2026-10-01}\n")
    assert (
        "the newest release is listed: the antivirus engine;"
        in _releases(tables, lambda row: False, Policy.load(ours)).message
    )


def test_verdicts_that_cannot_be_compared_are_not_said_to_agree(tables) -> None:
    unknown = {f"{part}_state": "unknown" for part in ("engine", "platform", "intelligence")}
    without = _with(tables, "agent_compliance", lambda rows: [row.update(unknown) for row in rows])
    result = _checked("antivirus_verdicts_agree", "agent_compliance", without)
    assert (result.passed, result.numbers["compared_devices"]) == (True, 0)
    assert "nothing to compare" in result.message


def test_an_input_older_than_its_limit_is_said() -> None:
    limits = {"machines": 26, "kev": 96, "ssvc": 10}
    fresh = inputs_are_fresh({"machines": timedelta(0), "kev": timedelta(hours=96), "users": days(900)}, limits)
    assert fresh.passed
    late = inputs_are_fresh({"machines": timedelta(0), "kev": timedelta(hours=97)}, limits)
    assert (late.passed, late.severity) == (False, Severity.WARNING)
    assert late.message == "rests on old data: kev is 97 hours old (limit 96)"
    assert late.numbers == {"machines_hours": 0.0, "kev_hours": 97.0}


def test_the_policy_that_ships_has_a_limit_for_every_table_that_is_fetched() -> None:
    from defender_assets.catalog import DATASETS
    from defender_assets.catalog.reference import REFERENCE

    assert set(POLICY.document.checks.freshness_hours) == {*DATASETS, *REFERENCE}


@pytest.mark.parametrize(
    ("topic", "change", "number"),
    [
        ("identity", {"topic": "population"}, "without_record"),
        ("patch", {"verdict": "unknown"}, "other_patch_verdicts"),
        ("agent", {"verdict": "unknown"}, "other_agent_verdicts"),
        ("agent", {"topic": "configuration"}, "other_agent_verdicts"),
        ("population", {"sentence": None}, "without_sentence"),
    ],
)
def test_a_verdict_without_its_reason_fails(tables, topic: str, change: Row, number: str) -> None:
    def tamper(rows: list[Row]) -> None:
        # a is noncompliant in its patches, b compliant in everything
        (row, *_) = (row for row in rows if (row["device_id"], row["topic"]) == ("a", topic))
        row.update(change)

    result = _checked("every_verdict_has_a_reason", "verdict_reasons", _with(tables, "verdict_reasons", tamper))
    assert (result.passed, result.severity, result.numbers[number]) == (False, Severity.ERROR, 1)


def test_a_judged_device_that_is_told_nothing_of_its_patches_fails_where_findings_are_absent() -> None:
    tenant = Tenant().machine("a").without("software_vulnerabilities", "software_inventory")
    names = ("device_identity", "agent_compliance", "verdict_reasons")
    found = {name: pa.Table.from_pylist(rows, DERIVED[name].schema) for name, rows in tenant.derive(*names).items()}
    without = {**tenant.inputs, **found}
    assert _checked("every_verdict_has_a_reason", "verdict_reasons", without).passed
    silent = _with(without, "verdict_reasons", lambda rows: rows.remove(*[r for r in rows if r["topic"] == "patch"]))
    result = _checked("every_verdict_has_a_reason", "verdict_reasons", silent)
    assert (result.passed, result.numbers["other_patch_verdicts"]) == (False, 1)
