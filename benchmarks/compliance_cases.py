"""The cases of the compliance suite, each in a process of its own: ``python -m benchmarks.compliance_cases CASE ROOT``.

Prints one line of JSON: the answers that all cases have, and what each table took. Here: the same questions asked of
our own code, of DuckDB by hand, of pandas and of Polars. Not here: the inputs (``compliance_inputs.py``), the
comparison (``compliance.py``).
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.compliance import Policy, headline_numbers, table_sql
from defender_assets.compliance.derivation import DEVICES_OUT_OF_SCOPE, INPUT_STATE, NO_DEVICES, input_state
from defender_assets.compliance.rest_of_fleet import NO_REST
from defender_assets.lake import Lake
from defender_assets.refresh import RefreshContext
from defender_assets.refresh.derived import DerivedRefresh
from defender_assets.settings import Settings
from defender_assets.sql import sql_type

from .compliance_inputs import DAY, input_files

Answers: TypeAlias = dict[str, int]

_ANSWERS = (
    ("eligible", "device_identity", "eligible"),
    ("open_findings", "patch_findings", "open_findings"),
    ("overdue_findings", "patch_findings", "overdue"),
    ("noncompliant_devices", "patch_compliance", "noncompliant"),
    ("exposed_products", "software_exposure", "exposed_products"),
    ("unsupported_agents", "agent_compliance", "agent_unsupported"),
)
"""Name of the answer, derived table, and the headline of that table that answers."""
CORE = tuple(dict.fromkeys(table for _, table, _ in _ANSWERS))
"""The tables that answer what pandas and Polars are asked."""


def _no_client() -> None:
    raise AssertionError("a derived table asks the service nothing")


def ours(root: Path, scratch: Path, tables: Sequence[str]) -> tuple[Answers, dict[str, list[float]]]:
    """What a refresh does to each table, without Dagster: computed, checked, its headlines counted, published."""
    lake = Lake(scratch / "lake")
    shutil.copytree(root, lake.root, copy_function=os.link)
    context = RefreshContext(lake=lake, settings=Settings.load(), today=DAY, client=_no_client)  # type: ignore[arg-type]
    took: dict[str, list[float]] = {}
    for name in tables:
        with _taking(took, name):
            (outcome,) = DerivedRefresh(DERIVED[name]).refresh([DAY], context)
            if outcome.error is not None:
                raise outcome.error
    answers = {
        key: int(headline_numbers(table, lake.source(table, (DAY,)), engine=context.engine)[headline] or 0)
        for key, table, headline in _ANSWERS
    }
    return answers, took


def by_hand(root: Path, scratch: Path, tables: Sequence[str]) -> tuple[Answers, dict[str, list[float]]]:
    """The same SQL in one DuckDB connection with the same limits, each table copied to Parquet: no checks, no
    headlines, nothing published."""
    settings = Settings.load()
    took: dict[str, list[float]] = {}
    with duckdb.connect() as connection:
        connection.execute(
            f"SET memory_limit = '{settings.compute_memory}'; SET threads = {settings.compute_threads}; "
            f"SET temp_directory = '{scratch}'; SET preserve_insertion_order = false; SET TimeZone = 'UTC'"
        )
        for name, rows in Policy.load().tables.items():
            connection.register(name, rows)
        connection.register(INPUT_STATE, input_state(()))
        connection.register(DEVICES_OUT_OF_SCOPE, pa.table({"device_id": NO_DEVICES}))
        for name, rows in NO_REST.tables().items():
            connection.register(name, rows)
        files = input_files(root)
        for name in TABLES:
            if name not in DERIVED:
                _offer(connection, name, files.get(name))
        for name in tables:
            with _taking(took, name):
                file = scratch / f"{name}.parquet"
                connection.execute(f"COPY ({table_sql(name)}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
                _offer(connection, name, file)
    return {}, took


def _offer(connection: duckdb.DuckDBPyConnection, table: str, file: Path | None) -> None:
    """A view with every column of the catalog; those that the file lacks are null."""
    source = f"read_parquet('{file}')" if file else "(SELECT 1) WHERE FALSE"
    held = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()} if file else set()
    columns = (
        f'"{column.name}"' if column.name in held else f'NULL::{sql_type(column.arrow)} AS "{column.name}"'
        for column in TABLES[table].all_columns
    )
    connection.execute(f"CREATE VIEW {table} AS SELECT {', '.join(columns)} FROM {source}")


@contextmanager
def _taking(took: dict[str, list[float]], name: str) -> Iterator[None]:
    """Notes the seconds, processor seconds and peak MiB of a block."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    took[name] = [time.perf_counter() - wall, time.process_time() - cpu, peak / 1024]


def in_pandas(root: Path, _: Path) -> tuple[Answers, dict[str, list[float]]]:
    """The core questions, as a notebook would ask them: read, merge, group, in memory."""
    import pandas as pd

    files = input_files(root)

    def read(name: str, *columns: str) -> pd.DataFrame:
        return pd.read_parquet(files[name], columns=list(columns))

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
    answers = {"open_findings": len(findings), "overdue_findings": int(findings.overdue.sum())}
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
    return answers | {
        "eligible": int(machines.eligible.sum()),
        "noncompliant_devices": len(overdue),
        "exposed_products": len(exposure),
        "unsupported_agents": int((behind > 2).sum() + expired.sum()),
    }, {}


def in_polars(root: Path, _: Path) -> tuple[Answers, dict[str, list[float]]]:
    """The core questions as lazy queries, collected by the streaming engine."""
    import polars as pl

    files = input_files(root)

    def scan(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(files[name])

    assessed = pl.concat(
        [scan(name).select("device_id") for name in ("software_inventory", "software_vulnerabilities")]
    )
    machines = scan("machines").select("id", "os_platform", "agent_version", "last_seen", "onboarding_status",
                                       "is_excluded", "observed_at").collect()  # fmt: skip
    as_of = machines["observed_at"].max()
    eligible = (
        machines.lazy()
        .filter(
            ~pl.col("is_excluded"),
            pl.col("onboarding_status").str.to_lowercase() == "onboarded",
            pl.col("last_seen") >= pl.lit(as_of) - pl.duration(days=30),
        )
        .join(assessed.unique(), left_on="id", right_on="device_id", how="semi")
        .collect(engine="streaming")
    )
    key = ["device_id", "software_vendor", "software_name", "software_version", "cve_id"]
    kev = scan("kev").select("cve_id", kev_due=pl.col("due_date") + pl.duration(days=1) - pl.duration(microseconds=1))
    first_seen = pl.col("first_seen_timestamp")
    days = pl.col("vulnerability_severity_level").str.to_lowercase().replace_strict(
        {"critical": 15, "high": 30, "medium": 90, "low": 180}, default=None, return_dtype=pl.Int64
    )  # fmt: skip
    kev_due = pl.when(pl.col("kev_due").is_not_null()).then(
        pl.max_horizontal("kev_due", first_seen + pl.duration(days=3))
    )
    findings = (
        scan("software_vulnerabilities")
        .group_by(key)
        .agg(
            pl.col("vulnerability_severity_level", "cvss_score", "security_update_available").first(),
            first_seen.min(),
        )
        .join(kev, on="cve_id", how="left")
        .with_columns(due_at=pl.min_horizontal(first_seen + pl.duration(days=days), kev_due))
        .select(
            "device_id", "software_vendor", "software_name", "cve_id", "cvss_score",
            overdue=pl.col("security_update_available") & (pl.lit(as_of) > pl.col("due_at")),
        )
    )  # fmt: skip
    of_eligible = findings.join(eligible.lazy().select("id"), left_on="device_id", right_on="id", how="semi")
    counts, overdue, exposure = pl.collect_all(
        [
            findings.select(pl.len().alias("open"), pl.col("overdue").sum()),
            of_eligible.filter("overdue").select(pl.col("device_id").n_unique()),
            of_eligible.group_by("software_vendor", "software_name").agg(
                pl.col("device_id").n_unique().alias("devices"),
                pl.col("cve_id").n_unique().alias("cves"),
                pl.col("cvss_score").max(),
                pl.col("overdue").sum(),
            ),
        ],
        engine="streaming",
    )
    is_windows = pl.col("os_platform").str.starts_with("Windows")
    windows = eligible.filter(is_windows).select(release=pl.col("agent_version").str.split(".").list.get(1).cast(int))
    shares = windows["release"].value_counts(normalize=True)
    newest = shares.filter(pl.col("proportion") >= 0.01)["release"].max()
    known = windows["release"].unique().sort().to_list()
    listed = [release for release in known if release <= newest]
    old = set(listed[:-3])
    others = eligible.filter(~is_windows).select(
        age=(as_of.year - 2000) * 12 + as_of.month  # type: ignore[union-attr]
        - pl.col("agent_version").str.slice(4, 2).cast(int) * 12 - pl.col("agent_version").str.slice(6, 2).cast(int),
        limit=pl.col("os_platform").replace_strict({"macOS": 6, "Ubuntu": 9}, return_dtype=pl.Int64),
    )  # fmt: skip
    return {
        "eligible": eligible.height,
        "open_findings": counts["open"][0],
        "overdue_findings": counts["overdue"][0],
        "noncompliant_devices": overdue.item(),
        "exposed_products": exposure.height,
        "unsupported_agents": windows["release"].is_in(old).sum()
        + others.filter(pl.col("age") >= pl.col("limit")).height,
    }, {}


Case: TypeAlias = Callable[[Path, Path], tuple[Answers, dict[str, list[float]]]]
CASES: dict[str, Case] = {
    "ours": partial(ours, tables=tuple(DERIVED)),
    "ours, core": partial(ours, tables=CORE),
    "DuckDB by hand": partial(by_hand, tables=tuple(DERIVED)),
    "pandas, core": in_pandas,
    "Polars, core": in_polars,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compliance_cases")
    parser.add_argument("case", choices=CASES)
    parser.add_argument("root", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.root.parent) as scratch:
        answers, took = CASES[options.case](options.root, Path(scratch))
    print(json.dumps({"answers": answers, "took": took}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
