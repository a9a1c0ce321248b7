"""What a terminal shows of the tables in work, and which terminals are left alone."""

import io
import sys

import pytest
from rich.console import Console

from defender_assets.cli.console import can_draw
from defender_assets.cli.progress import InWork
from defender_assets.refresh import Began, Ended, Planned, Progress

from ..queries.answers import Terminal


def drawn(in_work: InWork, columns: int, **options: int) -> list[str]:
    console = Console(file=io.StringIO(), width=columns, **options)
    console.print(in_work, soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("columns", [20, 80, 140])
def test_each_table_in_work_is_one_line_that_fits_and_is_gone_when_it_is_done(columns: int) -> None:
    in_work = InWork()
    in_work.note(Planned(frozenset({"machines", "machine_users", "browser_extension_permissions"})))
    for table in ("machines", "machine_users", "browser_extension_permissions"):
        in_work.note(Began(table))
    in_work.note(Progress("machine_users", 120, 480, "devices"))
    in_work.note(Progress("browser_extension_permissions", 12_345_678))
    in_work.note(Ended("machines"))
    lines = drawn(in_work, columns)
    assert [len(line) < columns for line in lines] == [True] * 3
    if columns >= 80:
        crawled, permissions, all_tables = lines
        assert crawled[8:].startswith("machine_users ")
        assert "120 of 480 devices" in crawled
        assert "25%" in crawled
        assert ("━━━━━╌" in crawled) == (columns == 140)
        assert permissions.split()[1:4] == ["browser_extension_permissions", "12,345,678", "rows"]
        assert all_tables.startswith("        1 of 3 tables  0:0")
        assert permissions.index(" rows") == "ok      machines                               40 rows".index(" rows")


def test_a_terminal_of_few_lines_keeps_the_last_of_them() -> None:
    in_work = InWork()
    for number in range(30):
        in_work.note(Began(f"table_{number}"))
    assert len(drawn(in_work, 80, height=10)) == 9


@pytest.mark.parametrize(
    ("stream", "environment", "draws"),
    [
        (Terminal, {"TERM": "xterm-256color"}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (Terminal, {"TERM": "xterm-256color", "CI": "true"}, False),
        (io.StringIO, {"TERM": "xterm-256color", "FORCE_COLOR": "1"}, False),
    ],
)
def test_a_dumb_terminal_a_log_and_a_pipe_get_plain_lines(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], environment: dict[str, str], draws: bool
) -> None:
    for name in ("CI", "FORCE_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream())
    assert can_draw() is draws
