"""Bodies of the service, rendered into a folder: pages, export parts, machines.

Here: what is in a file, and when it is made anew. Not here: rows (``rows.py``), sending them (``__main__.py``).
"""

import json
import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from isal import igzip, isal_zlib

from .rows import findings, machines

PAGE_ROWS = 50_000
PART_ROWS = 100_000
MACHINES_A_PAGE = 10_000
"""At the most, and where the client names no number."""
_RENDERING = 2
"""Goes up when rows change, so that bodies of an earlier version are not served."""

_GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))


class Bodies:
    """``rows`` findings as pages and as export parts, and ``hosts`` machines, in a folder that is kept between runs."""

    def __init__(self, folder: Path, rows: int, hosts: int) -> None:
        self.rows, self.hosts = rows, hosts
        self.folder = folder / f"service-{_RENDERING}-{rows}-{hosts}"

    @property
    def pages(self) -> int:
        return -(-self.rows // PAGE_ROWS)

    @property
    def parts(self) -> int:
        return -(-self.rows // PART_ROWS)

    def page(self, number: int, link: str | None) -> bytes:
        """A page, packed. Its link depends on the port and is packed behind the rows, into the same gzip member: not
        every client reads several."""
        file = self.folder / f"page-{number:05}.gz"
        checksum, length = json.loads(file.with_suffix(".json").read_text())
        end = b"}" if link is None else f',"@odata.nextLink":"{link}"'.encode() + b"}"
        trailer = struct.pack("<II", isal_zlib.crc32(end, checksum), length + len(end) & 0xFFFFFFFF)
        return file.read_bytes() + _deflate(end, isal_zlib.Z_FINISH) + trailer

    def part(self, number: int) -> bytes:
        return (self.folder / f"part-{number:05}.gz").read_bytes()

    def machines_page(self, skip: int, top: int) -> bytes:
        chosen = b",".join(self._machines[skip : skip + top])
        head = b'{"@odata.context":"https://api.example.com/api/$metadata#Machines","value":['
        return igzip.compress(head + chosen + b"]}", 1)

    @cached_property
    def _machines(self) -> list[bytes]:
        return [row.encode() for row in machines(0, self.hosts)]

    def render(self, say: Callable[[str], None]) -> None:
        """Writes what is not there yet."""
        done = self.folder / "done.json"
        if done.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        say(f"rendering {self.rows:,} findings and {self.hosts:,} machines …")
        for number in range(self.pages):
            head = '{"@odata.context":"https://api.example.com/api/$metadata#Collection","value":['
            rows = f"{head}{','.join(self._of(number, PAGE_ROWS, in_file=False))}]".encode()
            file = self.folder / f"page-{number:05}.gz"
            file.write_bytes(_GZIP_HEADER + _deflate(rows, isal_zlib.Z_SYNC_FLUSH))
            file.with_suffix(".json").write_text(json.dumps([isal_zlib.crc32(rows), len(rows)]))
        for number in range(self.parts):
            text = "\n".join(self._of(number, PART_ROWS, in_file=True)) + "\n"
            (self.folder / f"part-{number:05}.gz").write_bytes(igzip.compress(text.encode(), 1))
        done.write_text(json.dumps({"rows": self.rows, "machines": self.hosts}))

    def _of(self, number: int, size: int, *, in_file: bool) -> Iterator[str]:
        return findings(number * size, min((number + 1) * size, self.rows), in_file=in_file)


def _deflate(content: bytes, flush: int) -> bytes:
    """Raw deflate, without the header and trailer of gzip."""
    packing = isal_zlib.compressobj(1, wbits=-15)
    packed: bytes = packing.compress(content) + packing.flush(flush)
    return packed
