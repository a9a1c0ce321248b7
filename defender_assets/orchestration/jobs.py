"""Jobs: what a person or a schedule launches by name.

Here: selections over the graph, and the connection test. Not here: when they run (``automation/schedules.py``).
"""

from functools import partial

import dagster as dg

from ..catalog import Days
from ..doctor import Diagnosis, examine, settings_problems
from ..tenant import DEFAULT_TENANT
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


@dg.op(
    description="Logs in, asks for one row of each dataset, and looks at lake, policy, feeds, webhook and clock; says "
    "what is wrong, why, and what to do."
)
def examine_connection(
    context: dg.OpExecutionContext, config: ConnectionTest, application: DefenderApplication, lake: ParquetLake
) -> None:
    settings = application.settings()
    diagnosis = examine(
        settings,
        lake.lake(config.tenant),
        partial(application.connection, config.tenant),
        problems=settings_problems(settings, tenant=config.tenant),
    )
    absent = (f"{probe.dataset} ({probe.reason})" for probe in diagnosis.datasets if probe.absent)
    facts: dict[str, dg.RawMetadataValue] = {
        "login": diagnosis.login.reason,
        "services": ", ".join(probe.dataset for probe in diagnosis.datasets if probe.ok) or "none",
        "left out": ", ".join(absent) or "none",
        "datasets": _table(diagnosis, "datasets"),
        "checks": _table(diagnosis, "checks"),
    }
    if not diagnosis.ok:
        raise dg.Failure("\n".join(diagnosis.failures()), metadata=facts, allow_retries=False)
    context.log.info("The application can read: %s", facts["services"])
    context.add_output_metadata(facts)


def _table(diagnosis: Diagnosis, part: str) -> dg.TableMetadataValue:
    """A list of the diagnosis, in the words of ``doctor --json``."""
    rows: list[dict[str, object]] = diagnosis.to_dict()[part]
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {name: value if isinstance(value, bool) else str(value or "") for name, value in row.items()}
            )
            for row in rows
        ],
        schema=dg.TableSchema([dg.TableColumn(name, "bool" if name == "ok" else "string") for name in rows[0]]),
    )


@dg.job(description="Tests the connection: can the application log in, and which datasets may it read?")
def test_connection() -> None:
    examine_connection()


test_connection.__test__ = False  # type: ignore[attr-defined]  # its name is the contract's, it is no pytest test
