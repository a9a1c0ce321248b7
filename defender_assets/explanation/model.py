"""What is known of why a device was judged as it was.

Here: the values, and how they read as text. Not here: where they come from (``explain.py``).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

from ..quantity import quantity
from ..sanitize import printable
from .outstanding import Outstanding

_TITLES = {"identity": "Record", "population": "Population", "patch": "Patches", "agent": "Agent"}


@dataclass(frozen=True)
class Record:
    """A machine record of the device, or of its name."""

    device_id: str
    device_name: str | None
    population: str
    primary_device_id: str
    last_seen: datetime | None


@dataclass(frozen=True)
class Reason:
    """A row of ``verdict_reasons``: ``sentence`` in words, and where the policy says so."""

    topic: str
    position: int
    verdict: str | None
    code: str
    sentence: str
    setting: str | None
    policy_file: str | None
    policy_line: int | None


@dataclass(frozen=True)
class FindingExplanation:
    """A finding on the device: its state, and the sentences that lead to it."""

    cve_id: str
    software_vendor: str | None
    software_name: str | None
    software_version: str | None
    state: str
    due_at: datetime | None
    days_overdue: int | None
    decided_by: str
    sentences: tuple[str, ...]

    @property
    def title(self) -> str:
        """CVE, product and state."""
        product = " ".join(part for part in (self.software_vendor, self.software_name, self.software_version) if part)
        return f"{self.cve_id} in {product}: {self.state.replace('_', ' ')}{self._by}"

    @property
    def _by(self) -> str:
        if self.days_overdue is None:
            return ""
        return f" by {quantity(self.days_overdue, 'day') if self.days_overdue else 'less than a day'}"


@dataclass(frozen=True)
class InputUsed:
    """An input of the day's verdicts: the partition that is in the lake, and how old its facts were when judged.

    ``feed`` names one of several public feeds that the table is made from; ``dated`` is a feed's own date.
    ``was_absent``: it was absent when the device was judged, and the tables do without it, whatever the lake holds by
    now. ``kept_because``: a later fetch failed for that reason, and the former rows stayed.
    """

    table: str
    feed: str | None
    needed: bool
    day: date | None
    source: str | None
    observed_at: datetime | None
    dated: datetime | None
    age: timedelta | None
    was_absent: bool
    kept_because: str | None

    @property
    def title(self) -> str:
        """The table, and the feed where there are several."""
        return f"{self.table} ({self.feed})" if self.feed else self.table

    @property
    def words(self) -> str:
        """Where it comes from and how old it was."""
        if self.was_absent:
            later = f" (the lake holds one of {self.day} by now)" if self.day else ""
            return f"absent when the device was judged{later}"
        if self.day is None:
            return "not in the lake any more"
        told = [f"of {self.day}"]
        if self.dated:
            told.append(f"dated {self.dated:%Y-%m-%d}")
        if self.observed_at:
            told.append(f"read {self.observed_at:%Y-%m-%d %H:%M} UTC")
        if self.age is not None:
            told.append(f"{_age(self.age)} old when judged")
        if self.source:
            told.append(f"from {self.source}")
        if self.kept_because:
            told.append(f"older rows kept, because {self.kept_because}")
        return ", ".join(told)


@dataclass(frozen=True)
class Explanation:
    """Why a device was judged as it was on a day.

    ``records`` are all machine records of the device, and those of the name that was asked for. ``findings`` are there
    if a CVE was asked for. ``str()`` is the whole of it as text.
    """

    device_id: str
    device_name: str | None
    tenant: str
    day: date
    as_of: datetime | None
    policy: str
    policy_digest: str | None
    population: str
    primary_device_id: str
    records: tuple[Record, ...]
    reasons: tuple[Reason, ...]
    cve: str | None
    findings: tuple[FindingExplanation, ...]
    outstanding: Outstanding
    inputs: tuple[InputUsed, ...]

    @property
    def verdicts(self) -> dict[str, str]:
        """Topic -> compliant, noncompliant or unknown."""
        return {reason.topic: reason.verdict for reason in self.reasons if reason.verdict is not None}

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        findings = [
            {**asdict(finding), "sentences": list(finding.sentences), "due_at": _iso(finding.due_at)}
            for finding in self.findings
        ]
        return {
            "device": {
                "device_id": self.device_id,
                "device_name": self.device_name,
                "population": self.population,
                "primary_device_id": self.primary_device_id,
            },
            "tenant": self.tenant,
            "day": self.day.isoformat(),
            "as_of": _iso(self.as_of),
            "policy": {"name": self.policy, "digest": self.policy_digest},
            "records": [{**asdict(record), "last_seen": _iso(record.last_seen)} for record in self.records],
            "verdicts": self.verdicts,
            "reasons": [asdict(reason) for reason in self.reasons],
            "cve": self.cve,
            "findings": findings,
            **self.outstanding.to_dict(),
            "inputs": [
                {
                    "table": used.table,
                    "feed": used.feed,
                    "needed": used.needed,
                    "day": _iso(used.day),
                    "source": used.source,
                    "observed_at": _iso(used.observed_at),
                    "dated": _iso(used.dated),
                    "age_hours": None if used.age is None else round(used.age / timedelta(hours=1), 1),
                    "was_absent": used.was_absent,
                    "kept_because": used.kept_because,
                }
                for used in self.inputs
            ],
        }

    def __str__(self) -> str:
        # Names come from devices: nothing in them may drive a terminal.
        return "\n".join(printable(line) for line in self._lines())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f"<pre>{escape(str(self))}</pre>"

    def _lines(self) -> Iterator[str]:
        judged = f"{self.as_of:%Y-%m-%d %H:%M} UTC" if self.as_of else str(self.day)
        digest = f" ({self.policy_digest})" if self.policy_digest else ""
        yield f"{self.device_name or 'a device without a name'} (record {self.device_id})"
        yield f"judged at {judged} by the policy {self.policy}{digest}"
        topic = ""
        for reason in self.reasons:
            if reason.topic != topic:
                topic = reason.topic
                verdict = f": {reason.verdict}" if reason.verdict else ""
                yield ""
                yield f"{_TITLES.get(topic, topic.capitalize())}{verdict}"
            yield f"  {reason.sentence}"
            if reason.policy_file and reason.setting:
                yield f"    policy: {reason.setting}, {reason.policy_file}, line {reason.policy_line}"
        if len(self.records) > 1:
            yield ""
            yield "Records of that name or device"
            for record in self.records:
                seen = f"last seen {record.last_seen:%Y-%m-%d %H:%M} UTC" if record.last_seen else "last seen not known"
                stands = "" if record.primary_device_id == record.device_id else f", see {record.primary_device_id}"
                name = record.device_name or "no name"
                yield f"  {record.device_id}  {name}: {record.population.replace('_', ' ')}, {seen}{stands}"
        if self.cve is not None:
            yield ""
            yield f"Findings of {self.cve}"
            if not self.findings:
                yield f"  {self.cve} is no open finding on this device."
            for finding in self.findings:
                yield f"  {finding.title}"
                yield from (f"    {sentence}" for sentence in finding.sentences)
        yield from self.outstanding.lines()
        yield ""
        yield "Inputs"
        width = max((len(used.title) for used in self.inputs), default=0)
        for used in self.inputs:
            yield f"  {used.title:<{width}}  {used.words}"


def _iso(moment: date | datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _age(age: timedelta) -> str:
    hours = round(age / timedelta(hours=1))
    if hours < 1:
        return "under an hour"
    return quantity(hours, "hour") if hours < 48 else quantity(round(age / timedelta(days=1)), "day")
