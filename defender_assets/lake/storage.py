"""Where the lake's files are kept: one protocol for folders and object stores.

Here: the protocol, and ``open_storage``, which finds the storage for an address. Not here: the two kinds of storage
(``local_storage.py``, ``object_storage.py``), the paths of partitions (``layout.py``).
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from ..sql import DuckDBConnection
from .draft import Draft
from .errors import LakeError
from .journal import Journal
from .layout import PartFile


class Storage(Protocol):
    """Files under one root, named by paths relative to it with forward slashes.

    Every method raises a LakeError (LakeNotWritable where it writes) with a sentence about what was refused.
    """

    root: str
    """The address without credentials."""

    @property
    def identity(self) -> str:
        """With which identity the store is opened, in words; empty for a folder."""
        ...

    @property
    def filesystem(self) -> Any:
        """For pyarrow: None (local paths) or a ``pyarrow.fs.FileSystem``."""
        ...

    uploads: int
    """How many partitions it is sensible to publish at the same time."""

    errors: tuple[type[Exception], ...]
    """What reading may raise besides OSError: the libraries of object stores have errors of their own."""

    def read_error(self, error: Exception) -> LakeError:
        """The lake's error for one of those."""
        ...

    def folders(self, path: str) -> list[str]:
        """Names of the visible folders in ``path``, ascending; none where it does not exist."""
        ...

    def parts(self, path: str, first: date = date.min, last: date = date.max) -> list[PartFile]:
        """Every part file of the days from ``first`` to ``last`` below ``path`` (the folder of a table, tenant or
        partition), in the order of their paths."""
        ...

    def newest_parts(self, path: str) -> list[PartFile]:
        """Those of the newest day that has any, below the folder of a tenant, in as few looks as the storage needs."""
        ...

    def cached_listings(self) -> AbstractContextManager[None]:
        """Within the block this thread lists a folder of an object store once, and sees what was there then, but for
        what it publishes itself."""
        ...

    def fetch_together(self, parts: Sequence[PartFile]) -> None:
        """Prepares to read these files, where each by itself would be a wait for the network."""
        ...

    def address(self, path: str) -> str:
        """An absolute path or a URL, which pandas, pyarrow, DuckDB and Polars can open."""
        ...

    def arrow_path(self, path: str) -> str:
        """The path within ``filesystem``."""
        ...

    def draft(self, table: str, path: str) -> Draft:
        """A new hidden local file that is to become ``path``. Removes what killed writers of the table left."""
        ...

    def publish(self, draft: Draft, path: str) -> None:
        """Puts the draft at ``path`` in one step, and replaces what was there."""
        ...

    def remove(self, path: str) -> None:
        """Removes the file. No error if it is gone."""
        ...

    def bytes_by_day(self, path: str) -> dict[date, int]:
        """Below the folder of a tenant: each day that has a visible file, and the bytes of these files."""
        ...

    def remove_partition(self, table: str, path: str) -> None:
        """Removes the folder of a partition with all that is in it: out of readers' sight in one step, where it is one
        file as this package writes it, or the storage can rename. No error if it is gone."""
        ...

    def tables_in_work(self) -> set[str]:
        """The tables that a process is writing to, as far as this machine can see."""
        ...

    def sweep(self) -> None:
        """Removes what killed writers left on this machine. Never fails."""
        ...

    def files(self, path: str) -> list[str]:
        """Names of the files in a folder, hidden ones included, ascending; none where it does not exist."""
        ...

    def may_move(self, path: str, target: str) -> bool:
        """Whether ``target`` has nothing, or nothing but what a ``move_folder`` from ``path`` left there when it was
        stopped halfway."""
        ...

    def move_folder(self, path: str, target: str) -> None:
        """Moves a folder with all that is in it, hidden files too, where ``may_move``. On an object store every object
        is copied before the first one is removed; done again, it goes on."""
        ...

    def is_file(self, path: str) -> bool:
        """Whether there is such a file, without reading it."""
        ...

    def read_bytes(self, path: str) -> bytes | None:
        """The content of a small file, None where it does not exist."""
        ...

    def journal(self, path: str) -> Journal:
        """The journal at ``path``, which need not exist yet."""
        ...

    def check_writable(self) -> None:
        """Raises LakeNotWritable unless a file can be created and removed."""
        ...

    def register(self, connection: DuckDBConnection) -> None:
        """Lets a DuckDB connection open the addresses."""
        ...

    def address_spellings(self, path: str) -> list[str]:
        """Every spelling of the address by which DuckDB may open the file."""
        ...


def local_path(root: str) -> Path | None:
    """The folder of a lake on this machine, None for an address elsewhere."""
    scheme, colon, _ = root.partition("://")
    if not colon:
        return Path(os.path.abspath(os.path.expanduser(root)))
    if scheme.lower() in ("file", "local"):
        return Path(os.path.abspath(unquote(urlsplit(root).path)))
    return None


def open_storage(root: str) -> Storage:
    """The storage at ``root``, a path or a URL that fsspec knows. Touches no file. Raises LakeError for a place that
    cannot hold a lake."""
    folder = local_path(root)
    if folder is not None:
        from .local_storage import LocalStorage

        return LocalStorage(folder)
    from .object_storage import ObjectStorage

    return ObjectStorage(root)
