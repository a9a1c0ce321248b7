"""What a sensor remembers from one tick to the next.

Here: the cursor and its JSON. Not here: what was published (``probe.py`` reads that from the lake), deciding
(``decision.py``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .decision import ExportVersion, RefreshAttempt
from .pauses import Pause


@dataclass(frozen=True)
class SensorCursor:
    """By tenant: the attempts made for each table or day, the newest version of each export, and the pause after looks
    that failed. ``unanswered`` are the tenants that the last tick had no answer from; they come first.

    Losing it costs a refresh or two, and nothing else.
    """

    attempts: Mapping[str, Mapping[str, RefreshAttempt]] = field(default_factory=dict)
    exports: Mapping[str, Mapping[str, ExportVersion]] = field(default_factory=dict)
    unanswered: tuple[str, ...] = ()
    pauses: Mapping[str, Pause] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | None) -> "SensorCursor":
        """The cursor that was written; an empty one for anything else (another version's, or edited in the UI)."""
        try:
            parsed = json.loads(text or "{}")
            attempts = {
                tenant: {name: RefreshAttempt(change, number) for name, (change, number) in by_name.items()}
                for tenant, by_name in parsed.get("attempts", {}).items()
            }
            exports = {
                tenant: {
                    table: ExportVersion(generated, datetime.fromisoformat(available_from))
                    for table, (generated, available_from) in by_table.items()
                }
                for tenant, by_table in parsed.get("exports", {}).items()
            }
            unanswered = tuple(str(tenant) for tenant in parsed.get("unanswered", ()))
            pauses = {
                tenant: Pause(int(failures), datetime.fromisoformat(until), str(reason))
                for tenant, (failures, until, reason) in parsed.get("pauses", {}).items()
            }
        except (ValueError, TypeError, AttributeError):
            return cls()
        return cls(attempts, exports, unanswered, pauses)

    def to_json(self) -> str:
        """What ``from_json`` reads."""
        return json.dumps(
            {
                "attempts": {
                    tenant: {name: (attempt.change, attempt.number) for name, attempt in by_name.items()}
                    for tenant, by_name in self.attempts.items()
                    if by_name
                },
                "exports": {
                    tenant: {
                        table: (version.generated, version.available_from.isoformat())
                        for table, version in by_table.items()
                    }
                    for tenant, by_table in self.exports.items()
                    if by_table
                },
                "unanswered": self.unanswered,
                "pauses": {
                    tenant: (pause.failures, pause.until.isoformat(), pause.reason)
                    for tenant, pause in self.pauses.items()
                },
            }
        )
