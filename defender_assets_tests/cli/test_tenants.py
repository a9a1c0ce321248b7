"""Several tenants at a terminal: all of them refreshed by one command, and a lake that began with one of them."""

import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.catalog import DERIVED
from defender_assets.catalog.devices import MACHINES
from defender_assets.lake import Lake

from ..serve.local_dagster import eventually
from .program import COMMAND, invoke, run

TODAY = datetime.now(UTC).date()


@pytest.fixture
def three(own_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three tenants of one service, of which one has a wrong secret."""
    listed = tmp_path / "tenants.yaml"
    listed.write_text("tenants: [{name: contoso}, {name: default}, {name: fabrikam, client_secret: wrong}]\n")
    own_settings.setenv("DEFENDER_TENANTS", str(listed))


@pytest.fixture
def three_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A list of three tenants beside a lake that is empty."""
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    listed = tmp_path / "tenants.yaml"
    listed.write_text("tenants: [{name: contoso}, {name: fabrikam}, {name: northwind}]\n")
    monkeypatch.setenv("DEFENDER_TENANTS", str(listed))


@pytest.mark.slow
def test_all_tenants_are_refreshed_by_one_command_and_one_that_is_refused_is_told_at_the_end(three, tmp_path) -> None:
    refresh = run("refresh", "--tenant", "all", "--select", "machines", "--at-a-time", "2")
    assert refresh.returncode == 1
    for tenant in ("contoso", "default"):
        assert Lake(str(tmp_path / "lake"), tenant).rows("machines") == 40
        assert [line for line in refresh.stdout.splitlines() if line.startswith(tenant) and " ok " in line]
    assert Lake(str(tmp_path / "lake"), "fabrikam").dates("machines") == []
    assert "3 tenants: 2 made, 1 failed." in refresh.stdout
    last = refresh.stderr.splitlines()[-1]
    assert last.startswith("FAILED  fabrikam: ")
    assert "the client secret is wrong" in last


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--select", "mashines"), "there is no table 'mashines'; did you mean machines"),
        (("--date", "2999-01-01"), "--date: there can be partitions from "),
    ],
)
def test_words_that_are_wrong_for_all_tenants_are_told_once_before_anything_begins(three_listed, words, says) -> None:
    result = invoke("refresh", "--tenant", "all", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count(says) == 1
    assert not [line for line in result.stderr.splitlines() if line.startswith(("contoso", "fabrikam", "northwind"))]


@pytest.mark.slow
def test_a_command_for_all_tenants_that_is_stopped_leaves_no_process_behind(three, own_simulator, tmp_path) -> None:
    own_simulator.control.latency(30.0)
    process = subprocess.Popen(
        [*COMMAND, "refresh", "--tenant", "all", "--select", "machines"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def started() -> list[int]:
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        return [int(pid) for task in tasks for pid in (task / children.name).read_text().split()]

    pids = eventually(lambda: len(found := started()) == 3 and found, 60, "a process for each tenant")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    eventually(lambda: not any(_lives(pid) for pid in pids), 20, "they end")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_each_tenant_is_judged_by_its_own_policy_and_the_sums_are_of_both(own_settings, tmp_path) -> None:
    # given two tenants with the same devices, of which one has a policy beside the list
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "days.yaml").write_text(
        "name: one day\npatch: {severity_days: {critical: 1, high: 1, medium: 1, low: 1}}\n"
    )
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {name: fabrikam, policy: policies/days.yaml}]\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    own_settings.chdir(elsewhere)
    own_settings.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    own_settings.setenv("DEFENDER_DATASETS", "machines, software_inventory, software_vulnerabilities, av_health")
    refresh = run("refresh", "--tenant", "all", timeout=300)
    assert refresh.returncode == 0, refresh.stderr

    # then each is judged by its own, and every partition says by which
    digests, overdue = {}, {}
    for tenant in ("contoso", "fabrikam"):
        lake = Lake(str(tmp_path / "lake"), tenant)
        (row,) = lake.read("fleet_summary").to_pylist()
        overdue[tenant] = row["overdue_findings"]
        digests[tenant] = {lake.metadata(name)["policy_digest"] for name in DERIVED if lake.newest(name)}
        shown = json.loads(invoke("policy", "show", "--tenant", tenant, "--json").stdout)
        assert digests[tenant] == {shown["digest"]}
    assert digests["contoso"] != digests["fabrikam"]
    assert overdue["fabrikam"] > overdue["contoso"]

    # and the last line, and the page, are of both
    *_, page, last = refresh.stdout.splitlines()
    assert page.startswith("The report over all tenants: ")
    assert Path(page.partition(": ")[2]).exists()
    assert last.startswith(f"2 of 2 tenants judged on {TODAY}; patch compliant: ")
    assert f"overdue: {sum(overdue.values()):,} of " in last


def test_a_policy_of_one_tenant_that_cannot_be_used_is_told_of_that_tenant(own_settings, tmp_path) -> None:
    (tmp_path / "wrong.yaml").write_text("name: wrong\npatch: {dayz: {}}\n")
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {name: fabrikam, policy: wrong.yaml}]\n")
    own_settings.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    refused = invoke("refresh", "--tenant", "fabrikam", "--select", "machines")
    assert refused.exit_code == 2
    says = " ".join(refused.stderr.split())
    assert f"{tmp_path}/tenants.yaml, tenant 'fabrikam': policy cannot be used: {tmp_path}/wrong.yaml line 2" in says
    assert invoke("refresh", "--tenant", "contoso", "--select", "machines").exit_code == 0
    diagnoses = json.loads(invoke("doctor", "--json").stdout)
    assert [problem["variable"] for problem in diagnoses["fabrikam"]["settings"]] == [
        f"{tmp_path}/tenants.yaml, tenant 'fabrikam': policy"
    ]
    assert diagnoses["contoso"]["settings"] == []


@pytest.mark.parametrize("words", [("refresh", "--tenant", "fabrikam"), ("policy", "check", "--tenant", "fabrikam")])
def test_a_policy_that_is_an_address_is_refused_without_what_signs_it(three_listed, tmp_path, words) -> None:
    address = "https://reader:pa55word@share.example/policy.yaml?sig=s1gnature"
    (tmp_path / "tenants.yaml").write_text(f"tenants: [{{name: contoso}}, {{name: fabrikam, policy: '{address}'}}]\n")
    refused = invoke(*words)
    assert refused.exit_code in (1, 2)
    says = " ".join((refused.stdout + refused.stderr).split())
    assert "https://share.example/policy.yaml?[…]: is an address; give a file of this machine" in says
    assert not [word for word in ("reader", "pa55word", "s1gnature") if word in says]


def test_verbs_of_a_policy_take_the_one_that_judges_the_tenant(three_listed, tmp_path) -> None:
    (tmp_path / "tenants.yaml").write_text(
        "tenants: [{name: contoso}, {name: fabrikam, policy: strict.yaml}, {name: northwind, policy: pci-dss-4.0.1}]\n"
    )
    (tmp_path / "strict.yaml").write_text("name: strict\npatch: {severity_days: {low: 7}}\n")
    shown = {
        tenant: json.loads(invoke("policy", "show", "--json", "--tenant", tenant).stdout)["name"]
        for tenant in ("contoso", "fabrikam", "northwind")
    }
    assert shown == {"contoso": "default", "fabrikam": "strict", "northwind": "pci-dss-4.0.1"}
    assert json.loads(invoke("policy", "check", "--json", "--tenant", "fabrikam").stdout)["policy"] == "strict"
    told = json.loads(invoke("policy", "diff", "--json", "--tenant", "fabrikam", "default").stdout)
    assert (told["before"]["name"], told["after"]["name"]) == ("strict", "default")
    assert [each["setting"] for each in told["settings"]] == ["patch.severity_days.low"]
    assert invoke("policy", "show", "--tenant", "woodgrove").exit_code == 2


def test_what_is_to_be_done_about_a_login_names_the_entry_that_has_the_secret(own_settings, tmp_path) -> None:
    (tmp_path / "tenants.yaml").write_text("tenants: [{name: contoso}, {name: fabrikam, client_secret: wrong}]\n")
    own_settings.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    refused = invoke("refresh", "--tenant", "fabrikam", "--select", "machines")
    assert refused.exit_code == 1
    says = " ".join(refused.stderr.split())
    assert f"Set client_secret of tenant 'fabrikam' in {tmp_path}/tenants.yaml to the secret's value" in says
    assert "DEFENDER_CLIENT_SECRET" not in says


def test_without_a_list_all_tenants_are_the_one(tenant_settings, tmp_path) -> None:
    assert invoke("refresh", "--tenant", "all", "--select", "machines").exit_code == 0
    assert Lake(str(tmp_path / "lake")).rows("machines") == 60


@pytest.mark.parametrize(
    "words",
    [("tables",), ("report",), ("explain", "1a"), ("diff",), ("query", "SELECT 1"), ("sql",)],
    ids=lambda words: words[0],
)
def test_a_verb_that_reads_says_which_tenants_there_are(three_listed, words) -> None:
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    says = "DEFENDER_TENANTS lists no tenant named 'default': choose one of contoso, fabrikam, northwind"
    assert says in " ".join(result.stderr.split())


def test_the_tables_of_a_tenant_that_is_no_longer_listed_can_be_read(three_listed) -> None:
    lake = Lake(os.environ["DEFENDER_LAKE"])
    with lake.writing(MACHINES, TODAY, {}) as partition:
        partition.write(MACHINES.schema.empty_table())
        partition.publish()
    assert invoke("query", "--format", "csv", "SELECT count(*) AS n FROM machines").stdout.split() == ['"n"', "0"]
    assert invoke("tables", "--tenant", "woodgrove").exit_code == 2


class TestAdopt:
    @pytest.fixture(autouse=True)
    def began_with_one(self, monkeypatch, tmp_path):
        """A lake of one tenant, with a note, before there was a list."""
        monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
        for day in (TODAY - timedelta(days=1), TODAY):
            self.write("default", day)
        Lake(str(tmp_path / "lake")).put_note("machines", "absent", {"reason": "x"})
        listed = tmp_path / "tenants.yaml"
        listed.write_text("tenants: [{name: contoso}, {name: fabrikam}]\n")
        monkeypatch.setenv("DEFENDER_TENANTS", str(listed))

    @staticmethod
    def write(tenant: str, day) -> None:
        with Lake(os.environ["DEFENDER_LAKE"], tenant).writing(MACHINES, day, {}) as partition:
            partition.write(MACHINES.schema.empty_table())
            partition.publish()

    def lake(self, tenant: str) -> Lake:
        return Lake(os.environ["DEFENDER_LAKE"], tenant)

    def test_its_tables_are_given_to_one_of_the_list_when_that_is_asked_for(self, tmp_path):
        result = invoke("adopt", "contoso")
        assert result.exit_code == 0
        assert "2 partitions of 1 table of default would be moved to contoso" in result.stdout
        assert len(self.lake("default").dates("machines")) == 2
        result = invoke("adopt", "contoso", "--yes")
        assert result.exit_code == 0
        assert self.lake("default").dates("machines") == []
        assert self.lake("contoso").dates("machines") == [TODAY - timedelta(days=1), TODAY]
        assert self.lake("contoso").note("machines", "absent") == {"reason": "x"}
        assert not (tmp_path / "lake" / "machines" / "tenant=default").exists()
        counted = invoke("query", "--tenant", "all", "--format", "csv", "SELECT DISTINCT tenant FROM machines_history")
        assert "default" not in counted.stdout
        # done again, there is nothing left to move
        again = invoke("adopt", "contoso", "--yes")
        assert again.exit_code == 1
        assert "holds no table of a tenant named default" in again.stderr

    def test_notes_that_a_stopped_move_left_are_moved_by_the_next(self):
        for day in self.lake("default").dates("machines"):
            self.lake("default").storage.remove_partition("machines", f"machines/tenant=default/snapshot_date={day}")
        result = invoke("adopt", "contoso", "--yes")
        assert result.exit_code == 0
        assert "Notes of default are those of contoso now." in result.stdout
        assert self.lake("contoso").note("machines", "absent") == {"reason": "x"}

    def test_what_both_have_is_named_and_nothing_is_moved(self):
        self.write("contoso", TODAY)
        result = invoke("adopt", "contoso", "--yes")
        assert result.exit_code == 1
        assert f"default and contoso both have machines of {TODAY}" in result.stderr
        assert len(self.lake("default").dates("machines")) == 2

    def test_days_of_before_are_put_beside_those_of_the_new_name(self):
        self.write("contoso", TODAY + timedelta(days=1))
        assert invoke("adopt", "contoso", "--yes").exit_code == 0
        assert len(self.lake("contoso").dates("machines")) == 3

    def test_in_an_object_store_too(self, monkeypatch):
        monkeypatch.setenv("DEFENDER_LAKE", "memory://adopted")
        for day in (TODAY - timedelta(days=1), TODAY):
            self.write("default", day)
        assert invoke("adopt", "fabrikam", "--yes").exit_code == 0
        assert self.lake("default").dates("machines") == []
        assert len(self.lake("fabrikam").dates("machines")) == 2

    def test_a_name_that_is_not_listed_is_refused(self):
        result = invoke("adopt", "woodgrove", "--yes")
        assert result.exit_code == 2
        assert "woodgrove" in result.stderr
