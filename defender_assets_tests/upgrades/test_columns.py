"""A column that goes or changes its type is told to readers."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .columns import CHANGELOG, Record, added_to, columns_of, declared, recorded, untold
from .kept import kept_versions


def test_no_column_went_or_changed_its_type_without_a_line_in_the_changelog() -> None:
    assert untold(recorded(), declared(), CHANGELOG.read_text(encoding="utf-8")) == []


BEFORE: Record = {"t.id": ["string"], "t.score": ["double"]}


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        ({"t.id": "string"}, "t.score is gone: CHANGELOG.md has to say what readers do without it"),
        (
            {"t.id": "int64", "t.score": "double"},
            "t.id was string and is int64: CHANGELOG.md has to say what that means for readers",
        ),
    ],
)
def test_a_column_that_went_or_changed_is_a_problem_until_the_changelog_names_it(
    now: dict[str, str], problem: str
) -> None:
    assert problem in untold(BEFORE, now, "")
    after = added_to(BEFORE, now)
    assert untold(after, now, "") == [problem]  # a record that is written anew hides nothing
    assert untold(after, now, "- `t.id` and `t.score` are other columns now: …") == []


def test_a_column_that_is_new_needs_no_line() -> None:
    now = {"t.id": "string", "t.score": "double", "t.more": "string"}
    assert untold(BEFORE, now, "") == ["t.more (string) is not in the record: make snapshot"]
    assert untold(added_to(BEFORE, now), now, "") == []


def test_members_of_objects_and_lists_are_columns_too() -> None:
    nested = pa.schema({"many": pa.list_(pa.struct({"name": pa.string()})), "one": pa.struct({"at": pa.int64()})})
    assert columns_of("t", nested) == {"t.many[].name": "string", "t.one.at": "int64"}


@pytest.mark.parametrize("version", kept_versions(), ids=str)
def test_the_record_has_what_earlier_versions_wrote(version) -> None:
    record = recorded()
    for file in version.lake.rglob("*.parquet"):
        for name, kind in columns_of(file.relative_to(version.lake).parts[0], pq.read_schema(file)).items():
            assert kind in record[name]
