"""Explaining a device: from the tables of a day to one value.

Here: which tables are read. Not here: looking a name up (``records.py``), the sentences of a finding (``findings.py``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as pads

from ..catalog.derived.reasons import TOPICS, VERDICT_REASONS
from ..compliance import Policy, PolicyError
from ..compliance.policy.model import Exemption
from ..lake import Lake, NoSnapshot
from ..quantity import quantity
from ..settings import SettingsError
from ..tenant import DEFAULT_TENANT
from .errors import NotJudged
from .findings import finding_explained
from .inputs import fetched_inputs, inputs_used
from .model import Explanation, FindingExplanation, Reason
from .outstanding import outstanding_of
from .records import records_of

_REASON_COLUMNS = tuple(Reason.__dataclass_fields__)


def explain_device(
    lake: Lake,
    device: str,
    day: date | None = None,
    *,
    cve: str | None = None,
    policy: Callable[[], Policy] = Policy.load,
) -> Explanation:
    """Why a device (an id, or a name in any case) was judged as it was on a day, by default the newest that was judged.

    With ``cve``, each finding of that CVE on the device is told as well. ``policy`` reads the policy of the settings:
    what it says of an exemption is told if it is still the policy that judged.

    Raises UnknownDevice, AmbiguousDevice, NotJudged and LakeError.
    """
    day = _judged_day(lake, day)
    cve = cve.strip().upper().encode(errors="replace").decode() if cve else None
    record, records = records_of(lake, day, device)
    this_record = pads.field("device_id") == record.device_id
    rows = lake.matching(VERDICT_REASONS.name, day, this_record).to_pylist()
    facts = lake.metadata(VERDICT_REASONS.name, day)
    rows.sort(key=lambda row: (TOPICS.index(row["topic"]), row["position"]))
    as_of = _utc(rows[0]["as_of"]) if rows else None
    digest = facts.get("policy_digest")
    found = _findings(lake, day, this_record, cve, policy, digest) if cve else ()
    return Explanation(
        device_id=record.device_id,
        device_name=record.device_name,
        tenant=str(lake.tenant),
        day=day,
        as_of=as_of,
        policy=facts.get("policy", "") or (rows[0]["policy"] if rows else ""),
        policy_digest=digest,
        population=record.population,
        primary_device_id=record.primary_device_id,
        records=records,
        reasons=tuple(Reason(**{name: row[name] for name in _REASON_COLUMNS}) for row in rows),
        cve=cve,
        findings=tuple(found),
        outstanding=outstanding_of(lake, day, record.device_id, as_of),
        inputs=tuple(inputs_used(lake, day, as_of, _absent_when_judged(lake, day, this_record))),
    )


def _judged_day(lake: Lake, day: date | None) -> date:
    """The day, if its verdicts are in the lake; the newest one for None."""
    days = lake.dates(VERDICT_REASONS.name)
    if day in days:
        assert day is not None
        return day
    if day is None and days:
        return days[-1]
    of_tenant = "" if lake.tenant == DEFAULT_TENANT else f" --tenant {lake.tenant}"
    if day is None:
        raise NotJudged(
            f"The lake at {lake.root} holds no verdicts yet.",
            remedy=f"Make them (defender-assets refresh{of_tenant}), or set DEFENDER_LAKE to where the lake is.",
        )
    others = f"It holds those of {quantity(len(days), 'day')}, {days[0]} to {days[-1]}." if days else "It holds none."
    if lake.dates("machines", day, day):
        raise NotJudged(
            f"The lake at {lake.root} holds no verdicts of {day}. {others}",
            remedy=f"Compute that day: defender-assets refresh --select tag:days=derived --date {day}{of_tenant}",
        )
    why = lake.why_gone(VERDICT_REASONS.name, day) or ", because nothing was fetched then"
    raise NotJudged(f"The lake at {lake.root} holds no verdicts of {day}{why}. {others}")


def _absent_when_judged(lake: Lake, day: date, this_record: pads.Expression) -> set[str]:
    """The inputs that the rows of this record say they did without."""
    absent: set[str] = set()
    for table in ("device_identity", "patch_findings", "agent_compliance", VERDICT_REASONS.name):
        try:
            told = lake.matching(table, day, this_record, ["absent_inputs"])["absent_inputs"].unique().to_pylist()
        except NoSnapshot:  # removed since: then nobody can say
            continue
        absent |= {name for names in told if names for name in names.split(", ")}
    return absent & fetched_inputs().keys()


def _findings(
    lake: Lake, day: date, this_record: pads.Expression, cve: str, policy: Callable[[], Policy], digest: str | None
) -> Iterable[FindingExplanation]:
    of_cve = pc.utf8_upper(pads.field("cve_id")) == cve
    rows = lake.matching("patch_findings", day, this_record & of_cve).to_pylist()
    rows.sort(key=lambda row: [str(row[name]) for name in ("software_vendor", "software_name", "software_version")])
    kev_due = _kev_due(lake, day, of_cve) if any(row["in_kev"] for row in rows) else None
    exemptions = _exemptions(rows, policy, digest)
    return [finding_explained(row, exemptions, kev_due) for row in rows]


def _kev_due(lake: Lake, day: date, of_cve: pads.Expression) -> datetime | None:
    """The catalogue's date, from the newest partition up to that day."""
    days = lake.dates("kev", last=day)
    rows = lake.matching("kev", days[-1], of_cve, ["due_date"])["due_date"].to_pylist() if days else []
    return min((due for due in rows if due is not None), default=None)


def _exemptions(
    rows: Sequence[Mapping[str, Any]], policy: Callable[[], Policy], digest: str | None
) -> Mapping[str, Exemption]:
    """The exemptions of the policy that judged, by id; none where that is no longer the policy of the settings."""
    if not any(row["state"] == "exempt" for row in rows):
        return {}
    try:
        now = policy()
    except (PolicyError, SettingsError):
        return {}
    return {exemption.id: exemption for exemption in now.document.exemptions} if now.digest == digest else {}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
