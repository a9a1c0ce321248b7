"""The fleet whose compliance is measured: a lake of generated inputs.

Here: the rows, as SQL. A hundred rows of inventory and of findings a machine. Not here: what is computed from them
(``compliance_cases.py``).
"""

from datetime import date
from pathlib import Path

import duckdb

from defender_assets.lake.layout import part_path
from defender_assets.tenant import DEFAULT_TENANT

from .lakes import made_once

DAY = date(2026, 10, 20)
PER_MACHINE = 100
_AS_OF = "TIMESTAMPTZ '2026-10-20 06:00:00+00'"


def generated(folder: Path, rows: int) -> Path:
    """The root of a lake with so many rows of inventory and of findings on ``DAY``; written once, then used again."""
    root = folder / f"fleet_{rows}"
    with made_once(root) as unfinished:
        if unfinished is not None:
            _write(unfinished, rows)
    return root


def input_files(root: Path) -> dict[str, Path]:
    """Table -> its file in such a lake."""
    return {path.parents[2].name: path for path in sorted(root.glob("*/*/*/*.parquet"))}


def _write(root: Path, rows: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '4GB'; SET preserve_insertion_order = false")
        for name, query in _queries(rows // PER_MACHINE).items():
            file = root / part_path(name, DEFAULT_TENANT, DAY)
            file.parent.mkdir(parents=True)
            connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)")


def _queries(machines: int) -> dict[str, str]:
    """Table -> SQL that generates it. Pseudo-random by hash, so that every run has the same rows."""
    rows = machines * PER_MACHINE
    device = "sha1(d::VARCHAR)"
    # Ten thousand versions of two thousand products of three hundred vendors; each version has six CVEs.
    version = (
        f"SELECT i, i // {PER_MACHINE} AS d, "
        f"((hash(i // {PER_MACHINE}) % 10007 + (i % {PER_MACHINE}) * 37) % 10000)::BIGINT AS v "
        f"FROM range({rows}) AS r(i)"
    )
    software = (
        "'vendor_' || (v % 2000 % 300) AS software_vendor, 'product_' || (v % 2000) AS software_name, "
        "'1.' || (v // 2000) || '.' || (v % 50) || '.0' AS software_version"
    )
    return {
        "machines": f"""
            SELECT {device} AS id, 'pc-' || d || '.contoso.example' AS computer_dns_name,
              CASE d % 10 WHEN 0 THEN 'macOS' WHEN 1 THEN 'Ubuntu' ELSE 'Windows11' END AS os_platform,
              CASE d % 10
                WHEN 0 THEN '20.126' || lpad((1 + hash(d) % 9)::VARCHAR, 2, '0') || '2.16.0'
                WHEN 1 THEN '30.126' || lpad((1 + hash(d) % 9)::VARCHAR, 2, '0') || '2.2.0'
                ELSE '10.' || (8700 + hash(d) % 7 * 10) || '.22631.4317' END AS agent_version,
              {_AS_OF} - INTERVAL 1 HOUR * (hash(d, 1) % 900)::INTEGER AS last_seen,
              CASE WHEN d % 50 = 0 THEN 'ImpairedCommunication' ELSE 'Active' END AS health_status,
              CASE WHEN d % 40 = 0 THEN 'CanBeOnboarded' ELSE 'Onboarded' END AS onboarding_status,
              d % 100 = 7 AS is_excluded, (d % 12)::BIGINT AS rbac_group_id, 'group ' || (d % 12) AS rbac_group_name,
              ['site-' || (d % 30), 'tier-' || (d % 3)] AS machine_tags, {_AS_OF} AS observed_at
            FROM range({machines}) AS r(d)""",
        "software_inventory": f"""
            SELECT {device} AS device_id, (d % 12)::BIGINT AS rbac_group_id, {software},
              CASE WHEN v % 97 = 0 THEN 'EOS Version' ELSE 'None' END AS end_of_support_status,
              {_AS_OF} - INTERVAL 1 DAY * (v % 700)::INTEGER AS software_first_seen_timestamp, {_AS_OF} AS observed_at
            FROM ({version})""",
        # One row in fifty again for a second device group.
        "software_vulnerabilities": f"""
            WITH base AS ({version})
            SELECT {device} || '_' || v || '_' || i AS id, {device} AS device_id, (d % 12 + g)::BIGINT AS rbac_group_id,
              {software}, 'CVE-' || (2015 + v % 12) || '-' || (1000 + (v * 6 + i % 6)) AS cve_id,
              ['Low', 'Medium', 'High', 'Critical'][1 + (v * 7 + i % 6) % 4] AS vulnerability_severity_level,
              (v % 100) / 10.0 AS cvss_score,
              CASE WHEN v % 40 = 0 THEN 'ExploitIsPublic' ELSE 'NoExploit' END AS exploitability_level,
              'Update ' || v AS recommended_security_update,
              (5000000 + v % 3000)::VARCHAR AS recommended_security_update_id,
              v % 10 <> 0 AS security_update_available,
              {_AS_OF} - INTERVAL 1 HOUR * (hash(i) % 5000)::INTEGER AS first_seen_timestamp,
              {_AS_OF} - INTERVAL 3 HOUR AS last_seen_timestamp, {_AS_OF} AS observed_at
            FROM base CROSS JOIN (VALUES (0), (1)) AS groups(g)
            WHERE g = 0 OR i % 50 = 0""",
        "vulnerabilities": f"""
            SELECT 'CVE-' || (2015 + v % 12) || '-' || (1000 + (v * 6 + k)) AS id, (hash(v, k) % 1000) / 1000.0 AS epss,
              {_AS_OF} - INTERVAL 1 DAY * (v % 900)::INTEGER AS published_on, {_AS_OF} AS observed_at
            FROM range(10000) AS a(v), range(6) AS b(k)""",
        "kev": f"""
            SELECT 'CVE-' || (2015 + v % 12) || '-' || (1000 + v * 6) AS cve_id,
              TIMESTAMPTZ '2026-09-01 00:00:00+00' AS date_added, TIMESTAMPTZ '2026-09-22 00:00:00+00' AS due_date,
              {_AS_OF} AS observed_at
            FROM range(0, 10000, 8) AS a(v)""",
        "av_health": f"""
            SELECT {device} AS machine_id, {device} AS id, '0' AS av_mode,
              '1.1.' || (26050 + hash(d, 2) % 5 * 10) || '.1' AS av_engine_version,
              '4.18.' || (26050 + hash(d, 3) % 5 * 10) || '.5' AS av_platform_version,
              {_AS_OF} - INTERVAL 1 HOUR * (hash(d, 4) % 220)::INTEGER AS av_signature_publish_time,
              {_AS_OF} - INTERVAL 1 HOUR * (hash(d, 5) % 180)::INTEGER AS av_signature_data_refresh_time,
              'True' AS av_is_engine_up_to_date, 'False' AS av_is_platform_up_to_date,
              'Unknown' AS av_is_signature_up_to_date, {_AS_OF} AS observed_at
            FROM range({machines}) AS r(d)""",
        "secure_configuration": f"""
            SELECT {device} AS device_id, 'scid-' || (2000 + c) AS configuration_id, TRUE AS is_applicable,
              hash(d, c) % 9 <> 0 AS is_compliant, (1 + c % 9)::DOUBLE AS configuration_impact, {_AS_OF} AS observed_at
            FROM range({machines}) AS r(d), range(20) AS k(c)""",
        "software_vulnerability_changes": f"""
            SELECT {device} AS device_id, {software}, 'CVE-' || (2015 + v % 12) || '-' || (1000 + v * 6) AS cve_id,
              ['New', 'Fixed', 'Updated'][1 + i % 3] AS status, 'High' AS vulnerability_severity_level,
              {_AS_OF} - INTERVAL 6 HOUR * (hash(i) % 56)::INTEGER AS event_timestamp,
              {_AS_OF} - INTERVAL 1 DAY * (14 + hash(i) % 60)::INTEGER AS first_seen_timestamp, {_AS_OF} AS observed_at
            FROM ({version}) WHERE i % 20 = 0""",
        "machine_users": f"""
            SELECT {device} AS machine_id, 'contoso\\user' || (hash(d) % {max(machines // 2, 1)}) AS id,
              'Interactive' AS logon_types, {_AS_OF} AS last_seen, {_AS_OF} AS observed_at
            FROM range({machines}) AS r(d)""",
    }
