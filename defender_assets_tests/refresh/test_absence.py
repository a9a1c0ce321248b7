"""A dataset beside the core that the tenant has no role, licence or feature for: left out, or a failure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS, Dataset, Days, Group, ODataPages
from defender_assets.catalog.column import text
from defender_assets.catalog.dataset import GENERAL_QUOTA
from defender_assets.lake import Lake
from defender_assets.refresh import PartitionOutcome, RefreshContext, known_absence
from defender_assets.refresh.dataset import DatasetRefresh
from defender_assets.refresh.outcome import Status
from defender_assets.settings import Settings, connection
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..clocks import PassingClock

EXTRA = Dataset(
    name="firmware",
    title="Firmware",
    description="A dataset that needs a role and a licence beside the core's.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/firmware",
    permission="Firmware.Read.All",
    licence="Some add-on",
    documentation="https://learn.microsoft.com/",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(top=100),
    key=("id",),
    columns=(text("id", "Id."), text("deviceId", "Device.")),
)
TODAY = datetime.now(UTC).date()
Refresh = Callable[..., PartitionOutcome]


@pytest.fixture
def service() -> Iterator[Simulator]:
    with Simulator(SimulatedTenant(TenantShape(machines=12)), datasets={**DATASETS, EXTRA.name: EXTRA}) as simulator:
        yield simulator


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def refresh(service, lake, monkeypatch) -> Iterator[Refresh]:
    """A refresh of the dataset by a client of its own, which logs in anew."""
    monkeypatch.setitem(DATASETS, EXTRA.name, EXTRA)
    for name, value in service.settings.items():
        monkeypatch.setenv(name, value)

    def refreshed(dataset: Dataset = EXTRA, **environment: str) -> PartitionOutcome:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings = Settings.load()
        with open_client(connection(settings), settings, clock=PassingClock()) as client:
            context = RefreshContext(lake=lake, settings=settings, today=TODAY, client=lambda: client)
            (outcome,) = DatasetRefresh(dataset).refresh([TODAY], context)
        return outcome

    return refreshed


def left_out(outcome: PartitionOutcome, lake: Lake) -> str:
    """Why the table is left out, of one that is, and of which nothing was written."""
    assert (outcome.status, outcome.ok, outcome.rows) == (Status.LEFT_OUT, True, None)
    assert lake.dates(EXTRA.name) == []
    return outcome.not_made_because


def test_without_its_role_it_is_left_out_and_not_even_asked_for(refresh, service, lake):
    service.control.revoke_roles("Firmware.Read.All")
    why = left_out(refresh(), lake)
    assert "does not have the role Firmware.Read.All" in why
    assert "grant admin consent" in why
    assert "Some add-on" in why
    assert service.control.counters()["calls"] == {}


@pytest.mark.parametrize(
    ("lose", "words"),
    [
        (lambda control: control.withdraw_licence("firmware"), ("No Tvm license", "Some add-on")),
        (lambda control: control.switch_off("firmware"), ("DisabledFeature", "Advanced features")),
    ],
    ids=["licence", "feature"],
)
def test_without_a_licence_or_feature_it_is_left_out_until_the_tenant_has_it(lose, words, refresh, service, lake):
    lose(service.control)
    why = left_out(refresh(), lake)
    assert all(word in why for word in words)
    # then those who do not ask the service themselves know of it
    noted = known_absence(EXTRA.name, Settings.load(), lake)
    assert noted is not None
    assert noted.sentence == why
    # when the tenant has it again
    service.control.grant_licence("firmware")
    service.control.switch_on("firmware")
    assert refresh().status is Status.PUBLISHED
    assert known_absence(EXTRA.name, Settings.load(), lake) is None


@pytest.mark.parametrize("lost", ["role", "licence", "feature"])
def test_what_was_fetched_before_and_is_lost_is_a_failure(lost, refresh, service, lake):
    rows = refresh().rows
    match lost:
        case "role":
            service.control.revoke_roles("Firmware.Read.All")
        case "licence":
            service.control.withdraw_licence("firmware")
        case "feature":
            service.control.switch_off("firmware")
    outcome = refresh()
    assert outcome.status is Status.FAILED
    for words in (f"It was fetched before, last for {TODAY}.", "add !firmware to DEFENDER_DATASETS"):
        assert words in str(outcome.error)
    assert lake.rows(EXTRA.name) == rows


def test_what_is_named_in_full_has_to_be_there(refresh, service):
    service.control.withdraw_licence("firmware")
    assert refresh(DEFENDER_DATASETS="firm*").ok
    outcome = refresh(DEFENDER_DATASETS="machines,firmware")
    assert outcome.status is Status.FAILED
    assert outcome.error.reason == "no_licence"


def test_a_dataset_of_the_core_that_is_refused_is_a_failure(refresh, service):
    service.control.revoke_roles("Alert.Read.All")
    outcome = refresh(DATASETS["alerts"])
    assert outcome.status is Status.FAILED
    assert "add !alerts to DEFENDER_DATASETS" in str(outcome.error)


def test_what_takes_too_many_calls_for_a_large_fleet_is_left_out_unless_it_is_named(refresh, lake):
    large = replace(EXTRA, largest_fleet=11)
    assert "with more than 11 devices it takes very many calls" in left_out(refresh(large), lake)
    assert refresh(DATASETS["machines"]).rows == 12
    assert "name it in DEFENDER_DATASETS: *,firmware" in left_out(refresh(large), lake)
    assert refresh(large, DEFENDER_DATASETS="*,firmware").status is Status.PUBLISHED


def test_a_fleet_of_the_largest_size_is_not_too_large(refresh):
    assert refresh(replace(EXTRA, largest_fleet=12)).status is Status.PUBLISHED


def test_what_is_not_chosen_is_left_out_without_a_word_to_the_service(refresh, service, lake):
    assert "DEFENDER_DATASETS" in left_out(refresh(DEFENDER_DATASETS="!firmware"), lake)
    assert service.control.requests() == []


def test_any_other_refusal_is_a_failure(refresh, service):
    service.control.fault("status", "firmware", status=400, code="BadRequest")
    assert refresh().status is Status.FAILED
