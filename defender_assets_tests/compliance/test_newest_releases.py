"""Which release is the newest, and what told it: live feeds, dated lists, the policy, the fleet."""

from datetime import datetime, timedelta

import pytest

from defender_assets.compliance import Policy

from .tenant import AS_OF, Row, Tenant, days

MOMENT = timedelta(microseconds=1)


def _fleet(*releases: str) -> Tenant:
    """A Windows device for each release of the sensor, all with the antivirus of the month 26090."""
    tenant = Tenant()
    for release in releases:
        tenant.machine(release, agent_version=f"10.{release}.22631.1").antivirus(release)
    return tenant


def _listed(
    tenant: Tenant,
    component: str,
    *releases: str,
    feed: str = "release_notes",
    listed_at: datetime = AS_OF,
    released_at: datetime | None = None,
) -> Tenant:
    for release in releases:
        tenant.add(
            "agent_releases", component=component, release=release, version=release, feed=feed, listed_at=listed_at,
            released_at=released_at,
        )  # fmt: skip
    return tenant


def _told(tenant: Tenant, policy: Policy | str = "default") -> dict[str, tuple[str | None, int | None, str]]:
    """Newest release, releases behind and source, by device."""
    return {
        device: (row["newest_release"], row["releases_behind"], row["newest_source"])
        for device, row in tenant.by_device("agent_compliance", policy).items()
    }


def test_known_releases_are_those_of_the_feeds_and_those_of_the_fleet() -> None:
    tenant = _fleet("8760", "8790")
    _listed(tenant, "agent_windows", "8770", "8780", released_at=AS_OF - days(60))
    _listed(tenant, "agent_windows", "8800", feed="file", released_at=AS_OF - days(2))
    _listed(tenant, "agent_windows", "8900", released_at=AS_OF + days(1))  # not out yet
    assert _told(tenant) == {"8760": ("8800", 4, "catalogue"), "8790": ("8800", 1, "catalogue")}


def test_a_list_that_stops_early_never_lowers_the_newest_release() -> None:
    # given release notes of today whose last sensor is older than what the fleet runs
    tenant = _listed(_fleet("8750", "8797", "8830"), "agent_windows", "8760", "8797")
    # then what the fleet runs is the newest, and said to be inferred; what is listed counts in between
    assert _told(tenant) == {"8750": ("8830", 3, "fleet"), "8797": ("8830", 1, "fleet"), "8830": ("8830", 0, "fleet")}


@pytest.mark.parametrize(
    ("feed", "age", "behind", "source"),
    [
        ("release_notes", days(0), 2, "feed"),
        ("release_notes", days(45), 2, "feed"),
        # a source that nobody looked at for longer than the policy allows vouches for nothing in between
        ("release_notes", days(45) + MOMENT, 1, "fleet"),
        ("file", days(45), 2, "catalogue"),
        ("file", days(46), 1, "fleet"),
    ],
)
def test_a_source_is_believed_for_as_long_as_the_policy_says(feed, age, behind, source) -> None:
    tenant = _listed(_fleet("8760", "8790"), "agent_windows", "8780", "8790", feed=feed, listed_at=AS_OF - age)
    assert _told(tenant)["8760"] == ("8790", behind, source)


def test_a_release_later_than_the_fleets_exists_however_old_the_list() -> None:
    tenant = _listed(_fleet("8760"), "agent_windows", "8750", "8770", "8800", listed_at=AS_OF - days(400))
    # a feed that was not read for long is a dated list
    assert _told(tenant) == {"8760": ("8800", 2, "catalogue")}


def test_one_source_that_is_current_vouches_for_its_component_and_for_no_other() -> None:
    tenant = _fleet("8760", "8790").machine("mac", os_platform="macOS", agent_version="20.126062.1.0")
    _listed(tenant, "agent_windows", "8770", feed="file", listed_at=AS_OF - days(200))
    _listed(tenant, "agent_windows", "8780", feed="release_notes")
    _listed(tenant, "agent_macos", "2605", "2606", feed="file", listed_at=AS_OF - days(200))
    assert _told(tenant) == {
        "8760": ("8790", 3, "fleet"), "8790": ("8790", 0, "fleet"), "mac": ("2606", 0, "fleet"),
    }  # fmt: skip


def test_a_row_that_does_not_say_when_it_was_listed_was_current_when_it_was_written() -> None:
    tenant = _fleet("8760")
    tenant.add("agent_releases", component="agent_windows", release="8770", released_at=AS_OF - days(60))
    assert _told(tenant) == {"8760": ("8770", 1, "catalogue")}


def test_the_policys_own_list_counts_whatever_its_age(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(
        "name: x\nreleases:\n"
        "  - {component: agent_windows, release: 8770, released: 2024-09-01}\n"
        "  - {component: agent_windows, release: 8750, released: 2024-05-01}\n"
    )
    assert _told(_fleet("8740", "8760"), Policy.load(file)) == {
        "8740": ("8770", 3, "catalogue"), "8760": ("8770", 1, "catalogue"),
    }  # fmt: skip


def test_a_release_that_few_devices_run_is_known_but_the_newest_only_if_it_is_listed() -> None:
    # given 300 devices of which one runs 8790, which is less than a hundredth
    tenant = Tenant()
    for number in range(299):
        tenant.machine(str(number), agent_version="10.8760.1.1")
    tenant.machine("early", agent_version="10.8790.1.1")
    assert _told(tenant)["0"] == ("8760", 0, "fleet")
    # when 8800 is listed, 8790 lies in between
    assert _told(_listed(tenant, "agent_windows", "8800"))["0"] == ("8800", 2, "feed")


def _antivirus(tenant: Tenant, device: str) -> tuple[Row, tuple[str, str, str]]:
    row = tenant.by_device("agent_compliance")[device]
    return row, (row["newest_engine"], row["newest_engine_source"], row["engine_state"])


def test_engine_and_platform_are_measured_by_the_later_of_list_and_fleet() -> None:
    tenant = _fleet("8760").machine("late").antivirus("late", av_engine_version="1.1.26080.1")
    _listed(tenant, "av_engine", "26080", feed="antivirus_versions", released_at=AS_OF - days(40))
    assert _antivirus(tenant, "late")[1] == ("26090", "fleet", "out_of_date")
    _listed(tenant, "av_platform", "26100", feed="antivirus_versions", released_at=AS_OF - days(5))
    row, _ = _antivirus(tenant, "8760")
    assert (row["newest_platform"], row["newest_platform_source"], row["platform_state"]) == (
        "26100", "feed", "out_of_date",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("age", "newest", "state"),
    [
        (days(3), "26090", "up_to_date"),
        (days(3) + MOMENT, "26100", "out_of_date"),
        # a feed without a date lists what is out
        (None, "26100", "out_of_date"),
    ],
)
def test_devices_that_are_early_take_nobodys_days_of_grace(age, newest, state) -> None:
    # given two devices of which one has the engine that came out so long ago
    tenant = _fleet("8760").machine("early").antivirus("early", av_engine_version="1.1.26100.1")
    released = None if age is None else AS_OF - age
    _listed(tenant, "av_engine", "26100", feed="antivirus_versions", released_at=released)
    source = "fleet" if newest == "26090" else "feed"
    assert _antivirus(tenant, "8760")[1] == (newest, source, state)
    assert _antivirus(tenant, "early")[1] == (newest, source, "up_to_date")


def test_of_several_dates_the_earliest_starts_the_days_of_grace() -> None:
    tenant = _fleet("8760")
    _listed(tenant, "av_engine", "26100", feed="release_notes", released_at=AS_OF + days(11))  # the month's last day
    _listed(tenant, "av_engine", "26100", feed="antivirus_versions", released_at=AS_OF - days(2))
    assert _antivirus(tenant, "8760")[1] == ("26090", "fleet", "up_to_date")
    assert _antivirus(tenant.later(days(2)), "8760")[1] == ("26100", "feed", "out_of_date")


def test_a_release_in_its_days_of_grace_is_the_newest_where_no_other_is_known() -> None:
    tenant = Tenant().machine("a").antivirus("a", av_engine_version="1.1.26100.1")
    _listed(tenant, "av_engine", "26100", feed="antivirus_versions", released_at=AS_OF - days(1))
    assert _antivirus(tenant, "a")[1] == ("26100", "feed", "up_to_date")


def test_with_no_list_at_all_the_fleet_decides_and_every_source_says_so() -> None:
    tenant = _fleet("8730", "8740", "8750", "8760")
    tenant.machine("mac", os_platform="macOS", agent_version="20.126092.1.0")
    found = tenant.by_device("agent_compliance")
    assert {device: row["agent_state"] for device, row in found.items()} == {
        "8730": "unsupported", "8740": "behind", "8750": "behind", "8760": "current", "mac": "current",
    }  # fmt: skip
    sources = ("newest_source", "newest_engine_source", "newest_platform_source", "newest_intelligence_source")
    assert {found["8760"][source] for source in sources} == {"fleet"}
    # the antivirus of a Mac is not judged
    assert [found["mac"][source] for source in sources] == ["fleet", None, None, None]
    assert found["mac"]["newest_engine"] is None
