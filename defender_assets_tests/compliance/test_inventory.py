"""The inventory: one wide row per endpoint, device, user and application, from whatever of its inputs is there."""

from defender_assets.compliance import Policy, headline_numbers

from .tenant import AS_OF, ENGINE, Tenant, days, derived, preset


def test_endpoints_with_their_silence_and_their_management() -> None:
    tenant = Tenant().machine(
        "a", managed_by="Intune", managed_by_status="Success", risk_score="High", exposure_level="Low"
    )
    tenant.machine("b", managed_by="Unknown", last_seen=AS_OF - days(2.9), health_status="NoSensorData")
    tenant.machine("c", managed_by="MicrosoftDefenderForEndpoint").machine("d", last_seen=None)
    # a clock that is a little ahead, and one that nobody can believe
    tenant.machine("e", last_seen=AS_OF + days(0.9)).machine("f", last_seen=AS_OF + days(400))
    found = tenant.by_device("endpoint_status")
    assert {device: row["is_managed"] for device, row in found.items()} == {
        "a": True,
        "b": False,
        "c": True,
        "d": False,
        "e": False,
        "f": False,
    }
    assert {device: row["days_silent"] for device, row in found.items()} == {
        "a": 0,
        "b": 2,
        "c": 0,
        "d": None,
        "e": 0,
        "f": None,
    }
    devices = tenant.by_device("devices")
    assert {device: row["days_silent"] for device, row in devices.items()} == {
        device: row["days_silent"] for device, row in found.items()
    }
    assert (found["a"]["risk_score"], found["a"]["exposure_level"], found["b"]["sensor_state"]) == (
        "High",
        "Low",
        "impaired",
    )


def test_servers_are_told_from_other_devices_where_the_operating_system_tells() -> None:
    tenant = Tenant()
    servers = ("WindowsServer2022", "windowsserver2012r2", "Ubuntu", "RedHatEnterpriseLinux")
    others = ("Windows11", "Windows10WVD", "macOS", "iOS", "Android")
    unknown = (None, "Windows", "Other", "CiscoIOS")
    for platform in (*servers, *others, *unknown):
        tenant.machine(str(platform), os_platform=platform)
    found = {device: row["is_server"] for device, row in tenant.by_device("devices").items()}
    assert found == dict.fromkeys(servers, True) | dict.fromkeys(others, False) | dict.fromkeys(map(str, unknown))


def _wide() -> Tenant:
    tenant = Tenant().machine("a", version="24H2", os_build=26100).machine("b")
    tenant.finding("a", first_seen_timestamp=AS_OF - days(40)).antivirus("a", av_mode="4").control("a", "scid-1")
    tenant.add(
        "software_inventory", device_id="a", software_vendor="contoso", software_name="editor", software_version="1.0"
    )
    tenant.add(
        "software_inventory", device_id="a", software_vendor="contoso", software_name="editor", software_version="1.1"
    )
    for user, seen, admin in (("contoso\\ann", 1, True), ("contoso\\bob", 3, False)):
        tenant.add("machine_users", machine_id="a", id=user, account_name=user.split("\\")[1], account_domain="contoso",
                   last_seen=AS_OF - days(seen), first_seen=AS_OF - days(90), logon_types="Network, Interactive",
                   is_domain_admin=admin, is_only_network_user=False)  # fmt: skip
    tenant.add("machine_users", machine_id="b", id="contoso\\ann", account_name="ann", logon_types="Interactive",
               last_seen=AS_OF - days(9), observed_at=AS_OF - days(5), is_only_network_user=True)  # fmt: skip
    for number, status in enumerate(("New", "Resolved", None)):
        user = {"user_name": "Ann", "domain_name": "CONTOSO"}
        tenant.add("alerts", id=f"da-{number}", machine_id="a", status=status, related_user=user if number else None)
    return tenant


def test_a_device_with_all_that_is_known_of_it() -> None:
    found = _wide().by_device("devices")
    known = {
        name: found["a"][name]
        for name in (
            "os_version",
            "os_build",
            "av_mode",
            "users",
            "last_user",
            "products",
            "recent_alerts",
            "unresolved_alerts",
        )
    }
    assert known == {
        "os_version": "24H2",
        "os_build": 26100,
        "av_mode": "edr_blocked",
        "users": 2,
        "last_user": "contoso\\ann",
        "products": 2,
        "recent_alerts": 3,
        "unresolved_alerts": 2,
    }
    # no alert of a device is none where alerts are known
    assert (found["b"]["recent_alerts"], found["b"]["products"]) == (0, 1)


def test_verdicts_of_a_device_are_those_of_the_days_other_tables() -> None:
    names = ("patch_compliance", "agent_compliance", "policy_compliance", "devices")
    found = {row["device_id"]: row for row in _wide().derive(*names)["devices"]}
    verdicts = ("patch_verdict", "agent_verdict", "policy_verdict", "overdue_findings")
    assert [found["a"][name] for name in verdicts] == ["noncompliant", "compliant", "compliant", 1]


def test_what_was_never_fetched_is_unknown_not_zero() -> None:
    tenant = Tenant().machine("a")
    row = tenant.by_device("devices")["a"]
    assert [row[name] for name in ("users", "recent_alerts", "patch_verdict", "av_mode")] == [None] * 4
    assert _headlines(tenant) == {"machines": 1, "with_users": None, "with_unresolved_alerts": None}
    assert _headlines(_wide()) == {"machines": 2, "with_users": 2, "with_unresolved_alerts": 1}


def _headlines(tenant: Tenant) -> dict[str, int | float | None]:
    rows = derived(tenant.inputs, preset("default"), "devices")["devices"]
    return dict(headline_numbers("devices", rows, engine=ENGINE))


def test_users_with_their_devices() -> None:
    ann, bob = _wide().derive("patch_compliance", "users")["users"]
    assert (ann["user_id"], ann["devices"], ann["device_ids"], ann["last_device_id"]) == (
        "contoso\\ann",
        2,
        ["a", "b"],
        "a",
    )
    assert ann["last_device_name"] == "a.contoso.example"
    assert ann["logon_types"] == ["Interactive", "Network"]
    assert (ann["is_domain_admin"], ann["is_only_network_user"]) == (True, False)
    # her name is written otherwise in the alerts
    assert (ann["recent_alerts"], bob["recent_alerts"]) == (2, 0)
    assert (ann["noncompliant_devices"], ann["oldest_answer_at"]) == (1, AS_OF - days(5))


def test_users_alone_when_nothing_else_is_there() -> None:
    tenant = Tenant().add("machine_users", machine_id="a", id="contoso\\ann")
    tenant.rows = {"machine_users": tenant.rows["machine_users"]}
    (ann,) = tenant.one("users")
    assert (ann["devices"], ann["recent_alerts"], ann["noncompliant_devices"], ann["as_of"]) == (1, None, None, AS_OF)


def test_applications_by_installation_version_and_end_of_support() -> None:
    tenant = (
        Tenant()
        .machine("a", assessed=False)
        .machine("b", assessed=False)
        .machine("c", is_excluded=True, assessed=False)
    )
    for device, version, status, ends in (
        ("a", "1.0", "EOS Version", AS_OF - days(100)),
        ("a", "2.0", "Upcoming EOS Software", AS_OF + days(100)),
        ("b", "2.0", "Upcoming EOS Software", AS_OF + days(100)),
        ("c", "3.0", "None", None),
    ):
        tenant.add("software_inventory", device_id=device, software_vendor="contoso", software_name="editor",
                   software_version=version, end_of_support_status=status, end_of_support_date=ends,
                   software_first_seen_timestamp=AS_OF - days(200))  # fmt: skip
    tenant.add("software_inventory", device_id="gone", software_name="orphan", software_version=None)
    tenant.add("software", id="contoso-_-editor", vendor="Contoso", name="editor", weaknesses=7, public_exploit=True)
    tenant.finding("a", software_vendor="contoso", software_name="editor", first_seen_timestamp=AS_OF - days(99))
    editor, orphan = sorted(
        tenant.derive("software_exposure", "applications")["applications"], key=lambda r: r["software_name"]
    )
    assert {
        name: editor[name]
        for name in editor
        if name not in ("impact_score", "active_alert", "category", "as_of", "absent_inputs")
    } == {
        "software_vendor": "contoso",
        "software_name": "editor",
        "software_id": "contoso-_-editor",
        "devices": 3,
        "eligible_devices": 2,
        "versions": 3,
        "installed_versions": ["1.0", "2.0", "3.0"],
        "first_seen_at": AS_OF - days(200),
        "end_of_support_status": "EOS Version",
        "end_of_support_date": AS_OF - days(100),
        "weaknesses": 7,
        "public_exploit": True,
        "exposed_devices": 1,
        "cves": 1,
        "overdue_findings": 1,
    }
    # a product on a device that the list lacks, without vendor and version
    assert (orphan["devices"], orphan["installed_versions"], orphan["end_of_support_status"]) == (0, [], "None")


def test_exposure_counts_eligible_devices_and_says_how_many_others() -> None:
    tenant = Tenant().machine("a").machine("b").machine("asleep", last_seen=AS_OF - days(99))
    tenant.add("kev", cve_id="CVE-2", due_date=AS_OF - days(9), date_added=AS_OF - days(30))
    for device in ("a", "asleep"):
        tenant.finding(device, "CVE-1", vulnerability_severity_level="Critical", cvss_score=9.8)
        tenant.finding(device, "CVE-2", exploitability_level="ExploitIsInKit", software_version="1.2.4")
        tenant.add("software_inventory", device_id=device, software_vendor="contoso", software_name="editor",
                   software_version="0.9", end_of_support_status="EOS Software",
                   end_of_support_date=AS_OF - days(5))  # fmt: skip
    (editor,) = [row for row in tenant.one("software_exposure") if row["software_name"] == "editor"]
    assert {name: editor[name] for name in editor if name not in ("software_vendor", "software_name", "as_of")} == {
        "devices": 1,
        "eligible_devices": 2,
        "other_devices": 1,
        "versions": 3,
        "exposed_devices": 1,
        "cves": 2,
        "critical_cves": 1,
        "kev_cves": 1,
        "exploited_cves": 1,
        "worst_cvss": 9.8,
        "highest_epss": None,
        "open_findings": 2,
        "accepted_findings": 0,
        "overdue_findings": 1,
        "overdue_devices": 1,
        "end_of_support_versions": 1,
        "end_of_support_devices": 1,
        "end_of_support_date": AS_OF - days(5),
    }


def test_exposure_calls_exploited_what_the_policy_does(tmp_path) -> None:
    tenant = Tenant().machine("a").finding("a", "CVE-1", exploitability_level="ExploitIsPublic")
    tenant.finding("a", "CVE-2", exploitability_level="ExploitIsInKit")
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\nexploited_levels: ExploitIsInKit\n")
    found = {
        policy.name: row["exploited_cves"]
        for policy in (Policy.load(), Policy.load(file))
        for row in tenant.one("software_exposure", policy)
        if row["cves"]
    }
    assert found == {"default": 2, "ours": 1}
