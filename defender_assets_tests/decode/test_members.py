"""Members: any spelling, aliases, and undeclared ones."""

import json
import threading
from typing import Any

import pyarrow as pa
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.catalog.column import Column, text

from .datasets import dataset, decoder, extras, lines_of, page_of

BOTH_PATHS = pytest.mark.parametrize("tolerant_only", [False, True], ids=["either", "tolerant"])


@BOTH_PATHS
def test_given_irregular_capitals_every_member_finds_its_column(tolerant_only: bool):
    rows = [
        {"ID": "a", "OSPlatform": "Linux", "RBACGroupId": 3, "VmMetadata": {"VMID": "v", "Owner": {"UID": 5}}},
        {"ID": "b", "OSPlatform": None, "Evidence": [{"Filename": "f", "PARTS": [{"isgood": True}]}]},
    ]
    reading = decoder(tolerant_only=tolerant_only)
    table = reading.lines(lines_of(rows))
    assert table["os_platform"].to_pylist() == ["Linux", None]
    assert table["rbac_group_id"].to_pylist() == [3, None]
    vm = table["vm_metadata"][0].as_py()
    assert (vm["vm_id"], vm["owner"]["uid"]) == ("v", 5)
    evidence = table["evidence"][1].as_py()
    assert (evidence[0]["file_name"], evidence[0]["parts"][0]["is_good"]) == ("f", True)
    assert extras(table) == [None, None]
    assert reading.counts.unknown_members == ()


def test_given_another_spelling_in_each_file_all_stay_on_the_fast_path():
    reading = decoder()
    for name in ("osPlatform", "OSPlatform", "OsPlatform", "osplatform", "osPlatform"):
        table = reading.lines(lines_of({"id": str(number), name: "Linux"} for number in range(3)))
        assert table["os_platform"].to_pylist() == ["Linux"] * 3
    assert reading.counts.tolerant_rows == 0


def test_given_two_spellings_in_one_block_each_row_keeps_its_value():
    table = decoder().page(page_of([{"id": "a", "osPlatform": "x"}, {"id": "b", "OSPlatform": "y"}])).table
    assert table["os_platform"].to_pylist() == ["x", "y"]
    assert extras(table) == [None, None]


@BOTH_PATHS
def test_given_two_spellings_in_one_row_nothing_is_lost(tolerant_only: bool):
    rows = [
        {"id": "a", "seenAt": "2025-01-01", "lastSeen": "2025-01-02", "LASTSEENTIMESTAMP": "2025-01-03"},
        {"id": "b", "lastSeenTimestamp": None, "lastSeen": "2025-01-02"},
    ]
    table = decoder(tolerant_only=tolerant_only).page(page_of(rows)).table
    # The declared name before its aliases, whatever stands first.
    assert [moment.day for moment in table["last_seen_timestamp"].to_pylist()] == [3, 2]
    assert extras(table) == [{"seenAt": "2025-01-01", "lastSeen": "2025-01-02"}, None]


@BOTH_PATHS
def test_given_annotations_they_are_no_data(tolerant_only: bool):
    rows = [{"@odata.type": "#x", "id": "a", "vmMetadata": {"@odata.type": "#y", "vmId": "v"}}, {"id": "b"}]
    reading = decoder(tolerant_only=tolerant_only)
    table = reading.page(page_of(rows)).table
    assert extras(table) == [None, None]
    assert reading.counts.unknown_members == ()


UNKNOWN: list[Any] = [
    "2025-10-06T10:43:58Z",
    "2025-10-06",
    "7",
    "",
    ' x\u0000é\u2028"\\',
    7,
    -(2**63),
    2**64 - 1,
    10**30,
    7.25,
    True,
    [],
    [None, 1],
    [[None], [1, None], None],
    ["2025-10-06T10:43:58Z", None],
    {},
    {"a": None},
    {"b": 1, "a": {"c": ["2025-10-06"]}},
    [{"a": 1}, {"b": 2}, None],
]


@BOTH_PATHS
@pytest.mark.parametrize("sent", UNKNOWN, ids=json.dumps)
def test_given_an_unknown_member_it_is_kept_under_its_own_name_with_its_value(sent: Any, tolerant_only: bool):
    rows = [{"id": "a", "NewMember": None}, {"id": "b", "NewMember": sent}, {"id": "c"}]
    reading = decoder(tolerant_only=tolerant_only)
    for _ in range(2):  # first as an unknown member, then as a learned one
        table = reading.page(page_of(rows)).table
        assert extras(table) == [None, {"NewMember": sent}, None]
    assert reading.counts.unknown_members == ("NewMember",)


def test_given_a_member_added_to_every_row_the_walk_stays_on_the_fast_path():
    reading = decoder()
    for block in range(3):
        rows = [
            {
                "id": f"{block}-{number}",
                "newText": f"text {number}",
                "newTime": f"2025-10-0{number + 1}T00:00:00Z",
                "newNumber": number / 2,
                "newFlag": number > 1,
                "newTexts": ["2025-10-06", None],
                "newObject": {"b": number, "a": "2025-10-06"},
            }
            for number in range(4)
        ]
        table = reading.page(page_of(rows)).table
        assert extras(table) == [{name: value for name, value in row.items() if name != "id"} for row in rows]
    assert reading.counts.tolerant_rows == 0
    assert reading.counts.unknown_members == tuple(sorted(name for name in rows[0] if name != "id"))


def test_given_declared_members_that_come_later_than_the_first_rows_every_value_is_read():
    reading = decoder()
    first = reading.page(page_of({"id": str(number), "osPlatform": "Linux"} for number in range(20))).table
    later = reading.page(page_of([{"id": "x", "cvssScore": 7.5, "isOnboarded": True}, {"id": "y"}])).table
    last = reading.page(page_of([{"id": "z", "machineTags": ["tier-1"], "rbacGroupId": None}])).table
    assert first["cvss_score"].null_count == 20
    assert later.select(["id", "cvss_score", "is_onboarded"]).to_pylist() == [
        {"id": "x", "cvss_score": 7.5, "is_onboarded": True},
        {"id": "y", "cvss_score": None, "is_onboarded": None},
    ]
    assert last["machine_tags"].to_pylist() == [["tier-1"]]
    assert reading.counts.tolerant_rows == 0


def test_given_rows_that_differ_from_page_to_page_the_walk_stays_on_the_fast_path():
    reading = decoder()
    for number in range(40):
        member = ("osPlatform", "rbacGroupId", "isOnboarded")[number % 3]
        table = reading.page(page_of([{"id": str(number), member: None}, {"id": f"{number} too"}])).table
        assert table["id"].to_pylist() == [str(number), f"{number} too"]
    assert reading.counts.tolerant_rows == 0


def test_given_many_members_added_they_are_all_kept():
    rows = [{"id": "a", **{f"new{number}": number for number in range(500)}}]
    assert extras(decoder().page(page_of(rows)).table) == [{f"new{number}": number for number in range(500)}]


@BOTH_PATHS
def test_given_ever_new_members_a_bounded_number_of_bounded_names_is_counted(tolerant_only: bool):
    reading = decoder(tolerant_only=tolerant_only)
    for block in range(4):
        reading.page(page_of([{"id": "a", **{f"new{block}-{number}": 1 for number in range(300)}, "x" * 500: None}]))
    unknown = reading.counts.unknown_members
    assert len(unknown) == 1_000
    assert unknown[:2] == ("new0-0", "new0-1")
    assert max(map(len, unknown)) == 200


def test_given_an_unknown_member_of_changing_kind_every_value_is_kept():
    values: list[Any] = [1, "2025-10-06", {"a": 1}, [1], None, 2.5, True, {"a": "x"}]
    expected = [None if value is None else {"q": value} for value in values]
    assert (
        extras(decoder().page(page_of({"id": str(at), "q": value} for at, value in enumerate(values))).table)
        == expected
    )
    reading = decoder()
    for value, kept in zip(values * 2, expected * 2, strict=True):
        assert extras(reading.page(page_of([{"id": "a", "q": value}])).table) == [kept]


@BOTH_PATHS
def test_given_an_unknown_member_inside_an_object_the_whole_member_is_kept_where_it_has_a_value(tolerant_only: bool):
    with_value = {"@odata.type": "#y", "vmId": "v", "newMember": [None, {"x": 1}]}
    rows = [{"id": "a", "VmMetadata": with_value}, {"id": "b", "VmMetadata": {"vmId": "w", "newMember": None}}]
    reading = decoder(tolerant_only=tolerant_only)
    table = reading.page(page_of(rows)).table
    assert [vm["vm_id"] for vm in table["vm_metadata"].to_pylist()] == ["v", "w"]
    assert extras(table) == [{"VmMetadata": with_value}, None]
    assert reading.counts.unknown_members == ("vm_metadata.newMember",)


def test_given_the_text_of_extra_members_are_sorted_and_texts_unescaped():
    rows = [{"id": "a", "b": "é", "a": {"d": 1, "c": 7.0}}]
    for tolerant_only in (False, True):
        table = decoder(tolerant_only=tolerant_only).page(page_of(rows)).table
        assert table["extra"].to_pylist() == ['{"a":{"c":7,"d":1},"b":"é"}']


def test_given_an_export_row_and_a_page_row_of_the_same_finding_the_table_is_the_same():
    of = DATASETS["software_vulnerabilities"]
    page = {
        "id": "x", "deviceId": "d", "rbacGroupId": 9, "rbacGroupName": "Unassigned", "osPlatform": "Linux",
        "cvssScore": 7.0, "diskPaths": [], "registryPaths": None, "endOfSupportDate": None, "softwareName": "n\u0000",
        "firstSeenTimestamp": "2025-10-06 10:43:58", "securityUpdateAvailable": True,
    }  # fmt: skip
    file = {
        "Id": "x", "DeviceId": "d", "RbacGroupId": 9, "RbacGroupName": "Unassigned", "OSPlatform": "Linux",
        "CvssScore": 7, "DiskPaths": [], "SoftwareName": "n\u0000", "FirstSeenTimestamp": "2025-10-06 10:43:58",
        "SecurityUpdateAvailable": True,
    }  # fmt: skip
    assert decoder(of).page(page_of([page])).table.equals(decoder(of).lines(lines_of([file])).combine_chunks())


def test_given_two_threads_each_gets_its_own_rows_and_the_counts_are_whole():
    reading = decoder()
    wrong: list[Any] = []

    def decode(thread: int) -> None:
        for block in range(30):
            spelling = ("osPlatform", "OSPlatform", "OsPlatform")[(block + thread) % 3]
            drift: Any = "7" if block % 5 == thread else 7
            rows = [
                {"id": f"{thread}-{block}-{n}", spelling: f"p{n}", "rbacGroupId": drift, f"new{block}": n}
                for n in range(20)
            ]
            table = reading.page(page_of(rows)).table
            if (
                table["os_platform"].to_pylist() != [f"p{n}" for n in range(20)]
                or table["rbac_group_id"][0].as_py() != 7
            ):
                wrong.append(block)
            if extras(table) != [{f"new{block}": n} for n in range(20)]:
                wrong.append(block)

    threads = [threading.Thread(target=decode, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert reading.counts.rows == 2 * 30 * 20
    assert reading.counts.tolerant_rows == 2 * 6 * 20
    assert reading.counts.unknown_members == tuple(sorted(f"new{block}" for block in range(30)))


def test_given_a_column_of_no_json_type_the_decoder_says_so():
    with pytest.raises(TypeError, match="things: day is declared as date32"):
        decoder(dataset(text("id", "The key."), Column("day", pa.date32(), "A day.")))
