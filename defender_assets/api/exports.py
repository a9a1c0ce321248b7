"""Export files: every row of one snapshot, from the parts that the service lists.

Here: the order of downloads, proof that each part is whole, parts without bytes, parts that a list lacked. Not here:
the list (``export_list.py``), the download of one part (``export_download.py``), decoding the rows (``decode``).
"""

import logging
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from ..catalog import Dataset, ExportFiles
from ..quantity import quantity
from .client import DefenderClient
from .compression import Damaged, Overlong, gunzipped_lines
from .errors import BrokenAnswer, IncompleteWalk, TooLarge
from .export_download import DownloadTally, Part, PartDownload
from .export_list import PartAddresses, another_snapshot, list_export, part_name
from .prefetch import read_ahead
from .reused_memory import ReusedMemory

_log = logging.getLogger("defender_assets.api")

DOWNLOADS = 4
BLOCK = 8 << 20
BUFFERED = 256 << 20
"""Bytes. A part of at most this size, decompressed, is decompressed once and kept in memory until proven complete. A
larger one is decompressed twice, the first time only to prove it complete."""

# Packed parts that wait for the consumer, besides those being downloaded: together at most 60 MiB in memory.
_READY = 2
_BLOCKS_AHEAD = 2
# How often a part of zero bytes is asked for again, and after how many seconds where no other part took time.
_EMPTY_AGAIN = 2
_EMPTY_WAIT = 2.0


class Export:
    """The rows of one export, as NDJSON. Its list is requested at once; its files are downloaded when it is iterated
    over, which is possible once.

    ``generated_time`` is when the service made the snapshot, in its own words; ``parts`` the number of files (0: no
    rows), those of ``missed_parts`` included. Each block is whole lines, about 8 MiB at most, from a part that was
    read to its end and proven whole. When all blocks came without an error, they are every row of the parts.

    Raises IncompleteWalk (retryable) when the snapshot changes before all of it was read, TooLarge, and what
    ``client.get`` raises.
    """

    def __init__(self, client: DefenderClient, dataset: Dataset, files: ExportFiles) -> None:
        self._client, self._dataset, self._files = client, dataset, files
        self._listed = list_export(client, dataset, files)
        self.generated_time = self._listed.generated_time
        self.parts = len(self._listed.addresses)
        self._tally = DownloadTally()
        self._memory = ReusedMemory(BLOCK)

    def __repr__(self) -> str:
        return f"Export({self._dataset.name!r}, parts={self.parts}, generated_time={self.generated_time!r})"

    @property
    def empty_parts(self) -> int:
        """How many parts had no bytes, whenever they were asked for."""
        return self._tally.empty_parts

    @property
    def parts_read_again(self) -> int:
        """How often a part was downloaded again, because it came damaged, short or empty."""
        return self._tally.read_again

    def __iter__(self) -> Iterator[memoryview]:
        addresses = PartAddresses(self._client, self._dataset, self._files, self._listed, tuple(self._listed.addresses))
        return self._read(addresses)

    def missed_parts(self) -> Iterator[memoryview]:
        """The blocks of the parts that the list lacked, by a second list, which is requested at once.

        Raises IncompleteWalk when that list is of another snapshot, or names the parts otherwise.
        """
        listed = list_export(self._client, self._dataset, self._files)
        if listed.generated_time != self.generated_time:
            raise another_snapshot(self._dataset)
        more = _names(listed.addresses) - _names(self._listed.addresses)
        missed = [part for part in listed.addresses if part not in self._listed.addresses]
        if not more:
            return iter(())
        if len(missed) != more.total():
            raise IncompleteWalk(
                f"{self._dataset.name}: the service lists the files of one export under different names; the reading "
                "has to start over",
                dataset=self._dataset.name,
            )
        _log.info("%s: the list of export files lacked %s.", self._dataset.name, quantity(len(missed), "file"))
        self.parts += len(missed)
        return self._read(PartAddresses(self._client, self._dataset, self._files, listed, missed))

    def _read(self, addresses: PartAddresses) -> Iterator[memoryview]:
        if not addresses.parts:
            return iter(())
        return read_ahead(lambda: self._blocks(addresses), room=_BLOCKS_AHEAD, name=f"parts of {self._dataset.name}")

    def _blocks(self, addresses: PartAddresses) -> Iterator[memoryview]:
        download = PartDownload(self._client, self._dataset.name, addresses, self._tally)
        under_way: deque[tuple[str, Future[Part]]] = deque()
        pool = ThreadPoolExecutor(DOWNLOADS, thread_name_prefix=f"download {self._dataset.name}")
        try:
            empty = yield from self._in_order(addresses.parts, download, pool, under_way)
            waits = len(empty) == len(addresses.parts)
            for _ in range(_EMPTY_AGAIN):
                if not empty:
                    break
                if waits:
                    self._client.clock.sleep(_EMPTY_WAIT)
                waits = True
                _log.info("%s: no bytes in %s; asking again.", self._dataset.name, quantity(len(empty), "part"))
                self._tally.add(read_again=len(empty))
                empty = yield from self._in_order(empty, download, pool, under_way)
            self._tally.add(empty_parts=len(empty))
        finally:
            download.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            for _, future in under_way:
                if not future.cancelled() and future.exception() is None:
                    future.result().file.close()

    def _in_order(
        self,
        parts: tuple[str, ...],
        download: PartDownload,
        pool: ThreadPoolExecutor,
        under_way: deque[tuple[str, Future[Part]]],
    ) -> Generator[memoryview, None, tuple[str, ...]]:
        """The blocks of the parts; returns those parts that had no bytes."""
        waiting = deque(parts)
        empty: list[str] = []
        while waiting or under_way:
            while waiting and len(under_way) < DOWNLOADS + _READY:
                name = waiting.popleft()
                under_way.append((name, pool.submit(download.part, name)))
            name, future = under_way.popleft()
            part = future.result()
            if part.is_empty:
                part.file.close()
                empty.append(name)
            else:
                yield from self._proven(name, part, download)
        return tuple(empty)

    def _proven(self, name: str, part: Part, download: PartDownload) -> Iterator[memoryview]:
        """The blocks of a part that is proven whole. A damaged part is discarded and downloaded again."""
        for _ in range(self._client.retry.attempts):
            with part.file:
                try:
                    blocks = _whole(part, self._memory)
                    if blocks is not None or _is_whole(part, self._memory):
                        while blocks:
                            yield blocks.popleft()
                        if blocks is None:
                            yield from _from_start(part, self._memory)
                        return
                except Overlong as overlong:
                    what = str(overlong)
                    break
            _log.info("%s: a part of the export is damaged; reading it again.", self._dataset.name)
            self._tally.add(read_again=1)
            part = download.part(name)
        else:
            part.file.close()
            raise BrokenAnswer(
                f"{self._dataset.name}: a part of the export is damaged, every time it is read",
                dataset=self._dataset.name,
            )
        raise TooLarge(f"{self._dataset.name}: a part of the export cannot be read: {what}", dataset=self._dataset.name)


def _names(addresses: Mapping[str, str]) -> Counter[str]:
    return Counter(map(part_name, addresses.values()))


def _from_start(part: Part, memory: ReusedMemory) -> Iterator[memoryview]:
    part.file.seek(0)
    return gunzipped_lines(part.file, memory)


def _whole(part: Part, memory: ReusedMemory) -> deque[memoryview] | None:
    """All blocks of a part that is whole; None when it is damaged, or too large to be buffered."""
    blocks: deque[memoryview] = deque()
    size = 0
    try:
        for block in _from_start(part, memory):
            blocks.append(block)
            size += len(block)
            if size > BUFFERED:
                return None
    except Damaged:
        return None
    return blocks


def _is_whole(part: Part, memory: ReusedMemory) -> bool:
    try:
        for _ in _from_start(part, memory):
            pass
    except Damaged:
        return False
    return True
