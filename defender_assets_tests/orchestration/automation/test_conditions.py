"""``compliance_automation`` over several ticks: the declared derived tables and their real conditions, on assets that
do nothing but happen or fail."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from defender_assets.catalog.derived import DERIVED
from defender_assets.orchestration.automation.conditions import automation_condition
from defender_assets.orchestration.partitions import TenantDays
from defender_assets.orchestration.run_tags import PARTITION

from .ticks import execute

INPUTS = {name for table in DERIVED.values() for name in (*table.inputs, *table.optional_inputs)}
RAW = sorted(INPUTS - set(DERIVED))
NEEDED_BY_DEVICES = {"machines", "software_vulnerabilities"}


def day(back: int = 0) -> str:
    return (datetime.now(UTC).date() - timedelta(days=back)).isoformat()


@dataclass
class Tenant:
    """Assets that succeed or fail as the test says, and the sensor's ticks over them."""

    instance: dg.DagsterInstance
    tenants: tuple[str, ...] = ("default",)
    failing: set[str] = field(default_factory=set)
    unproven: set[str] = field(default_factory=set)
    cursor: object = None

    def __post_init__(self) -> None:
        self.days = TenantDays(date(2026, 1, 1), tuple(self.tenants)).definition
        assets = [self._asset(name) for name in RAW]
        assets += [
            self._asset(
                table.name,
                deps=[*table.inputs, *table.optional_inputs],
                automation_condition=automation_condition(
                    table.inputs, [name for name in table.optional_inputs if name == "software_vulnerabilities"]
                ),
                check_specs=[dg.AssetCheckSpec("sound", asset=table.name, blocking=True)],
            )
            for table in DERIVED.values()
        ]
        self.defs = dg.Definitions(assets=assets, executor=dg.in_process_executor)

    def _asset(self, name: str, **how) -> dg.AssetsDefinition:
        checked = bool(how.get("check_specs"))

        @dg.asset(name=name, partitions_def=self.days, output_required=False, **how)
        def refreshed() -> Iterator[dg.MaterializeResult]:
            if name in self.failing:
                raise dg.Failure(f"{name} was told to fail")
            verdicts = [dg.AssetCheckResult(check_name="sound", passed=name not in self.unproven)] if checked else []
            yield dg.MaterializeResult(check_results=verdicts)

        return refreshed

    def refresh(self, *names: str, key: str | None = None) -> None:
        """One run over these tables."""
        key = key or day()
        if self.failing | self.unproven:
            execute(self.defs, names, instance=self.instance, partition_key=key)
            return
        # What a successful run leaves behind, without executing it: the conditions look at nothing else.
        for name in names:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=key))
            if name in DERIVED:
                verdict = dg.AssetCheckEvaluation(dg.AssetKey(name), "sound", passed=True, metadata={})
                self.instance.report_runless_asset_event(verdict)

    def tick(self) -> dict[str, set[str]]:
        """Table -> the partitions that are asked for."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=dg.BetaWarning)  # Dagster's own, within
            result = dg.evaluate_automation_conditions(
                defs=self.defs, instance=self.instance, cursor=self.cursor, asset_selection=dg.AssetSelection.all()
            )
        self.cursor = result.cursor
        asked = {name: result.get_requested_partitions(dg.AssetKey(name)) for name in DERIVED}
        return {name: set(keys) for name, keys in asked.items() if keys}

    def follow(self) -> set[str]:
        """A tick, and the run that it asks for (one run for a day)."""
        asked = self.tick()
        assert all(keys == {day()} for keys in asked.values())
        if asked:
            self.refresh(*asked)
        return set(asked)


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Tenant(instance)


ALL_NEEDED = set(RAW)


def computed_from(*names: str) -> set[str]:
    """The derived tables that are made from these, directly or not."""
    found = set(names)
    for table in DERIVED.values():  # each comes after those it needs
        if found & {*table.inputs, *table.optional_inputs}:
            found.add(table.name)
    return found & set(DERIVED)


def test_the_days_tables_are_made_once_when_their_inputs_are_there(tenant):
    assert tenant.follow() == set()
    tenant.refresh(*ALL_NEEDED)
    assert tenant.follow() == set(DERIVED)
    for _ in range(2):
        assert tenant.follow() == set()


def test_two_inputs_of_one_run_are_one_reason(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.follow()
    tenant.follow()
    tenant.refresh("machines", "software_vulnerabilities")
    asked = tenant.follow()
    assert {"device_identity", "patch_findings", "fleet_summary"} <= asked
    assert tenant.follow() == set()


def test_an_input_that_is_replaced_makes_what_depends_on_it_again_and_nothing_else(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.follow()
    tenant.follow()
    tenant.refresh("secure_configuration")
    expected = computed_from("secure_configuration")
    assert "policy_compliance" in expected
    assert "device_identity" not in expected
    assert tenant.follow() == expected
    assert tenant.follow() == set()


def test_a_needed_input_that_is_missing_holds_up_only_what_needs_it(tenant):
    tenant.refresh(*(ALL_NEEDED - {"secure_configuration", "machine_users"}))
    asked = tenant.follow()
    assert "policy_compliance" not in asked
    assert "users" not in asked
    # They are optional to these.
    assert {"fleet_summary", "devices", "patch_compliance"} <= asked
    tenant.refresh("secure_configuration")
    assert tenant.follow() == computed_from("secure_configuration")


def test_an_optional_input_that_lags_holds_up_nothing_and_counts_when_it_comes(tenant):
    optional = {"kev", "epss", "ssvc", "vulnerabilities", "av_health", "agent_releases", "alerts", "software"}
    tenant.refresh(*(ALL_NEEDED - optional))
    assert tenant.follow() == set(DERIVED)
    assert tenant.follow() == set()
    tenant.refresh("kev")
    asked = tenant.follow()
    assert {"patch_findings", "patch_compliance"} <= asked
    assert "device_identity" not in asked


def test_an_input_that_fails_is_no_input(tenant):
    tenant.failing = {"machines"}
    tenant.refresh(*ALL_NEEDED)
    assert tenant.follow() == {"users"}  # machines are optional to it
    tenant.failing = set()
    tenant.refresh("machines")
    assert "device_identity" in tenant.follow()


def test_a_later_failure_of_an_input_leaves_what_was_made_as_it_is(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.follow()
    tenant.failing = {"software_vulnerabilities"}
    tenant.refresh("software_vulnerabilities")
    assert tenant.follow() == set()


def test_what_failed_is_made_again_when_an_input_is_replaced_and_not_every_tick(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.failing = {"device_identity"}
    assert "device_identity" in tenant.follow()
    for _ in range(2):
        assert "device_identity" not in tenant.follow()
    tenant.failing = set()
    tenant.refresh("machines")
    assert {"device_identity", "patch_findings"} <= tenant.follow()
    assert tenant.follow() == set()


def test_tables_that_were_refreshed_together_with_their_inputs_are_not_made_again(tenant):
    tenant.tick()
    tenant.refresh(*ALL_NEEDED, *DERIVED)
    for _ in range(2):
        assert tenant.follow() == set()


def test_an_input_that_comes_while_the_tables_are_being_made_is_not_lost(tenant):
    tenant.refresh(*ALL_NEEDED)
    asked = tenant.tick()
    tenant.refresh(*asked)
    tenant.refresh("machines")  # after the run read it, before the next tick
    assert "device_identity" in tenant.follow()
    assert tenant.follow() == set()


def test_what_was_refreshed_before_the_automation_was_switched_on_is_made_and_made_once(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.refresh(*ALL_NEEDED, key=day(1))
    asked = tenant.tick()
    assert asked["device_identity"] == {day(), day(1)}
    for name in asked:
        tenant.refresh(name)
        tenant.refresh(name, key=day(1))
    assert tenant.follow() == set()


def test_days_further_back_are_left_to_people(tenant):
    tenant.refresh(*ALL_NEEDED, key=day(5))
    assert tenant.tick() == {}


def test_an_input_that_is_being_made_is_waited_for(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.follow()
    from dagster._core.test_utils import create_run_for_test

    tenant.refresh("machines")
    job = tenant.defs.resolve_implicit_global_asset_job_def()
    run = create_run_for_test(
        tenant.instance, job_name=job.name, status=dg.DagsterRunStatus.STARTED, tags={PARTITION: day()},
        asset_selection=frozenset({dg.AssetKey("software_vulnerabilities")}),
    )  # fmt: skip
    planned = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value, job_name=job.name,
        event_specific_data=_planned("software_vulnerabilities"), step_key="software_vulnerabilities",
    )  # fmt: skip
    tenant.instance.report_dagster_event(planned, run.run_id)
    assert "device_identity" not in tenant.tick()
    tenant.instance.report_run_failed(run)
    assert "device_identity" in tenant.tick()


def _planned(name: str):
    from dagster._core.events import AssetMaterializationPlannedData

    return AssetMaterializationPlannedData(dg.AssetKey(name), partition=day())


def test_nothing_is_built_upon_a_table_whose_blocking_check_failed(tenant):
    tenant.refresh(*ALL_NEEDED)
    tenant.follow()
    tenant.unproven = {"device_identity"}
    tenant.refresh("device_identity")
    tenant.refresh("secure_configuration")
    assert "policy_compliance" not in tenant.tick()
    tenant.unproven = set()
    tenant.refresh("machines")
    assert {"device_identity", "policy_compliance"} <= tenant.follow()


def test_with_several_tenants_each_day_of_each_is_by_itself():
    with dg.DagsterInstance.ephemeral() as instance:
        tenant = Tenant(instance, tenants=("contoso", "fabrikam"))
        key = TenantDays(date(2026, 1, 1), tenant.tenants).key("contoso", datetime.now(UTC).date())
        tenant.tick()
        tenant.refresh(*ALL_NEEDED, key=key)
        assert tenant.tick()["device_identity"] == {key}
        assert tenant.tick() == {}
