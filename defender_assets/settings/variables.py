"""Every setting by its name: environment, then ``.env`` in the working directory, then defaults.

Here: the typed settings object, as it was written down. Not here: following secret references and checking that what
is given makes a connection (``connection.py``); loading settings never needs credentials.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .problem import Problem, SettingsError
from .secrets import DOTENV

PREFIX = "DEFENDER_"


def variable(field: str) -> str:
    """``client_id`` -> ``DEFENDER_CLIENT_ID``."""
    return "AZURE_FEDERATED_TOKEN_FILE" if field == "azure_federated_token_file" else PREFIX + field.upper()


class Settings(BaseSettings):
    """What is written in the environment and in ``.env``.

    The connection's settings are kept as they stand (a value or a secret reference); ``connection()`` makes something
    of them when something is to be fetched. Use ``load_settings()``, whose errors name the variable and not the value.
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
    client_certificate: str | None = Field(
        None, description="Path of a PEM (or PFX) with private key, used in place of the secret."
    )
    client_certificate_password: SecretStr | None = Field(None, description="Opens the certificate file.")
    federated_token_file: str | None = Field(
        None, description="Path of a workload-identity token, used in place of the secret."
    )
    azure_federated_token_file: str | None = Field(
        None,
        validation_alias="AZURE_FEDERATED_TOKEN_FILE",
        description="The same, as Azure's workload identity sets it; used when no other credential is given.",
    )
    managed_identity: str | None = Field(None, description="system, or the client id of a user-assigned identity.")
    cloud: str = Field("commercial", description="commercial, gcc, gcc-high or dod.")
    api_url: str | None = Field(None, description="Overrides the API's base URL.")
    authority_url: str | None = Field(None, description="Overrides the login's base URL.")
    scope: str | None = Field(None, description="Overrides the token's scope.")
    ca_bundle: str | None = Field(None, description="Extra trusted CA certificates.")
    tenants: Path | None = Field(None, description="A YAML file that lists several tenants.")

    lake: str = Field("lake", description="Root of the Parquet lake: a local path or an fsspec URL.")
    policy: str | None = Field(None, description="Compliance policy file; by default the one that ships.")

    user_calls: NonNegativeInt = Field(1_000, description="Calls that one refresh of machine_users may spend.")
    export_files: Literal["auto", "always", "never"] = Field(
        "auto", description="Whether large tables are read from export files rather than from pages."
    )
    export_files_above: NonNegativeInt = Field(
        100_000, description="With auto: from this many devices on, export files are used."
    )
    allow_collapse: bool = Field(
        False, description="Publish a table that has far fewer rows than its former partition."
    )
    budget_file: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "state" / "defender-assets" / "budget.sqlite",
        description="Where the calls made are counted, shared by all processes of this machine.",
    )
    pacing: Literal["adaptive", "documented"] = Field(
        "adaptive", description="Keep to the documented quotas always, or only once the service has said 429."
    )
    budget_file: Path | None = Field(
        None, description="Where all processes of the machine count their calls; by default in the user's state folder."
    )


def load_settings(**given: Any) -> Settings:
    """The settings as they stand; ``given`` goes before the environment. Raises SettingsError."""
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = [
            _problem(str(detail["loc"][0]), detail["type"], detail.get("ctx", {}))
            for detail in error.errors(include_url=False, include_input=False)
        ]
    except UnicodeDecodeError:
        problems = [Problem(DOTENV, "is not UTF-8 text", "save the file as UTF-8")]
    raise SettingsError(*problems)


_EXPECTED = {
    "int": "give a whole number",
    "greater": "give a whole number, zero or more",
    "bool": "say true or false",
    "literal": "say {expected}",
}


def _problem(field: str, kind: str, context: dict[str, Any]) -> Problem:
    remedy = next((text for start, text in _EXPECTED.items() if kind.startswith(start)), "give a text")
    # The alias of a field is already the variable's name.
    name = field if field.isupper() else variable(field)
    return Problem(name, "cannot be understood", remedy.format(expected=context.get("expected", "")))
