"""mde-client, its Arrow table written as Parquet: ``pipeline.py URL LIST WAY FOLDER``. Needs Python 3.14.

Here: what replaces its login, which knows Microsoft's address alone, and the ten seconds that it waits for export
files. Not here: its environment (``peers/__init__.py``).
"""

import os
import ssl
import sys
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
from mde_client import MDEClient
from mde_client.endpoints import base
from mde_client.endpoints.machines import MachinesQuery

MACHINES_A_PAGE = 10_000


class NoLogin:
    token = "x"

    def __init__(self, *_: object, **__: object) -> None:
        pass


def machines(client: MDEClient) -> pa.Table:
    pages: list[pa.Table] = []
    while not pages or pages[-1].num_rows == MACHINES_A_PAGE:
        query = MachinesQuery(page_size=None, top=MACHINES_A_PAGE, skip=len(pages) * MACHINES_A_PAGE)
        pages.append(client.machines.get_all(query).to_arrow())
    return pa.concat_tables(pages)


def main() -> None:
    url, table, way, folder = sys.argv[1:]
    sys.modules["mde_client.client"].MSALAuth = NoLogin  # type: ignore[attr-defined]
    base.sleep = lambda _: None
    trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with MDEClient("", "", "", http_client=httpx.Client(base_url=url, verify=trust, timeout=60)) as client:
        if table == "machines":
            rows = machines(client)
        elif way == "files":
            rows = client.vulnerabilities.softwareVulnerabilitiesByMachineFiles().to_arrow()
        else:
            rows = client.vulnerabilities.softwareVulnerabilitiesByMachine(50_000).to_arrow()
    pq.write_table(rows, Path(folder) / f"{table}.parquet", compression="zstd")


if __name__ == "__main__":
    main()
