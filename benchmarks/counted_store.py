"""An object store of this machine's files that counts the requests which a real one would have been sent.

Here: listings (a thousand names a request, as S3, Azure and Google answer them) and reads of byte ranges, each after
``latency`` seconds, and buffered as the stores' libraries buffer them. Not here: what is read from it
(``reading.py``).
"""

import math
import time
from collections import Counter
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractBufferedFile

PROTOCOL = "counted"
_NAMES_A_REQUEST = 1000


class CountedStore(LocalFileSystem):  # type: ignore[misc]  # fsspec has no types
    """``counted:///folder``. ``requests`` counts by kind: list, read."""

    protocol = PROTOCOL
    cachable = False
    requests: ClassVar[Counter[str]] = Counter()
    latency = 0.0

    @classmethod
    def _ask(cls, kind: str, times: int = 1) -> None:
        cls.requests[kind] += times
        time.sleep(cls.latency * times)

    def ls(self, path: str, detail: bool = False, **options: Any) -> Any:
        found = super().ls(path, detail=detail, **options)
        self._ask("list", math.ceil(max(len(found), 1) / _NAMES_A_REQUEST))
        return found

    def find(self, path: str, **options: Any) -> Any:
        found = LocalFileSystem().find(self._strip_protocol(path), **options)
        self._ask("list", math.ceil(max(len(found), 1) / _NAMES_A_REQUEST))
        return found

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        return _Ranges(self, path, mode)


class _Ranges(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    def _fetch_range(self, start: int, end: int) -> bytes:
        self.fs._ask("read")
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(end - start)


fsspec.register_implementation(PROTOCOL, CountedStore, clobber=True)
