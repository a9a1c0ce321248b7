"""Which of the known devices are protected, and what the others lack."""

from datetime import datetime, timedelta

from ..tenant import Row

ONBOARDING = {"canbeonboarded": "can_be_onboarded", "unsupported": "onboarding_unsupported"}
ONBOARDING |= {"insufficientinfo": "insufficient_info", "": "onboarding_unknown"}
SENSOR = {"active": None, "inactive": "sensor_inactive", "impairedcommunication": "sensor_impaired"}
SENSOR |= {"nosensordata": "sensor_impaired", "nosensordataimpairedcommunication": "sensor_impaired"}
MODE = {"0": None, "1": "antivirus_passive", "4": "antivirus_passive", "5": "antivirus_passive"}
MODE |= {"2": "antivirus_disabled"}
PARTLY = {"sensor_impaired", "sensor_inactive", "antivirus_passive", "antivirus_disabled", "no_antivirus_report"}


def coverage(rows: dict[str, list[Row]], identity: dict[str, Row], as_of: datetime) -> dict[str, tuple[str, list[str]]]:
    """Protection and gaps of every record that is a device of its own."""
    reports = {row["machine_id"]: row for row in rows.get("av_health", [])}
    return {
        machine["id"]: _judged(machine, identity[machine["id"]], reports.get(machine["id"]), "av_health" in rows, as_of)
        for machine in rows["machines"]
        if identity[machine["id"]]["population"] not in ("merged", "duplicate")
    }


def _judged(machine: Row, record: Row, report: Row | None, has_reports: bool, as_of: datetime) -> tuple[str, list[str]]:
    onboarding = (machine.get("onboarding_status") or "").lower()
    if onboarding != "onboarded":
        gap = ONBOARDING.get(onboarding, "not_onboarded")
        return ("unknown" if gap == "onboarding_unknown" else "unprotected"), [gap]
    gaps = set()
    seen = machine.get("last_seen")
    if not seen or seen > as_of + timedelta(days=1):
        gaps.add("last_seen_unknown")
    elif as_of - seen > timedelta(days=7):
        gaps.add("not_seen")
    if not machine.get("os_platform"):
        gaps.add("platform_unknown")
    gaps.add(SENSOR.get((machine.get("health_status") or "").lower(), "sensor_unknown"))
    if record["platform_family"] == "windows":
        if report:
            gaps.add(MODE.get(report.get("av_mode"), "antivirus_mode_unknown"))
        refreshed = report and (report["av_signature_data_refresh_time"] or report["data_refresh_timestamp"])
        if not has_reports:
            gaps.add("antivirus_unknown")
        elif not refreshed or not timedelta(days=-1) <= as_of - refreshed <= timedelta(days=7):
            gaps.add("no_antivirus_report")
    named = sorted(gap for gap in gaps if gap)
    if "not_seen" in named:
        return "unprotected", named
    if set(named) - PARTLY:
        return "unknown", named
    return ("partly" if named else "protected"), named
