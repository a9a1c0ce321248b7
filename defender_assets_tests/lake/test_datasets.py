"""Datasets of many small files, read by several threads, as an engine does."""

import subprocess
import sys

import pytest

READING = """
import sys
from threading import Thread

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow.fs import FSSpecHandler, PyFileSystem

from defender_assets.lake.datasets import joined

FILES, ROWS, TIMES = 30, 5, 1500
written = pa.BufferOutputStream()
pq.write_table(pa.table({"id": list(range(ROWS))}), written)
content = written.getvalue()


class Fetched(FSSpecHandler):
    # What was fetched before is read without Python; it is opened in Python.
    def open_input_file(self, path):
        return pa.BufferReader(content)


store = MemoryFileSystem()
for number in range(FILES):
    store.pipe_file(f"/{number}.parquet", content.to_pybytes())
files = PyFileSystem(Fetched(store))
dataset = joined(
    [pads.dataset(f"/{number}.parquet", format="parquet", filesystem=files) for number in range(FILES)]
)
wrong = []


def read():
    for _ in range(TIMES):
        rows = dataset.scanner(columns=["id"]).to_reader().read_all().num_rows
        if rows != FILES * ROWS:
            wrong.append(rows)


threads = [Thread(target=read) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(str(wrong) if wrong else 0)
"""


@pytest.mark.slow
def test_threads_that_read_at_the_same_time_do_not_wait_for_each_other_for_ever() -> None:
    """With the reader of pyarrow's own scanner two in three runs of this program do not end."""
    subprocess.run([sys.executable, "-c", READING], check=True, timeout=120)
