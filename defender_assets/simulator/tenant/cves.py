"""The CVEs of the products: which versions each affects, how severe it is, what fixes it.

Here: the dimension table of CVEs, and the rows of the vulnerability list. Not here: which device is affected
(``findings.py``), the public feeds about the same CVEs (``feeds.py``).

A new version of an upstream fixes a batch of CVEs; devices with an older version have them. A few CVEs have no fix.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random

from .formats import UNSET, Row, iso_seconds, iso_utc
from .products import SoftwareProduct, SoftwareVersion
from .randomness import rng_for, weighted_choice
from .shape import TenantShape

PLACEHOLDER = "TVM-2020-0002"
"""A vulnerability without a CVE, under the service's own id."""


@dataclass(frozen=True)
class Cve:
    """One vulnerability. ``kev_added`` and ``kev_due`` are set where it is in the KEV catalogue; ``ssvc`` is
    (exploitation, automatable, technical impact) where CISA has published a decision."""

    number: int
    id: str
    upstream: str
    severity: str
    score: float
    vector: str
    published: datetime
    detected: datetime
    updated: datetime
    fix_available: datetime | None
    public_exploit: bool
    verified: bool
    in_kit: bool
    epss: float | None
    kev_added: date | None
    kev_due: date | None
    ssvc: tuple[str, str, str] | None

    @cached_property
    def seen_from(self) -> datetime:
        """From when devices report it: midnight after the detection, so that no device reports it before."""
        return (self.detected + timedelta(days=1)).replace(hour=0, minute=0, second=0)

    @cached_property
    def seen_day(self) -> str:
        return self.seen_from.date().isoformat()

    @property
    def exploitability(self) -> str:
        if self.in_kit:
            return "ExploitIsInKit"
        if self.verified:
            return "ExploitIsVerified"
        return "ExploitIsPublic" if self.public_exploit else "NoExploit"


_SEVERITIES = (
    ("Critical", 0.10),
    ("High", 0.42),
    ("Medium", 0.38),
    ("Low", 0.10),
)
_SCORES = {"Critical": (9.0, 10.0), "High": (7.0, 8.9), "Medium": (4.0, 6.9), "Low": (1.8, 3.9)}
_DESCRIPTIONS = (
    "Summary: A flaw in {upstream} allows an attacker to run code &amp; read memory.&#160;Impact: High.",
    "Summary: {upstream} mishandles a length field.\r\nImpact: Denial of service.\r\nRemediation: Apply the update.",
    "",
    "Ein Fehler in {upstream} – «Zurückgabewert» – erlaubt die Umgehung einer Prüfung.",
    "Out of bounds read in {upstream} &lt;= the fixed version.",
)
_KINDS: tuple[list[str], ...] = ([], [], ["Remote"], ["Local", "PrivilegeEscalation"], ["Dos"])
_NEVER_DETECTED_MAX = 8_000


class CveCatalog:
    """The CVEs of a tenant's products."""

    def __init__(self, shape: TenantShape, products: tuple[SoftwareProduct, ...]) -> None:
        self.shape = shape
        self.epoch = shape.as_of
        self.cves: list[Cve] = []
        self._batches: dict[str, list[list[Cve]]] = {}
        self._unfixed: dict[str, list[Cve]] = {}
        self._steps: dict[str, int] = {}
        self._count = 0
        for product in products:
            if product.spread and product.upstream not in self._batches:
                self._discover(product)
        placeholder = self._placeholder()
        self.cves.append(placeholder)
        self._unfixed.setdefault("openssl", []).append(placeholder)
        # The list also has CVEs that affect no device.
        rng = rng_for(shape.seed, "unexposed")
        for _ in range(min(_NEVER_DETECTED_MAX, 40 + shape.machines)):
            age = 30 + 2_500 * rng.random()
            self.cves.append(self._cve("elsewhere", age, rng, fixed=True))

    def release_age(self, product: SoftwareProduct, lag: int) -> float:
        """Days since the version came out. The newest came out 3 to 19 days ago, so that some of its CVEs are overdue
        where it is missing."""
        offset = 3 + len(product.upstream) * 7 % 17
        return offset + lag * self._steps.get(product.upstream, product.step_days)

    def batches(self, product: SoftwareProduct) -> list[list[Cve]]:
        """The CVEs of a product, by lag of the version that fixes them."""
        return self._batches.get(product.upstream, [])

    def affecting(self, product: SoftwareProduct, version: SoftwareVersion) -> list[tuple[Cve, bool]]:
        """The CVEs of one version, each with whether an update fixes it."""
        found = [(cve, True) for batch in self.batches(product)[: version.lag] for cve in batch]
        return found + [(cve, False) for cve in self._unfixed.get(product.upstream, ())]

    def _discover(self, product: SoftwareProduct) -> None:
        rng = rng_for(self.shape.seed, "weaknesses", product.upstream)
        self._steps[product.upstream] = product.step_days
        batches = []
        for lag in range(len(product.versions) - 1):
            size = int(product.spread * (0.4 + 1.2 * rng.random()) + rng.random())
            age = self.release_age(product, lag)
            batches.append([self._cve(product.upstream, age, rng, fixed=True) for _ in range(size)])
        self._batches[product.upstream] = batches
        if rng.random() < 0.14:
            self._unfixed[product.upstream] = [self._cve(product.upstream, 4 + 160 * rng.random(), rng, fixed=False)]
        self.cves.extend(cve for batch in batches for cve in batch)
        self.cves.extend(self._unfixed.get(product.upstream, ()))

    def _cve(self, upstream: str, age_days: float, rng: Random, *, fixed: bool) -> Cve:
        self._count += 1
        published = (self.epoch - timedelta(days=age_days)).replace(minute=int(rng.random() * 60), microsecond=0)
        severity = weighted_choice(rng.random(), _SEVERITIES)
        low, high = _SCORES[severity]
        score = round(low + (high - low) * rng.random(), 1)
        if rng.random() < 0.15:
            score = float(int(score)) if int(score) >= low else score
        exploit = rng.random()
        known = exploit < 0.05
        added = (published + timedelta(days=1 + int(rng.random() * 6))).date() if known else None
        if added and added > self.epoch.date():
            added = self.epoch.date()
        automatable, total = rng.random() < 0.3, rng.random() < 0.4
        active = "active" if known else "poc" if exploit < 0.2 else "none"
        judged = rng.random() < 0.88
        return Cve(
            number=self._count,
            # Numbers from 90001 on, so that none is mistaken for a real one of the same year.
            id=f"CVE-{published.year}-{90_000 + self._count}",
            upstream=upstream,
            severity=severity,
            score=score,
            vector=_vector(severity, rng) if rng.random() < 0.97 else "",
            published=published,
            detected=published + timedelta(hours=2 + int(rng.random() * 30)),
            updated=min(published + timedelta(days=int(rng.random() * 20)), self.epoch),
            fix_available=published if fixed else None,
            public_exploit=exploit < 0.2,
            verified=exploit < 0.1,
            in_kit=exploit < 0.03,
            epss=None if rng.random() < 0.02 else _epss(exploit, rng),
            kev_added=added,
            kev_due=added + timedelta(days=14 if rng.random() < 0.3 else 21) if added else None,
            ssvc=(active, "yes" if automatable else "no", "total" if total else "partial") if judged else None,
        )

    def _placeholder(self) -> Cve:
        published = self.epoch.replace(year=2020, month=3, day=3)
        return Cve(
            number=0,
            id=PLACEHOLDER,
            upstream="openssl",
            severity="None",
            score=0.0,
            vector="",
            published=published,
            detected=published,
            updated=published,
            fix_available=None,
            public_exploit=False,
            verified=False,
            in_kit=False,
            epss=None,
            kev_added=None,
            kev_due=None,
            ssvc=None,
        )

    def exception(self, cve: Cve) -> str | None:
        """The exception that the CVE is under: as a whole, or for some device groups only."""
        u = rng_for(self.shape.seed, "vulnerability", cve.number).random()
        return "UnderException" if u > 0.97 else "PartialException" if u > 0.94 else None

    def row(self, cve: Cve, exposed: int, detected: datetime | None) -> Row:
        rng = rng_for(self.shape.seed, "vulnerability", cve.number)
        u = rng.random()
        undated = u < 0.015
        score: float | int = int(cve.score) if cve.score.is_integer() and u < 0.5 else cve.score
        public = cve.public_exploit
        row: Row = {
            "id": cve.id,
            "name": cve.id,
            "description": _DESCRIPTIONS[int(rng.random() * len(_DESCRIPTIONS))].format(upstream=cve.upstream),
            "severity": cve.severity,
            "cvssV3": score,
            "cvssVector": cve.vector,
            "exposedMachines": exposed,
            "publishedOn": UNSET if undated else iso_seconds(cve.published) + "Z",
            "updatedOn": UNSET if undated else iso_utc(cve.updated, rng),
            "firstDetected": iso_utc(detected, rng) if detected else None,
            "patchFirstAvailable": iso_utc(cve.fix_available, rng) if cve.fix_available and u < 0.8 else None,
            "publicExploit": public,
            "exploitVerified": cve.verified,
            "exploitInKit": cve.in_kit,
            "exploitTypes": _KINDS[int(rng.random() * len(_KINDS))] if public else [],
            "exploitUris": [f"https://exploits.example/{cve.id}?a=1&b=2"] if cve.verified else [],
            "cveSupportability": ("Supported", "NotSupported", "")[int(rng.random() * rng.random() * 3)],
            "tags": ["ZeroDay"] if cve.fix_available is None and public else ["test"] if u > 0.99 else [],
            "epss": cve.epss or (None if cve.epss is None else 0),
        }
        if u > 0.1:
            row["status"] = self.exception(cve) or ("RemediationRequired" if exposed else "NoActionRequired")
        if 0.3 < u < 0.5:
            row = {"@odata.type": "#microsoft.windowsDefenderATP.api.PublicVulnerabilityDto", **row}
        return row


def _epss(exploit: float, rng: Random) -> float:
    high = rng.random() if exploit < 0.2 else rng.random() ** 6
    score = round(high * 0.97, 5)
    return score if score > 0.0001 else 0.0


def _vector(severity: str, rng: Random) -> str:
    reach = "N" if rng.random() < 0.55 else "L"
    impact = {"Critical": "H", "High": "H", "Medium": "L", "Low": "L"}[severity]
    available = "N" if severity == "Low" else impact
    privileges = "N" if severity == "Critical" else "L"
    return f"CVSS:3.1/AV:{reach}/AC:L/PR:{privileges}/UI:N/S:U/C:{impact}/I:{impact}/A:{available}"
