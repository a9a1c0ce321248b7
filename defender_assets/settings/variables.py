"""Every setting by its name: environment, then ``.env`` in the working directory, then defaults.

Here: the typed settings object. Not here: following secret references, and checking that the settings describe a
connection (``connection.py``), what a value may look like (``value_types.py``). Loading settings never needs
credentials.
"""

from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import (
    DirectoryPath,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from .dotenv import DOTENV, as_written
from .errors import Problem, SettingsError
from .value_types import MemorySize, MetricsFile, NameList, SeverityLevel, SwitchOrAuto, TimeZone, WebAddress

PREFIX = "DEFENDER_"
_FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"


def variable(field: str) -> str:
    """``client_id`` -> ``DEFENDER_CLIENT_ID``."""
    return _FEDERATED_TOKEN_FILE if field == "azure_federated_token_file" else PREFIX + field.upper()


class Settings(BaseSettings):
    """The settings as written in the environment and in ``.env``.

    The settings of a connection stay as they are written (a value or a secret reference) until ``connection()``
    resolves them. Use ``Settings.load()``, whose errors name the variable and not the value.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    tenant_id: str | None = Field(None, description="Entra tenant id.")
    client_id: str | None = Field(None, description="Application (client) id.")
    client_secret: SecretStr | None = Field(None, description="Client secret.")
    client_certificate: SecretStr | None = Field(
        None,
        description="Path of a PEM (or PFX) with private key, or a reference to what one holds; used in place of the "
        "secret.",
    )
    client_certificate_password: SecretStr | None = Field(None, description="Opens the certificate.")
    federated_token_file: str | None = Field(
        None, description="Path of a workload-identity token, used in place of the secret."
    )
    azure_federated_token_file: str | None = Field(
        None,
        validation_alias=_FEDERATED_TOKEN_FILE,
        description="The same, as Azure's workload identity sets it; used when no other credential is given.",
    )
    managed_identity: str | None = Field(None, description="system, or the client id of a user-assigned identity.")
    cloud: str = Field("commercial", description="commercial, gcc, gcc-high or dod.")
    api_url: str | None = Field(None, description="Overrides the API's base URL.")
    authority_url: str | None = Field(None, description="Overrides the login's base URL.")
    scope: str | None = Field(None, description="Overrides the token's scope.")
    ca_bundle: str | None = Field(None, description="Extra trusted CA certificates.")
    tenants: Path | None = Field(None, description="A YAML file that lists several tenants.")

    scope_onboarded: bool = Field(
        False, description="Keep only onboarded devices in the lake, and what belongs to them (docs/scope.md)."
    )
    scope_tags: NameList | None = Field(
        None, description="Keep only devices with one of these tags, separated by commas."
    )
    scope_device_groups: NameList | None = Field(
        None, description="Keep only devices of one of these device groups, separated by commas."
    )
    scope_seen_within_days: int | None = Field(
        None,
        ge=1,
        lt=100_000,
        description="Keep only devices seen so many days before the machine list is read, or later.",
    )
    scope_severity: SeverityLevel | None = Field(
        None, description="Keep only findings of this severity or above, and those that nothing rates."
    )

    lake: str = Field("lake", description="Root of the Parquet lake: a local path or an fsspec URL.")
    lake_mode: Literal["private", "group"] = Field(
        "private",
        description="Who may read a lake in a folder: private, its owner alone (folders 0700, files 0600), or group, "
        "the members of the folder's group too (2750, 0640). On an object store its own rights say so.",
    )
    first_day: date | None = Field(
        None,
        description="First day that has a partition in the Dagster UI (2026-11-01); by default the first one on which "
        "machines were captured.",
    )
    retention: str | None = Field(
        None,
        description="Which days of the lake stay when it is pruned (docs/retention.md): all of the last so many days, "
        "one of each of the last weeks and months, as in 30 days, 26 weeks, 24 months; rules of single tables follow "
        "after semicolons (software_*: 15 days). Without it nothing is removed.",
    )
    history_days: int | None = Field(
        None,
        ge=7,
        lt=100_000,
        description="Dagster's finished runs, with their events and logs, are removed when they are so many days old; "
        "without it they stay.",
    )
    datasets: str | None = Field(
        None,
        description="Which datasets are fetched: names, patterns (software*), and after a ! what is left out "
        "(!alerts), separated by commas. By default all; one beside the core whose role, licence or feature the tenant "
        "lacks is left out, unless it is named here in full or was fetched before.",
    )
    policy: str | None = Field(
        None,
        description="Compliance policy: a file, or the name of one that ships, such as cisa-bod-26-04; "
        "without it, the one named default.",
    )
    organisation: str | None = Field(
        None, description="Name of the organisation at the head of the report; a tenant may have one of its own."
    )
    report_users: bool = Field(
        True,
        description="Whether a device in the report opens to the users who logged on to it, where machine_users is "
        "fetched; false: the report names nobody who logged on, nor whom certificates were issued to and by.",
    )
    report_csv: SwitchOrAuto = Field(
        "auto",
        description="Whether findings.csv and devices.csv are written beside the newest report: true, false, or auto, "
        "which leaves out a file of more rows than a sheet of Excel holds (1,048,575; ten million findings are 3 GB).",
    )
    compute_memory: MemorySize = Field(
        "1GB",
        description="Memory that one compliance table, check or report may take while it is computed (512MB, 2GiB …); "
        "what needs more goes to disk.",
    )
    compute_threads: PositiveInt = Field(2, description="Threads that compute it.")
    compute_temp: DirectoryPath | None = Field(
        None, description="An existing folder for what does not fit into that memory; by default the system's."
    )
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description="What computes compliance tables and reports: duckdb, on this machine, or spark, also on a cluster "
        "(docs/spark.md).",
    )
    spark_from_rows: NonNegativeInt = Field(
        20_000_000,
        description="With spark: what is made from fewer rows than this, all its inputs together, is computed by "
        "DuckDB; 0: nothing is.",
    )
    spark_master: str | None = Field(
        None,
        description="Where Spark computes: spark://HOST:7077, k8s://…, yarn, local[4]; by default what Spark's own "
        "configuration says, else this machine.",
    )
    spark_remote: SecretStr | None = Field(
        None,
        description="In place of a master, the address of a server of Spark Connect (sc://HOST:15002); may be a "
        "reference, as it may hold a token.",
    )
    spark_staging: str | None = Field(
        None,
        description="A folder or fsspec URL that this machine and every worker of Spark can read and write, for what "
        "is computed in steps; by default a hidden folder in the lake.",
    )

    user_calls: NonNegativeInt = Field(
        1_000,
        description="Devices that one refresh of machine_users may ask about, one call each (two where there are no "
        "users).",
    )
    export_files: Literal["auto", "always", "never"] = Field(
        "auto", description="Whether large tables are read from export files rather than from pages."
    )
    export_files_above: NonNegativeInt = Field(
        100_000, description="With auto: from this many devices on, export files are used."
    )
    allow_collapse: bool = Field(
        False,
        description="Publish a table that has far fewer rows than its former partition, or none, when two readings "
        "agree on it.",
    )
    pacing: Literal["adaptive", "documented"] = Field(
        "adaptive", description="Keep to the documented quotas always, or only once the service has said 429."
    )
    budget_file: Path | None = Field(
        None,
        description="Where all processes of the machine count their calls; by default in the user's state folder. "
        "Beside it, in feeds, is what several tenants share of public feeds.",
    )
    budget_redis: SecretStr | None = Field(
        None,
        description="In place of that file, a Redis in which several machines count their calls together "
        "(rediss://:PASSWORD@HOST:6380/0); may be a reference.",
    )

    kev: str | None = Field(
        None, description="CISA KEV: an https address or a file; by default the public address; off to do without."
    )
    epss: str | None = Field(None, description="FIRST EPSS, likewise.")
    ssvc: str = Field(
        "off",
        description="CISA Vulnrichment (SSVC), likewise; public is its public address, some 100 MB a day. Policies "
        "that decide by SSVC (cisa-bod-26-04) need it.",
    )
    antivirus_versions: str | None = Field(
        None,
        description="Newest engine, platform and intelligence of the antivirus (Microsoft's XML): an https address or "
        "a file; by default the public address; off to do without.",
    )
    macos_releases: str | None = Field(
        None, description="Newest agent for macOS (Microsoft AutoUpdate's manifest), likewise."
    )
    linux_releases: str | None = Field(
        None,
        description="Agents for Linux (package indexes of repositories), likewise; several are separated by commas.",
    )
    release_notes: str | None = Field(
        None, description="Releases of all agents, with months (Microsoft's release notes in Markdown), likewise."
    )
    agent_releases: str | None = Field(
        None,
        description="Catalogue of Defender releases beside these feeds: a file or an https address; a dated one ships.",
    )

    refresh_hour: int = Field(
        6,
        ge=0,
        le=23,
        description="Hour of the day at which daily_refresh starts. Where the change of clocks makes it leave out a "
        "UTC day, it starts twelve hours later on that day.",
    )
    time_zone: TimeZone = Field("UTC", description="Time zone of that hour (IANA name); days are UTC in any case.")
    alert_interval_seconds: int = Field(300, ge=1, description="How often alert_changes looks at the service.")
    export_interval_seconds: int = Field(
        3_600,
        ge=1,
        description="How often export_changes looks; never more often than half the quota of export lists allows.",
    )
    late_after_hours: float = Field(
        28,
        gt=0,
        description="A table not refreshed for this long is late (a warning); after twice as long it has failed.",
    )
    executor: Literal["in_process", "forkserver"] = Field(
        "in_process",
        description="Whether all steps of a run share one process, or each has one of its own, for tenants whose "
        "tables are large.",
    )
    running: str = Field(
        "compliance_automation,refresh_failures",
        description="Schedules and sensors that are on at first start, separated by commas; all or none.",
    )
    webhook_url: SecretStr | None = Field(
        None, description="Where refresh_failures posts its messages (Slack, Teams Workflows); may be a reference."
    )
    webhook_format: Literal["auto", "slack", "teams"] = Field(
        "auto", description="Format of these messages; auto goes by the webhook's host."
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="What refresh and serve write on standard error: text for people, or json, a JSON object a line "
        "(docs/monitor.md).",
    )
    metrics_file: MetricsFile | None = Field(
        None,
        description="A file, ending in .prom, to which the status of all tenants is written as metrics, for the "
        "textfile collector of Prometheus' node_exporter (docs/monitor.md).",
    )
    sample_rows: int = Field(
        5,
        ge=0,
        le=20,
        description="Rows of each refreshed table that the UI keeps as a sample, without names of persons and "
        "devices, and without free words; 0 for none.",
    )
    ui_url: WebAddress = Field(
        "http://127.0.0.1:3000", description="Web address of the Dagster UI, for links in messages."
    )

    @classmethod
    def load(cls, **values: Any) -> "Settings":
        """The present settings; ``values`` take precedence over the environment. Raises SettingsError.

        To understand them takes some milliseconds, and a tick over many tenants asks for them often: those that are
        written as they were the last time are the same object.
        """
        written = None if values else as_written(PREFIX, _FEDERATED_TOKEN_FILE)
        if written is not None and (last := _Last.settings) is not None and last[0] == written:
            known = last[1]
            if known.compute_temp is None or known.compute_temp.is_dir():
                return known
        settings, problems = cls.readable(**values)
        if problems:
            raise SettingsError(*problems)
        if written is not None:
            _Last.settings = written, settings
        return settings

    @classmethod
    def readable(cls, **values: Any) -> "tuple[Settings, list[Problem]]":
        """The same with defaults in place of what cannot be understood, and what is wrong with that; for those who
        look for every problem at once."""
        try:
            return cls(**values), []
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        except (OSError, UnicodeDecodeError) as error:
            what, remedy = "is not UTF-8 text", "save the file as UTF-8"
            if isinstance(error, OSError):
                what, remedy = f"cannot be read ({error.strerror})", "give the user that runs this the right to read it"
            without_file, problems = cls.readable(_env_file=None, **values)
            return without_file, [Problem(DOTENV, what, remedy), *problems]
        fields = [str(detail["loc"][0]) for detail in details]
        problems = [
            _problem(field, detail["type"], detail.get("ctx", {}))
            for field, detail in zip(fields, details, strict=True)
        ]
        defaults = {field: cls.model_fields[field].default for field in fields}
        return cls(**values | defaults), problems


class _Last:
    """The settings that were understood last, and what was written then."""

    settings: ClassVar[tuple[object, Settings] | None] = None


_EXPECTED = {
    "unclosed_quote": "close the double quotes around the name",
    "time_zone": "{remedy}",
    "metrics_file": "give the path of a file that ends in .prom, as node_exporter collects no other",
    "memory_size": "give a size, such as 512MB or 2GiB",
    "date_": "give a day, such as 2026-11-01",
    "int_": "give a whole number",
    "float_": "give a number",
    "bool_": "say true or false",
    "literal_error": "say {expected}",
}
_IN_RANGE = {
    "greater_than_equal": "give at least {ge}",
    "greater_than": "give more than {gt}",
    "less_than_equal": "give at most {le}",
    "less_than": "give less than {lt}",
}


def _problem(field: str, kind: str, context: dict[str, Any]) -> Problem:
    """The problem that pydantic found, without the value, which pydantic's own texts can contain."""
    # The alias of a field is already the variable's name.
    name = field if field.isupper() else variable(field)
    if (bound := _IN_RANGE.get(kind)) is not None:
        return Problem(name, "is out of range", bound.format(**context))
    remedy = next((text.format(**context) for start, text in _EXPECTED.items() if kind.startswith(start)), None)
    if remedy is None:
        declared = Settings.model_fields.get(field)
        remedy = f"what belongs there: {declared.description}" if declared and declared.description else "correct it"
    return Problem(name, "cannot be understood", remedy)
