"""DuckDB's way to the objects of a store, by several threads at once.

Here: the file system that a connection is given. Not here: how objects are read (``object_reading.py``), queries
(``queries/``).
"""

import os
import threading
from typing import Any

from ..sql import DuckDBConnection
from .object_reading import ObjectReader


def register_store(connection: DuckDBConnection, whole: Any, reader: ObjectReader) -> None:
    """Lets the connection open the objects of ``whole``, an fsspec file system, which ``reader`` reads."""
    store = object.__new__(type(whole))  # copying or making one anew gives the one that fsspec keeps
    vars(store).update(vars(whole))

    def listed(path: str) -> Any:
        return reader.listed(whole._strip_protocol(path))

    # DuckDB asks for each of these of every file, and the libraries for each of them the store.
    store.open = lambda path, mode="rb", **_: _SharedFile(reader.open(whole._strip_protocol(path)))
    store.glob = lambda path, **options: [path] if listed(path) else whole.glob(path, **options)
    store.exists = lambda path, **options: listed(path) is not None or whole.exists(path, **options)
    store.size = lambda path: found.size if (found := listed(path)) else whole.size(path)
    store.modified = lambda path: found.modified if (found := listed(path)) else whole.modified(path)
    connection.register_filesystem(store)


class _SharedFile:
    """A file that several threads of DuckDB read, each from a position of its own.

    DuckDB opens a file once, and asks for a range by ``seek`` and then ``read``. While the store's library waits for
    the network in ``read``, another thread may seek.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._positions: dict[int, int] = {}

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET:
            with self._lock:
                self._file.seek(self.tell())
                position = self._file.seek(position, whence)
        self._positions[threading.get_ident()] = position
        return position

    def tell(self) -> int:
        return self._positions.get(threading.get_ident(), 0)

    def read(self, size: int = -1) -> bytes:
        with self._lock:
            self._file.seek(self.tell())
            content: bytes = self._file.read(size)
        self._positions[threading.get_ident()] = self.tell() + len(content)
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
