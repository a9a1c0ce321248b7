"""Where the lake's files are: the one protocol that the rest of the lake speaks, and how to get from an address to it.

Here: the protocol and ``open_storage``. Not here: the two kinds of storage (``local_storage.py``,
``object_storage.py``), names of partitions (``layout.py``).
"""

import os
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from ..sql import Connection
from .draft import Draft
from .errors import LakeError
from .journal import Journal
from .layout import PartFile


class Storage(Protocol):
    """Files under one root, named by paths relative to it with forward slashes.

    Every method raises a LakeError (LakeNotWritable where it writes) with a sentence about what was refused.
    """

    root: str
    """As people know it: without credentials."""

    @property
    def filesystem(self) -> Any:
        """For pyarrow: None (local paths) or a ``pyarrow.fs.FileSystem``."""
        ...

    refusals: tuple[type[Exception], ...]
    """What reading may raise beside OSError: the libraries of object stores have errors of their own."""

    def unreachable(self, error: Exception) -> LakeError:
        """The sentence about one of those."""
        ...

    def folders(self, path: str) -> list[str]:
        """Names of the visible folders in ``path``; none where it does not exist."""
        ...

    def parts(self, path: str) -> list[PartFile]:
        """Every part file below ``path`` (a table's, tenant's or partition's folder), in the order of their paths."""
        ...

    def address(self, path: str) -> str:
        """What pandas, pyarrow, DuckDB and Polars open it by: an absolute path or a URL."""
        ...

    def arrow_path(self, path: str) -> str:
        """What ``filesystem`` opens it by."""
        ...

    def draft(self, table: str, path: str) -> Draft:
        """A new hidden local file that is to become ``path``, after sweeping what killed writers of the table left."""
        ...

    def publish(self, draft: Draft, path: str) -> None:
        """Puts the draft's file at ``path`` in one step, replacing what was there."""
        ...

    def remove(self, path: str) -> None:
        """Removes the file, and the folders that are empty without it; no error if it is gone."""
        ...

    def read_bytes(self, path: str) -> bytes | None:
        """The whole of a small file, None where it does not exist."""
        ...

    def journal(self, path: str) -> Journal:
        """The journal at ``path``, whether or not anything was written to it."""
        ...

    def check_writable(self) -> None:
        """Raises LakeNotWritable unless a file can be made and removed."""
        ...

    def register(self, connection: Connection) -> None:
        """Makes addresses known to a DuckDB connection."""
        ...

    def known_as(self, path: str) -> list[str]:
        """Every spelling of the address under which DuckDB may ask for the file."""
        ...


def local_path(root: str) -> Path | None:
    """The folder that a lake's address means on this machine, None if it means a place elsewhere."""
    scheme, colon, _ = root.partition("://")
    if not colon:
        return Path(os.path.abspath(os.path.expanduser(root)))
    if scheme.lower() in ("file", "local"):
        return Path(os.path.abspath(unquote(urlsplit(root).path)))
    return None


def open_storage(root: str) -> Storage:
    """The storage at ``root``: a path, or a URL that fsspec knows. Touches nothing. Raises LakeError for a place that
    cannot hold a lake."""
    folder = local_path(root)
    if folder is not None:
        from .local_storage import LocalStorage

        return LocalStorage(folder)
    from .object_storage import ObjectStorage

    return ObjectStorage(root)
