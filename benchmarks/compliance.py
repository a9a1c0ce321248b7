"""Compliance over a large fleet: every derived table here, beside the same core questions in pandas.

    python benchmarks/compliance.py [--rows 10000000] [--memory 1GB] [--threads 2]

A hundred rows of inventory and of findings per machine are written to Parquet, in the columns of the catalog. Then
each case runs in a process of its own: all derived tables, streamed into Parquet as an asset would; the core ones of
them alone; and, in pandas, the findings with their due dates, the verdict per device, the exposure per product and the
age of the agents, computed in memory. The answers that all have are compared. Fails (exit 1) where they differ, or a
limit is exceeded.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

AS_OF = "TIMESTAMPTZ '2026-10-20 06:00:00+00'"
PER_MACHINE = 100


def _generated(machines: int) -> dict[str, str]:
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
              {AS_OF} - INTERVAL 1 HOUR * (hash(d, 1) % 900)::INTEGER AS last_seen,
              CASE WHEN d % 50 = 0 THEN 'ImpairedCommunication' ELSE 'Active' END AS health_status,
              CASE WHEN d % 40 = 0 THEN 'CanBeOnboarded' ELSE 'Onboarded' END AS onboarding_status,
              d % 100 = 7 AS is_excluded, (d % 12)::BIGINT AS rbac_group_id, 'group ' || (d % 12) AS rbac_group_name,
              ['site-' || (d % 30), 'tier-' || (d % 3)] AS machine_tags, {AS_OF} AS observed_at
            FROM range({machines}) AS r(d)""",
        "software_inventory": f"""
            SELECT {device} AS device_id, (d % 12)::BIGINT AS rbac_group_id, {software},
              CASE WHEN v % 97 = 0 THEN 'EOS Version' ELSE 'None' END AS end_of_support_status,
              {AS_OF} - INTERVAL 1 DAY * (v % 700)::INTEGER AS software_first_seen_timestamp, {AS_OF} AS observed_at
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
              {AS_OF} - INTERVAL 1 HOUR * (hash(i) % 5000)::INTEGER AS first_seen_timestamp,
              {AS_OF} - INTERVAL 3 HOUR AS last_seen_timestamp, {AS_OF} AS observed_at
            FROM base CROSS JOIN (VALUES (0), (1)) AS groups(g)
            WHERE g = 0 OR i % 50 = 0""",
        "vulnerabilities": f"""
            SELECT 'CVE-' || (2015 + v % 12) || '-' || (1000 + (v * 6 + k)) AS id, (hash(v, k) % 1000) / 1000.0 AS epss,
              {AS_OF} - INTERVAL 1 DAY * (v % 900)::INTEGER AS published_on, {AS_OF} AS observed_at
            FROM range(10000) AS a(v), range(6) AS b(k)""",
        "kev": f"""
            SELECT 'CVE-' || (2015 + v % 12) || '-' || (1000 + v * 6) AS cve_id,
              TIMESTAMPTZ '2026-09-01 00:00:00+00' AS date_added, TIMESTAMPTZ '2026-09-22 00:00:00+00' AS due_date,
              {AS_OF} AS observed_at
            FROM range(0, 10000, 8) AS a(v)""",
        "av_health": f"""
            SELECT {device} AS machine_id, {device} AS id, '0' AS av_mode,
              '1.1.' || (26050 + hash(d, 2) % 5 * 10) || '.1' AS av_engine_version,
              '4.18.' || (26050 + hash(d, 3) % 5 * 10) || '.5' AS av_platform_version,
              {AS_OF} - INTERVAL 1 HOUR * (hash(d, 4) % 220)::INTEGER AS av_signature_publish_time,
              {AS_OF} - INTERVAL 1 HOUR * (hash(d, 5) % 180)::INTEGER AS av_signature_data_refresh_time,
              'True' AS av_is_engine_up_to_date, 'False' AS av_is_platform_up_to_date,
              'Unknown' AS av_is_signature_up_to_date, {AS_OF} AS observed_at
            FROM range({machines}) AS r(d)""",
        "secure_configuration": f"""
            SELECT {device} AS device_id, 'scid-' || (2000 + c) AS configuration_id, TRUE AS is_applicable,
              hash(d, c) % 9 <> 0 AS is_compliant, (1 + c % 9)::DOUBLE AS configuration_impact, {AS_OF} AS observed_at
            FROM range({machines}) AS r(d), range(20) AS k(c)""",
        "software_vulnerability_changes": f"""
            SELECT {device} AS device_id, {software}, 'CVE-' || (2015 + v % 12) || '-' || (1000 + v * 6) AS cve_id,
              ['New', 'Fixed', 'Updated'][1 + i % 3] AS status, 'High' AS vulnerability_severity_level,
              {AS_OF} - INTERVAL 6 HOUR * (hash(i) % 56)::INTEGER AS event_timestamp,
              {AS_OF} - INTERVAL 1 DAY * (14 + hash(i) % 60)::INTEGER AS first_seen_timestamp, {AS_OF} AS observed_at
            FROM ({version}) WHERE i % 20 = 0""",
        "machine_users": f"""
            SELECT {device} AS machine_id, 'contoso\\user' || (hash(d) % {max(machines // 2, 1)}) AS id,
              'Interactive' AS logon_types, {AS_OF} AS last_seen, {AS_OF} AS observed_at
            FROM range({machines}) AS r(d)""",
    }


def generate(folder: Path, rows: int) -> None:
    """Writes the inputs, as the lake would hold them."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '4GB'; SET preserve_insertion_order = false")
        for name, query in _generated(rows // PER_MACHINE).items():
            connection.execute(
                f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)"
            )


# Answers that every case has: name, derived table, headline of that table.
COMPARED = (
    ("eligible", "device_identity", "eligible"),
    ("open_findings", "patch_findings", "open_findings"),
    ("overdue_findings", "patch_findings", "overdue"),
    ("noncompliant_devices", "patch_compliance", "noncompliant"),
    ("exposed_products", "software_exposure", "exposed_products"),
    ("unsupported_agents", "agent_compliance", "agent_unsupported"),
)
CORE = ("device_identity", "patch_findings", "patch_compliance", "agent_compliance", "software_exposure")


def _tables(names: Sequence[str] | None, folder: Path, memory: str, threads: int) -> dict[str, Any]:
    """Derived tables (all with None), each streamed into Parquet as an asset would, and summed up."""
    import pyarrow.parquet as pq

    from defender_assets.catalog.derived import DERIVED
    from defender_assets.compliance import Limits, Policy, derive_one, headline_numbers
    from defender_assets.compliance.engine import DuckDBEngine

    inputs = {path.stem: str(path) for path in folder.glob("*.parquet")}
    answers: dict[str, Any] = {"seconds": {}}
    policy = Policy.load()
    with tempfile.TemporaryDirectory(dir=folder) as target:
        engine = DuckDBEngine(Limits(memory=memory, threads=threads, temporary_folder=Path(target)))
        for name, table in DERIVED.items():
            if names is not None and name not in names:
                continue
            began = time.perf_counter()
            inputs[name] = str(Path(target) / f"{name}.parquet")
            with (
                derive_one(name, inputs, policy, engine=engine) as derivation,
                pq.ParquetWriter(inputs[name], table.schema, compression="zstd", compression_level=1) as out,
            ):
                for batch in derivation.reader():
                    out.write_batch(batch)
            numbers = headline_numbers(name, inputs[name], engine=engine)
            answers["seconds"][name] = round(time.perf_counter() - began, 2)
            answers |= {key: numbers.get(headline) for key, table, headline in COMPARED if table == name}
    return answers


def core_in_pandas(folder: Path, memory: str, threads: int) -> dict[str, Any]:
    """The core questions, as a notebook would ask them: read, merge, group, in memory."""
    import pandas as pd

    def read(name: str, *columns: str) -> pd.DataFrame:
        return pd.read_parquet(folder / f"{name}.parquet", columns=list(columns))

    machines = read(
        "machines", "id", "computer_dns_name", "os_platform", "agent_version", "last_seen", "onboarding_status",
        "is_excluded", "observed_at",
    )  # fmt: skip
    as_of = machines.observed_at.max()
    assessed = pd.concat(
        [read("software_inventory", "device_id").device_id, read("software_vulnerabilities", "device_id").device_id]
    ).unique()
    machines["eligible"] = (
        ~machines.is_excluded
        & (machines.onboarding_status.str.lower() == "onboarded")
        & (machines.last_seen >= as_of - pd.Timedelta(days=30))
        & machines.id.isin(assessed)
    )
    key = ["device_id", "software_vendor", "software_name", "software_version", "cve_id"]
    findings = read(
        "software_vulnerabilities", *key, "vulnerability_severity_level", "cvss_score", "security_update_available",
        "first_seen_timestamp",
    )  # fmt: skip
    findings = findings.sort_values("first_seen_timestamp").drop_duplicates(key)
    kev = read("kev", "cve_id", "due_date")
    kev["kev_due"] = kev.pop("due_date") + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    findings = findings.merge(kev, on="cve_id", how="left")
    days = findings.vulnerability_severity_level.str.lower().map({"critical": 15, "high": 30, "medium": 90, "low": 180})
    due = findings.first_seen_timestamp + pd.to_timedelta(days, unit="D")
    grace = (findings.first_seen_timestamp + pd.Timedelta(days=3)).where(findings.kev_due.notna())
    kev_due = pd.concat([findings.kev_due, grace], axis=1).max(axis=1)
    findings["due_at"] = pd.concat([due, kev_due], axis=1).min(axis=1)
    findings["overdue"] = findings.security_update_available & (as_of > findings.due_at)
    counts = {"open_findings": len(findings), "overdue_findings": int(findings.overdue.sum())}
    findings = findings[findings.device_id.isin(machines.id[machines.eligible])]
    overdue = findings.device_id[findings.overdue].unique()
    exposure = findings.groupby(["software_vendor", "software_name"]).agg(
        devices=("device_id", "nunique"),
        cves=("cve_id", "nunique"),
        worst_cvss=("cvss_score", "max"),
        overdue=("overdue", "sum"),
    )
    eligible = machines[machines.eligible]
    windows = (
        eligible[eligible.os_platform.str.startswith("Windows")].agent_version.str.split(".").str[1].astype("int64")
    )
    share = windows.value_counts(normalize=True)
    newest = share[share >= 0.01].index.max()
    known = sorted(release for release in windows.unique() if release <= newest)
    behind = windows.map({release: len(known) - 1 - i for i, release in enumerate(known)}).fillna(0)
    others = eligible[~eligible.os_platform.str.startswith("Windows")]
    months = others.agent_version.str.slice(4, 6).astype(int) * 12 + others.agent_version.str.slice(6, 8).astype(int)
    age = (as_of.year - 2000) * 12 + as_of.month - months
    expired = age >= others.os_platform.map({"macOS": 6, "Ubuntu": 9})
    return counts | {
        "eligible": int(machines.eligible.sum()),
        "noncompliant_devices": len(overdue),
        "exposed_products": len(exposure),
        "unsupported_agents": int((behind > 2).sum() + expired.sum()),
    }


CASES: dict[str, Callable[[Path, str, int], dict[str, Any]]] = {
    "every derived table": partial(_tables, None),
    "the core tables alone": partial(_tables, CORE),
    "core questions in pandas": core_in_pandas,
}


def run_case(name: str, folder: Path, memory: str, threads: int) -> dict[str, Any]:
    """One case in a process of its own: answers, seconds, CPU seconds, peak memory in MiB."""
    arguments = ["--case", name, "--folder", str(folder), "--memory", memory, "--threads", str(threads)]
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measured(name: str, folder: Path, memory: str, threads: int) -> dict[str, Any]:
    began = time.perf_counter()
    answers = CASES[name](folder, memory, threads)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "answers": {key: answers.get(key) for key, _, _ in COMPARED},
        "by_table": answers.get("seconds"),
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "mib": used.ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of inventory, and of findings")
    parser.add_argument("--memory", default="1GB", help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the generated files are kept (used again if there)")
    parser.add_argument("--max-seconds", type=float, default=60)
    parser.add_argument("--max-mib", type=float, default=2048)
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(_measured(options.case, options.folder, options.memory, options.threads)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not list(folder.glob("*.parquet")):
            print(f"generating {options.rows:,} rows of inventory and of findings …")
            generate(folder, options.rows)
        results = {name: run_case(name, folder, options.memory, options.threads) for name in CASES}
    ours = results["every derived table"]
    print(f"\n{'case':26} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9} {'wall x':>7} {'memory x':>9}")
    for name, result in results.items():
        print(
            f"{name:26} {result['seconds']:8.1f} {result['cpu']:8.1f} {result['mib']:9,.0f} "
            f"{result['seconds'] / ours['seconds']:7.2f} {result['mib'] / ours['mib']:9.2f}"
        )
    print("\nseconds by table (writing included): " + ", ".join(f"{k} {v}" for k, v in ours["by_table"].items()))
    differ = any(result["answers"] != ours["answers"] for result in results.values())
    print(
        "answers: "
        + ("differ: " if differ else "the same: ")
        + json.dumps([r["answers"] for r in results.values()][: 3 if differ else 1])
    )
    slow = ours["seconds"] > options.max_seconds
    large = ours["mib"] > options.max_mib
    print(
        f"limits: {options.max_seconds:g} s {'exceeded' if slow else 'kept'}, "
        f"{options.max_mib:g} MiB {'exceeded' if large else 'kept'}"
    )
    return 1 if differ or slow or large else 0


if __name__ == "__main__":
    sys.exit(main())
