"""From settings to a connection: references followed, values checked, every problem reported at once.

Here: what makes settings usable. Not here: reading them (``variables.py``), the list of tenants (``tenants.py``), using
them (``api``). Nothing here talks to Microsoft's login or API.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..spelling import is_meant, near_names
from ..tenant import DEFAULT_TENANT
from .certificate import UnreadableCertificate, certificate_source, read_certificate
from .cloud import CLOUDS, Cloud
from .credential import ClientCertificate, ClientSecret, Credential, FederatedToken, ManagedIdentity
from .errors import Problem, SettingsError
from .paths import expanded
from .secrets import UnresolvedSecret, resolve
from .small_files import read_small
from .tenants import check_tenant, named_in_list, tenant_entries
from .variables import Settings, variable

CREDENTIAL_FIELDS = ("client_secret", "client_certificate", "federated_token_file", "managed_identity")
_CREDENTIAL_PARTS = (*CREDENTIAL_FIELDS, "client_certificate_password", "azure_federated_token_file")
CONNECTION_FIELDS = (
    "tenant_id",
    "client_id",
    *_CREDENTIAL_PARTS,
    "cloud",
    "api_url",
    "authority_url",
    "scope",
    "ca_bundle",
)

_BESIDE_THE_CONNECTION = frozenset({"organisation", "policy"})
"""What a tenant's entry may hold besides the settings of its connection."""

_UNRESOLVED = "is a secret reference that cannot be followed"


@dataclass(frozen=True)
class Connection:
    """One application in one tenant, ready for use. ``repr`` shows no secret.

    ``tenant_name`` is the name in the lake; ``tenant_id`` and ``client_id`` are Entra's (for a managed identity the
    tenant id may be empty). The URLs are https and have no trailing slash.
    """

    tenant_name: str
    tenant_id: str
    client_id: str
    credential: Credential
    cloud: Cloud = field(repr=False)
    api_url: str
    authority_url: str
    scope: str
    ca_bundle: Path | None = None
    named: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Variable -> what to call it, of those settings that the tenant's entry in the list has."""
    source: Callable[[], "Connection"] | None = field(default=None, repr=False, compare=False)

    def renewed(self) -> "Connection":
        """The same connection with every secret reference followed again, for use after a refusal. Raises
        SettingsError."""
        return self.source() if self.source else self

    def as_written(self, text: str) -> str:
        """A text that tells what to do, with settings of the tenant's entry called by their key there."""
        return re.sub(r"\bDEFENDER_[A-Z_]+", lambda found: self.named.get(found[0], found[0]), text)


def connection(
    settings: Settings | None = None,
    overrides: Mapping[str, str | None] | None = None,
    *,
    tenant: str = DEFAULT_TENANT,
) -> Connection:
    """The connection of one tenant.

    ``overrides`` are fields of the settings (those of a Dagster resource) that take precedence. A field that only
    refers to its own variable (``env:DEFENDER_CLIENT_ID``) overrides nothing, because the variable may be unset, in
    ``.env`` or a tenant's own. Secret references are followed now. Raises SettingsError with everything that is
    missing or malformed.
    """
    effective = {name: text for name, text in (overrides or {}).items() if text != f"env:{variable(name)}"}
    settings = settings or Settings.load()
    values, own = _values(settings, tenant, effective)
    names = _Names(tenant, settings.tenants, {name: named_in_list(settings, tenant, name) for name in own})
    # Read anew: a secret may have been changed in .env too.
    return _checked(tenant, values, names, source=lambda: connection(None, effective, tenant=tenant))


def names_application(settings: Settings) -> bool:
    """Whether anything says which application logs in: a list of tenants, an id or a credential. Where nothing does,
    nobody meant this machine to ask the service."""
    fields = ("tenants", "tenant_id", "client_id", *_CREDENTIAL_PARTS)
    return any(_plain(getattr(settings, name)).strip() for name in fields)


def resolved_setting(field: str, text: str, ca_bundle: Path | None = None) -> str:
    """The value of one setting, its secret reference followed, trusting ``ca_bundle`` too. Raises SettingsError."""
    try:
        return resolve(text.strip(), ca_bundle)
    except UnresolvedSecret as error:
        raise SettingsError(Problem(variable(field), _UNRESOLVED, str(error))) from None


def ca_bundle_path(text: str | None) -> Path | None:
    """The file that ``DEFENDER_CA_BUNDLE`` names, for connections that need no credentials. Raises SettingsError."""
    return expanded(resolved_setting("ca_bundle", text)) if text else None


def _values(
    settings: Settings, tenant: str, overrides: Mapping[str, str | None]
) -> tuple[dict[str, str], frozenset[str]]:
    """(field -> its text: from the overrides, else from the tenant's own entry, else from the general settings; the
    fields whose text is the entry's)."""
    own: set[str] = set()
    values = {name: _plain(getattr(settings, name)) for name in CONNECTION_FIELDS}
    check_tenant(settings, tenant)
    entries = tenant_entries(settings)
    for source in (_of_connection(entries.get(tenant, {})), overrides):
        layer = {name: text for name, text in source.items() if text}
        if unknown := _unknown_fields(layer, settings, "" if source is overrides else tenant):
            raise SettingsError(*unknown)
        if any(name in layer for name in CREDENTIAL_FIELDS):
            # A more specific credential replaces the general one instead of competing with it.
            values.update(dict.fromkeys(_CREDENTIAL_PARTS, ""))
            own.difference_update(_CREDENTIAL_PARTS)
        values.update(layer)
        own = own - layer.keys() if source is overrides else own | layer.keys()
    return {name: text for name, text in values.items() if text and text.strip()}, frozenset(own)


def tenant_problems(settings: Settings) -> list[Problem]:
    """What is wrong with the list of tenants, without following any reference."""
    try:
        entries = tenant_entries(settings)
    except SettingsError as error:
        return list(error.problems)
    return [
        problem for name, entry in entries.items() for problem in _unknown_fields(_of_connection(entry), settings, name)
    ]


def _of_connection(entry: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in entry.items() if name not in _BESIDE_THE_CONNECTION}


def _of_tenant(name: str) -> str:
    return f"tenant '{name}': "


def _unknown_fields(layer: Mapping[str, str], settings: Settings, tenant: str) -> list[Problem]:
    """Those that there are not, of a tenant's entry, or where no ``tenant`` is given of a resource."""
    problems = []
    known = (*CONNECTION_FIELDS, *sorted(_BESIDE_THE_CONNECTION)) if tenant else CONNECTION_FIELDS
    for name in sorted(set(layer) - set(CONNECTION_FIELDS)):
        near = [] if name in Settings.model_fields else near_names(name, known)
        remedy = is_meant([each if tenant else variable(each) for each in near]) or "leave it out there"
        named = named_in_list(settings, tenant, name) if tenant else variable(name)
        what = "is not a setting of a tenant" if tenant else "is not a setting of a connection"
        problems.append(Problem(named, what, remedy))
    return problems


@dataclass(frozen=True)
class _Names:
    """What the settings of a connection are called: those of the tenant's entry (``own``) by the file and their key in
    it, others by their variable."""

    tenant: str
    listed_in: Path | None
    own: Mapping[str, str]

    def subject(self, field: str) -> str:
        """What a problem begins with."""
        prefix = "" if self.tenant == DEFAULT_TENANT else _of_tenant(self.tenant)
        return self.own.get(field) or prefix + variable(field)

    def inline(self, field: str) -> str:
        """What one of the entry is called within a sentence."""
        return f"{field} of tenant '{self.tenant}' in {self.listed_in}"

    def beside(self, field: str) -> str:
        """The name of another setting in the same sentence."""
        return field if field in self.own else variable(field)

    def where(self, field: str) -> str:
        """Where one that is missing may be written, where there is more than one place."""
        if self.listed_in is None:
            return ""
        return f" ({field} in its entry of {self.listed_in}, or {variable(field)} for all tenants)"


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)


def _checked(tenant: str, texts: Mapping[str, str], names: _Names, *, source: Callable[[], Connection]) -> Connection:
    validation = _Validation(names)
    # First: the stores that other references lead to may be behind the same proxy.
    ca_bundle = validation.ca_bundle(validation.resolved("ca_bundle", texts.get("ca_bundle", ""), None))
    values = {name: validation.resolved(name, text, ca_bundle) for name, text in texts.items() if name != "ca_bundle"}
    cloud = validation.cloud(values.get("cloud", "commercial"))
    # A managed identity has its tenant and client id from Azure.
    needed = "managed_identity" not in values
    tenant_id = validation.tenant_id(values.get("tenant_id"), needed=needed)
    checked = Connection(
        tenant_name=tenant,
        tenant_id=tenant_id,
        client_id=validation.client_id(values.get("client_id"), needed=needed),
        credential=validation.credential(values) or ClientSecret(""),
        cloud=cloud,
        api_url=validation.url("api_url", values.get("api_url"), cloud.api_url, "/api"),
        authority_url=validation.url(
            "authority_url", values.get("authority_url"), cloud.authority_url, f"/{tenant_id}"
        ),
        scope=validation.scope(values.get("scope"), cloud.scope),
        ca_bundle=ca_bundle,
        named={variable(field): names.inline(field) for field in names.own},
        source=source,
    )
    if validation.problems:
        raise SettingsError(*validation.problems)
    return checked


_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE)


class _Validation:
    """Converts the texts of settings to values, and collects every problem on the way."""

    def __init__(self, names: _Names) -> None:
        self.problems: list[Problem] = []
        self._names = names
        self._unresolved: set[str] = set()

    def _add(self, name: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(self._names.subject(name), what, remedy))

    def resolved(self, name: str, text: str, ca_bundle: Path | None) -> str:
        try:
            return resolve(text.strip(), ca_bundle)
        except UnresolvedSecret as error:
            self._add(name, _UNRESOLVED, str(error))
            self._unresolved.add(name)
            return ""

    def _missing(self, name: str, remedy: str) -> None:
        if name not in self._unresolved:
            self._add(name, "is missing", remedy + self._names.where(name))

    def cloud(self, text: str) -> Cloud:
        name = text.strip().lower().replace("_", "-")
        if name not in CLOUDS:
            if "cloud" not in self._unresolved:
                self._add("cloud", "names no known cloud", f"say one of {', '.join(CLOUDS)}")
            return CLOUDS["commercial"]
        return CLOUDS[name]

    def tenant_id(self, text: str | None, *, needed: bool) -> str:
        if not text:
            if needed:
                self._missing("tenant_id", "give the Entra tenant id (Entra admin center, Overview)")
            return ""
        if not (_GUID.fullmatch(text) or _DOMAIN.fullmatch(text)):
            self._add(
                "tenant_id",
                "is neither a GUID nor a domain name",
                "give the tenant id (Entra admin center, Overview) or a verified domain of the tenant",
            )
        return text

    def client_id(self, text: str | None, *, needed: bool) -> str:
        if not text:
            if needed:
                self._missing("client_id", "give the application (client) id of the app registration")
            return ""
        if not text.isprintable() or any(character.isspace() for character in text):
            self._add("client_id", "is malformed", "give the application (client) id of the app registration, a GUID")
        return text

    def url(self, name: str, text: str | None, default: str, ending: str) -> str:
        """A base URL. ``ending`` is a path that people often append, and that is removed because it is added later."""
        if not text:
            return default
        remedy = "give an address such as " + default
        try:
            parts = urlsplit(text)
            well_formed = bool(parts.hostname) and parts.port != 0
        except ValueError:
            well_formed = False
        if not well_formed or not text.isprintable() or any(character.isspace() for character in text):
            self._add(name, "is malformed", remedy)
        elif parts.scheme.lower() != "https":
            self._add(name, "is not an https address", f"{remedy}; nothing is sent without TLS")
        elif parts.username or parts.password or parts.query or parts.fragment:
            self._add(name, "has more in it than scheme, host, port and path", remedy)
        else:
            path = parts.path.rstrip("/")
            if len(ending) > 1 and path.lower().endswith(ending.lower()):
                path = path[: -len(ending)]
            if path and name == "authority_url":
                self._add(name, "has a path", f"{remedy}; the tenant is added to it")
            return f"https://{parts.netloc.lower()}{path}"
        return default

    def scope(self, text: str | None, default: str) -> str:
        if not text:
            return default
        if not text.endswith("/.default") or any(character.isspace() for character in text):
            self._add("scope", "is not the scope of an application login", f"it ends in /.default, as {default} does")
        return text

    def ca_bundle(self, text: str) -> Path | None:
        if not text:
            return None
        path = expanded(text)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
            return path
        except ssl.SSLError:
            self._add("ca_bundle", "names a file without CA certificates", "give a file of certificates in PEM form")
        except OSError as error:
            self._add("ca_bundle", f"names a file that cannot be read ({error.strerror})", "give a readable PEM file")
        return None

    def credential(self, values: Mapping[str, str]) -> Credential | None:
        present = [name for name in CREDENTIAL_FIELDS if name in values]
        if len(present) > 1:
            for name in present:
                others = " and ".join(self._names.beside(other) for other in present if other != name)
                self._add(name, f"is set beside {others}", "an application logs in with one credential: keep one")
            return None
        if not present and values.get("azure_federated_token_file"):
            # Azure's workload identity sets it on every pod, so any credential that is set explicitly wins.
            return self._federated_token("azure_federated_token_file", values["azure_federated_token_file"])
        if not present:
            others = ", ".join(variable(name) for name in CREDENTIAL_FIELDS[1:])
            self._missing("client_secret", f"give the application's client secret, or in its place one of {others}")
            return None
        name, text = present[0], values[present[0]]
        if not text:
            return None
        if name == "client_secret":
            return ClientSecret(text)
        if name == "client_certificate":
            return self._certificate(certificate_source(text), values.get("client_certificate_password"))
        if name == "federated_token_file":
            return self._federated_token(name, text)
        if text.lower() == "system":
            return ManagedIdentity()
        if not _GUID.fullmatch(text):
            self._add(name, "is malformed", "say system, or give the client id of a user-assigned identity, a GUID")
        return ManagedIdentity(text)

    def _certificate(self, source: Path | bytes, password: str | None) -> Credential:
        try:
            read_certificate(source, password)
        except UnreadableCertificate as error:
            self._add("client_certificate", str(error), error.remedy)
        return ClientCertificate(source, password)

    def _federated_token(self, name: str, text: str) -> Credential:
        path = expanded(text)
        try:
            if not read_small(path).decode("utf-8").strip():
                self._add(name, "names an empty file", "the workload identity writes its token there")
        except UnicodeDecodeError:
            self._add(name, "names a file that is not text", "give the file that the workload identity writes")
        except OSError as error:
            self._add(
                name,
                f"names a file that cannot be read ({error.strerror})",
                "give the file that the workload identity writes",
            )
        return FederatedToken(path)
