"""Export files: a list of signed addresses, and the rows behind them.

Here: the list, four downloads in parallel, proof that each part is whole, a new list when addresses expire. Not here:
one download (``export_storage.py``), decoding the rows (``decode``).

https://learn.microsoft.com/en-us/defender-endpoint/api/get-assessment-software-vulnerabilities
"""

import functools
import logging
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import orjson

from ..catalog import Dataset, ExportFiles
from .client import DefenderClient
from .compression import Damaged, gunzipped_lines
from .errors import BrokenAnswer, IncompleteWalk, StorageRefused
from .export_storage import Delivery, fetch_part
from .prefetch import read_ahead
from .retry import RetryPolicy

_log = logging.getLogger("defender_assets.api")

DOWNLOADS = 4
BLOCK = 32 << 20
BUFFERED = 256 << 20
"""Bytes. A part of at most this size, decompressed, is decompressed once and kept in memory until proven complete. A
larger one is decompressed twice, the first time only to prove it complete."""

# Packed parts that wait for the consumer, besides those being downloaded: together at most 60 MiB in memory.
_READY = 2
_IN_MEMORY = 10 << 20
_BLOCKS_AHEAD = 2
_NEW_LISTS = 3


@dataclass(frozen=True)
class FileList:
    """One response of an export endpoint: address by part, and when the service made the snapshot."""

    generated_time: str | None
    addresses: Mapping[str, str] = field(repr=False)

    @property
    def generated_at(self) -> datetime | None:
        """``generated_time`` as a time, UTC where it has no offset. None for no text, for the year 1 (the service's
        "never"), and for what cannot be read."""
        try:
            time = datetime.fromisoformat((self.generated_time or "").strip())
        except ValueError:
            return None
        if time.year == 1:
            return None
        return time if time.tzinfo else time.replace(tzinfo=UTC)


def list_export(client: DefenderClient, dataset: Dataset, files: ExportFiles) -> FileList:
    """Requests the list. Its quota is small: 5 calls a minute, 20 an hour."""
    response = client.get(files.path, dataset=dataset, quota=files.quota)
    try:
        content = {str(name).lower(): value for name, value in orjson.loads(response.body).items()}
        addresses = content["exportfiles"]
        if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
            raise TypeError
        generated_time = content.get("generatedtime")
        return FileList(str(generated_time) if generated_time else None, _by_part(addresses))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        pass
    raise BrokenAnswer(
        f"{dataset.name}: GET {files.path} answered without a list of export files", dataset=dataset.name
    )


def _by_part(addresses: list[str]) -> dict[str, str]:
    """The addresses by what identifies a part from list to list: its path without the container, which is new in each
    list; with the container, where two parts would be the same otherwise."""
    paths = [urlsplit(address).path for address in addresses]
    names = [path.strip("/").partition("/")[2] or path for path in paths]
    return dict(zip(names if len(set(names)) == len(names) else paths, addresses, strict=True))


class Export:
    """The rows of one export, as NDJSON. Its list is requested at once; its files are downloaded when it is iterated
    over, which is possible once.

    ``generated_time`` is when the service made the snapshot, in its own words; ``parts`` the number of files (0: no
    rows). Each block is whole lines, about 32 MiB at most, from a part that was read to its end and proven whole. When
    all blocks came without an error, they are every row of the snapshot.

    Raises IncompleteWalk (retryable) when the snapshot changes before all of it was read, and what ``client.get``
    raises.
    """

    def __init__(self, client: DefenderClient, dataset: Dataset, files: ExportFiles) -> None:
        self._client = client
        self._dataset = dataset
        listed = list_export(client, dataset, files)
        self.generated_time = listed.generated_time
        self.parts = len(listed.addresses)
        self._addresses = _Addresses(client, dataset, files, listed)

    def __repr__(self) -> str:
        return f"Export({self._dataset.name!r}, parts={self.parts}, generated_time={self.generated_time!r})"

    def __iter__(self) -> Iterator[bytes]:
        if not self.parts:
            return iter(())
        return read_ahead(self._blocks, room=_BLOCKS_AHEAD, name=f"parts of {self._dataset.name}")

    def _blocks(self) -> Iterator[bytes]:
        download = _Download(self._client, self._dataset.name, self._addresses)
        waiting = deque(self._addresses.parts)
        under_way: deque[tuple[str, Future[BinaryIO]]] = deque()
        pool = ThreadPoolExecutor(DOWNLOADS, thread_name_prefix=f"download {self._dataset.name}")
        try:
            while waiting or under_way:
                while waiting and len(under_way) < DOWNLOADS + _READY:
                    part = waiting.popleft()
                    under_way.append((part, pool.submit(download.part, part)))
                part, future = under_way.popleft()
                file = future.result()
                yield from self._proven(part, file, download)
        finally:
            download.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            for _, future in under_way:
                if not future.cancelled() and future.exception() is None:
                    future.result().close()

    def _proven(self, part: str, file: BinaryIO, download: "_Download") -> Iterator[bytes]:
        """The blocks of a part that is proven whole. A damaged part is discarded and downloaded again."""
        for _ in range(self._client.retry.attempts):
            with file:
                blocks = _whole(file)
                if blocks is not None:
                    while blocks:
                        yield blocks.popleft()
                    return
                if _is_whole(file):
                    yield from _from_start(file)
                    return
            _log.info("%s: a part of the export is damaged; reading it again.", self._dataset.name)
            file = download.part(part)
        file.close()
        raise BrokenAnswer(
            f"{self._dataset.name}: a part of the export is damaged, every time it is read", dataset=self._dataset.name
        )


def _from_start(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return gunzipped_lines(file, BLOCK)


def _whole(file: BinaryIO) -> deque[bytes] | None:
    """All blocks of a part that is whole; None when it is damaged, or too large to be buffered."""
    blocks: deque[bytes] = deque()
    size = 0
    try:
        for block in _from_start(file):
            blocks.append(block)
            size += len(block)
            if size > BUFFERED:
                return None
    except Damaged:
        return None
    return blocks


def _is_whole(file: BinaryIO) -> bool:
    try:
        for _ in _from_start(file):
            pass
    except Damaged:
        return False
    return True


class _Addresses:
    """The addresses that are valid now. Any thread may report that they have expired."""

    def __init__(self, client: DefenderClient, dataset: Dataset, files: ExportFiles, listed: FileList) -> None:
        self._client, self._dataset, self._files = client, dataset, files
        self._lock = threading.Lock()
        self._listed = listed
        self._lists = 0
        self.parts = tuple(listed.addresses)

    def of(self, part: str) -> tuple[str, int]:
        """The address of a part, and the number of the list that it is from."""
        with self._lock:
            return self._listed.addresses[part], self._lists

    def expired(self, number: int) -> None:
        """Requests a new list, unless another thread has done so since list ``number``."""
        with self._lock:
            if number != self._lists:
                return
            _log.info("%s: the addresses of the export have expired; asking for new ones.", self._dataset.name)
            renewed = list_export(self._client, self._dataset, self._files)
            if renewed.generated_time != self._listed.generated_time or set(renewed.addresses) != set(self.parts):
                raise IncompleteWalk(
                    f"{self._dataset.name}: the service made a new export while the former one was being read; the "
                    "reading has to start over",
                    dataset=self._dataset.name,
                )
            self._listed = renewed
            self._lists += 1


class _NotYet(BrokenAnswer):
    """The storage does not have a part yet."""


class _Download:
    """Downloads parts; safe to use from several threads."""

    def __init__(self, client: DefenderClient, dataset: str, addresses: _Addresses) -> None:
        self._client, self._dataset, self._addresses = client, dataset, addresses
        self._stopped = threading.Event()
        # How long the storage takes to finish a copy is unknown: only the patience bounds the attempts.
        self._availability_retry = RetryPolicy(
            attempts=1_000, patience=client.retry.patience, longest_wait=30.0, clock=client.clock
        )

    def stop(self) -> None:
        self._stopped.set()

    def part(self, part: str) -> BinaryIO:
        """The part as packed, from its beginning, in memory or (large ones) in a temporary file."""
        return self._availability_retry.run(lambda: self._download(part), only=_NotYet)

    def _download(self, part: str) -> BinaryIO:
        # A long reading may need any number of lists. But a part whose new addresses are refused as well is refused.
        number = 0
        for refusals in range(1 + _NEW_LISTS):
            if self._stopped.is_set():
                raise BrokenAnswer(f"{self._dataset}: the reading was stopped", dataset=self._dataset, retryable=False)
            if refusals:
                self._addresses.expired(number)
            address, number = self._addresses.of(part)
            delivery, file = self._client.retry.run(functools.partial(self._fetch, address))
            if delivery in (Delivery.WHOLE, Delivery.EMPTY):
                file.seek(0)
                return file
            file.close()
            if delivery is Delivery.NOT_YET:
                raise _NotYet(
                    f"{self._dataset}: the storage does not have a part of the export yet", dataset=self._dataset
                )
        raise StorageRefused(
            f"{self._dataset}: the storage refuses the addresses of the export, those of {_NEW_LISTS} new lists too",
            dataset=self._dataset,
            status=403,
        )

    def _fetch(self, address: str) -> tuple[Delivery, BinaryIO]:
        # A new file for each attempt: what a failed one wrote is gone with its file.
        file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        try:
            return fetch_part(self._client, address, file, self._dataset, stopped=self._stopped), file
        except BaseException:
            file.close()
            raise
