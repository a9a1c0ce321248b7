"""Inputs as Spark reads them: addresses of files as Hadoop spells them, and columns of the catalog's types.

Here: which files an input has, what is in them, and the expressions that make a column of each. Not here: reading them
(``spark_engine.py``).
"""

import glob
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import EngineError, EngineErrorKind
from ..inputs import Input, files_of

_SCHEMES = {"abfs": "abfss", "az": "abfss", "s3": "s3a", "gcs": "gs", "local": "file"}
"""fsspec's schemes that Hadoop calls otherwise."""
_OF_THIS_PROCESS = frozenset({"memory", "http", "https", "data", "zip", "simplecache", "filecache"})
"""Schemes of what only this process, or nobody, can read and write as a cluster does."""
_PUBLIC_CLOUD = "core.windows.net"

_TYPES = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "int",
    pa.uint32(): "bigint",
    pa.uint64(): "decimal(20,0)",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.null(): "string",
}


@dataclass(frozen=True)
class File:
    """A Parquet file: its path on this machine or its address as Hadoop spells it, and its columns."""

    address: str
    schema: pa.Schema


def spark_type(arrow: pa.DataType) -> str:
    """The Spark type, as SQL spells it, that holds the same values. Raises TypeError for one that Spark lacks."""
    if pa.types.is_dictionary(arrow):
        return spark_type(arrow.value_type)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return f"array<{spark_type(arrow.value_type)}>"
    if pa.types.is_struct(arrow):
        return f"struct<{', '.join(f'{spark_identifier(field.name)}: {spark_type(field.type)}' for field in arrow)}>"
    if pa.types.is_timestamp(arrow):
        return "timestamp" if arrow.tz else "timestamp_ntz"
    if pa.types.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if arrow not in _TYPES:
        raise TypeError(f"Spark has no type for {arrow}")
    return _TYPES[arrow]


def spark_identifier(name: str) -> str:
    """A name as Spark's SQL quotes it."""
    return "`" + name.replace("`", "``") + "`"


def cast_columns(schema: pa.Schema, held: Iterable[str]) -> list[str]:
    """An expression for each column of a schema; null for one that is not ``held``."""
    names = set(held)
    return [
        f"CAST({spark_identifier(field.name) if field.name in names else 'NULL'} AS {spark_type(field.type)}) AS "
        f"{spark_identifier(field.name)}"
        for field in schema
    ]


def read_schema(declared: pa.Schema, file: pa.Schema) -> str:
    """The columns of ``declared`` that a file has, as the schema that it is read with: in the file's types, which are
    cast afterwards. A nested column has the declared type: Spark finds its members by name, and those that the file
    lacks are null."""
    fields = []
    for name in _held(declared, file):
        declared_type = declared.field(name).type
        found = declared_type if pa.types.is_nested(declared_type) else file.field(name).type
        try:
            fields.append(f"{spark_identifier(name)} {spark_type(found)}")
        except TypeError as error:
            raise EngineError(EngineErrorKind.INPUT_UNREADABLE, f"the column {name} cannot be read: {error}") from None
    return ", ".join(fields)


def _held(declared: pa.Schema, file: pa.Schema) -> list[str]:
    """The declared columns that a file has; one without a type has no value either."""
    return [name for name in declared.names if name in file.names and not pa.types.is_null(file.field(name).type)]


def by_schema(declared: pa.Schema, files: Iterable[File]) -> Mapping[str, tuple[list[str], list[str]]]:
    """Files that are read alike: their schema -> (their addresses, the columns that they have)."""
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for file in files:
        addresses, _ = groups.setdefault(read_schema(declared, file.schema), ([], _held(declared, file.schema)))
        addresses.append(file.address)
    return groups


def files_in(source: Input) -> list[File] | None:
    """The files of an input that is kept in Parquet; None of one that is not. Raises EngineError for a file that is
    absent, and pyarrow's errors for one that is damaged."""
    if isinstance(source, pa.Table) or source is None:
        return None
    if not isinstance(source, str | Path) and hasattr(source, "scanner"):
        return _files_of_dataset(source)
    return [_file(path) for address in files_of(source) for path in _globbed(address)]


def _file(address: str) -> File:
    import fsspec

    if "://" not in address:
        return File(address, pq.read_schema(address))
    with fsspec.open(address, "rb") as stream:
        return File(spark_address(address), pq.read_schema(stream))


def _globbed(address: str) -> list[str]:
    if not glob.has_magic(address):
        return [address]
    if "://" in address:
        import fsspec

        files, _, paths = fsspec.get_fs_token_paths(address)
        found = [files.unstrip_protocol(path) for path in paths]
    else:
        found = [address] if Path(address).exists() else sorted(glob.glob(address))
    if not found:
        raise EngineError(EngineErrorKind.INPUT_UNREADABLE, f"there is no file {address}")
    return found


def _files_of_dataset(dataset: Any) -> list[File] | None:
    """The files of a pyarrow dataset over Parquet files; None of another dataset."""
    if children := getattr(dataset, "children", None):
        of_each = [_files_of_dataset(child) for child in children]
        return None if any(files is None for files in of_each) else [file for files in of_each for file in files or ()]
    if getattr(getattr(dataset, "format", None), "default_extname", "") != "parquet":
        return None
    store = getattr(getattr(dataset.filesystem, "handler", None), "fs", None)
    if store is None and dataset.filesystem.type_name != "local":
        return None
    return [
        File(path if store is None else _address_in(store, path), _physical_schema(dataset, path))
        for path in dataset.files
    ]


def _physical_schema(dataset: Any, path: str) -> pa.Schema:
    (fragment,) = [each for each in dataset.get_fragments() if each.path == path]
    return fragment.physical_schema


def _address_in(store: Any, path: str) -> str:
    """The address of a path in an fsspec file system."""
    account = getattr(store, "account_name", None)
    host = getattr(store, "account_host", None) or f"{account}.blob.{_PUBLIC_CLOUD}"
    return spark_address(str(store.unstrip_protocol(path)), host.replace(".blob.", ".dfs.") if account else "")


def spark_address(address: str, azure_host: str = "") -> str:
    """A path or fsspec URL as Hadoop spells it. ``azure_host``: the host of the storage account, for addresses in Azure
    that name none. Raises EngineError for a place that Spark cannot reach."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return f"file://{_without_globs(os.path.abspath(address))}"
    scheme = _SCHEMES.get(scheme.lower(), scheme.lower())
    if scheme in _OF_THIS_PROCESS:
        raise EngineError(
            EngineErrorKind.FAILED,
            f"Spark cannot reach {scheme}:// addresses: keep the lake in a folder or an object store that every worker "
            "reaches, or set DEFENDER_ENGINE=duckdb",
        )
    container, _, path = rest.partition("/")
    if scheme == "abfss" and "@" not in container:
        if not azure_host:
            raise EngineError(
                EngineErrorKind.FAILED,
                "Spark needs the storage account in the address of an Azure container: give it as "
                "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER (DEFENDER_LAKE, DEFENDER_SPARK_STAGING)",
            )
        rest = f"{container}@{azure_host}/{path}"
    return f"{scheme}://{_without_globs(rest)}"


def _without_globs(path: str) -> str:
    """A path that is meant letter by letter: Hadoop takes some for patterns."""
    return re.sub(r"[\\*?\[\]{}]", r"\\\g<0>", path)
