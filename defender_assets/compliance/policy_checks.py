"""Checks of a policy against the fleet: names in it that match nothing, and exemptions that end.

Here: which names a policy gives, what is said of those that nothing has, and when an exemption deserves a word. A rule
for a tag that no device carries does nothing, without an error anywhere. Not here: comparing the names with the fleet's
(``checks/policy_names_devices.sql`` and the others), when checks run (``refresh/derived.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from ..catalog import TABLES
from ..checks import Check, Severity
from ..quantity import quantity
from ..sanitize import redacted
from .engine import Engine
from .errors import PolicyRemark, failures_of
from .inputs import Inputs
from .policy import Policy
from .policy.marks import Location
from .sql_files import check_sql

Rows: TypeAlias = Sequence[Mapping[str, Any]]
EXEMPTIONS_ARE_CURRENT = "exemptions_are_current"
_MOST_NAMED = 12
"""Names in one sentence."""
_PLURAL = {"tag": "tags", "group": "groups", "device": "devices", "platform": "platforms"}
_HAS = {
    "tag": "no device has the tag {}",
    "group": "no device is in the device group {}",
    "device": "no device has the name or id {}",
    "platform": "there is no {} device",
}


@dataclass(frozen=True)
class PolicyCheck:
    """A check of the policy that judged ``table``. ``asks`` says whether the policy has anything to look for;
    ``remark`` makes the remarks from the rows of ``checks/NAME.sql``."""

    name: str
    table: str
    description: str
    inputs: tuple[str, ...]
    asks: Callable[[Policy], bool]
    remark: Callable[[Rows, Policy], Iterable[PolicyRemark]]

    @property
    def severity(self) -> Severity:
        """A policy may be ahead of the fleet, so nothing is wrong for certain."""
        return Severity.WARNING

    def remarks(self, inputs: Inputs, policy: Policy, *, engine: Engine) -> list[PolicyRemark]:
        """What to look at in the policy. Raises DerivationFailed where a table cannot be read."""
        if not self.asks(policy):
            return []
        with failures_of(self.table), engine.session() as session:
            sql = check_sql(self.name)
            session.register_those_read(policy.tables, by=sql)
            for name in self.inputs:
                session.register(TABLES[name], inputs.get(name))
            return list(self.remark(session.rows(sql), policy))

    def run(self, inputs: Inputs, policy: Policy, *, engine: Engine) -> Check:
        """The verdict. Raises DerivationFailed where a table cannot be read."""
        remarks = self.remarks(inputs, policy, engine=engine)
        told = [remark.message for remark in remarks[:_MOST_NAMED]]
        if len(remarks) > _MOST_NAMED:
            told.append(f"and {len(remarks) - _MOST_NAMED:,} more")
        message = "; ".join(told) or self.description[0].lower() + self.description[1:].rstrip(".")
        return Check(self.name, not remarks, message, self.severity, {"remarks": len(remarks)})


def _at(policy: Policy, location: Location, message: str) -> PolicyRemark:
    mark = policy.mark(location)
    return PolicyRemark(mark.file, mark.line, ".".join(map(str, location)), message)


def _meant(near: str | None) -> str:
    return f" (the fleet has {_quoted(near)})" if near else ""


def _quoted(name: str) -> str:
    return f'"{redacted(name, 60)}"'


# Names of devices -------------------------------------------------------------------------------------------------


def _named_devices(policy: Policy) -> Iterator[tuple[Location, str, Any]]:
    """(where, whose, what names devices) of every scope and exemption."""
    for index, scope in enumerate(policy.document.scopes):
        yield ("scopes", index, "match"), f"scope {_quoted(scope.name)}", scope.match
    for index, exemption in enumerate(policy.document.exemptions):
        yield ("exemptions", index), f"exemption {_quoted(exemption.id)}", exemption


def _devices(rows: Rows, policy: Policy) -> Iterator[PolicyRemark]:
    found = {(row["kind"], row["value"]): row for row in rows}
    today = _day(rows)
    for location, whose, names in _named_devices(policy):
        if location[0] == "exemptions" and names.expires < today:
            continue
        asked = [(kind, name) for kind, many in _PLURAL.items() for name in getattr(names, many, ())]
        missing = [(kind, name) for kind, name in asked if not found[kind, name.lower()]["is_there"]]
        nobody = "no device is in it: " if location[0] == "scopes" and len(missing) == len(asked) else ""
        for kind, name in missing:
            if kind != "platform" or nobody:
                words = _HAS[kind].format(_quoted(name) if kind != "platform" else name)
                near = _meant(found[kind, name.lower()]["near"])
                yield _at(policy, (*location, _PLURAL[kind]), f"{whose}: {nobody}{words}{near}")
    yield from _exposure(found, policy)


def _exposure(found: Mapping[tuple[str, str], Mapping[str, Any]], policy: Policy) -> Iterator[PolicyRemark]:
    exposure = policy.document.exposure
    listed = {tag.lower() for tag in (*exposure.exposed_tags, *exposure.internal_tags)}
    for setting, tags in (("exposed_tags", exposure.exposed_tags), ("internal_tags", exposure.internal_tags)):
        location: Location = ("exposure", setting)
        missing = [tag for tag in tags if not found["tag", tag.lower()]["is_there"]]
        if setting == "exposed_tags" and len(missing) == len(tags) and _asks_for_exposure(policy):
            near = sorted({str(found["tag", tag.lower()]["near"]) for tag in tags if found["tag", tag.lower()]["near"]})
            yield _at(
                policy,
                location,
                f"no device has one of the tags that mean exposed ({', '.join(map(_quoted, tags))}), so none is known "
                f"to be reached from the internet{_meant(', '.join(near))}",
            )
            continue
        for tag in missing:
            near_one = found["tag", tag.lower()]["near"]
            unlisted = near_one is not None and near_one.lower() not in listed
            if unlisted or not policy.is_taken_over(location):
                yield _at(policy, location, f"exposure: no device has the tag {_quoted(tag)}{_meant(near_one)}")


def _asks_for_exposure(policy: Policy) -> bool:
    patches = (policy.document.patch, *(scope.patch for scope in policy.document.scopes))
    return any(rule.when.exposed is not None for patch in patches for rule in patch.decision_table)


def _day(rows: Rows) -> date:
    """The day of judging; without a device or finding, the earliest that there is."""
    moments = [row["as_of"] for row in rows if row["as_of"] is not None]
    return max(moments, default=datetime.min.replace(tzinfo=UTC)).date()


# Names of findings and controls -----------------------------------------------------------------------------------


def _findings(rows: Rows, policy: Policy) -> Iterator[PolicyRemark]:
    today = _day(rows)
    for row in sorted(rows, key=lambda row: (row["position"], row["kind"], row["value"])):
        exemption = policy.document.exemptions[row["position"]]
        if not row["is_there"] and exemption.expires >= today:
            what = row["value"] if row["kind"] == "cve" else f"the product {_quoted(row['value'])}"
            yield _at(
                policy,
                ("exemptions", row["position"], "cves" if row["kind"] == "cve" else "products"),
                f"exemption {_quoted(exemption.id)}: there is no finding of {what}{_meant(row['near'])}",
            )


def _controls(rows: Rows, policy: Policy) -> Iterator[PolicyRemark]:
    missing = sorted(str(row["value"]) for row in rows if not row["is_there"])
    if missing:
        controls = "control applies" if len(missing) == 1 else "controls apply"
        yield _at(
            policy,
            ("controls", "required"),
            f"the required {controls} to no device, so nobody is judged by it: {', '.join(missing)}",
        )


# Exemptions that end ----------------------------------------------------------------------------------------------


def _expiries(rows: Rows, policy: Policy) -> Iterator[PolicyRemark]:
    if any(row["as_of"] is not None for row in rows):
        counts = exempt_findings(policy, {row["decided_by"]: row["findings"] for row in rows if row["decided_by"]})
        yield from expiries(policy, _day(rows), counts)


def exempt_findings(policy: Policy, decisions: Mapping[str, int]) -> dict[str, int]:
    """Exemption -> findings that it covers, from the numbers by ``decided_by`` (``exemption ID; scope …``)."""
    counts = dict.fromkeys((exemption.id for exemption in policy.document.exemptions), 0)
    for decision, findings in decisions.items():
        said = decision.removeprefix("exemption ")
        named = [name for name in counts if said == name or said.startswith(f"{name}; ")]
        if named:
            counts[max(named, key=len)] += findings
    return counts


def expiries(policy: Policy, today: date, counts: Mapping[str, int] | None = None) -> Iterator[PolicyRemark]:
    """Exemptions that have expired by a day, and those that will within the policy's ``exemptions_expire_days``."""
    limit = policy.document.checks.exemptions_expire_days
    for index, exemption in enumerate(policy.document.exemptions):
        left = (exemption.expires - today).days
        if left > limit:
            continue
        owner = f", owner {redacted(exemption.owner, 60)}" if exemption.owner else ""
        who = f"exemption {_quoted(exemption.id)} (approved by {redacted(exemption.approved_by, 60)}{owner})"
        covers = f"; it covers {quantity(counts[exemption.id], 'finding')}" if counts and left >= 0 else ""
        if left < 0:
            message = f"{who} expired on {exemption.expires}: its findings count again; remove or renew it"
        else:
            when = "today" if left == 0 else f"in {quantity(left, 'day')}"
            message = f"{who} ends {when}, on {exemption.expires}{covers}"
        yield _at(policy, ("exemptions", index, "expires"), message)


def _has_exemptions(policy: Policy) -> bool:
    return bool(policy.document.exemptions)


POLICY_CHECKS: tuple[PolicyCheck, ...] = (
    PolicyCheck(
        "policy_names_devices",
        "device_identity",
        "Every tag, group and device that the policy names is in the fleet.",
        ("device_identity",),
        lambda _: True,
        _devices,
    ),
    PolicyCheck(
        "policy_names_findings",
        "patch_findings",
        "Every CVE and product that an exemption names has a finding.",
        ("patch_findings",),
        _has_exemptions,
        _findings,
    ),
    PolicyCheck(
        EXEMPTIONS_ARE_CURRENT,
        "patch_findings",
        "No exemption has expired or is about to.",
        ("patch_findings", "device_identity"),
        _has_exemptions,
        _expiries,
    ),
    PolicyCheck(
        "policy_names_controls",
        "policy_compliance",
        "Every control that the policy requires applies to a device.",
        ("secure_configuration",),
        lambda policy: bool(policy.document.controls.required),
        _controls,
    ),
)
"""The checks of the policy, each run with a derived table."""
