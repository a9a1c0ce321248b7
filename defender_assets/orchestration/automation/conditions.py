"""What follows by itself: when a derived table is made, said as a condition on its inputs.

Here: the condition of one table, and the sensor that evaluates all of them. Not here: the assets
(``derived_assets.py``), what happens on the clock or in the outside world (``schedules.py``, ``sensors.py``).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from operator import and_

import dagster as dg
from dagster import AutomationCondition as Condition

from ...catalog.derived import DerivedTable

NAME = "compliance_automation"
EVERY = 30
LOOKBACK = timedelta(days=2)
"""Today and yesterday: a refresh that began before midnight may end after it. What lies further back is recomputed by
hand (a changed policy), so that a snapshot of the past does not change because an old alert was closed."""


def automation_condition(table: DerivedTable) -> dg.AutomationCondition:
    """The condition of a derived table; see ``made_from``."""
    return made_from(table.inputs)


def made_from(inputs: Sequence[str]) -> dg.AutomationCondition:
    """True for a day of the table that has to be made, or made again.

    * An input, needed or optional, was replaced after the table was made *and* after it was last asked for. The two are
      compared by the time of the materializations and not by ticks, so neither an input that arrives while the table
      is being made is lost, nor one that was made in the same run as the table makes it twice.
    * Or the table is missing and was never asked for: what was refreshed before the automation was switched on.
    * Or one of its inputs will be made now: then both are made in one run.

    Not before every needed input is there, and not while one is being made: two inputs of one run are one reason.
    Optional inputs are not waited for. What failed is made again when an input is replaced, not before.
    """
    needed = dg.AssetSelection.assets(*inputs)
    # Two separate conditions: a "since" keeps the times of its trigger only when that is a single condition.
    replaced_since_made = Condition.any_deps_match(Condition.newly_updated()).since(Condition.newly_updated())
    replaced_since_asked = Condition.any_deps_match(Condition.newly_updated()).since(Condition.newly_requested())
    never_made = Condition.missing() & Condition.missing().newly_true().since(Condition.newly_requested())
    reasons = (
        (replaced_since_made & replaced_since_asked).with_label("an input was replaced")
        | never_made.with_label("never made")
        | Condition.any_deps_match(Condition.will_be_requested()).with_label("an input will be made")
    )
    # An input that is made in the same run is stopped by its check there, so its former verdict does not count.
    failed_checks = Condition.any_deps_match(
        Condition.any_checks_match(Condition.check_failed(), blocking_only=True) & ~Condition.will_be_requested()
    )
    conditions = [
        Condition.in_latest_time_window(lookback_delta=LOOKBACK),
        reasons.with_label("there is a reason"),
        ~Condition.any_deps_missing().allow(needed).with_label("a needed input is missing"),
        ~Condition.any_deps_in_progress().allow(needed).with_label("a needed input is being made"),
        ~failed_checks.allow(needed).with_label("a needed input failed a blocking check"),
        ~Condition.in_progress(),
    ]
    return reduce(and_, conditions).with_label("the day's inputs are there and new")


def compliance_automation(*, running: bool) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of all assets."""
    return dg.AutomationConditionSensorDefinition(
        NAME,
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=EVERY,
        description="Makes the day's derived tables once their inputs are there, and again when one is replaced.",
        run_tags={"defender/launched_by": NAME},
    )
