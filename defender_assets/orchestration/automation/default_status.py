"""Which schedules and sensors are on when they are first seen.

Here: reading the setting. Not here: what they do. Once somebody has switched one on or off in the UI, that holds.
"""

from ...settings import Problem, Settings, SettingsError
from ..notifications import failed_runs as notices
from . import conditions as automation
from . import schedules, sensors

NAMES = (
    schedules.DAILY,
    schedules.HOURLY,
    sensors.ALERTS,
    sensors.EXPORTS,
    automation.NAME,
    notices.NAME,
)


def switched_on(settings: Settings) -> frozenset[str]:
    """The names in ``DEFENDER_RUNNING``. Raises SettingsError for one that is none."""
    written = {name.strip() for name in settings.running.split(",") if name.strip()}
    if written == {"all"}:
        return frozenset(NAMES)
    if written == {"none"}:
        return frozenset()
    if written - set(NAMES):
        raise SettingsError(
            Problem(
                "DEFENDER_RUNNING",
                "names something that is no schedule or sensor",
                f"say all, none, or some of {', '.join(NAMES)}",
            )
        )
    return frozenset(written)
