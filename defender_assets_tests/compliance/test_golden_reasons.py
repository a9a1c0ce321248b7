"""Devices whose reasons were worked out by hand: the very sentences that a manager, an auditor and the report read.

On 20 October 2026 at 06:30 UTC, under a policy that exempts CVE-2026-0007 on the device kim until the end of the year:

  ada    the device of abel and bea. One critical finding of 20 days ago (due 5 days ago), two high ones that are due on
         25 October; the newest agent, antivirus of this month.
  abel   merged into ada by Defender.
  bea    last seen 9 days ago under the name of ada.
  carl   excluded in the portal.
  dora   last seen 40 days ago, with an open finding.
  emil   seen an hour ago, in no list of vulnerability management.
  fred   Windows, sensor release 8700 while the fleet has 8730, 8740, 8750 and 8760.
  gina   an antivirus engine of August, while the fleet has September's.
  hans   no antivirus health report at all.
  ida    a finding whose CVE is under an exception in Defender.
  jon    a finding that nothing rates.
  kim    the exempt finding, and a required control that is not met.
  lars   macOS, build of April: six months old.
  mona   the record that took over the Entra id of nora, who has another name and was last seen 8 days ago.
"""

from collections import defaultdict
from pathlib import Path

import pytest

from defender_assets.compliance import Policy

from .tenant import AS_OF, Tenant, days

POLICY = """name: contoso
patch:
  severity_days: {critical: 15, high: 30, medium: 90, low: 180}
exemptions:
  - id: EX-17
    reason: the vendor ships the fix in spring
    owner: plant engineering
    approved_by: CISO
    expires: 2026-12-31
    cves: CVE-2026-0007
"""


def _tenant() -> Tenant:
    tenant = Tenant()
    for name in ("ada", "fred", "gina", "hans", "ida", "jon", "kim", "mona"):
        tenant.machine(name, agent_version="10.8700.1.1" if name == "fred" else "10.8760.1.1")
        if name != "hans":
            tenant.antivirus(name, **({"av_engine_version": "1.1.26080.4"} if name == "gina" else {}))
    for number, release in enumerate((8730, 8740, 8750)):
        tenant.machine(f"other-{number}", agent_version=f"10.{release}.1.1").antivirus(f"other-{number}")
    tenant.machine("abel", merged_into_machine_id="ada")
    tenant.machine("bea", computer_dns_name="ADA.contoso.example", last_seen=AS_OF - days(9))
    tenant.machine("carl", is_excluded=True)
    tenant.machine("dora", last_seen=AS_OF - days(40)).finding("dora")
    tenant.machine("emil", assessed=False)
    tenant.machine("lars", os_platform="macOS", agent_version="20.126042.1.0")
    entra = "11111111-2222-4333-8444-555555555555"
    tenant.rows["machines"][7]["aad_device_id"] = entra
    tenant.machine("nora", last_seen=AS_OF - days(8), aad_device_id=entra.upper())
    tenant.finding(
        "ada", "CVE-2026-0001", vulnerability_severity_level="Critical", first_seen_timestamp=AS_OF - days(20)
    )
    tenant.finding("ada", "CVE-2026-0002", first_seen_timestamp=AS_OF - days(25))
    tenant.finding("ada", "CVE-2026-0003", first_seen_timestamp=AS_OF - days(25))
    tenant.finding("ida", "CVE-2026-0005").add("vulnerabilities", id="CVE-2026-0005", status="UnderException")
    tenant.finding("jon", "CVE-2026-0006", vulnerability_severity_level=None, cvss_score=None)
    tenant.finding("kim", "CVE-2026-0007", first_seen_timestamp=AS_OF - days(300))
    tenant.control("kim", "scid-2012", is_compliant=False, configuration_name="Turn on real-time protection").control(
        "kim", "scid-9"
    )
    tenant.control("ada", "scid-2012").control("ada", "scid-9", is_compliant=False)
    return tenant


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> Policy:
    file = tmp_path_factory.mktemp("policy") / "contoso.yaml"
    file.write_text(POLICY)
    return Policy.load(file)


@pytest.fixture(scope="module")
def rows(policy):
    # The configuration is an optional input: it is computed only if it is asked for.
    return _tenant().derive("policy_compliance", "verdict_reasons", policy=policy)["verdict_reasons"]


@pytest.fixture(scope="module")
def told(rows) -> dict[tuple[str, str], list[str]]:
    """(device, topic) -> sentences."""
    sentences = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["position"]):
        sentences[row["device_id"], row["topic"]].append(row["sentence"])
    return sentences


IDENTITY = {
    "ada": "This record stands for the device; it has 2 other records, which are not judged (1 merged into "
    "it, 1 older).",
    "abel": "Defender merged this record into ada.contoso.example (record ada).",
    "bea": "This is an older record of ada.contoso.example (record ada): both have the same name, and "
    "nothing tells them "
    "apart. The later one was last seen on 2026-10-20.",
    "nora": "This is an older record of mona.contoso.example (record mona): both have the same Entra device "
    "id. The later "
    "one was last seen on 2026-10-20.",
    "mona": "This record stands for the device; it has 1 other record, which is not judged (1 older).",
    "kim": "This is the only record of the device.",
}
POPULATION = {
    "ada": "Judged: onboarded, assessed by vulnerability management, and last seen on 2026-10-20, less than "
    "a day before "
    "it was judged (the limit is 30 days).",
    "abel": "Not judged: the record was merged into another, which is judged in its place.",
    "bea": "Not judged: last seen on 2026-10-11, 9 days before it was judged on 2026-10-20; after 7 days a "
    "record gives "
    "way to a later one of the same device.",
    "carl": "Not judged: the device is excluded in the Defender portal.",
    "dora": "Not judged: last seen on 2026-09-10, 40 days before it was judged on 2026-10-20; the limit is 30 days.",
    "emil": "Not judged: vulnerability management lists no software and no finding of the device.",
}
PATCH = {
    "ada": [
        "1 finding is overdue: CVE-2026-0001 in contoso editor 1.2.3: critical, first seen on 2026-09-30, "
        "due on 2026-10-15 "
        "(15 days, severity critical), 5 days overdue.",
    ],
    "dora": ["Patches are not judged (inactive); 1 open finding counts nowhere."],
    "fred": ["No finding is open."],
    "ida": [
        "No finding is overdue (of 1 open: 1 accepted in Defender).",
        "1 finding does not count: accepted in Defender (CVE exception).",
    ],
    "jon": [
        "No finding is overdue (of 1 open: 1 without a due date).",
        "1 finding (CVE-2026-0006) has no due date that is certain, because something is not known "
        "(severity). The device "
        "cannot be called compliant.",
    ],
    "kim": [
        "No finding is overdue (of 1 open: 1 exempt).",
        "1 finding does not count: exemption EX-17 (the vendor ships the fix in spring; owner plant "
        "engineering, approved "
        "by CISO, until 2026-12-31).",
    ],
}
AGENT = {
    "ada": [
        "Agent release 8760 is the newest; engine, platform and security intelligence of the antivirus are "
        "up to date; the "
        "sensor works."
    ],
    "emil": ["The agent is not judged (not assessed)."],
    "fred": [
        "Agent release 8700 is 4 releases behind 8760, the newest (that the fleet runs); at most 2 are supported."
    ],
    "gina": [
        "The antivirus engine, release 26080 (version 1.1.26080.4), is older than release 26090, the newest "
        "(that the fleet runs)."
    ],
    "hans": [
        "Whether the antivirus engine is up to date is not known: Defender has no antivirus health report of "
        "the device.",
        "Whether the antivirus platform is up to date is not known: Defender has no antivirus health report "
        "of the device.",
        "Whether the security intelligence is up to date is not known: Defender has no antivirus health "
        "report of the "
        "device.",
    ],
    "lars": ["The agent is a build of 2026-04, 6 months old; it is supported for less than 6 months."],
}
CONFIGURATION = {
    "ada": ["Every required control that applies is met (1 of 2 controls are met). The weighted score is 50 %."],
    "kim": [
        "1 required control is not met: Turn on real-time protection (scid-2012). In all, 1 of 2 controls are met."
    ],
}


@pytest.mark.parametrize("device", IDENTITY)
def test_which_record_is_the_device(told, device: str) -> None:
    assert told[device, "identity"] == [IDENTITY[device]]


@pytest.mark.parametrize("device", POPULATION)
def test_who_is_judged(told, device: str) -> None:
    assert told[device, "population"] == [POPULATION[device]]


@pytest.mark.parametrize("device", PATCH)
def test_what_is_overdue(told, device: str) -> None:
    assert told[device, "patch"] == PATCH[device]


@pytest.mark.parametrize("device", AGENT)
def test_what_is_wrong_with_the_agent(told, device: str) -> None:
    assert told[device, "agent"] == AGENT[device]


@pytest.mark.parametrize("device", CONFIGURATION)
def test_what_is_wrong_with_the_configuration(told, device: str) -> None:
    assert told[device, "configuration"] == CONFIGURATION[device]


def test_every_verdict_has_a_reason_and_it_is_the_verdict_of_its_table(rows, policy) -> None:
    tables = _tenant().derive("patch_compliance", "agent_compliance", "policy_compliance", policy=policy)
    topics = dict(zip(tables, ("patch", "agent", "configuration"), strict=True))
    told = defaultdict(set)
    for row in rows:
        told[row["device_id"], row["topic"]].add(row["verdict"])
    for name, judged in tables.items():
        assert judged
        for row in judged:
            assert told[row["device_id"], topics[name]] == {row["verdict"]}, (name, row["device_id"])


@pytest.mark.parametrize(
    ("device", "topic", "setting", "line"),
    [
        ("ada", "patch", "patch.severity_days.critical", 3),
        ("kim", "patch", "exemptions.0", 5),
        ("dora", "population", "population.inactive_after_days", None),
    ],
)
def test_the_line_is_where_the_policy_says_so(rows, device: str, topic: str, setting: str, line: int | None) -> None:
    found = [row for row in rows if (row["device_id"], row["topic"], row["setting"]) == (device, topic, setting)]
    assert found
    for row in found:
        if line is None:
            # What the file leaves out is written in the policy that it extends.
            assert row["policy_file"].startswith("default")
            default = Path(__file__).parents[2] / "defender_assets/compliance/policies/default.yaml"
            assert setting.split(".")[-1] in default.read_text().splitlines()[row["policy_line"] - 1]
        else:
            assert (Path(row["policy_file"]).name, row["policy_line"]) == ("contoso.yaml", line)


def test_a_device_in_a_scope_is_told_the_line_of_its_scope(tmp_path) -> None:
    file = tmp_path / "scoped.yaml"
    file.write_text(
        "name: scoped\n"
        "scopes:\n"
        "  - name: crown jewels\n"
        "    match: {tags: crown-jewel}\n"
        "    patch: {severity_days: {critical: 1, high: 2, medium: 3, low: 4}}\n"
    )
    tenant = Tenant().machine("a", machine_tags=["crown-jewel"]).finding("a")
    (row,) = [row for row in tenant.one("verdict_reasons", Policy.load(file)) if row["code"] == "overdue_findings"]
    assert row["sentence"] == (
        "1 finding is overdue: CVE-2026-0001 in contoso editor 1.2.3: high, first seen on 2026-10-10, due on "
        "2026-10-12 "
        "(2 days, severity high, scope crown jewels), 8 days overdue."
    )
    assert (row["setting"], row["policy_line"]) == ("scopes.0.patch.severity_days.high", 5)


def test_a_rule_of_a_decision_table_is_told_with_its_line() -> None:
    policy = Policy.load("cisa-bod-26-04")
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF - days(400))
    tenant.add("kev", cve_id="CVE-2026-0001", date_added=AS_OF - days(300), due_date=AS_OF - days(200))
    (row,) = [row for row in tenant.one("verdict_reasons", policy) if row["code"] == "overdue_findings"]
    assert row["setting"].startswith("patch.rules.")
    preset = Path(__file__).parents[2] / "defender_assets/compliance/policies/cisa-bod-26-04.yaml"
    written = preset.read_text().splitlines()[row["policy_line"] - 1]
    assert row["sentence"].partition("days, ")[2].partition(",")[0] in written


def test_of_many_overdue_findings_three_are_told_and_the_rest_is_counted() -> None:
    tenant = Tenant().machine("a")
    for number in range(8):
        tenant.finding("a", f"CVE-2026-000{number}", first_seen_timestamp=AS_OF - days(40 + number))
    rows = sorted(
        (row for row in tenant.one("verdict_reasons") if row["topic"] == "patch"), key=lambda r: r["position"]
    )
    assert [row["position"] for row in rows] == [1, 2, 3]
    assert rows[0]["sentence"].startswith("8 findings are overdue; the oldest is CVE-2026-0007 in ")
    assert [row["sentence"][:27] for row in rows[1:]] == ["Also overdue: CVE-2026-0006", "Also overdue: CVE-2026-0005"]


def test_findings_of_several_exemptions_or_acceptances_are_not_told_as_those_of_one(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    exemption = "  - {{id: {0}, reason: later, approved_by: CISO, expires: 2026-12-31, cves: {1}}}\n"
    file.write_text(
        "name: ours\nexemptions:\n"
        + exemption.format("an exemption of plants", "CVE-2026-0001")
        + exemption.format("b", "CVE-2026-0002")
    )
    tenant = Tenant().machine("a").finding("a", "CVE-2026-0001").finding("a", "CVE-2026-0002")
    tenant.finding("a", "CVE-2026-0003").add("vulnerabilities", id="CVE-2026-0003", status="UnderException")
    tenant.finding("a", "CVE-2026-0004", cve_mitigation_status="Mitigated")
    told = {row["code"]: row["sentence"] for row in tenant.one("verdict_reasons", Policy.load(file))}
    assert told["exempt_findings"] == (
        "2 findings do not count: several exemptions, one of them an exemption of plants (later; approved by CISO, "
        "until 2026-12-31)."
    )
    assert told["accepted_findings"] == ("2 findings do not count: accepted in Defender (CVE exception or mitigation).")


def test_an_antivirus_report_that_a_wrong_clock_dates_is_told_as_such() -> None:
    tenant = Tenant().machine("a").antivirus("a", av_signature_data_refresh_time=AS_OF + days(2))
    told = {row["code"]: row["sentence"] for row in tenant.one("verdict_reasons")}
    assert told["engine_unknown"] == (
        "Whether the antivirus engine is up to date is not known: the antivirus health report is dated 2026-10-22, "
        "which is after 2026-10-20: a clock is wrong."
    )


def _software(tenant: Tenant, device: str, product: str) -> None:
    tenant.add(
        "software_inventory",
        device_id=device,
        software_vendor="contoso",
        software_name=product,
        software_version="7",
        end_of_support_status="EOS Software",
    )


@pytest.mark.parametrize(
    ("switch", "verdict", "end"),
    [
        ("report", "compliant", "The policy counts such software and lets it pass."),
        ("noncompliant", "noncompliant", "The policy does not let that pass."),
    ],
)
def test_software_past_its_end_of_support_is_named(tmp_path, switch: str, verdict: str, end: str) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(f"name: ours\nsoftware: {{unsupported: {switch}}}\n")
    tenant = Tenant().machine("a")
    _software(tenant, "a", "reader")
    _software(tenant, "a", "viewer")
    (row,) = [row for row in tenant.one("verdict_reasons", Policy.load(file)) if row["code"].startswith("unsupported")]
    assert row["sentence"] == f"2 products are past their end of support, among them contoso reader 7. {end}"
    assert (row["verdict"], row["setting"], row["policy_line"]) == (verdict, "software.unsupported", 2)


def test_without_an_inventory_nobody_knows_what_is_past_its_end_of_support(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\nsoftware: {unsupported: noncompliant}\n")
    tenant = Tenant().machine("a", assessed=False).finding("a")
    rows = [row for row in tenant.one("verdict_reasons", Policy.load(file)) if row["topic"] == "patch"]
    assert {row["verdict"] for row in rows} == {"unknown"}
    assert [row["sentence"] for row in rows if row["code"] == "inventory_unknown"] == [
        "Whether there is software past its end of support is not known: the inventory has no row of the device."
    ]


def test_reports_that_were_absent_are_not_told_as_a_device_without_one() -> None:
    rows = Tenant().machine("a").derive("verdict_reasons")["verdict_reasons"]
    words = " ".join(row["sentence"] for row in rows if row["topic"] == "agent")
    assert "the antivirus health reports of that day were absent" in words
    assert "has no antivirus health report" not in words


def test_one_day_is_one_day(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\npatch: {severity_days: {critical: 1, high: 1, medium: 1, low: 1}}\n")
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF - days(3))
    words = [row["sentence"] for row in tenant.one("verdict_reasons", Policy.load(file))]
    assert any("(1 day, severity " in sentence for sentence in words)
