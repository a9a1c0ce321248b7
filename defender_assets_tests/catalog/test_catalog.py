"""What the declarations promise."""

from dataclasses import replace

import pyarrow as pa
import pytest

from defender_assets.catalog import CORE_ROLES, DATASETS, DERIVED, TABLES, Column, is_core, snake_case


@pytest.mark.parametrize(
    ("member", "name"),
    [("rbacGroupName", "rbac_group_name"), ("cvssV3", "cvss_v3"), ("osPlatform", "os_platform"), ("id", "id"),
     ("isAadJoined", "is_aad_joined"), ("createdOnTimestampUTC", "created_on_timestamp_utc"), ("sha256", "sha256")],
)  # fmt: skip
def test_column_names_are_snake_case_of_the_services_own(member, name):
    assert snake_case(member) == name


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_every_raw_table_ends_with_observed_at_and_extra(dataset):
    assert dataset.schema.names[-2:] == ["observed_at", "extra"]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_says_what_it_means_and_times_are_utc(table):
    def check(columns: tuple[Column, ...]) -> None:
        for column in columns:
            assert column.description.strip().endswith((".", ")", "…", "]")), column.name
            assert not pa.types.is_timestamp(column.arrow) or column.arrow == pa.timestamp("us", tz="UTC")
            check(column.members)

    check(table.all_columns)
    assert set(table.key) <= set(table.schema.names)


def test_four_roles_and_no_further_licence_are_enough_for_all_that_is_computed_but_the_users():
    needed = {name for table in DERIVED.values() if table.name != "users" for name in table.inputs}
    assert [name for name in DATASETS if name in needed and not is_core(DATASETS[name])] == []
    assert {dataset.permission for dataset in DATASETS.values() if is_core(dataset)} == set(CORE_ROLES)


def test_no_dataset_needs_a_role_that_can_write():
    assert all(dataset.permission.endswith(".Read.All") for dataset in DATASETS.values())


def test_a_member_that_may_hold_a_credential_cannot_be_declared():
    scans = DATASETS["authenticated_scans"]
    with pytest.raises(ValueError, match="may hold a credential"):
        replace(scans, credentials=(*scans.credentials, "AuthProtocol"))
