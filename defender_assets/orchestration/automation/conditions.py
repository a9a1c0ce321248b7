"""When a derived table is computed, as a condition on its inputs.

Here: the condition of one table, and the sensor that evaluates the conditions of all of them. Not here: the assets
(``assets.py``), runs requested by the clock or by a change in the service (``schedules.py``, ``sensors.py``).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from operator import and_

import dagster as dg
from dagster import AutomationCondition as Condition

from ...settings import COMPLIANCE_AUTOMATION
from ..default_status import sensor_status
from ..run_tags import LAUNCHED_BY

_SECONDS_BETWEEN_TICKS = 30
LOOKBACK = timedelta(days=2)
"""Today and yesterday: a refresh that began before midnight may end after it. Days further back are recomputed by hand
(after a change of policy), so that a snapshot of the past does not change because an old alert was closed."""


def automation_condition(inputs: Sequence[str], awaited: Sequence[str] = ()) -> dg.AutomationCondition[dg.AssetKey]:
    """True for a day on which a table (or the report) has to be computed, for the first time or again.

    ``inputs`` are those it needs, ``awaited`` those that it does without only where they do not come.

    * An input, needed or optional, was replaced after the table was computed *and* after it was last requested. Both
      are compared by the time of the materializations and not by ticks. So an input that arrives while the table is
      being computed is not lost, and one that was refreshed in the same run does not cause a second run.
    * Or the table is missing and was never requested: inputs refreshed before the automation was switched on.
    * Or one of its inputs is about to be computed: then both are computed in one run.

    Never before every needed input exists, and never while one of them, or of the awaited, is being refreshed: two
    inputs of one run cause one run, and nobody is told not to be assessed because the assessment is still under way.
    Other optional inputs are not waited for. A failed table is computed again when an input is replaced, not before.
    """
    needed = dg.AssetSelection.assets(*inputs)
    waited_for = dg.AssetSelection.assets(*inputs, *awaited)
    # Two separate conditions: a "since" keeps the times of its trigger only if that is a single condition.
    replaced_since_computed = Condition.any_deps_match(Condition.newly_updated()).since(Condition.newly_updated())
    replaced_since_requested = Condition.any_deps_match(Condition.newly_updated()).since(Condition.newly_requested())
    never_requested = Condition.missing() & Condition.missing().newly_true().since(Condition.newly_requested())
    reasons = (
        (replaced_since_computed & replaced_since_requested).with_label("an input was replaced")
        | never_requested.with_label("never made")
        | Condition.any_deps_match(Condition.will_be_requested()).with_label("an input will be made")
    )
    # An input that is computed in the same run is stopped by its check there, so its former verdict does not count.
    failed_checks = Condition.any_deps_match(
        Condition.any_checks_match(Condition.check_failed(), blocking_only=True) & ~Condition.will_be_requested()
    )
    conditions = [
        Condition.in_latest_time_window(lookback_delta=LOOKBACK),
        reasons.with_label("there is a reason"),
        ~Condition.any_deps_missing().allow(needed).with_label("a needed input is missing"),
        ~Condition.any_deps_in_progress().allow(waited_for).with_label("an input that is waited for is being made"),
        ~failed_checks.allow(needed).with_label("a needed input failed a blocking check"),
        ~Condition.in_progress(),
    ]
    return reduce(and_, conditions).with_label("the day's inputs are there and new")


def compliance_automation(switched_on: frozenset[str]) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of all assets."""
    return dg.AutomationConditionSensorDefinition(
        COMPLIANCE_AUTOMATION,
        target=dg.AssetSelection.all(),
        default_status=sensor_status(COMPLIANCE_AUTOMATION, switched_on),
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        description="Makes the day's derived tables once their inputs are there, and again when one is replaced.",
        run_tags={LAUNCHED_BY: COMPLIANCE_AUTOMATION},
    )
