"""The list of an export's files: signed addresses by part, and when the service made the snapshot.

Here: requesting the list, whether it can be right, a new one when addresses expire. Not here: the files themselves
(``exports.py``).

https://learn.microsoft.com/en-us/defender-endpoint/api/get-assessment-software-vulnerabilities
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

from ..catalog import Dataset, ExportFiles
from .client import DefenderClient
from .errors import BrokenAnswer, IncompleteWalk, TooLarge
from .export_storage import check_is_storage
from .retry import RetryPolicy

_log = logging.getLogger("defender_assets.api")

MOST_PARTS = 100_000
"""Files of one export. The service makes a few for each device group."""

# Of the 20 calls an hour that its quota allows, a list that stays unusable takes no more than these.
_ATTEMPTS = 3
# Brackets and commas: parsed, each can become an object of a hundred bytes. An address has none of them.
_MOST_TOKENS = 10 * MOST_PARTS


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


class _NoList(BrokenAnswer):
    """The answer is no list of files that could be right."""


def list_export(client: DefenderClient, dataset: Dataset, files: ExportFiles) -> FileList:
    """Requests the list, and again where it cannot be right. Its quota is small: 5 calls a minute, 20 an hour.

    Raises BrokenAnswer, TooLarge, ForeignHost when a file lies elsewhere than in the cloud's storage, and what
    ``client.get`` raises.
    """
    retry = RetryPolicy(attempts=_ATTEMPTS, patience=client.retry.patience, clock=client.clock)
    listed = retry.run(lambda: _requested(client, dataset, files), only=_NoList)
    for address in listed.addresses.values():
        check_is_storage(client, address, dataset.name)
    return listed


def _requested(client: DefenderClient, dataset: Dataset, files: ExportFiles) -> FileList:
    body = client.get(files.path, dataset=dataset, quota=files.quota).body
    if sum(body.count(token) for token in (b"[", b"{", b",")) > _MOST_TOKENS:
        raise _too_many(dataset, files)
    wrong = "without a list of export files"
    try:
        content = {str(name).lower(): value for name, value in orjson.loads(body).items()}
        addresses = content["exportfiles"]
        generated_time = content.get("generatedtime")
        if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
            raise TypeError
        if len(addresses) > MOST_PARTS:
            raise _too_many(dataset, files)
        if content.get("error") is not None:
            wrong = "with an error beside the list of export files"
        elif len({_place(address) for address in addresses}) < len(addresses):
            wrong = "with a list that has an export file twice"
        else:
            return FileList(generated_time if isinstance(generated_time, str) else None, _by_part(addresses))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        pass
    raise _NoList(f"{dataset.name}: GET {files.path} answered {wrong}", dataset=dataset.name)


def _too_many(dataset: Dataset, files: ExportFiles) -> TooLarge:
    return TooLarge(
        f"{dataset.name}: GET {files.path} answered with more than {MOST_PARTS:,} export files", dataset=dataset.name
    )


def _by_part(addresses: list[str]) -> dict[str, str]:
    """The addresses by what identifies a part from list to list: its path without the container, which is new in each
    list; with the container, where two parts would be the same otherwise."""
    names = [part_name(address) for address in addresses]
    places = [_place(address) for address in addresses]
    return dict(zip(names if len(set(names)) == len(names) else places, addresses, strict=True))


def _place(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}"


def part_name(address: str) -> str:
    """The path of a part without its container."""
    path = urlsplit(address).path
    return path.strip("/").partition("/")[2] or path


class PartAddresses:
    """The addresses of some parts that are valid now. Any thread may report that they have expired."""

    def __init__(
        self, client: DefenderClient, dataset: Dataset, files: ExportFiles, listed: FileList, parts: Sequence[str]
    ) -> None:
        self._client, self._dataset, self._files = client, dataset, files
        self._lock = threading.Lock()
        self._listed = listed
        self._lists = 0
        self.parts = tuple(parts)

    def of(self, part: str) -> tuple[str, int]:
        """The address of a part, and the number of the list that it is from."""
        with self._lock:
            return self._listed.addresses[part], self._lists

    def expired(self, number: int) -> None:
        """Requests a new list, unless another thread has done so since list ``number``. Raises IncompleteWalk when it
        is not of the same snapshot."""
        with self._lock:
            if number != self._lists:
                return
            _log.info("%s: the addresses of the export have expired; asking for new ones.", self._dataset.name)
            renewed = list_export(self._client, self._dataset, self._files)
            if renewed.generated_time != self._listed.generated_time or set(renewed.addresses) != set(
                self._listed.addresses
            ):
                raise another_snapshot(self._dataset)
            self._listed = renewed
            self._lists += 1


def another_snapshot(dataset: Dataset) -> IncompleteWalk:
    """The error of a reading during which the list changed."""
    return IncompleteWalk(
        f"{dataset.name}: the service made a new export while the former one was being read; the reading has to start "
        "over",
        dataset=dataset.name,
    )
