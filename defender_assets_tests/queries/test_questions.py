"""The named questions: each runs, and has an answer where there is one."""

import re
from importlib.resources import files

import pytest

from defender_assets.catalog import TABLES
from defender_assets.lake import Lake
from defender_assets.queries import QueryError, query
from defender_assets.queries.questions import question, questions

GIVEN = {"cve": "cve-2026-0001", "device": "WEB", "product": "EDIT", "user": "root"}


def rows(lake: Lake, name: str, **parameters: str) -> list[dict]:
    needed = {p.name: GIVEN[p.name] for p in question(name).parameters if p.default is None}
    return query(lake, f"@{name}", parameters=needed | parameters).read_all().to_pylist()


@pytest.mark.parametrize("name", questions())
def test_every_question_has_an_answer(judged_lake: Lake, name: str) -> None:
    found = question(name)
    assert found.title
    assert found.table in TABLES
    assert set(re.findall(r"\$(\w+)", found.sql)) == {parameter.name for parameter in found.parameters}
    assert rows(judged_lake, name)


def test_the_report_and_the_question_let_the_same_reasons_pass() -> None:
    """The codes stand in both: a question's file is read, and copied, by itself."""

    def passing(sql: str) -> set[str]:
        (codes,) = re.findall(r"code (?:NOT )?IN \(([^)]+)\)", sql)
        return set(re.findall(r"'(\w+)'", codes))

    in_the_report = files("defender_assets.report").joinpath("sql/device_reasons.sql").read_text(encoding="utf-8")
    told = files("defender_assets.compliance").joinpath("tables/verdict_reasons.sql").read_text(encoding="utf-8")
    assert passing(question("why").sql) == passing(in_the_report)
    assert all(f"'{code}'" in told for code in passing(in_the_report))


def test_servers_are_windows_and_linux(judged_lake: Lake) -> None:
    assert {row["device_id"] for row in rows(judged_lake, "overdue-servers")} == {"web", "db"}
    assert {row["cve_id"] for row in rows(judged_lake, "kev-on-servers")} == {"CVE-2026-0001"}


def test_parameters_choose_the_rows(judged_lake: Lake) -> None:
    assert [row["device_id"] for row in rows(judged_lake, "silent-devices", days="20")] == ["old"]
    assert rows(judged_lake, "silent-devices", days="21") == []
    assert {row["device_id"] for row in rows(judged_lake, "devices-with-cve")} == {"web", "db"}
    # a value is a value, whatever it says
    assert rows(judged_lake, "devices-with-cve", cve="' OR true --") == []


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("silent", {}, "no question @silent; did you mean silent-devices"),
        ("why", {}, "@why needs device: its name, without the domain too, or its id. For example: @why device="),
        ("silent-devices", {"dayz": "3"}, "@silent-devices has no parameter dayz; it takes days."),
        ("overdue-servers", {"top": "3"}, "it takes none."),
        ("silent-devices", {"days": "three"}, "days takes a whole number: "),
    ],
)
def test_a_question_that_cannot_be_asked_so_says_how(judged_lake: Lake, name: str, parameters: dict, says: str) -> None:
    with pytest.raises(QueryError) as refusal:
        query(judged_lake, f"@{name}", parameters=parameters).read_all()
    assert says in str(refusal.value)
