"""``python -m benchmarks.one_report LAKE DAY``: builds the day's page, and prints where the seconds went.

Here: the report without Dagster, step by step as ``report/build.py`` takes them. Not here: a lake to build it from
(``reading.py``).
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

_seconds: dict[str, float] = {}


@contextmanager
def _timed(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    _seconds[name] = time.perf_counter() - started


def main(root: str, day: date) -> None:
    with _timed("imports"):
        from defender_assets.compliance import Policy
        from defender_assets.compliance.engine import engine_of
        from defender_assets.lake import Lake
        from defender_assets.refresh.report import report_partitions
        from defender_assets.report.chart_images import png
        from defender_assets.report.content import gather
        from defender_assets.report.page import render
        from defender_assets.report.plots import thumbnail
        from defender_assets.report.snapshot import open_snapshot
        from defender_assets.settings import Settings
    lake = Lake(root)
    with _timed("finding the inputs"):
        partitions = report_partitions(lake, day)
    with _timed("opening them"):
        opened = open_snapshot(lake, day, partitions, engine=engine_of(Settings.load()))
        snapshot = opened.__enter__()
    with _timed("queries"):
        content = gather(snapshot, Policy.load())
    opened.__exit__(None, None, None)
    with _timed("plots and page"):
        render(content)
    with _timed("small picture"):
        png(thumbnail(content.trend.now.compliant_pct, day))
    print(", ".join(f"{name} {seconds:.1f}" for name, seconds in _seconds.items()))


if __name__ == "__main__":
    main(sys.argv[1], date.fromisoformat(sys.argv[2]))
