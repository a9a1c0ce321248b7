"""The download of export files, one by one: as often as it takes for a part to be there and whole.

Here: copies that are not finished, addresses that have expired, the storage's own word on the size of a part. Not here:
one request (``export_storage.py``), the order of parts, what is in them (``exports.py``).
"""

import functools
import tempfile
import threading
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from .client import DefenderClient
from .errors import BrokenAnswer, StorageRefused
from .export_list import PartAddresses
from .export_storage import Delivery, fetch_part, stored_size
from .retry import RetryPolicy

_IN_MEMORY = 10 << 20
_NEW_LISTS = 3


@dataclass
class DownloadTally:
    """How many parts had no bytes, and how often a part was downloaded again. Any thread may add to it."""

    empty_parts: int = 0
    read_again: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, empty_parts: int = 0, read_again: int = 0) -> None:
        with self._lock:
            self.empty_parts += empty_parts
            self.read_again += read_again


@dataclass(frozen=True)
class Part:
    """A part as packed, in memory or (a large one) in a temporary file, from its beginning."""

    file: BinaryIO
    is_empty: bool


class _NotYet(BrokenAnswer):
    """The storage does not have a part yet."""


class PartDownload:
    """Downloads parts; safe to use from several threads."""

    def __init__(self, client: DefenderClient, dataset: str, addresses: PartAddresses, tally: DownloadTally) -> None:
        self._client, self._dataset, self._addresses, self._tally = client, dataset, addresses, tally
        self._stopped = threading.Event()
        # How long the storage takes to finish a copy is unknown: only the patience bounds the attempts.
        self._availability_retry = RetryPolicy(
            attempts=1_000, patience=client.retry.patience, longest_wait=30.0, clock=client.clock
        )

    def stop(self) -> None:
        """Ends the downloads that are under way."""
        self._stopped.set()

    def part(self, name: str) -> Part:
        """A part of the size that the storage tells. Raises StorageRefused, and what its requests raise."""
        return self._availability_retry.run(lambda: self._download(name), only=_NotYet)

    def _download(self, name: str) -> Part:
        # A long reading may need any number of lists. But a part whose new addresses are refused as well is refused.
        number = 0
        for refusals in range(1 + _NEW_LISTS):
            if self._stopped.is_set():
                raise BrokenAnswer(f"{self._dataset}: the reading was stopped", dataset=self._dataset, retryable=False)
            if refusals:
                self._addresses.expired(number)
            address, number = self._addresses.of(name)
            delivery, file = self._client.retry.run(functools.partial(self._fetch, address))
            if delivery in (Delivery.WHOLE, Delivery.EMPTY):
                file.seek(0)
                return Part(file, delivery is Delivery.EMPTY)
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
            delivery = fetch_part(self._client, address, file, self._dataset, stopped=self._stopped)
            if delivery in (Delivery.WHOLE, Delivery.EMPTY):
                self._check_size(address, file.tell())
            return delivery, file
        except BaseException:
            file.close()
            raise

    def _check_size(self, address: str, received: int) -> None:
        size = stored_size(self._client, address, self._dataset)
        if size is not None and size != received:
            self._tally.add(read_again=1)
            raise BrokenAnswer(
                f"{self._dataset}: of {size:,} bytes of an export file, {received:,} came", dataset=self._dataset
            )
