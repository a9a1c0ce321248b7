"""The report over all tenants: sums of those that were judged on the day, and everybody else named."""

import csv
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from defender_assets.catalog.derived.fleet import FLEET_SUMMARY
from defender_assets.catalog.devices import MACHINES
from defender_assets.lake import Lake

from ..cli.program import invoke
from .fleet import DAY
from .pages import Page, data_of
from .tenants import judged


@pytest.fixture(autouse=True, params=["disk"])
def lake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """A lake without anything in it."""
    root = str(tmp_path / "lake") if request.param == "disk" else f"memory://tenants-{uuid4().hex}"
    monkeypatch.setenv("DEFENDER_LAKE", root)
    return Lake(root, "all")


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Writes the list of tenants."""

    def write(*names: str) -> None:
        (tmp_path / "tenants.yaml").write_text(json.dumps({"tenants": [{"name": name} for name in names]}))
        monkeypatch.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))

    return write


def made(lake: Lake, day: date = DAY) -> Page:
    """The page that the verb makes and names."""
    result = invoke("report", "--tenant", "all")
    assert (result.exit_code, result.stdout.strip()) == (
        0,
        f"{lake.root}/compliance_report/tenant=all/snapshot_date={day}/report.html",
    )
    content = lake.files.read("compliance_report", day, "report.html")
    assert content is not None
    return Page(content)


@pytest.mark.parametrize("lake", ["disk", "store"], indirect=True)
def test_shares_are_sums_over_sums_and_not_means_of_shares(lake, listed):
    listed("contoso", "fabrikam")
    judged(lake.root, "contoso")
    judged(
        lake.root, "fabrikam", machines=1000, eligible=900, patch_compliant_devices=360, patch_noncompliant_devices=540
    )
    page = made(lake)
    top = page.sections["top"].text
    assert "2 of 2 tenants" in top
    # 450 of 1,000, where the mean of 90 % and 40 % is 65 %
    assert "Patch compliant 45.0 % 450 of 1,000 eligible devices; 2 not known" in top
    assert "Overdue findings 200 of 2,000 open findings (10.0 %); 10 critical, 20 high" in top
    assert "Known exploited, overdue 8 of 80 findings on 40 devices" in top
    assert "Eligible devices 1,000 of 1,120 machine records; 120 left out" in top
    rows = page.sections["tenants"].rows()
    assert [row[:7] for row in rows] == [
        ["contoso", "judged", "2026-09-10 06:00", "120", "100", "90", "90.0 %"],
        ["fabrikam", "judged", "2026-09-10 06:00", "1,000", "900", "360", "40.0 %"],
    ]
    assert "In none of them" not in top


def test_a_tenant_without_the_day_is_named_and_makes_the_sums_those_of_fewer(lake, listed):
    listed("contoso", "fabrikam", "northwind", "woodgrove")
    judged(lake.root, "contoso")
    judged(lake.root, "fabrikam", DAY - timedelta(days=3), patch_compliant_devices=100)
    judged(lake.root, "woodgrove")
    (part,) = Lake(lake.root, "woodgrove").parts("fleet_summary")
    Path(lake.root, part.path).write_bytes(b"PAR1 no more")
    page = made(lake)
    top = page.sections["top"].text
    assert "1 of 4 tenants" in top
    assert (
        "In none of them: fabrikam (last judged on 2026-09-07), northwind (never judged), woodgrove (its fleet_summary "
        "of 2026-09-10 cannot be read)"
    ) in top
    assert "Patch compliant 90.0 % 90 of 100 eligible devices; 2 not known; 1 of 4 tenants" in top
    states = page.sections["tenants"].column("state")
    assert states == {"contoso": "judged", "fabrikam": "older", "northwind": "absent", "woodgrove": "damaged"}
    assert page.sections["tenants"].column("patch share") == {
        "contoso": "90.0 %", "fabrikam": "100 %", "northwind": "–", "woodgrove": "–"
    }  # fmt: skip
    says = invoke("report", "--tenant", "all").stderr
    assert says.startswith(
        "1 of 4 tenants judged on 2026-09-10; patch compliant: 90 of 100 eligible devices (90.0 %); "
    )


def test_a_number_that_one_tenant_does_not_know_is_said_to_be_of_fewer_tenants(lake, listed):
    listed("contoso", "fabrikam")
    judged(lake.root, "contoso")
    judged(
        lake.root, "fabrikam", patch_compliant_devices=None, known_devices=None, protected_devices=None,
        kev_findings=None, kev_overdue_findings=None, kev_devices=None, absent_inputs="coverage, kev",
        open_findings=None, overdue_findings=None,
    )  # fmt: skip
    top = made(lake).sections["top"].text
    assert "90.0 % of 100 eligible devices (of 1 of 2 tenants) are patch compliant: 90 devices." in top
    assert "100 of 1,000 open findings (of 1 of 2 tenants) are overdue." in top
    assert "Patch compliant 90.0 % 90 of 100 eligible devices; 2 not known; 1 of 2 tenants" in top
    assert "Known exploited, overdue 4 of 40 findings on 20 devices; 1 of 2 tenants" in top
    assert "Protected 50.0 % 100 of 200 known devices; 1 of 2 tenants" in top
    assert "Agent compliant 50.0 % 100 of 200 eligible devices" in top
    assert "Absent inputs: coverage of fabrikam; kev of fabrikam." in top
    judged(lake.root, "contoso", kev_findings=None, kev_overdue_findings=None)
    assert "Known exploited, overdue – not known of any tenant" in made(lake).sections["top"].text


def test_other_policies_and_parts_of_tenants_are_told(lake, listed):
    listed("contoso", "fabrikam")
    judged(lake.root, "contoso", fleet_scope="device groups: Servers")
    judged(lake.root, "fabrikam", policy="strict", policy_digest="fedcba9876543210")
    top = made(lake).sections["top"].text
    assert "Of these tenants a part alone is judged: contoso (device groups: Servers)." in top
    assert "default (0123456789a…) judges contoso; strict (fedcba98765…) judges fabrikam" in top


def test_a_tenant_s_own_report_is_linked_where_it_stands_beside(lake, listed):
    listed("contoso", "constructor")
    for tenant in ("contoso", "constructor"):
        judged(lake.root, tenant)
    own = Lake(lake.root, "contoso")
    own.files.publish("compliance_report", DAY, "report.html", b"its own")
    page = made(lake)
    (address,) = [value for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    beside = Path(lake.root, "compliance_report/tenant=all/snapshot_date=2026-09-10", str(address)).resolve()
    assert beside.read_bytes() == b"its own"
    pages = data_of(lake.files.read("compliance_report", DAY, "report.html") or b"")["pages"]
    assert pages == {"contoso": address}


def test_without_a_list_the_tenants_are_those_of_the_lake(lake):
    judged(lake.root, "a tenant")
    judged(lake.root, "default")
    with Lake(lake.root, "fetched only").writing(MACHINES, DAY, {}) as partition:
        partition.write(MACHINES.schema.empty_table())
        partition.publish()
    assert "In none of them: fetched only (never judged)." in made(lake).sections["top"].text


def test_tenants_of_the_lake_that_the_list_lacks_are_in_no_sum(lake, listed):
    listed("contoso")
    judged(lake.root, "contoso")
    judged(lake.root, "default")
    top = made(lake).sections["top"].text
    assert "Patch compliant 90.0 % 90 of 100" in top
    assert "The lake also holds tables of default, which the list of tenants lacks" in top


def test_a_former_day_is_told_as_it_was_known_then(lake, listed):
    listed("contoso", "fabrikam")
    former = DAY - timedelta(days=1)
    judged(lake.root, "contoso", former, patch_compliant_devices=50)
    judged(lake.root, "contoso")
    judged(lake.root, "fabrikam")
    result = invoke("report", "--tenant", "all", "--date", str(former))
    assert f"snapshot_date={former}/report.html" in result.stdout
    assert result.stderr.startswith(f"1 of 2 tenants judged on {former}; patch compliant: 50 of 100")


def test_nobody_was_judged(lake, listed):
    listed("contoso")
    result = invoke("report", "--tenant", "all")
    assert result.exit_code == 1
    assert "No tenant was judged in the lake at" in result.stderr
    assert "defender-assets refresh --tenant all" in result.stderr


def test_who_may_not_write_is_shown_the_newest_that_was_made(lake):
    judged(lake.root, "contoso", DAY - timedelta(days=1))
    made(lake, DAY - timedelta(days=1))
    judged(lake.root, "contoso")
    Path(lake.root, "compliance_report", "tenant=all", f"snapshot_date={DAY}").write_text("no folder")
    result = invoke("report", "--tenant", "all")
    assert result.exit_code == 0
    assert result.stdout.strip().endswith(f"snapshot_date={DAY - timedelta(days=1)}/report.html")
    assert "warning: it cannot be made anew, so this is the newest that was made." in " ".join(result.stderr.split())


def test_the_file_beside_it_has_every_number_and_no_formula(lake):
    judged(lake.root, "contoso", policy="=cmd|' /C calc'!A0", absent_inputs="kev, epss")
    made(lake)
    content = lake.files.read("compliance_report", DAY, "tenants.csv")
    assert content is not None
    (row,) = csv.DictReader(content.decode("utf-8-sig").splitlines())
    assert (row["tenant"], row["state"], row["snapshot_date"]) == ("contoso", "judged", "2026-09-10")
    assert (row["as_of"], row["patch_compliant_devices"], row["agent_newest_inferred"]) == (
        "2026-09-10 06:00:00", "90", "agent_windows, av_engine"
    )  # fmt: skip
    assert row["policy"] == "'=cmd|' /C calc'!A0"
    assert FLEET_SUMMARY.schema.names == list(row)[3:]


def test_names_do_nothing_on_the_page(lake, monkeypatch):
    monkeypatch.setenv("DEFENDER_ORGANISATION", "</title><script>alert(1)</script>")
    judged(lake.root, "contoso", policy="<img src=x onerror=alert(2)>", fleet_scope="</script><b>")
    page = made(lake)
    assert "<script>alert(1)</script>" in page.text
    assert "<img src=x onerror=alert(2)>" in page.text
    assert page.tags.count("script") == 2
    assert not {"img", "b", "iframe"} & set(page.tags)
    content = (lake.files.read("compliance_report", DAY, "report.html") or b"").decode()
    assert "default-src 'none'" in content.replace("&#39;", "'")
    assert "onerror=" not in content.replace("&lt;img src=x onerror=alert(2)&gt;", "").replace(
        "\\u003cimg src=x onerror=alert(2)\\u003e", ""
    )


def test_the_same_overview_is_a_named_question(lake, listed):
    listed("contoso", "fabrikam", "northwind", "woodgrove")
    judged(lake.root, "contoso")
    judged(lake.root, "fabrikam", kev_overdue_findings=None)
    judged(lake.root, "northwind", DAY - timedelta(days=3))
    result = invoke("query", "--tenant", "all", "--format", "json", "@tenants")
    all_of_them, *tenants = json.loads(result.stdout)
    assert (all_of_them["tenant"], all_of_them["state"]) == ("all", "2 of 4")
    assert (all_of_them["patch_compliant_devices"], all_of_them["patch_compliant_pct"]) == (180, 90.0)
    assert all_of_them["kev_overdue_findings"] is None
    assert [(row["tenant"], row["state"]) for row in tenants] == [
        ("contoso", "judged"), ("fabrikam", "judged"), ("northwind", "older"), ("woodgrove", "absent")
    ]  # fmt: skip
    assert "the lake has no fleet_summary of woodgrove, which the list of tenants names" in " ".join(
        result.stderr.split()
    )


def test_what_the_list_lacks_is_in_no_sum(lake, listed):
    listed("contoso")
    judged(lake.root, "contoso")
    judged(lake.root, "fabrikam")
    result = invoke("query", "--tenant", "all", "--format", "json", "@tenants")
    all_of_them, _, unlisted = json.loads(result.stdout)
    assert (all_of_them["state"], all_of_them["machines"]) == ("1 of 1", 120)
    assert (unlisted["tenant"], unlisted["state"], unlisted["machines"]) == ("fabrikam", "not listed", None)


@pytest.mark.parametrize("newest", [True, False])
def test_a_tenant_whose_file_is_damaged_is_left_out_of_the_sums_and_says_why(lake, listed, newest):
    listed("contoso", "fabrikam", "woodgrove")
    judged(lake.root, "contoso")
    judged(lake.root, "fabrikam", DAY - timedelta(days=40))
    judged(lake.root, "fabrikam", DAY + timedelta(days=1) if newest else DAY)
    parts = Lake(lake.root, "fabrikam").parts("fleet_summary")
    damaged = Path(lake.root, parts[-1 if newest else 0].path)
    damaged.write_bytes(b"PAR1 no more")
    result = invoke("query", "--tenant", "all", "--format", "json", "@tenants")
    all_of_them, contoso, fabrikam, woodgrove = json.loads(result.stdout)
    says = " ".join(result.stderr.split())
    assert "the lake has no fleet_summary of woodgrove" in says
    assert (woodgrove["state"], woodgrove["machines"]) == ("absent", None)
    assert contoso["reason"] is None
    if not newest:  # a damaged file of a day that nobody asks for is none of this question's
        assert (result.exit_code, all_of_them["state"], all_of_them["machines"]) == (0, "2 of 3", 240)
        assert "damaged" not in says
        return
    assert (result.exit_code, all_of_them["state"], all_of_them["machines"]) == (0, "1 of 3", 120)
    assert all_of_them["snapshot_date"] == str(DAY)
    assert all_of_them["reason"] == "without fabrikam (damaged), woodgrove (absent)"
    assert (fabrikam["state"], fabrikam["machines"]) == ("damaged", None)
    for told in (says, fabrikam["reason"]):
        assert f"{damaged} is damaged or no Parquet file" in told
    assert "defender-assets refresh --select fleet_summary --date 2026-09-11 --tenant fabrikam" in says


def test_no_tenant_whose_file_can_be_read_is_no_sum(lake, listed):
    listed("contoso", "fabrikam")
    judged(lake.root, "contoso")
    (part,) = Lake(lake.root, "contoso").parts("fleet_summary")
    Path(lake.root, part.path).write_bytes(b"")
    result = invoke("query", "--tenant", "all", "--format", "json", "@tenants")
    all_of_them, *_ = json.loads(result.stdout)
    assert (result.exit_code, all_of_them["state"], all_of_them["machines"]) == (0, "0 of 2", None)


@pytest.mark.parametrize(
    "question",
    [
        "SELECT tenant, machines FROM fleet_summary WHERE machines > 1",
        "SELECT sum(h.eligible) FROM fleet_summary_history AS h WHERE h.snapshot_date > DATE '2026-01-01'",
    ],
)
def test_a_file_of_one_tenant_that_is_damaged_is_named_whatever_is_asked(lake, listed, question):
    listed("contoso", "fabrikam")
    judged(lake.root, "contoso")
    judged(lake.root, "fabrikam")
    (part,) = Lake(lake.root, "fabrikam").parts("fleet_summary")
    damaged = Path(lake.root, part.path)
    damaged.write_bytes(b"PAR1 no more")
    refused = invoke("query", "--tenant", "all", question)
    assert (refused.exit_code, refused.stdout) == (2, "")
    says = " ".join(refused.stderr.split())
    assert f"{damaged} is damaged or no Parquet file" in says
    assert "defender-assets refresh --select fleet_summary --date 2026-09-10 --tenant fabrikam" in says


def test_status_ends_with_the_sums(lake, listed):
    listed("contoso", "fabrikam")
    judged(lake.root, "contoso")
    last = invoke("status").stdout.splitlines()[-1]
    assert last.startswith("1 of 2 tenants judged on 2026-09-10; patch compliant: 90 of 100 eligible devices (90.0 %);")
    assert "|" not in last


def test_one_tenant_s_report_of_a_day(lake, monkeypatch):
    own = Lake(lake.root)
    own.files.publish("compliance_report", DAY, "report.html", b"")
    own.files.publish("compliance_report", DAY + timedelta(days=1), "report.html", b"")
    assert f"snapshot_date={DAY}/" in invoke("report", "--date", str(DAY)).stdout
    result = invoke("report", "--date", "2026-01-01")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no compliance report of 2026-01-01 in the lake" in result.stderr
