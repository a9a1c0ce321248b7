"""The first rows of a partition, as the UI shows them beside its counts.

Here: which columns, how many rows, and how a value is written. Not here: the other facts of a partition
(``metadata.py``).
"""

from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from ..catalog import Column, Table
from ..catalog.table import EXTRA, OBSERVED_AT
from ..lake import Lake, LakeError

_MOST_COLUMNS = 16
_LONGEST_TEXT = 80
_SHOWN_TEXTS = frozenset((
    # Ids that the service gives, to find a row again.
    "id", "device_id", "machine_id", "primary_device_id", "merged_into_machine_id", "last_device_id",
    "most_prevalent_machine_id", "least_prevalent_machine_id", "configuration_id", "profile_id", "extension_id",
    "detector_id", "scid", "update_id", "fix_id", "fixing_kb_id", "recommended_security_update_id", "cve_id",
    "unique_id", "cce",
    # Products, vendors, versions.
    "software_vendor", "software_name", "software_version", "software_id", "product_name", "product_vendor",
    "product_version", "vendor", "vendor_project", "product", "version", "agent_version", "agent_release",
    "newest_release", "newest_engine", "newest_platform", "newest_intelligence", "intelligence_version",
    "av_engine_version", "av_platform_version", "av_signature_version", "os_platform", "os_version", "os_kind",
    "os_architecture", "os_processor", "platform_family", "recommended_version", "recommended_vendor",
    "recommended_program", "manufacturer", "component_version", "component", "release", "model_version",
    "benchmark", "benchmark_name", "benchmark_version", "operating_system", "operating_system_version",
    "extension_version", "browser_name", "scanner_software_version", "mde_client_version", "signature_algorithm",
    # Words of a list that the service, a feed or this project keeps to.
    "severity", "vulnerability_severity_level", "rated_severity", "severity_source", "exploitability_level",
    "status", "state", "verdict", "patch_verdict", "agent_verdict", "policy_verdict", "population", "health_status",
    "onboarding_status", "sensor_state", "agent_state", "engine_state", "platform_state", "intelligence_state",
    "microsoft_engine_state", "microsoft_platform_state", "microsoft_intelligence_state", "av_mode",
    "defender_av_status", "device_value", "risk_score", "exposure_level", "managed_by", "managed_by_status",
    "clock_source", "newest_source", "newest_engine_source", "newest_platform_source", "newest_intelligence_source",
    "topic", "code", "setting", "support", "protection", "end_of_support_status", "classification", "determination",
    "investigation_state", "detection_source", "category", "sub_category", "configuration_category",
    "configuration_subcategory", "configuration_name", "recommendation_category", "remediation_type",
    "component_type", "type", "priority", "completion_method", "compliance_level", "extension_risk",
    "permission_name", "logon_types", "quick_scan_result", "full_scan_result", "cloud_protection_state",
    "av_is_signature_up_to_date", "av_is_engine_up_to_date", "av_is_platform_up_to_date", "exploitation",
    "automatable", "technical_impact", "known_ransomware_campaign_use", "cvss_vector", "cve_supportability",
    "scan_type", "feed", "source", "policy", "policy_digest", "absent_inputs",
))  # fmt: skip
"""Texts that can be shown to whoever sees the UI. Names of devices, descriptions, paths and free words are not among
them, and neither is what a later version adds until somebody has thought about it."""


def sample(lake: Lake, table: Table, day: date, rows: int) -> dg.TableMetadataValue | None:
    """The first ``rows`` of a day: numbers, times, booleans, and those texts that can be shown to anybody; None where
    there are none."""
    columns = [column for column in table.all_columns if _is_shown(column)][:_MOST_COLUMNS]
    if not columns or not rows:
        return None
    try:
        first = next(lake.batches(table.name, day, [column.name for column in columns], rows), None)
    except LakeError:
        return None  # what is published is published; who reads it is told
    if first is None or not first.num_rows:
        return None
    records = [
        dg.TableRecord({name: _text(value) for name, value in row.items()}) for row in first.slice(0, rows).to_pylist()
    ]
    schema = dg.TableSchema([dg.TableColumn(column.name, "string") for column in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _is_shown(column: Column) -> bool:
    if column.personal or pa.types.is_nested(column.arrow) or column.name in (EXTRA.name, OBSERVED_AT.name):
        return False
    return not pa.types.is_string(column.arrow) or column.name in _SHOWN_TEXTS


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
