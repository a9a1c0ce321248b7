"""What cannot be proven complete is not published, and the former partition stays: on the wire, fault by fault."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from defender_assets.api import DefenderError, IncompleteWalk
from defender_assets.catalog import DATASETS
from defender_assets.decode import UndecodableResponse
from defender_assets.lake import Lake
from defender_assets.refresh import NotPublished
from defender_assets.refresh.dataset import refresh as dataset_refresh
from defender_assets.refresh.dataset.completeness import READINGS

from .oracle import expected_row
from .test_every_dataset import fetched, in_lake

FINAL = (DefenderError, UndecodableResponse, NotPublished)


def lake_of(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.mark.parametrize(
    ("kind", "dataset", "how"),
    [
        ("link_loop", "software_inventory", {}),
        ("link_foreign", "software_inventory", {}),
        ("link_endless", "software_inventory", {}),
        ("malformed", "machines", {}),
        ("error_in_200", "machines", {}),
        ("html", "machines", {}),
        ("redirect", "machines", {}),
        ("empty_answer", "machines", {}),
    ],
)
def test_a_lasting_fault_fails_with_a_sentence_and_keeps_the_former_partition(
    kind, dataset, how, own_settings, own_simulator, tmp_path
):
    lake, table = lake_of(tmp_path), DATASETS[dataset]
    before = fetched(table, own_settings, lake, export_files="never").rows
    observed = lake.metadata(dataset)["observed_at"]
    own_simulator.control.fault(kind, dataset, times=-1, **how)
    with pytest.raises(FINAL) as told:
        fetched(table, own_settings, lake)
    assert dataset in str(told.value)
    assert lake.rows(dataset) == before
    assert lake.metadata(dataset)["observed_at"] == observed


@pytest.mark.parametrize("kind", ["cut", "truncated", "reset", "status", "malformed"])
def test_a_passing_fault_is_ridden_out(kind, own_settings, own_simulator, tmp_path):
    own_simulator.control.fault(kind, "machines", times=1)
    assert fetched(DATASETS["machines"], own_settings, lake_of(tmp_path)).rows == 40


@pytest.mark.parametrize(("table", "dropped"), [("software_inventory", None), ("software_vulnerability_changes", 1)])
def test_a_row_sent_twice_is_kept_once_when_another_reading_has_as_many_rows(
    table, dropped, own_settings, own_simulator, tmp_path
):
    """It may stand where another row was. The export files have no row twice, the change feed has no other way."""
    own_simulator.control.fault("repeated_row", table, times=-1)
    result = fetched(DATASETS[table], own_settings, lake_of(tmp_path), export_files="never")
    assert result.rows == len(list(own_simulator.tenant.rows(table)))
    assert "rows that came more than once: 1" in complete(result)
    assert result.facts.get("duplicate rows dropped") == dropped


@pytest.mark.parametrize("drift", ["drift_add", "drift_remove"])
def test_devices_that_come_and_go_during_the_walk_cost_no_row(
    drift, own_settings, own_simulator, tmp_path, monkeypatch
):
    machines = DATASETS["machines"]
    small_pages = replace(machines, fetch=replace(machines.fetch, top=10))
    own_simulator.control.fault(drift, "machines", times=1)
    lake = lake_of(tmp_path)
    fetched(small_pages, own_settings, lake)
    found = {row["id"] for row in in_lake(lake, machines)}
    there = {row["id"] for row in own_simulator.tenant.rows("machines")}
    # A device that arrived at the front of a list being read is not of this walk; one that stayed is always in it.
    arrived = there - found
    assert len(arrived) <= (1 if drift == "drift_add" else 0)


def test_values_of_another_type_are_kept_raw_and_counted(own_settings, own_simulator, tmp_path):
    own_simulator.control.fault("wrong_types", "machines", times=-1)
    lake = lake_of(tmp_path)
    result = fetched(DATASETS["machines"], own_settings, lake)
    assert result.rows == 40
    kept = [json.loads(row["extra"]) for row in in_lake(lake, DATASETS["machines"]) if row["extra"]]
    assert any(kept)
    assert result.failed_checks == {"columns_are_known"}


def test_a_silent_cut_at_a_round_number_is_found_out_by_the_export_files(own_settings, own_simulator, tmp_path):
    """Given a service whose pages stop after 1,000 rows without a link."""
    whole = len(list(own_simulator.tenant.rows("software_vulnerabilities")))
    assert whole > 1_000
    own_simulator.control.fault("silent_cap", "software_vulnerabilities", times=1, rows=1_000)
    result = fetched(DATASETS["software_vulnerabilities"], own_settings, lake_of(tmp_path), export_files="never")
    assert result.rows == whole
    assert "export files" in result.facts["fetched by"]


def test_a_silent_cut_where_there_are_no_files_is_not_published(own_settings, own_simulator, tmp_path):
    lake, table = lake_of(tmp_path), DATASETS["software_vulnerability_changes"]
    small = replace(table, fetch=replace(table.fetch, page_size=50))
    own_simulator.control.fault("silent_cap", "software_vulnerability_changes", times=-1, rows=50)
    with pytest.raises(DefenderError, match="rows may be missing"):
        fetched(small, own_settings, lake)
    assert lake.newest("software_vulnerability_changes") is None


def test_a_cut_that_shows_only_at_the_last_attempt_is_a_sentence(own_settings, own_simulator, tmp_path, monkeypatch):
    """Given a walk that is incomplete time and again, and looks cut off at the end, then it is refused, retryably."""
    lake, table = lake_of(tmp_path), DATASETS["software_vulnerabilities"]
    pages = dataset_refresh.cursor_walk
    walks = []

    def incomplete_three_times(*arguments):
        walks.append(arguments)
        if len(walks) < READINGS:
            raise IncompleteWalk(f"{table.name}: rows vanished", dataset=table.name)
        yield from pages(*arguments)

    monkeypatch.setattr(dataset_refresh, "cursor_walk", incomplete_three_times)
    own_simulator.control.fault("silent_cap", table.name, times=-1, rows=1_000)
    with pytest.raises(IncompleteWalk, match="rows may be missing") as refusal:
        fetched(table, own_settings, lake, export_files="never")
    assert refusal.value.retryable
    (complete,) = refusal.value.checks
    assert (complete.name, complete.passed) == ("complete", False)
    assert lake.newest(table.name) is None


def test_a_list_of_no_export_files_is_not_believed_while_the_pages_have_rows(own_settings, own_simulator, tmp_path):
    own_simulator.control.fault("no_files", "software_inventory", times=-1)
    result = fetched(DATASETS["software_inventory"], own_settings, lake_of(tmp_path), export_files="always")
    assert result.rows == len(list(own_simulator.tenant.rows("software_inventory")))
    assert "being empty" in result.facts["fetched by"]


@pytest.mark.parametrize("dataset", ["software_inventory", "software_vulnerabilities", "secure_configuration"])
def test_given_a_tenant_without_machines_then_export_capable_tables_are_read_all_the_same(
    dataset, own_settings, own_simulator, tmp_path
):
    """The machine list answers 404 when there are no machines; whether the fleet is large is asked of that list."""
    own_simulator.control.fault("not_found", "machines", times=-1)
    result = fetched(DATASETS[dataset], own_settings, lake_of(tmp_path), export_files="auto")
    assert str(result.facts["fetched by"]).startswith("pages of")
    assert result.rows == len(list(own_simulator.tenant.rows(dataset)))


def complete(result) -> str:
    """What the check says about how the end was proven."""
    return next(check.message for check in result.outcomes[-1].checks if check.name == "complete")


def test_the_check_says_how_the_end_was_proven(own_settings, own_simulator, tmp_path):
    lake, machines, software = lake_of(tmp_path), DATASETS["machines"], DATASETS["software_inventory"]
    assert complete(fetched(machines, own_settings, lake)) == (
        "40 rows by pages of 10,000 rows by $top and $skip (1 walk, 2 pages)"
    )
    small = replace(machines, fetch=replace(machines.fetch, top=16))
    assert "by pages of 16 rows by $top and $skip (2 walks, 6 pages)" in complete(fetched(small, own_settings, lake))
    rows = len(list(own_simulator.tenant.rows("software_inventory")))
    result = fetched(software, own_settings, lake, export_files="never")
    assert complete(result) == f"{rows:,} rows by pages of 50,000 rows by cursor (1 page)"
    result = fetched(software, own_settings, lake, export_files="always")
    assert f"{rows:,} rows by export files of /api/machines/SoftwareInventoryExport" in complete(result)


def test_rows_that_are_gone_are_looked_for_and_the_loss_is_published_when_it_is_confirmed(
    own_settings, own_simulator, tmp_path
):
    lake, table = lake_of(tmp_path), DATASETS["software_inventory"]
    before = fetched(table, own_settings, lake, export_files="never").rows
    own_simulator.control.remove_devices(3)
    own_simulator.control.regenerate_exports()
    result = fetched(table, own_settings, lake, export_files="never")
    assert result.rows == len(list(own_simulator.tenant.rows("software_inventory"))) < before
    assert f"doubted (formerly {before:,}), and confirmed by another reading" in complete(result)
    assert "export files" in result.facts["fetched by"]


def test_rows_that_only_one_reading_lacks_are_found(own_settings, own_simulator, tmp_path):
    """Given a page of one reading that ends early, at a number of rows like any other, then the next one has them."""
    lake, table = lake_of(tmp_path), DATASETS["software_inventory"]
    before = fetched(table, own_settings, lake, export_files="never").rows
    own_simulator.control.fault("silent_cap", table.name, times=1, rows=before - 37)
    result = fetched(table, own_settings, lake, export_files="never")
    assert result.rows == before
    assert result.outcomes[-1].checks[-1].numbers["readings"] == 2


def test_rows_that_are_gone_for_good_where_the_end_looks_cut_are_refused(own_settings, own_simulator, tmp_path):
    lake, table = lake_of(tmp_path), DATASETS["software_vulnerability_changes"]
    before = fetched(table, own_settings, lake).rows
    own_simulator.control.fault("silent_cap", table.name, times=-1, rows=before - 3)
    with pytest.raises(DefenderError, match=r"on \S+ \d+ rows, formerly \d+.*Refresh again later"):
        fetched(table, own_settings, lake)
    assert sum(lake.rows(table.name, day) for day in lake.dates(table.name)) == before


def test_a_list_that_lost_rows_is_read_in_halves_which_shows_a_limit(own_settings, own_simulator, tmp_path):
    lake, machines = lake_of(tmp_path), DATASETS["machines"]
    assert fetched(machines, own_settings, lake).rows == 40
    own_simulator.control.fault("silent_cap", "machines", times=-1, rows=25)
    with pytest.raises(DefenderError, match=r"another reading had|formerly 40"):
        fetched(machines, own_settings, lake)
    assert lake.rows("machines") == 40
    own_simulator.control.clear_faults()
    own_simulator.control.remove_devices(10)
    result = fetched(machines, own_settings, lake)
    assert (result.rows, "in two halves by a filter" in complete(result)) == (30, True)


@pytest.mark.parametrize("rows", [9, 40])
def test_a_table_that_loses_every_row_is_only_believed_when_it_had_few(rows, own_settings, own_simulator, tmp_path):
    lake, machines = lake_of(tmp_path), DATASETS["machines"]
    ids = [row["id"] for row in own_simulator.tenant.rows("machines")]
    own_simulator.control.remove_devices(ids=ids[rows:])
    assert fetched(machines, own_settings, lake).rows == rows
    own_simulator.control.fault("page_empty", "machines", times=-1)
    if rows < 10:
        assert fetched(machines, own_settings, lake).rows == 0
        return
    with pytest.raises(DefenderError, match=r"0 rows by .* formerly 40.*DEFENDER_ALLOW_COLLAPSE"):
        fetched(machines, own_settings, lake)
    assert lake.rows("machines") == rows
    assert fetched(machines, own_settings, lake, allow_collapse="true").rows == 0


def test_an_empty_list_is_not_believed_while_the_export_files_have_rows(own_settings, own_simulator, tmp_path):
    lake, table = lake_of(tmp_path), DATASETS["software_inventory"]
    before = fetched(table, own_settings, lake, export_files="never").rows
    own_simulator.control.fault("page_empty", table.name, times=-1)
    for allowed in ("false", "true"):
        result = fetched(table, own_settings, lake, export_files="never", allow_collapse=allowed)
        assert result.rows == before
        assert "0 rows by pages of 50,000 rows by cursor (1 page) not believed" in complete(result)


def test_a_table_that_collapses_is_not_published_until_it_is_allowed(own_settings, own_simulator, tmp_path):
    lake, table = lake_of(tmp_path), DATASETS["software_vulnerabilities"]
    before = fetched(table, own_settings, lake, export_files="never").rows
    own_simulator.control.remove_devices(ids=[row["id"] for row in own_simulator.tenant.rows("machines")][:36])
    own_simulator.control.regenerate_exports()
    with pytest.raises(NotPublished, match="DEFENDER_ALLOW_COLLAPSE"):
        fetched(table, own_settings, lake)
    assert lake.rows("software_vulnerabilities") == before
    assert fetched(table, own_settings, lake, allow_collapse="true").rows < before / 2


def test_a_damaged_partition_is_replaced_by_the_next_refresh(own_settings, own_simulator, tmp_path):
    """Given a file that nobody can read, then it neither counts as the former partition nor keeps out the new one."""
    lake = lake_of(tmp_path)
    for name in ("machines", "software_inventory"):
        fetched(DATASETS[name], own_settings, lake)
    for name in ("machines", "software_inventory"):
        (file,) = map(Path, lake.source(name, [datetime.now(UTC).date()]))
        file.write_bytes(b"PAR1 no more")
    # The size of the fleet, by which export files are chosen, cannot be read either.
    assert fetched(DATASETS["software_inventory"], own_settings, lake, export_files="auto").rows > 0
    assert fetched(DATASETS["machines"], own_settings, lake).rows == 40


def test_a_crawl_resumes_where_the_last_one_stopped_and_forgets_devices_that_left(
    own_settings, own_simulator, tmp_path
):
    lake, users = lake_of(tmp_path), DATASETS["machine_users"]
    fetched(DATASETS["machines"], own_settings, lake)
    first = fetched(users, own_settings, lake, user_calls=15)
    assert (first.facts["devices covered"], first.facts["devices"]) == (15, 40)
    second = fetched(users, own_settings, lake, user_calls=15)
    assert second.facts["devices covered"] == 30
    third = fetched(users, own_settings, lake, user_calls=10)
    assert third.facts["devices covered"] == 40
    with_users = {row["machineId"] for row in own_simulator.tenant.rows("machine_users")}
    calls = [result.facts["API calls"] for result in (first, second, third)]
    assert sum(calls) == 40 + (40 - len(with_users))  # only "no users" is asked for twice
    wanted = {
        (row["machineId"], row["id"]): expected_row(users, row) for row in own_simulator.tenant.rows("machine_users")
    }
    found = in_lake(lake, users)
    assert {
        (row["machine_id"], row["id"]): {name: row[name] for name in users.schema.names[:-2]} for row in found
    } == wanted
    assert len({row["observed_at"] for row in found}) > 3  # each answer has its own age

    gone = own_simulator.control.remove_devices(5)
    fetched(DATASETS["machines"], own_settings, lake)
    last = fetched(users, own_settings, lake, user_calls=0)
    assert last.facts["API calls"] == 0
    assert {row["machine_id"] for row in in_lake(lake, users)}.isdisjoint(gone)


def test_a_crawl_that_breaks_off_keeps_what_was_answered(own_settings, own_simulator, tmp_path):
    lake, users = lake_of(tmp_path), DATASETS["machine_users"]
    fetched(DATASETS["machines"], own_settings, lake)
    own_simulator.control.fault("status", "machine_users", times=-1, after=20, status=400, code="BadRequest")
    with pytest.raises(DefenderError):
        fetched(users, own_settings, lake, user_calls=40)
    assert lake.newest("machine_users") is None
    own_simulator.control.clear_faults()
    result = fetched(users, own_settings, lake, user_calls=40 - 18)
    assert result.facts["devices covered"] == 40
    assert result.outcomes[0].day == datetime.now(UTC).date()
