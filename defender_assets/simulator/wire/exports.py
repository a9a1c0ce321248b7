"""Export files: the list of signed addresses and the storage behind them.

Here: addresses, signatures and the answers of the blob storage, which listens on its own port and wants no bearer. Not
here: the rows in the files (``tenant/``).
"""

import base64
import hmac
import time
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote
from uuid import UUID

from ..tenant.draws import guid
from ..tenant.state import Assessment
from ..tenant.tenant import Assessed, Part, SimulatedTenant
from .bodies import Body, BodyStore, json_lines, pack
from .faults import Fault, FaultKind, first_of
from .messages import Answer, Conduct, Request

_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_XML = "application/xml"
EXPORT_HOURS_MAX = 6
_EMPTY_GROUP = 99
"""The group of the part that has no rows: its blob is empty, not even an empty gzip."""


class Signatures:
    """Shared access signatures: an address is good until it expires, or until all are declared void."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._void_before = 0.0
        self.issued: set[str] = set()

    def sign(self, path: str, hours: float) -> str:
        """The query of a signed address of the path."""
        start = time.time()
        st, se = self._stamp(start), self._stamp(start + hours * 3_600)
        nonce = f"{start:.6f}"
        signature = self._signature(path, se, nonce)
        self.issued.add(signature)
        window = f"st={quote(st, safe='')}&se={quote(se, safe='')}"
        return f"sv=2020-08-04&{window}&sr=b&sp=r&srn={nonce}&sig={quote(signature, safe='')}"

    def refusal(self, request: Request) -> str | None:
        """Why the address is not good, None if it is."""
        se, nonce = request.query.get("se", ""), request.query.get("srn", "0")
        if not hmac.compare_digest(request.query.get("sig", ""), self._signature(request.path, se, nonce)):
            return "Signature did not match. String to sign used was r"
        now = time.time()
        expired = datetime.strptime(se, _STAMP).replace(tzinfo=UTC).timestamp() <= now
        if expired or float(nonce) < self._void_before:
            start, current = request.query.get("st", ""), self._stamp(now)
            return (
                "Signature not valid in the specified key time frame: "
                f"Key start [{start}] - Key expiry [{se}] - Current [{current}]"
            )
        return None

    def expire(self) -> None:
        """No address that was given out so far is good any more."""
        self._void_before = time.time()

    def _signature(self, path: str, se: str, nonce: str) -> str:
        digest = hmac.new(self._secret, f"{unquote(path)}\n{se}\n{nonce}".encode(), sha256).digest()
        return base64.b64encode(digest).decode()

    @staticmethod
    def _stamp(moment: float) -> str:
        return datetime.fromtimestamp(moment, UTC).strftime(_STAMP)


class Exports:
    """The export files of a tenant's assessments."""

    def __init__(self, tenant: SimulatedTenant, store: BodyStore, signatures: Signatures, storage_url: str) -> None:
        self.tenant = tenant
        self.store = store
        self.signatures = signatures
        self.storage_url = storage_url

    def paths(self, dataset: str, folder: str, assessment: Assessment) -> list[str]:
        """The blobs of a dataset's newest assessment, group by group, and one without rows."""
        parts = [(number, part) for number, part in enumerate(self.tenant.parts(assessment)) if len(part.indices)]
        blobs = [self._path(dataset, folder, assessment, part.group_id, number) for number, part in parts]
        return [*blobs, self._path(dataset, folder, assessment, _EMPTY_GROUP, len(parts))]

    def _path(self, dataset: str, folder: str, assessment: Assessment, group: int, number: int) -> str:
        shape = self.tenant.shape
        name = UUID(guid(shape.seed, dataset, assessment.time_path, number))
        return (
            f"/temp-{shape.seed:04x}/{assessment.time_path}/{folder}/json/OrgId={shape.tenant_id}/"
            f"_RbacGroupId={group}/part-{number:05d}-{name}.c000.json.gz"
        )

    def addresses(self, dataset: str, folder: str, hours: float) -> tuple[list[str], datetime]:
        """The signed addresses of the newest assessment's files, and when it was made."""
        assessment = self.tenant.assessment
        paths = self.paths(dataset, folder, assessment)
        return [f"{self.storage_url}{path}?{self.signatures.sign(path, hours)}" for path in paths], assessment.generated

    def part_of(self, path: str, folders: dict[str, str]) -> tuple[str, Assessment, Part | None] | None:
        """What a blob's path names: dataset, assessment, part (None for the one without rows)."""
        pieces = path.strip("/").split("/")
        if len(pieces) != 8 or pieces[3] not in folders:
            return None
        assessment = self.tenant.timeline.assessment_at(f"{pieces[1]}/{pieces[2]}")
        dataset = folders[pieces[3]]
        if assessment is None:
            return None
        if path in self.paths(dataset, pieces[3], assessment):
            number = int(pieces[7].split("-")[1])
            empty = pieces[6] == f"_RbacGroupId={_EMPTY_GROUP}"
            return dataset, assessment, None if empty else self.tenant.parts(assessment)[number]
        return None

    def body(self, dataset: str, assessment: Assessment, part: Part) -> Body:
        """The file's gzip NDJSON, rendered once."""
        source: Assessed = self.tenant.assessed[dataset]

        def render() -> Body:
            fleet = self.tenant.fleet
            return pack(
                json_lines(
                    row
                    for index in part.indices
                    for row in source.file_rows(fleet.device(index, assessment.state), assessment)
                )
            )

        return self.store.get((dataset, assessment.time_path, part.group_id, part.indices[0]), render)


def blob_answer(body: Body | bytes, struck: tuple[Fault, ...]) -> Answer:
    """A blob as the storage sends it, unless a fault strikes."""
    headers = (("x-ms-version", "2020-08-04"), ("x-ms-blob-type", "BlockBlob"))
    if first_of(struck, FaultKind.PENDING):
        size = body.size if isinstance(body, Body) else 1
        progress = (("x-ms-copy-status", "pending"), ("x-ms-copy-progress", f"0/{size}"))
        return Answer(200, b"", "application/octet-stream", (*headers, *progress))
    if first_of(struck, FaultKind.TRUNCATED) and isinstance(body, Body):
        whole = b"".join(body.encoded("gzip"))
        return Answer(200, whole[: max(20, len(whole) * 2 // 3)], "application/octet-stream", headers)
    if fault := first_of(struck, FaultKind.CUT):
        return Answer(200, body, "application/octet-stream", headers, conduct=Conduct(cut_after=fault.after_bytes))
    return Answer(200, body, "application/octet-stream", headers)


def storage_error(status: int, code: str, detail: str) -> Answer:
    """An error as the storage words it: XML."""
    message = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly."
    )
    if code == "BlobNotFound":
        message = "The specified blob does not exist."
    found = f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>" if detail else ""
    head = '\ufeff<?xml version="1.0" encoding="utf-8"?>'
    text = f"{head}<Error><Code>{code}</Code><Message>{message}</Message>{found}</Error>"
    return Answer(status, text.encode(), _XML, (("x-ms-error-code", code),))
