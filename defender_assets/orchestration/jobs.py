"""Jobs: what a person or a schedule launches by name.

Here: selections over the graph, and the connection test. Not here: when they run (``automation/schedules.py``).
"""

import dagster as dg

from ..api import examine
from ..catalog import Days
from ..refresh import was_fetched
from ..tenant import DEFAULT_TENANT
from .failures import as_failures
from .resources import DefenderApplication, ParquetLake

_SELECTIONS: dict[str, tuple[str, dg.AssetSelection]] = {
    "refresh_all": ("Every table of today: fetched, and what is computed from it.", dg.AssetSelection.all()),
    "refresh_inventory": (
        "Devices, who uses them and what is installed.",
        dg.AssetSelection.assets("machines", "machine_users", "av_health", "software", "software_inventory"),
    ),
    "refresh_vulnerabilities": (
        "CVEs, findings per device, their changes, and secure configuration.",
        dg.AssetSelection.assets(
            "vulnerabilities", "software_vulnerabilities", "software_vulnerability_changes", "secure_configuration"
        ),
    ),
    "recompute_compliance": (
        "Every table that the policy decides, and the report, from what is in the lake; for a day or a range of days.",
        dg.AssetSelection.tag("days", Days.DERIVED.value),
    ),
    "refresh_alerts": ("Alerts by the day of their creation.", dg.AssetSelection.assets("alerts")),
}


REFRESH_JOBS = [
    dg.define_asset_job(name, selection=selection, description=description)
    for name, (description, selection) in _SELECTIONS.items()
]


class ConnectionTest(dg.Config):
    """Which tenant to test."""

    tenant: str = DEFAULT_TENANT


@dg.op(description="Logs in and asks for one row of each dataset; says what is refused, why, and what to do.")
def examine_connection(
    context: dg.OpExecutionContext, config: ConnectionTest, application: DefenderApplication, lake: ParquetLake
) -> None:
    with as_failures(context):
        held = was_fetched(lake.lake(config.tenant))
        diagnosis = examine(application.connection(config.tenant), application.settings(), was_fetched=held)
    columns = ("dataset", "permission", "ok", "status", "reason", "remedy")
    rows = [{name: getattr(row, name) for name in columns} for row in diagnosis.datasets]
    table = dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {name: value if isinstance(value, bool) else str(value or "") for name, value in row.items()}
            )
            for row in rows
        ],
        schema=dg.TableSchema([dg.TableColumn(name, "bool" if name == "ok" else "string") for name in columns]),
    )
    facts: dict[str, dg.RawMetadataValue] = {
        "login": diagnosis.login.reason,
        "services": ", ".join(row["dataset"] for row in rows if row["ok"]) or "none",
        "left out": ", ".join(f"{row.dataset} ({row.reason})" for row in diagnosis.datasets if row.absent) or "none",
        "datasets": table,
    }
    if not diagnosis.ok:
        sentences = [f"{row.dataset}: {row.remedy}" for row in diagnosis.datasets if not row.ok and not row.absent]
        if not diagnosis.login.ok:
            sentences = [diagnosis.login.message]
        raise dg.Failure("\n".join(sentences), metadata=facts, allow_retries=False)
    context.log.info("The application can read: %s", facts["services"])
    context.add_output_metadata(facts)


@dg.job(description="The Test button: can the application log in, and which datasets may it read?")
def test_connection() -> None:
    examine_connection()


test_connection.__test__ = False  # type: ignore[attr-defined]  # its name is the contract's, it is no pytest test
