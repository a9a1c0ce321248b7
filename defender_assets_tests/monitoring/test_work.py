"""The numbers of one refresh, for log lines and measurements."""

from datetime import date

import pytest

from defender_assets.monitoring.work import RequestCount, work_of
from defender_assets.refresh import PartitionOutcome, Status, TableBegan, TableEnded

DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ((Status.UNCHANGED, Status.MISSED), "missed"),
        ((Status.UNCHANGED, Status.LEFT_OUT), "unchanged"),
        ((Status.MISSED, Status.PUBLISHED), "published"),
        ((Status.KEPT, Status.ABSENT), "kept"),
        ((Status.PUBLISHED, Status.FAILED), "failed"),
        ((Status.OFF,), "off"),
        ((), "interrupted"),
    ],
)
def test_days_of_which_none_was_published_are_not_told_as_published(statuses: tuple[Status, ...], told: str) -> None:
    outcomes = tuple(PartitionOutcome("kev", DAY, status) for status in statuses)
    began = TableBegan("default", "kev", (DAY,), 0.0)
    assert work_of(TableEnded(began, 1.0, outcomes), RequestCount()).status == told


def test_every_status_has_its_place() -> None:
    began = TableBegan("default", "kev", (DAY,), 0.0)
    for status in Status:
        ended = TableEnded(began, 1.0, (PartitionOutcome("kev", DAY, status),))
        assert work_of(ended, RequestCount()).status == status
