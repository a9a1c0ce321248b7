"""What the machine allows: ``python -m benchmarks.floors download|decode pages|files|machines``, with the settings of
the service and ``--rows``, ``--machines``, ``--folder`` as it has them.

Here: the bodies off the wire and dropped; the packed bodies, in memory, unpacked, decoded and written, by the fastest
components that were found, without a look at what is in them: no new member is kept, no time parsed, no row counted,
no proof. Prints the seconds as JSON. Not here: the service (``service/``), this project's own way (``room.py``).
"""

import argparse
import os
import ssl
import struct
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import httpx
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq
from isal import igzip_lib

from .measure import telling_seconds
from .peers.members import arrow_schema
from .service.bodies import MACHINES_A_PAGE, Bodies
from .service.rows import name_in_file

_THREADS = 2
_CONNECTIONS = 4
_ROW_GROUP = 128 * 1024
_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.list_(pa.string()): "VARCHAR[]",
}


def download(bodies: Bodies, what: str) -> None:
    """Pages one after the other, since each has the address of the next; files side by side."""
    paths = {
        "pages": [f"/api/machines/SoftwareVulnerabilitiesByMachine?$skiptoken={n}" for n in range(bodies.pages)],
        "files": [f"/parts/{number}.json.gz" for number in range(bodies.parts)],
        "machines": [f"/api/machines?$top={MACHINES_A_PAGE}&$skip={skip}" for skip in _skips(bodies)],
    }[what]
    trust = ssl.create_default_context(cafile=os.environ["DEFENDER_CA_BUNDLE"])
    with httpx.Client(base_url=os.environ["DEFENDER_API_URL"], verify=trust, timeout=60) as client:

        def get(path: str) -> None:
            with client.stream("GET", path) as response:
                for _ in response.iter_raw():
                    pass

        with telling_seconds(), ThreadPoolExecutor(_CONNECTIONS if what == "files" else 1) as threads:
            list(threads.map(get, paths))


def decode_pages(bodies: Bodies, what: str, output: Path) -> None:
    """isal unpacks, Arrow's reader takes the whole page as one block, on two threads; Arrow writes."""
    if what == "machines":
        packed = [bodies.machines_page(skip, MACHINES_A_PAGE) for skip in _skips(bodies)]
    else:
        packed = [bodies.page(number, None) for number in range(bodies.pages)]
    rows = arrow_schema("machines" if what == "machines" else "software_vulnerabilities")
    page = pa.schema({"@odata.context": pa.string(), "value": pa.list_(pa.struct(list(rows)))})
    parsing = pyarrow.json.ParseOptions(explicit_schema=page, unexpected_field_behavior="ignore")

    def decoded(body: bytes) -> pa.Table:
        text = igzip_lib.decompress(body, flag=igzip_lib.DECOMP_GZIP, bufsize=struct.unpack("<I", body[-4:])[0])
        whole = pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
        read = pyarrow.json.read_json(pa.BufferReader(text), read_options=whole, parse_options=parsing)
        return pa.Table.from_struct_array(read.column("value").combine_chunks().flatten())

    dictionaries = [field.name for field in rows if field.type == pa.string() and field.name != "id"]
    dictionaries += [f"{field.name}.list.element" for field in rows if field.type == pa.list_(pa.string())]
    with telling_seconds(), ThreadPoolExecutor(_THREADS) as threads:
        coming = [threads.submit(decoded, body) for body in packed[: _THREADS + 1]]
        waiting = packed[_THREADS + 1 :]
        with pq.ParquetWriter(
            output, rows, compression="zstd", compression_level=1, use_dictionary=dictionaries
        ) as file:
            while coming:
                table = coming.pop(0).result()
                if waiting:
                    coming.append(threads.submit(decoded, waiting.pop(0)))
                file.write_table(table, row_group_size=_ROW_GROUP)


def decode_files(bodies: Bodies, output: Path) -> None:
    """DuckDB does all of it, from the page cache."""
    columns = {name_in_file(field.name): _TYPES[field.type] for field in arrow_schema("software_vulnerabilities")}
    files = [str(bodies.folder / f"part-{number:05}.gz") for number in range(bodies.parts)]
    for file in files:
        Path(file).read_bytes()
    with duckdb.connect(config={"threads": _THREADS, "preserve_insertion_order": False}) as database, telling_seconds():
        database.execute(
            f"COPY (FROM read_ndjson(?, compression = 'gzip', columns = {columns})) TO '{output}' "
            f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {_ROW_GROUP})",
            [files],
        )


def _skips(bodies: Bodies) -> range:
    return range(0, bodies.hosts, MACHINES_A_PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors")
    parser.add_argument("floor", choices=["download", "decode"])
    parser.add_argument("what", choices=["pages", "files", "machines"])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--machines", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    bodies = Bodies(options.folder, options.rows, options.machines)
    if options.floor == "download":
        download(bodies, options.what)
        return
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "rows.parquet"
        if options.what == "files":
            decode_files(bodies, output)
        else:
            decode_pages(bodies, options.what, output)
        wanted = bodies.hosts if options.what == "machines" else bodies.rows
        assert pq.read_metadata(output).num_rows == wanted


if __name__ == "__main__":
    main()
