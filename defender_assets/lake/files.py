"""Files of a day that are no tables, such as a report: in the folder where a partition would be.

Here: writing one whole or not at all, finding the newest, removing one. Not here: partitions (``writer.py``), notes and
journals, which no reader sees (``lake.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from ..sanitize import brief
from .errors import LakeNotWritable
from .layout import day_of, file_path, tenant_folder
from .storage import Storage


@contextmanager
def drafted(storage: Storage, name: str, path: str, what: str) -> Iterator[Path]:
    """A hidden local file to be filled within the block. At its end it is published at ``path``, and replaces an older
    one in one step; after an error it is discarded. ``what`` is named where it cannot be written. Raises
    LakeNotWritable."""
    draft = storage.draft(name, path)
    try:
        yield draft.path
        storage.publish(draft, path)
    except OSError as error:
        raise LakeNotWritable(f"{name}: {what} could not be written ({brief(error)}).") from error
    finally:
        draft.discard()


class Files:
    """The files of one tenant. Readers of tables ignore them. A name is visible, and not that of a Parquet file: others
    raise ValueError."""

    def __init__(self, storage: Storage, tenant: str) -> None:
        self._storage = storage
        self._tenant = tenant

    @contextmanager
    def writing(self, name: str, day: date, file: str) -> Iterator[Path]:
        """A hidden local file to be filled within the block, and published at its end; see ``drafted``. Raises
        LakeNotWritable."""
        path = file_path(name, self._tenant, day, file)
        with drafted(self._storage, name, path, f"{file} of {day}") as draft:
            yield draft

    def publish(self, name: str, day: date, file: str, content: bytes) -> str:
        """The same for content in memory; gives the file's address. Raises LakeNotWritable."""
        with self.writing(name, day, file) as draft:
            draft.write_bytes(content)
        return self.address(name, day, file)

    def address(self, name: str, day: date, file: str) -> str:
        """The file's path or URL, whether it is there or not."""
        return self._storage.address(file_path(name, self._tenant, day, file))

    def read(self, name: str, day: date, file: str) -> bytes | None:
        """The content of a file that fits into memory; None where there is none. Raises LakeError."""
        return self._storage.read_bytes(file_path(name, self._tenant, day, file))

    def is_there(self, name: str, day: date, file: str) -> bool:
        """Whether there is such a file; it is not read. Raises LakeError."""
        return self._storage.is_file(file_path(name, self._tenant, day, file))

    def remove(self, name: str, day: date, file: str) -> None:
        """No error if there is none. Raises LakeNotWritable."""
        self._storage.remove(file_path(name, self._tenant, day, file))

    def days(self, name: str) -> list[date]:
        """The days that have a folder for such files, the newest first."""
        folders = self._storage.folders(tenant_folder(name, self._tenant))
        return sorted({day for folder in folders if (day := day_of(folder))}, reverse=True)

    def newest(self, name: str, file: str) -> str | None:
        """The address of the newest such file, None where there is none."""
        for day in self.days(name):
            path = file_path(name, self._tenant, day, file)
            if self._storage.is_file(path):
                return self._storage.address(path)
        return None
