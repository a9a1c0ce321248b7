"""Why a device was judged as it was: by id and by name, on a day, with its inputs, as text, value, JSON and SQL."""

import doctest
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

import defender_assets
from defender_assets.catalog import TABLES
from defender_assets.compliance import Policy
from defender_assets.explanation import AmbiguousDevice, NotJudged, UnknownDevice
from defender_assets.lake import Lake
from defender_assets.queries import query

from ..cli.program import invoke
from ..compliance.tenant import AS_OF, Tenant, days
from ..report.days import judge, store

DAY = AS_OF.date()
HOSTILE = "pc\x1b[31m\u202e<script>"
POLICY = """name: contoso
exemptions:
  - {id: EX-17, reason: fix in spring, owner: plant, approved_by: CISO, expires: 2026-12-31, cves: CVE-2026-0007}
"""


def _tenant() -> Tenant:
    tenant = Tenant()
    tenant.machine("1a", computer_dns_name="desk.contoso.example").antivirus("1a")
    tenant.machine("1b", computer_dns_name="DESK.contoso.example", last_seen=AS_OF - days(9))
    tenant.machine("1c", computer_dns_name="laptop.contoso.example", merged_into_machine_id="1a")
    # Two phones of one name, which are two devices.
    for phone, entra in (("2a", "1"), ("2b", "2")):
        tenant.machine(phone, computer_dns_name="phone.contoso.example", os_platform="iOS",
                       agent_version="1.1.1.1", aad_device_id=f"{entra * 8}-2222-4333-8444-555555555555")  # fmt: skip
    tenant.machine("3a", computer_dns_name=HOSTILE).antivirus("3a")
    tenant.machine("4a", computer_dns_name="old.contoso.example", last_seen=AS_OF - days(40))
    tenant.finding("1a", "CVE-2026-0001", vulnerability_severity_level="Critical", cvss_score=9.8,
                   first_seen_timestamp=AS_OF - days(20))  # fmt: skip
    tenant.finding("1a", "CVE-2026-0007", first_seen_timestamp=AS_OF - days(200))
    tenant.finding("1a", "CVE-2026-0005").add("vulnerabilities", id="CVE-2026-0005", status="UnderException")
    tenant.finding("1a", "CVE-2026-0006", vulnerability_severity_level=None, cvss_score=None)
    tenant.finding("1a", "CVE-2026-0008", vulnerability_severity_level="Low", first_seen_timestamp=AS_OF - days(30))
    tenant.finding("1a", "CVE-2026-0009", security_update_available=False)
    tenant.finding("1a", "CVE-2026-0010", software_name="reader").finding("1a", "CVE-2026-0010")
    midnight = AS_OF.replace(hour=0, minute=0)
    tenant.add("kev", cve_id="CVE-2026-0008", date_added=midnight - days(29), due_date=midnight - days(2))
    tenant.control("1a", "scid-2012", is_compliant=False)
    for name, left in (("desk", 9), ("old", -2), ("lasting", 61)):
        tenant.add("certificates", device_id="1a", thumbprint=name, path=f"My/{name}", issued_to=f"CN={name}",
                   expiration_date=AS_OF + days(left))  # fmt: skip
    tenant.add("software_inventory", device_id="1a", software_vendor="contoso", software_name="suite",
               software_version="3.1", number_of_weaknesses=1_200)  # fmt: skip
    tenant.add("agent_releases", component="agent_linux", release="2609", feed="linux", listed_at=AS_OF)
    return tenant


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    """A day that was judged by a policy of the tenant's own. Of the next day there are machines alone."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "contoso.yaml").write_text(POLICY)
    lake = Lake(folder / "lake")
    inputs = _tenant().inputs
    for name, rows in inputs.items():
        if name not in ("kev", "agent_releases"):
            store(lake, DAY, name, rows)
    facts = {
        "observed_at": AS_OF.isoformat(),
        "source": "https://feed.example/kev.json",
        "fetched_at": (AS_OF - days(3)).isoformat(),
        "dated": (AS_OF - days(5)).isoformat(),
        "stale": "true",
        "reason": "the feed answered 503",
    }
    with lake.writing(TABLES["kev"], DAY, facts) as partition:
        partition.write(inputs["kev"])
        partition.publish()
    facts = {
        "observed_at": AS_OF.isoformat(),
        "feeds": "macos, linux",
        "macos.source": "https://feed.example/mac.xml",
        "macos.fetched_at": AS_OF.isoformat(),
        "linux.source": "https://feed.example/Packages.gz",
        "linux.fetched_at": (AS_OF - days(9)).isoformat(),
        "linux.stale": "true",
        "linux.reason": "the feed answered 503",
    }
    with lake.writing(TABLES["agent_releases"], DAY, facts) as partition:
        partition.write(inputs["agent_releases"])
        partition.publish()
    judge(lake, DAY, inputs, Policy.load(folder / "contoso.yaml"))
    store(lake, DAY + timedelta(days=1), "machines", inputs["machines"])
    return lake


@pytest.fixture(autouse=True)
def settings(lake, monkeypatch) -> None:
    monkeypatch.setenv("DEFENDER_LAKE", lake.root)
    monkeypatch.setenv("DEFENDER_POLICY", str(Path(lake.root).parent / "contoso.yaml"))


@pytest.mark.parametrize("asked", ["1a", "desk.contoso.example", "DESK.CONTOSO.EXAMPLE", "laptop.contoso.example"])
def test_a_name_means_the_record_that_stands_for_the_device(asked: str) -> None:
    told = defender_assets.explain(asked)
    assert (told.device_id, told.population) == ("1a", "eligible")
    assert [record.device_id for record in told.records] == ["1a", "1b", "1c"]
    assert told.verdicts == {"patch": "noncompliant", "agent": "compliant", "configuration": "noncompliant"}


def test_an_id_means_that_record_whatever_became_of_it() -> None:
    told = defender_assets.explain("1b")
    assert (told.population, told.primary_device_id, told.verdicts["patch"]) == ("duplicate", "1a", "unknown")
    assert "This is an older record of desk.contoso.example (record 1a)" in str(told)


def test_the_sentences_are_those_that_an_auditor_reaches_in_sql(lake) -> None:
    told = defender_assets.explain("1a")
    rows = query(lake, "SELECT sentence FROM verdict_reasons WHERE device_id = '1a'").read_all().to_pylist()
    assert sorted(reason.sentence for reason in told.reasons) == sorted(row["sentence"] for row in rows)


def test_a_reason_is_told_with_the_line_of_the_policy() -> None:
    text = str(defender_assets.explain("1a"))
    assert "patch.severity_days.critical, default (ships with the package), line " in text
    assert "exemptions.0, " in text
    assert "contoso.yaml, line 3" in text


def test_each_input_is_told_with_its_source_and_age() -> None:
    told = defender_assets.explain("1a")
    inputs = {used.table: used for used in told.inputs}
    assert inputs["machines"].needed
    assert inputs["machines"].words.startswith(f"of {DAY}, read 2026-10-20 06:30 UTC, under an hour old when judged")
    assert inputs["kev"].words == (
        f"of {DAY}, dated 2026-10-15, read 2026-10-17 06:30 UTC, 5 days old when judged, from "
        "https://feed.example/kev.json, older rows kept, because the feed answered 503"
    )
    feeds = [used for used in told.inputs if used.table == "agent_releases"]
    assert [used.title for used in feeds] == ["agent_releases (macos)", "agent_releases (linux)"]
    assert feeds[1].words.endswith("9 days old when judged, from https://feed.example/Packages.gz, older rows kept, "
                                   "because the feed answered 503")  # fmt: skip
    assert inputs["epss"].was_absent
    assert inputs["epss"].words == "absent when the device was judged"


@pytest.mark.parametrize(
    ("cve", "sentences"),
    [
        (
            "cve-2026-0001",
            [
                "Severity critical (CVSS 9.8), as Defender rates the finding.",
                "A security update is available (5065429).",
                "Its time counts from 2026-09-30 06:30 UTC, when the CVE was first seen on the device.",
                "Due on 2026-10-15 06:30 UTC (15 days, severity critical).",
                "At 2026-10-20 06:30 UTC it was overdue by 5 days.",
            ],
        ),
        (
            "CVE-2026-0008",
            [
                "Severity low (CVSS 7.5), as Defender rates the finding.",
                "CISA knows it to be exploited (KEV catalogue); the catalogue's due date is 2026-10-18.",
                "A security update is available (5065429).",
                "Its time counts from 2026-09-20 06:30 UTC, when the CVE was first seen on the device.",
                "Due on 2026-10-18 23:59 UTC (KEV catalogue).",
                "At 2026-10-20 06:30 UTC it was overdue by 1 day.",
            ],
        ),
        (
            "CVE-2026-0007",
            [
                "Severity high (CVSS 7.5), as Defender rates the finding.",
                "A security update is available (5065429).",
                "Its time counts from 2026-04-03 06:30 UTC, when the CVE was first seen on the device.",
                "It would be due on 2026-05-03 06:30 UTC.",
                "Exempt by the policy until 2026-12-31: exemption EX-17 (fix in spring; owner plant, "
                "approved by CISO).",
            ],
        ),
        (
            "CVE-2026-0005",
            [
                "Severity high (CVSS 7.5), as Defender rates the finding.",
                "A security update is available (5065429).",
                "Its time counts from 2026-10-10 06:30 UTC, when the CVE was first seen on the device.",
                "It would be due on 2026-11-09 06:30 UTC.",
                "Accepted in Defender (CVE exception): it cannot be overdue.",
            ],
        ),
        (
            "CVE-2026-0006",
            [
                "Nothing rates it: neither the finding nor the CVE has a severity or a CVSS score.",
                "A security update is available (5065429).",
                "Its time counts from 2026-10-10 06:30 UTC, when the CVE was first seen on the device.",
                "The policy gives no due date.",
                "Without a due date it cannot be overdue.",
                "It might be overdue if more were known (severity), so the device cannot be called compliant.",
            ],
        ),
        (
            "CVE-2026-0009",
            [
                "Severity high (CVSS 7.5), as Defender rates the finding.",
                "There is no security update.",
                "Its time counts from 2026-10-10 06:30 UTC, when the CVE was first seen on the device.",
                "It would be due on 2026-11-09 06:30 UTC.",
                "Without a security update it does not count (policy: patch.no_fix).",
            ],
        ),
    ],
)
def test_a_finding_is_told_from_its_severity_to_its_state(cve: str, sentences: list[str]) -> None:
    (finding,) = defender_assets.explain("1a", finding=cve).findings
    assert list(finding.sentences) == sentences


def test_a_cve_in_several_products_is_several_findings() -> None:
    told = defender_assets.explain("1a", finding="CVE-2026-0010")
    assert [finding.title for finding in told.findings] == [
        "CVE-2026-0010 in contoso editor 1.2.3: on time",
        "CVE-2026-0010 in contoso reader 1.2.3: on time",
    ]


def test_a_cve_that_the_device_does_not_have_is_said_to_be_no_finding() -> None:
    assert "CVE-2026-4444 is no open finding on this device." in str(
        defender_assets.explain("1a", finding="CVE-2026-4444")
    )


def test_an_exemption_of_a_policy_that_changed_since_is_not_told_by_the_new_one(monkeypatch) -> None:
    monkeypatch.delenv("DEFENDER_POLICY")
    (finding,) = defender_assets.explain("1a", finding="CVE-2026-0007").findings
    assert finding.sentences[-1] == (
        "Exempt by the policy: exemption EX-17. The policy has changed since, so no more is told here."
    )


def test_an_unknown_device_is_named_with_names_that_are_near() -> None:
    with pytest.raises(UnknownDevice, match=r"'desc\.contoso\.example'.*Near names: (?i:desk\.contoso\.example)"):
        defender_assets.explain("desc.contoso.example")
    with pytest.raises(UnknownDevice, match=r"Near names: .*old\.contoso\.example"):
        defender_assets.explain("odl")


def test_a_name_without_the_domain_is_a_name_too() -> None:
    assert defender_assets.explain("DESK").device_name == defender_assets.explain("desk.contoso.example").device_name
    with pytest.raises(AmbiguousDevice, match=r"phone is the name of 2 devices .*: 2a, 2b"):
        defender_assets.explain("phone")
    with pytest.raises(UnknownDevice):
        defender_assets.explain("des")


def test_what_is_no_text_is_the_name_of_nothing() -> None:
    with pytest.raises(UnknownDevice):
        defender_assets.explain("desk\udce9")
    assert defender_assets.explain("1a", finding="CVE\udce9").findings == ()


def test_a_name_of_several_devices_is_refused_with_their_ids() -> None:
    with pytest.raises(AmbiguousDevice, match=r"phone\.contoso\.example is the name of 2 devices .*: 2a, 2b"):
        defender_assets.explain("phone.contoso.example")


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (DAY + timedelta(days=1), "defender-assets refresh --select tag:days=derived --date 2026-10-21"),
        (date(2026, 2, 1), "because nothing was fetched then. It holds those of 1 day, 2026-10-20"),
    ],
)
def test_a_day_that_was_not_judged_is_said_with_what_to_do(day: date, words: str) -> None:
    with pytest.raises(NotJudged) as error:
        defender_assets.explain("1a", date=day)
    assert words in error.value.sentence


def test_an_empty_lake_says_what_to_do(tmp_path) -> None:
    with pytest.raises(NotJudged, match=r"holds no verdicts yet\. Make them"):
        defender_assets.explain("1a", lake=tmp_path / "none")


def test_what_a_device_needs_besides_its_verdicts_is_told(lake, tmp_path) -> None:
    told = defender_assets.explain("1a")
    text = str(told)
    (update,) = told.outstanding.missing_updates or ()
    assert (update.update_id, update.state, update.cves) == ("5065429", "overdue", 7)
    assert "  5065429" in text
    assert [(found.issued_to, found.has_expired) for found in told.outstanding.certificates or ()] == [
        ("CN=desk", False),
        ("CN=old", True),
    ]
    assert f"  CN=desk: expires on {AS_OF + days(9):%Y-%m-%d} (My/desk)" in text
    assert "  contoso suite 3.1: known weaknesses: 1,200" in text
    # a device of which nothing is known to be missing, and a day without the table
    assert "Missing security updates\n  none known" in str(defender_assets.explain("2a"))
    without = shutil.copytree(lake.root, tmp_path / "lake", ignore=shutil.ignore_patterns("certificates", "software_*"))
    told = defender_assets.explain("1a", lake=str(without))
    assert "  not known: certificates is not in the lake for this day" in str(told)
    assert "  not known: software_inventory and software_versions are not in the lake for this day" in str(told)


def test_a_notebook_shows_it_without_markup_of_theirs() -> None:
    html = defender_assets.explain("3a")._repr_html_()
    assert html.startswith("<pre>")
    assert "<script>" not in html


def test_the_verb_prints_the_same(lake) -> None:
    result = invoke("explain", "desk.contoso.example", "--finding", "CVE-2026-0001", "--date", str(DAY))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.rstrip("\n") == str(defender_assets.explain("1a", finding="CVE-2026-0001"))


def test_hostile_names_cannot_drive_the_terminal() -> None:
    result = invoke("explain", "3a")
    assert result.exit_code == 0
    assert "pc\\x1b[31m\\u202e<script>" in result.stdout
    assert "\x1b" not in result.stdout + invoke("explain", "3a", "--json").stdout


def test_json_has_everything_under_stable_names() -> None:
    told = json.loads(invoke("explain", "1a", "--finding", "CVE-2026-0001", "--json").stdout)
    assert set(told) == {
        "device", "tenant", "day", "as_of", "policy", "records", "verdicts", "reasons", "cve", "findings",
        "missing_updates", "certificates", "software", "inputs",
    }  # fmt: skip
    assert told["device"] == {
        "device_id": "1a",
        "device_name": "desk.contoso.example",
        "population": "eligible",
        "primary_device_id": "1a",
    }
    assert told["policy"]["name"] == "contoso"
    assert (told["day"], told["as_of"]) == ("2026-10-20", "2026-10-20T06:30:00+00:00")
    assert set(told["reasons"][0]) == {
        "topic", "position", "verdict", "code", "sentence", "setting", "policy_file", "policy_line",
    }  # fmt: skip
    (finding,) = told["findings"]
    assert (finding["state"], finding["days_overdue"], len(finding["sentences"])) == ("overdue", 5, 5)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nobody.contoso.example",), 1),
        (("phone.contoso.example",), 2),
        (("1a", "--date", "2026-02-01"), 1),
        (("1a", "--date", "yesterday"), 2),
        (("1a", "--tenant", "other"), 1),
    ],
)
def test_what_cannot_be_explained_is_one_sentence_and_an_exit_code(words: tuple[str, ...], code: int) -> None:
    result = invoke("explain", *words)
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_the_examples_of_the_documentation_are_true() -> None:
    page = Path(__file__).parents[2] / "docs" / "explain.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted >= 4
    assert result.failed == 0


def test_the_documentation_names_every_member_of_the_json() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    told = defender_assets.explain("1a", finding="CVE-2026-0001").to_dict()
    members = {*told, *told["device"], *told["policy"], *told["verdicts"]}
    for several in ("records", "reasons", "findings", "inputs"):
        members |= set(told[several][0])
    assert [member for member in members if f"`{member}`" not in page] == []
