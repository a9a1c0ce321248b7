"""``report_over_all_tenants``: the report over all tenants, made by the daemon."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.definitions import build_defs
from defender_assets.lake import Lake

from ...report.fleet import DAY
from ...report.tenants import judged

SENSOR = "report_over_all_tenants"


@pytest.fixture
def root(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> str:
    (tmp_path / "tenants.yaml").write_text("- name: contoso\n- name: fabrikam\n")
    tenant_settings.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    return str(tmp_path / "lake")


@pytest.fixture
def definitions(root: str, tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> dg.Definitions:
    """Those of the two tenants of the list."""
    tenant_settings.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    return build_defs()


def test_without_a_list_of_tenants_there_is_no_such_sensor(root: str) -> None:
    assert not build_defs().get_repository_def().has_sensor_def(SENSOR)


def test_the_page_is_made_when_a_tenant_was_judged_and_not_again_until_another_is(
    root: str, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    sensor = definitions.resolve_sensor_def(SENSOR)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    cursor: str | None = None

    def tick() -> str:
        nonlocal cursor
        told = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions, cursor=cursor))
        assert told.run_requests == []
        cursor = told.cursor
        return str(told.skip_message)

    assert tick() == "No tenant was judged yet."
    judged(root, "contoso")
    page = Path(root, "compliance_report", "tenant=all", f"snapshot_date={DAY}", "report.html")
    assert tick().startswith(f"{page}: 1 of 2 tenants judged on {DAY}; patch compliant: 90 of 100")
    assert "fabrikam" in page.read_text()
    made = page.stat().st_mtime_ns
    assert tick() == "Nothing has changed of what the report over all tenants sums."
    assert page.stat().st_mtime_ns == made
    # The other one, and then its own report, to which the page leads.
    judged(root, "fabrikam")
    assert f"2 of 2 tenants judged on {DAY}" in tick()
    assert "tenant=fabrikam" not in page.read_text()
    Lake(root, "fabrikam").files.publish("compliance_report", DAY, "report.html", b"its own")
    assert f"2 of 2 tenants judged on {DAY}" in tick()
    assert "tenant=fabrikam" in page.read_text()
    # The same day again, with other numbers; and a day after it.
    judged(root, "fabrikam", patch_compliant_devices=50)
    assert "patch compliant: 140 of 200" in tick()
    judged(root, "contoso", DAY + timedelta(days=1))
    assert f"1 of 2 tenants judged on {DAY + timedelta(days=1)}" in tick()


def test_what_is_wrong_is_said_and_tried_again(
    definitions: dg.Definitions, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sensor = definitions.resolve_sensor_def(SENSOR)
    (tmp_path / "tenants.yaml").write_text("[")
    told = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions))
    assert told.skip_message.startswith("The report over all tenants could not be made: DEFENDER_TENANTS names a file")
    assert told.cursor is None
