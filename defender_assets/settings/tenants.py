"""Several tenants from one YAML file.

Here: reading the list. Not here: what a tenant's settings mean (``connection.py``).

The file that ``DEFENDER_TENANTS`` names::

    tenants:
      - name: contoso
        tenant_id: contoso.example
        client_id: 11111111-2222-3333-4444-555555555555
        client_secret: keyvault:https://contoso-vault.vault.azure.net/secrets/defender
      - name: fabrikam
        tenant_id: fabrikam.example
        client_certificate: /run/secrets/fabrikam.pem

A setting that a tenant lacks is taken from the general settings, so an application that all tenants share is written
down once. A tenant with a credential of its own uses only that one. Besides the settings of its connection it may have
an ``organisation``, for the head of its report, and the ``policy`` that judges it: a preset, or a file, which is sought
beside the list. ``DEFENDER_TENANT_ID`` may be written in place of ``tenant_id``, and a mapping from name to settings in
place of the list. Names and values are the texts that are written: 042 is no number, and refused as a name, because
readers of the lake's folders would make one of it. What YAML would take without a word (a key that stands twice, of
which the last counts; a list where a text belongs) is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..tenant import ALL_TENANTS, DEFAULT_TENANT
from .errors import Problem, SettingsError
from .paths import expanded
from .small_files import read_small
from .variables import PREFIX, Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LONGEST_NAME = 64
_DATE = re.compile(r"\d{1,4}-\d{1,2}-\d{1,2}")
_OTHER_TYPES = frozenset({"true", "false", "null", "none", "nan", "__hive_default_partition__"})
_RESERVED = frozenset({ALL_TENANTS})
_MOST_VALUES = 1_000_000
"""What an alias stands for counts wherever it stands: YAML copies what one mapping takes over from another by <<."""


def _reads_as_other_type(name: str) -> bool:
    """Whether a reader of hive partitions (DuckDB, Spark, Polars) takes the name for a value of another type."""
    if name.lower() in _OTHER_TYPES or _DATE.fullmatch(name):
        return True
    try:
        float(name)
    except ValueError:
        return False
    return True


def tenant_names(settings: Settings | None = None) -> tuple[str, ...]:
    """The names of all tenants, without following any reference. Raises SettingsError."""
    return tuple(tenant_entries(settings or Settings.load())) or (DEFAULT_TENANT,)


def check_tenant(settings: Settings, tenant: str) -> None:
    """Raises SettingsError for an unknown tenant, and for a list that cannot be read."""
    entries = tenant_entries(settings)
    if entries and tenant not in entries:
        raise SettingsError(
            Problem("DEFENDER_TENANTS", f"lists no tenant named '{tenant}'", f"choose one of {', '.join(entries)}")
        )
    if not entries and tenant != DEFAULT_TENANT:
        raise SettingsError(
            Problem("DEFENDER_TENANTS", "is not set", f"without it there is one tenant, named '{DEFAULT_TENANT}'")
        )


def tenant_entries(settings: Settings) -> dict[str, dict[str, str]]:
    """Name -> the tenant's own settings, by field; empty when there is no file. Raises SettingsError."""
    if settings.tenants is None:
        return {}
    try:
        return _parsed(read_small(expanded(settings.tenants)).decode("utf-8"))
    except OSError as error:
        raise _wrong(
            f"names a file that cannot be read ({error.strerror})", "let it name the YAML file with the list of tenants"
        ) from None
    except UnicodeDecodeError:
        raise _wrong("names a file that is not UTF-8 text") from None
    except RecursionError:
        raise _wrong("names a file in which lists or mappings are nested too deeply") from None
    except yaml.YAMLError as error:
        # The error's own text quotes the line, which may hold a secret.
        mark = getattr(error, "problem_mark", None)
        raise _wrong("names a file that is not YAML" + (f" (line {mark.line + 1})" if mark else "")) from None


def organisation_of(settings: Settings, tenant: str) -> str | None:
    """The name by which a report calls the organisation: the tenant's own, else the general one. Raises
    SettingsError."""
    return tenant_entries(settings).get(tenant, {}).get("organisation") or settings.organisation


@dataclass(frozen=True)
class OwnSetting:
    """What a tenant's entry says: the ``text``, the ``folder`` of the list, and how the setting is ``named``."""

    text: str
    folder: Path
    named: str


def own_setting(settings: Settings, tenant: str, field: str) -> OwnSetting | None:
    """A setting of a tenant's entry; None where it has none of its own. Raises SettingsError."""
    text = tenant_entries(settings).get(tenant, {}).get(field)
    if not text or settings.tenants is None:
        return None
    return OwnSetting(text, expanded(settings.tenants).parent, named_in_list(settings, tenant, field))


def named_in_list(settings: Settings, tenant: str, field: str) -> str:
    """How a setting of a tenant's entry is named: ``tenants.yaml, tenant 'contoso': client_secret``."""
    return f"{settings.tenants}, tenant '{tenant}': {field}"


@lru_cache(maxsize=1)
def _parsed(text: str) -> dict[str, dict[str, str]]:
    # A tick asks for each tenant's settings, and a list of a hundred takes a tenth of a second to parse.
    loader = _AsWritten(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise _wrong("lists no tenants")
        if _values_in(node, {}) > _MOST_VALUES:
            raise _wrong(
                f"names a file whose aliases stand for more than {_MOST_VALUES:,} values",
                "write settings that tenants share once, and take them over by << in each entry",
            )
        for what, where, line in _repeated(node):
            raise _wrong(f"{what} twice{where} (line {line})", "keep one of them")
        return _entries(loader.construct_document(node))
    finally:
        loader.dispose()


def _values_in(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values there are, those of an alias counted wherever it stands. ``known``: of nodes met before."""
    if id(node) not in known:
        known[id(node)] = 1  # for a node within itself
        below = node.value if isinstance(node, yaml.SequenceNode) else [each for pair in _pairs(node) for each in pair]
        known[id(node)] += sum(_values_in(each, known) for each in below)
    return known[id(node)]


def _repeated(node: yaml.Node) -> Iterator[tuple[str, str, int]]:
    """(what, where, line) of keys and names that stand twice, whichever way they are written. What an entry takes over
    from another by << is not its own."""
    top = _keys(node)
    tenants = next((value for key, value in top if key.value == "tenants"), node)
    if tenants is not node:
        yield from ((f"has {key}", " at its top", line) for key, line in _twice(top))
    if isinstance(tenants, yaml.MappingNode):
        named = _keys(tenants)
        yield from ((f"lists '{key}'", "", line) for key, line in _twice(named, as_fields=False))
        entries = [(str(key.value), entry) for key, entry in named]
    elif isinstance(tenants, yaml.SequenceNode):
        entries = [
            (next((str(value.value) for key, value in _keys(entry) if key.value == "name"), f"number {number}"), entry)
            for number, entry in enumerate(tenants.value, start=1)
        ]
    else:
        entries = []
    for name, entry in entries:
        where = f" in the entry of '{name[:_LONGEST_NAME]}'"
        yield from ((f"has {key}", where, line) for key, line in _twice(_keys(entry)))


def _keys(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return [pair for pair in _pairs(node) if pair[0].tag != "tag:yaml.org,2002:merge"]


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _twice(pairs: list[tuple[yaml.Node, yaml.Node]], *, as_fields: bool = True) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    for key, _ in pairs:
        name = _field(str(key.value)) if as_fields else str(key.value)
        if name in seen:
            yield name[:_LONGEST_NAME], key.start_mark.line + 1
        seen.add(name)


def _field(key: str) -> str:
    """``DEFENDER_TENANT_ID`` -> ``tenant_id``."""
    return key.lower().removeprefix(PREFIX.lower())


class _AsWritten(yaml.SafeLoader):
    """YAML whose scalars are the texts that are written: 042 would be read as the number 34. What merges mappings (<<)
    and what is empty keep their meaning."""


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":merge", ":null"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _wrong(
    what: str, remedy: str = "list the tenants under 'tenants', each with a name and its settings"
) -> SettingsError:
    return SettingsError(Problem("DEFENDER_TENANTS", what, remedy))


def _entries(content: Any) -> dict[str, dict[str, str]]:
    if isinstance(content, dict) and "tenants" in content:
        content = content["tenants"]
    if isinstance(content, dict):
        for name, entry in content.items():
            shown = str(name)[:_LONGEST_NAME]
            if not isinstance(entry, dict):
                raise _wrong(f"has {_kind(entry)} as the entry of '{shown}'", "write its settings there, as key: value")
            if "name" in entry:
                raise _wrong(f"has a name in the entry of '{shown}'", "its key is its name already")
        content = [{"name": name, **entry} for name, entry in content.items()]
    if not isinstance(content, list) or not content:
        raise _wrong("lists no tenants")
    entries: dict[str, dict[str, str]] = {}
    for number, entry in enumerate(content, start=1):
        if not isinstance(entry, dict):
            raise _wrong(
                f"has {_kind(entry)} as entry number {number}", "write a name and settings there, as key: value"
            )
        if "name" not in entry:
            raise _wrong(f"has an entry without a name (number {number})")
        name = str(entry["name"] if entry["name"] is not None else "null")
        if _reads_as_other_type(name):
            raise _wrong(
                f"names a tenant '{name}'",
                "readers of the lake's folders would take that for a number, a date, a boolean or null; put a letter "
                "before it (t042)",
            )
        if name in _RESERVED:
            raise _wrong(f"names a tenant '{name}'", "that word stands for all tenants together; give another name")
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            raise _wrong(
                f"has an entry whose name cannot be used (number {number})",
                f"a name is made of at most {_LONGEST_NAME} lower-case letters, digits, - and _, and begins with a "
                "letter or digit, as it becomes a folder of the lake",
            )
        if name in entries:
            raise _wrong(f"lists '{name}' twice", "each tenant has a name of its own")
        entries[name] = {
            _field(str(key)): _text(name, str(key), value)
            for key, value in entry.items()
            if key != "name" and value is not None
        }
    return entries


def _text(tenant: str, key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _wrong(
        f"has {_kind(value)} as {_field(key)[:_LONGEST_NAME]} in the entry of '{tenant}'",
        "write one text there, in quotes where YAML would take it for something else",
    )


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else "no text"
