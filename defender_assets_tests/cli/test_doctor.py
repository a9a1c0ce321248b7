"""``doctor``: what the application can read, and why it cannot read the rest."""

import json
import threading
from pathlib import Path

import pytest

from defender_assets.catalog import CORE_ROLES, DATASETS, DERIVED, comes_with_core_roles
from defender_assets.doctor import Inspection, Outcome, examination
from defender_assets.lake import Lake
from defender_assets.report import newest_report
from defender_assets.simulator import Simulator

from ..orchestration.notifications.receiver import receiving
from .program import invoke


def test_the_doctor_lists_what_the_application_can_read(tenant_settings: pytest.MonkeyPatch) -> None:
    result = invoke("doctor", "--json")
    assert result.exit_code == 0, result.stderr
    diagnosis = json.loads(result.stdout)
    assert diagnosis["login"]["ok"]
    assert diagnosis["login"]["reason"] == "ok"
    assert {row["dataset"] for row in diagnosis["datasets"]} == set(DATASETS)
    assert all(
        set(row) == {"dataset", "permission", "ok", "status", "reason", "remedy"} for row in diagnosis["datasets"]
    )
    in_words = invoke("doctor")
    assert in_words.exit_code == 0
    assert all(name in in_words.stdout for name in DATASETS)


def test_a_missing_role_is_named_by_doctor_and_refresh_alike(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    own_simulator.control.revoke_roles("Alert.Read.All")
    doctor = invoke("doctor", "--json")
    assert doctor.exit_code == 1
    diagnosis = json.loads(doctor.stdout)
    assert diagnosis["absent"] == ["investigations"]  # an extra that comes with the same role
    refused = [row for row in diagnosis["datasets"] if not row["ok"] and row["dataset"] not in diagnosis["absent"]]
    assert [row["dataset"] for row in refused] == ["alerts"]
    assert refused[0]["reason"] == "missing_role"
    assert "Alert.Read.All" in refused[0]["remedy"]

    refresh = invoke("refresh", "--select", "key:alerts or key:machines")
    assert refresh.exit_code == 1
    assert "Alert.Read.All" in refresh.stderr
    lake = Lake(str(tmp_path / "lake"))
    assert lake.newest("alerts") is None
    assert lake.rows("machines") == 40


def test_what_this_tenant_cannot_have_is_left_out_named_and_no_failure(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    # given the roles of the core alone, no licence for the add-on, and a feature that is off
    control = own_simulator.control
    control.revoke_roles(*set(control.roles()) - set(CORE_ROLES))
    control.withdraw_licence("add_on")
    control.switch_off("information_gathering")
    # then the doctor is content, and says what is absent, why, and what it would take
    doctor = invoke("doctor", "--json")
    assert doctor.exit_code == 0
    diagnosis = json.loads(doctor.stdout)
    rows = {row["dataset"]: row for row in diagnosis["datasets"]}
    assert set(diagnosis["absent"]) == {name for name, row in rows.items() if not row["ok"]}
    assert rows["baseline_assessment"]["reason"] == "missing_role"
    assert "SecurityBaselinesAssessment.Read.All" in rows["baseline_assessment"]["remedy"]
    assert rows["browser_extensions"]["reason"] == "no_licence"
    assert "Defender Vulnerability Management (add-on" in rows["browser_extensions"]["remedy"]
    assert rows["information_gathering"]["reason"] == "feature_off"
    told = invoke("doctor").stdout.splitlines()
    assert len([line for line in told if "feature_off (403), which is no failure. " in line]) == 1
    # so is a refresh, and the list of tables tells why there are none
    tables = "key:machines or key:browser_extensions or key:baseline_assessment or key:information_gathering"
    refresh = invoke("refresh", "--select", tables)
    assert refresh.exit_code == 0, refresh.stderr
    assert "ok      machines" in refresh.stdout
    for name in ("browser_extensions", "baseline_assessment", "information_gathering"):
        assert any(line.startswith("left out ") and name in line for line in refresh.stdout.splitlines())
    listed = invoke("tables").stdout
    assert "(left out: the tenant has no licence for it)" in listed
    assert "(left out: the application lacks its role)" in listed
    assert "(left out: its feature is switched off in the tenant)" in listed
    # when the licence comes and goes again, what was fetched in between is missed
    control.grant_licence("add_on")
    assert invoke("refresh", "--select", "browser_extensions").exit_code == 0
    control.withdraw_licence("add_on")
    for verb in (("refresh", "--select", "browser_extensions"), ("doctor",)):
        lost = invoke(*verb)
        assert lost.exit_code == 1
        assert "!browser_extensions" in lost.stdout + lost.stderr
    assert "It was fetched before, last for " in invoke("refresh", "--select", "browser_extensions").stderr
    (failed,) = [line for line in invoke("doctor").stdout.splitlines() if line.lstrip().startswith("failed ")]
    assert "browser_extensions (no_licence, 401; fetched before, last for " in failed
    named = invoke("doctor", DEFENDER_DATASETS="machines,baseline_assessment").stdout
    assert "The application can read 1 of 2 that are chosen (" in named
    assert "baseline_assessment (missing_role, 403; named in DEFENDER_DATASETS). " in named
    # until somebody says that it is to be done without
    assert invoke("doctor", DEFENDER_DATASETS="!browser_extensions").exit_code == 0
    assert invoke("refresh", "--select", "browser_extensions", DEFENDER_DATASETS="!browser_extensions").exit_code == 0


def test_each_tenant_of_a_list_is_tested_and_one_that_is_refused_does_not_hide_the_others(
    own_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = tmp_path / "tenants.yaml"
    listed.write_text("tenants: [{name: contoso}, {name: fabrikam, client_secret: wrong}]\n")
    own_settings.setenv("DEFENDER_TENANTS", str(listed))
    result = invoke("doctor", "--json")
    assert result.exit_code == 1, result.stderr
    by_tenant = json.loads(result.stdout)
    assert {name: each["login"]["ok"] for name, each in by_tenant.items()} == {"contoso": True, "fabrikam": False}
    # what they share is looked at once
    areas = {name: {check["area"] for check in each["checks"]} for name, each in by_tenant.items()}
    assert {"lake", "policy", "feeds"} <= areas["contoso"]
    assert {"lake", "policy"} <= areas["fabrikam"]
    assert not {"feeds", "webhook", "dagster"} & areas["fabrikam"]
    lines = invoke("doctor", "--tenant", "all").stdout.splitlines()
    assert lines.index("contoso") < lines.index("fabrikam")
    assert "login" in json.loads(invoke("doctor", "--tenant", "contoso", "--json").stdout)


def test_tenants_of_a_list_are_tested_side_by_side_and_told_in_its_order(
    tenant_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = tmp_path / "tenants.yaml"
    listed.write_text("tenants: [{name: contoso}, {name: fabrikam}]\n")
    tenant_settings.setenv("DEFENDER_TENANTS", str(listed))
    both, second_is_through = threading.Barrier(2, timeout=60), threading.Event()

    def first_ends_last(lake: Lake) -> list[Inspection]:
        both.wait()
        if lake.tenant == "contoso":
            assert second_is_through.wait(60)
        else:
            second_is_through.set()
        return [Inspection("lake", Outcome.OK, f"of {lake.tenant}")]

    tenant_settings.setattr(examination, "inspect_lake", first_ends_last)
    result = invoke("doctor")
    assert result.exit_code == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if line in ("contoso", "fabrikam") or line.startswith("lake")]
    assert [line.split()[-1] for line in lines] == ["contoso", "contoso.", "fabrikam", "fabrikam."]


@pytest.mark.slow
def test_the_roles_of_the_core_are_enough_for_everything_that_is_computed_but_the_users(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    control = own_simulator.control
    control.revoke_roles(*set(control.roles()) - set(CORE_ROLES))
    control.withdraw_licence("add_on")
    refresh = invoke("refresh")
    assert refresh.exit_code == 0, refresh.stderr
    lake = Lake(str(tmp_path / "lake"))
    fetched = {name for name, dataset in DATASETS.items() if comes_with_core_roles(dataset)}
    made = {name for name in (*DATASETS, *DERIVED) if lake.newest(name) is not None}
    assert made == fetched | DERIVED.keys() - {"users"}
    assert newest_report(lake) is not None
    assert invoke("query", "--format", "csv", "SELECT count(users) FROM devices").stdout.split()[1] == "0"


def test_a_wrong_choice_of_datasets_is_wrong_use_of_every_verb_that_follows_it(
    tenant_settings: pytest.MonkeyPatch,
) -> None:
    for verb in ("doctor", "refresh", "tables"):
        result = invoke(verb, DEFENDER_DATASETS="machines,alrts,softwar")
        assert result.exit_code == 2
        assert "did you mean alerts?" in result.stderr
        assert "did you mean software" in result.stderr


def test_the_doctor_names_the_scope_where_one_is_set(tenant_settings: pytest.MonkeyPatch) -> None:
    one = {"DEFENDER_DATASETS": "machines"}
    assert "Scope: " not in invoke("doctor", **one).stdout
    scoped = invoke("doctor", DEFENDER_SCOPE_TAGS="PCI", DEFENDER_SCOPE_ONBOARDED="true", **one).stdout
    assert "\nScope: onboarded devices; devices tagged PCI (docs/scope.md)\n" in scoped


def test_doctor_and_refresh_warn_of_a_misspelled_setting(tenant_settings: pytest.MonkeyPatch) -> None:
    tenant_settings.setenv("DEFENDER_SCOPE_TAG", "PCI")
    warning = "warning: DEFENDER_SCOPE_TAG is not a setting; did you mean DEFENDER_SCOPE_TAGS?"
    doctor = invoke("doctor", "--json")
    assert doctor.stderr.splitlines() == [warning]
    assert json.loads(doctor.stdout)["login"]["ok"]
    assert warning in invoke("refresh", "--select", "exposure_score").stderr.splitlines()


def test_one_cause_is_told_once(own_settings: pytest.MonkeyPatch, own_simulator: Simulator) -> None:
    wrong = invoke("doctor", DEFENDER_CLIENT_SECRET="wrong")
    assert wrong.exit_code == 1
    assert (wrong.stdout + wrong.stderr).count("the client secret is wrong") == 1
    assert "Machine.Read.All" not in wrong.stdout
    rows = json.loads(invoke("doctor", "--json", DEFENDER_CLIENT_SECRET="wrong").stdout)["datasets"]
    assert [row["dataset"] for row in rows] == list(DATASETS)
    # several roles are granted in one go, and told in one line
    own_simulator.control.revoke_roles("Alert.Read.All", "Machine.Read.All")
    told = [line.strip() for line in invoke("doctor").stdout.splitlines()]
    (line,) = [line for line in told if line.startswith("failed ")]
    (absent,) = [line for line in told if line.startswith("left out ")]
    assert absent.endswith("missing_role (403), which is no failure. They need the same roles.")
    assert line.count("Add the application permission") == 1
    assert "permissions Machine.Read.All, Alert.Read.All of " in line
    assert "add !machines,!alerts,!av_health to DEFENDER_DATASETS" in line


def test_the_doctor_looks_at_what_is_around_the_service(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def outcomes(**environment: str) -> tuple[int, dict[str, str]]:
        result = invoke("doctor", "--json", **environment)
        checks = json.loads(result.stdout)["checks"]
        assert all(set(check) == {"area", "subject", "outcome", "what", "remedy"} for check in checks)
        assert "canary" not in result.stdout + result.stderr
        return result.exit_code, {check["subject"] or check["area"]: check["outcome"] for check in checks}

    code, well = outcomes()
    assert (code, set(well.values())) == (0, {"ok", "not used"})
    assert {"clock", "quotas", "lake", "policy", "kev", "linux_releases", "webhook", "dagster"} <= set(well)
    (tmp_path / "file").touch()
    nobody = "https://localhost:1/canary"
    # a feed that is away is no failure: a refresh goes on with what it told before
    away = {"DEFENDER_KEV": nobody, "DEFENDER_SSVC": "off"}
    assert outcomes(**away) == (0, well | {"kev": "warning", "ssvc": "not used"})
    broken = {
        "DEFENDER_LAKE": str(tmp_path / "file"),
        "DEFENDER_EPSS": str(tmp_path / "no-such.csv.gz"),
        "DEFENDER_WEBHOOK_URL": nobody,
    }
    assert outcomes(**broken) == (1, well | {"lake": "failed", "epss": "failed", "webhook": "failed"})


def test_the_doctor_posts_to_the_webhook_only_when_it_is_told_to(tenant_settings: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        tenant_settings.setenv("DEFENDER_WEBHOOK_URL", receiver.address)
        looked = invoke("doctor")
        assert (looked.exit_code, receiver.messages) == (0, [])
        assert invoke("doctor", "--send").exit_code == 0
        assert [message["text"].splitlines()[0] for message in receiver.messages] == [
            "Defender refresh: a test message (sent by defender-assets doctor --send; nothing has failed)"
        ]
        receiver.statuses = [404]
        refused = invoke("doctor", "--send")
        assert refused.exit_code == 1
        assert "the webhook answered 404" in refused.stdout
        assert "very-secret-path" not in looked.stdout + refused.stdout + refused.stderr


def test_wrong_settings_are_all_told_before_anybody_is_asked(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    wrong = {
        "DEFENDER_REFRESH_HOUR": "24",
        "DEFENDER_POLICY": str(tmp_path / "no-such.yaml"),
        "DEFENDER_EXECUTOR": "fork",
        "DEFENDER_LAKE": "/proc/self/lake",
        "DEFENDER_CLIENT_SECRT": "x",
        "DEFENDER_CLIENT_SECRET": "",
    }
    own_simulator.control.reset_counters()
    result = invoke("refresh", **wrong)
    assert result.exit_code == 2
    first, *rest = result.stderr.splitlines()
    assert first == "warning: DEFENDER_CLIENT_SECRT is not a setting; did you mean DEFENDER_CLIENT_SECRET?"
    assert rest[0] == "defender-assets: 5 settings need attention:"
    for name in ("REFRESH_HOUR", "POLICY", "EXECUTOR", "LAKE", "CLIENT_SECRET"):
        assert len([line for line in rest if line.startswith(f"  DEFENDER_{name} ")]) == 1
    assert own_simulator.control.requests() == []
    served = invoke("serve", DEFENDER_EXECUTOR="fork", DEFENDER_POLICY="no-such.yaml")
    assert served.exit_code == 2
    assert "2 settings need attention" in served.stderr
    # the doctor says the same, and how everything else is
    wrong["DEFENDER_LAKE"] = str(tmp_path / "lake")
    doctor = invoke("doctor", "--json", **wrong)
    assert doctor.exit_code == 2
    assert set(doctor.stderr.splitlines()) == {
        first, rest[0].replace("5", "4"), *(line for line in rest[1:] if "DEFENDER_LAKE" not in line)
    }  # fmt: skip
    diagnosis = json.loads(doctor.stdout)
    assert len(diagnosis["settings"]) == 4
    assert diagnosis["login"]["ok"] is False
    assert {"area": "lake", "outcome": "ok"}.items() <= diagnosis["checks"][0].items()
