"""One device's answer: every page of it, asked for again where it may not be what the tenant holds.

Here: following its pages, whether they are whole, when to ask again, the answer as a line of the journal. Not here:
which devices are asked (``crawl_order.py``), merging answers into the table (``crawl.py``).

One page of rows that ends well is believed. No rows, a row that comes twice (it may stand where another one was),
several pages, an unclear end, and "not found" for a device of the machine list are believed when they are said twice:
each of them was seen for a moment, of devices that the service knew well. So is one page that is as large as a page of
another device that was not its last.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from ...api import DefenderClient, IncompleteWalk, NotFound, checked_link, page_end
from ...catalog import OBSERVED_AT, Dataset, PerDevice
from ...decode import Decoder, UndecodableResponse
from ...quantity import quantity

_MOST_PAGES = 100
_MOST_BYTES = 64 * 1024 * 1024
"""Of all pages of one device: they are in memory until they are journaled."""

_MOST_USERS = 50_000
"""Opening braces of all pages of one device. Compared with each other, its rows are objects, four devices at a time."""

_ATTEMPTS = 3
"""How often an answer is asked for that contradicts itself."""

_MOST_READ = 5
"""How often an answer is asked for that differs each time."""

_Keys = frozenset[tuple[object, ...]]
"""The keys of all rows of an answer."""


@dataclass(frozen=True)
class DeviceAnswer:
    """One device's answer as the journal holds it. ``bodies`` are the service's own, one for each page; None: the
    service does not know the device. ``asked_once``: written by a version that believed an empty answer at once."""

    device: str
    asked_at: datetime
    bodies: tuple[str, ...] | None
    asked_once: bool = False

    def line(self) -> bytes:
        """The answer as a line of the journal."""
        return json.dumps([self.device, self.asked_at.isoformat(), self.bodies]).encode() + b"\n"

    @staticmethod
    def of(line: bytes) -> "DeviceAnswer | None":
        """The answer in a line of the journal; None for a line that is none."""
        match json.loads(line):
            case [str(device), str(asked_at), None]:
                return DeviceAnswer(device, datetime.fromisoformat(asked_at), None)
            case [str(device), str(asked_at), list(bodies)] if all(isinstance(body, str) for body in bodies):
                return DeviceAnswer(device, datetime.fromisoformat(asked_at), tuple(bodies))
            case [str(device), str(asked_at), str(body)]:
                return DeviceAnswer(device, datetime.fromisoformat(asked_at), (body,), asked_once=True)
        return None

    def tables(self, dataset: Dataset, fetch: PerDevice, decoder: Decoder) -> list[pa.Table]:
        """The rows of each page; none of a device that the service does not know.

        Raises UndecodableResponse, and IncompleteWalk for an answer that is not whole.
        """
        if self.bodies is None:
            return []
        pages = _Pages(dataset, fetch, self.device, decoder)
        for body in self.bodies:
            pages.take(body.encode("utf-8", "surrogateescape"))
        if pages.link is not None or (self.asked_once and not pages.has_clear_end):
            raise _not_whole(dataset, self.device, "was journaled without its end")
        pages.keys()
        return pages.tables


class DeviceReader:
    """Asks devices, for as long as one crawl lasts; safe to use from several threads."""

    def __init__(self, client: DefenderClient, dataset: Dataset, fetch: PerDevice, decoder: Decoder) -> None:
        self._client, self._dataset, self._fetch, self._decoder = client, dataset, fetch, decoder
        self._full_pages: set[int] = set()
        """How many rows there were on pages that others followed."""
        self._confirmed: set[str] = set()
        """Devices that have said the same twice."""

    def answer(self, device: str) -> DeviceAnswer:
        """The device's answer, whole and decodable: one page of rows, or else what the service says twice.

        Raises DefenderError, and UndecodableResponse or IncompleteWalk for an answer that contradicts itself each time.
        """
        said: set[_Keys | None] = set()
        contradictions = 0
        for _ in range(_MOST_READ):
            try:
                pages = self._read(device)
            except (UndecodableResponse, IncompleteWalk):
                contradictions += 1
                if contradictions == _ATTEMPTS:
                    raise
                continue
            keys = pages.keys() if pages is not None else None
            answer = DeviceAnswer(device, datetime.now(UTC), tuple(pages.bodies) if pages is not None else None)
            if keys in said:
                self._confirmed.add(device)
                return answer
            if pages is not None and pages.has_clear_end and pages.rows not in self._full_pages and not pages.repeats:
                return answer
            said.add(keys)
        raise _not_whole(self._dataset, device, f"differed each of the {_MOST_READ} times it was asked for")

    def doubtful(self, answers: Iterable[DeviceAnswer]) -> list[str]:
        """The devices among these whose only page is as large as one that, behind another device, was not the last."""
        if not self._full_pages:
            return []
        single = [
            answer for answer in answers if len(answer.bodies or ()) == 1 and answer.device not in self._confirmed
        ]
        return [
            answer.device
            for answer in single
            if answer.tables(self._dataset, self._fetch, self._decoder)[0].num_rows in self._full_pages
        ]

    def _read(self, device: str) -> "_Pages | None":
        """Every page of the device's list; None where the service does not know the device."""
        dataset = self._dataset
        path = dataset.path.format(device=device)
        pages = _Pages(dataset, self._fetch, device, self._decoder)
        try:
            body = self._client.get(path, dataset=dataset, quota=dataset.quota).body
        except NotFound as gone:
            # An error code says that the route itself exists.
            if not gone.code:
                raise
            return None
        links: set[str] = set()
        while True:
            pages.take(body)
            pages.bodies.append(body.decode("utf-8", "surrogateescape"))
            link = pages.link
            if link is None:
                pages.keys()
                return pages
            self._full_pages.add(pages.tables[-1].num_rows)
            checked_link(self._client.connection, dataset, link, path=path, kept={})
            if link in links:
                raise _not_whole(dataset, device, "has the same link to the next page twice, so it goes in circles")
            links.add(link)
            if len(links) == _MOST_PAGES:
                raise _not_whole(dataset, device, f"goes on after {_MOST_PAGES} pages", retryable=False)
            try:
                body = self._client.get(link, dataset=dataset, quota=dataset.quota).body
            except NotFound:
                raise _not_whole(dataset, device, "has a next page that the service does not find") from None


@dataclass
class _Pages:
    """The pages of one device's list as they come. ``link`` leads to the next one, or is None after the last;
    ``unclear``: something like a link is there, without an address, or bytes that are no text."""

    dataset: Dataset
    fetch: PerDevice
    device: str
    decoder: Decoder
    bodies: list[str] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    objects: int = 0
    link: str | None = None
    unclear: bool = False
    _keys: _Keys | None = None

    def take(self, body: bytes) -> None:
        """Decodes the next page. Raises UndecodableResponse, IncompleteWalk."""
        self.size += len(body)
        if self.size > _MOST_BYTES:
            what = f"has more than {_MOST_BYTES // 2**20} MiB"
            raise _not_whole(self.dataset, self.device, what, retryable=False)
        self.objects += body.count(b"{")
        if self.objects > _MOST_USERS:
            raise _not_whole(self.dataset, self.device, f"has more than {_MOST_USERS:,} rows", retryable=False)
        try:
            page = self.decoder.page(body, constants={self.fetch.member: self.device})
        except UndecodableResponse as error:
            problem = f"the one about device {self.device}: {error.problem}"
            raise UndecodableResponse(self.dataset.name, problem) from None
        self.rows += page.table.num_rows
        self.tables.append(page.table)
        self._keys = None
        try:
            self.link, unclear = page_end(body)
        except ValueError:
            what = "has a link to the next page that cannot be read"
            raise _not_whole(self.dataset, self.device, what) from None
        self.unclear = unclear or page.garbled
        # The count is of the page or of the whole list; the service has sent either.
        counted = page.count or 0
        if self.link is None and counted > page.table.num_rows and counted != self.rows:
            what = f"says that it has {quantity(counted, 'row')}, but has {self.rows:,}"
            raise _not_whole(self.dataset, self.device, what)

    @property
    def has_clear_end(self) -> bool:
        """Whether it is one page of rows, and nothing where a link would be."""
        return bool(self.rows) and len(self.tables) == 1 and not self.unclear

    @property
    def repeats(self) -> int:
        """How many rows came that had come before."""
        return self.rows - len(self.keys())

    def keys(self) -> _Keys:
        """The keys of all rows. Raises IncompleteWalk for rows of another device, a row without a key (an error in the
        place of a row is one), and two rows of one key.

        No such rows may be published, and once journaled they would stop every crawl after this one.
        """
        if self._keys is None:
            self._keys = self._checked_keys()
        return self._keys

    def _checked_keys(self) -> _Keys:
        rows = pa.concat_tables(self.tables).drop_columns([OBSERVED_AT.name]).to_pylist()
        device_column = next(column.name for column in self.dataset.columns if column.member == self.fetch.member)
        seen: dict[tuple[object, ...], object] = {}
        for row in rows:
            if row[device_column] != self.device:
                raise _not_whole(self.dataset, self.device, "has rows of another device")
            key = tuple(row[name] for name in self.dataset.key)
            if None in key:
                raise _not_whole(self.dataset, self.device, f"has a row without {', '.join(self.dataset.key)}")
            if seen.setdefault(key, row) != row:
                raise _not_whole(self.dataset, self.device, "has two rows of one key that differ from each other")
        return frozenset(seen)


def _not_whole(dataset: Dataset, device: str, what: str, *, retryable: bool | None = None) -> IncompleteWalk:
    return IncompleteWalk(
        f"{dataset.name}: the answer about device {device} {what}; the former rows stay",
        dataset=dataset.name,
        retryable=retryable,
    )
