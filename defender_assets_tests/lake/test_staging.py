"""Staging: folders that are shared while a result is computed, which readers do not see and nobody leaves behind."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pytest

from defender_assets.lake import Lake, LakeError
from defender_assets.lake.staging import open_staging, staging_folder, sweep_staging

from .things import EMPTY, MONDAY, RICH, THINGS, rows_of

ROWS = pa.table({"id": [1, 2, 3]})


def test_what_is_put_into_it_is_read_back_in_the_order_of_names_and_is_gone_after_it(tmp_path: Path) -> None:
    root = Path(staging_folder(str(tmp_path / "lake")))
    with open_staging(str(root)) as staging:
        staging.write(ROWS, "result/part-00001.parquet")
        address = staging.write(ROWS.slice(0, 1), "result/part-00000.parquet")
        staging.write(ROWS, "result/_hidden.parquet")
        assert [file.metadata.num_rows for file in staging.parts("result")] == [1, 3]
        copied = staging.put(Path(address), "copy/one.parquet")
        assert Path(copied).read_bytes() == Path(address).read_bytes()
        staging.remove("result")
        assert list(staging.parts("result")) == []
        assert not Path(address).exists()
    assert os.listdir(root) == []


def test_the_same_in_an_object_store() -> None:
    with open_staging("memory://staged/lake/.staging") as staging:
        address = staging.write(ROWS, "result/part-00000.parquet")
        assert address.startswith("memory://staged/lake/.staging/staging-")
        assert [file.read().num_rows for file in staging.parts("result")] == [3]
    import fsspec

    assert fsspec.filesystem("memory").find("memory://staged") == []


def test_it_is_its_owners_alone_unless_the_folder_says_otherwise(tmp_path: Path) -> None:
    with open_staging(str(tmp_path / "private")) as staging:
        file = Path(staging.write(ROWS, "rows/one.parquet"))
        assert stat.S_IMODE(file.parents[1].stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o770)
    with open_staging(str(shared)) as staging:
        file = Path(staging.write(ROWS, "rows/one.parquet"))
        assert stat.S_IMODE(file.parents[1].stat().st_mode) == 0o770
        assert stat.S_IMODE(file.stat().st_mode) == 0o660


def test_readers_of_the_lake_do_not_see_it(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(rows_of([RICH, EMPTY]))
        partition.publish()
    with open_staging(staging_folder(lake.root)) as staging:
        staging.write(ROWS, "things/part-00000.parquet")
        assert lake.table_names() == ["things"]
        assert lake.rows("things") == 2
        glob = f"{tmp_path}/*/tenant=*/snapshot_date=*/*.parquet"
        assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{glob}')").fetchall() == [(2,)]
        assert polars.read_parquet(tmp_path / "things").height == 2


_HOLD = """
import sys, time
from defender_assets.lake.staging import open_staging
with open_staging(sys.argv[1]) as staging:
    print(staging.address(""), flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    root = tmp_path / "staging"
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert folder.is_dir()
        sweep_staging(str(root))
        assert folder.is_dir()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with open_staging(str(root)):
        assert not folder.exists()
    assert os.listdir(root) == []


def test_what_another_machine_left_is_swept_when_it_is_a_day_old(tmp_path: Path) -> None:
    kept = [f"staging-{begun}-elsewhere-0123456789ab" for begun in ("00000000T000000", "29990101T000000")]
    for name in (*kept, "staging-20200101T000000-elsewhere-0123456789ab"):
        (tmp_path / name).mkdir()  # the first name is nobody's: there is no such day
    (tmp_path / "of somebody else").mkdir()
    sweep_staging(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["of somebody else", *kept]


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(LakeError, match=r"staging folder .*/file/below cannot be written"),
        open_staging(str(tmp_path / "file" / "below")),
    ):
        pass
