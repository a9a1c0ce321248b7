"""Export files as blobs of the storage.

Here: their paths, their content, and the responses of the blob storage, which wants a signature and no bearer. Not
here: signatures (``signatures.py``), the rows in the files (``tenant/``), faults of the content (``part_faults.py``).
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ..tenant.randomness import guid
from ..tenant.state import Assessment
from ..tenant.tenant import AssessmentPart, SimulatedTenant
from . import part_faults
from .bodies import BodyStore, CompressedBody, compressed, json_lines
from .body_faults import error_bomb
from .faults import Fault, FaultKind, first_fault
from .http_messages import ConnectionFault, Request, ServerResponse
from .signatures import Signatures

_BINARY = "application/octet-stream"
_XML = "application/xml"
_BLOB_HEADERS = (("x-ms-version", "2020-08-04"), ("x-ms-blob-type", "BlockBlob"), ("Accept-Ranges", "bytes"))
_MESSAGES = {
    "BlobNotFound": "The specified blob does not exist.",
    "InvalidRange": "The range specified is invalid for the current size of the resource.",
}
_Headers = tuple[tuple[str, str], ...]
_EMPTY_GROUP = 99
"""The group of the part that has no rows: its blob is empty, not even an empty gzip."""


@dataclass(frozen=True)
class Blob:
    """What a path names; ``part`` is None for the blob without rows."""

    dataset: str
    assessment: Assessment
    part: AssessmentPart | None


class ExportBlobs:
    """The export files of a tenant's assessments. ``folders``: folder of the paths -> dataset."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        store: BodyStore,
        signatures: Signatures,
        storage_url: str,
        folders: Mapping[str, str],
    ) -> None:
        self.signatures = signatures
        self._tenant = tenant
        self._store = store
        self._storage_url = storage_url
        self._folders = folders

    def paths(self, dataset: str, folder: str, assessment: Assessment) -> list[str]:
        """The paths of a dataset's assessment, group by group, and of one blob without rows."""
        parts = [(number, part) for number, part in enumerate(self._tenant.parts(assessment)) if len(part.indices)]
        paths = [self._path(dataset, folder, assessment, part.group_id, number) for number, part in parts]
        return [*paths, self._path(dataset, folder, assessment, _EMPTY_GROUP, len(parts))]

    def addresses(self, dataset: str, folder: str, hours: float) -> tuple[list[str], datetime]:
        """The signed addresses of the newest assessment's files, and when the assessment was made."""
        assessment = self._tenant.assessment
        paths = self.paths(dataset, folder, assessment)
        addresses = [f"{self._storage_url}{path}?{self.signatures.sign(path, hours)}" for path in paths]
        return addresses, assessment.generated

    def find(self, path: str) -> Blob | None:
        """The blob of a path, None if there is none."""
        pieces = path.strip("/").split("/")
        if len(pieces) != 8 or pieces[3] not in self._folders:
            return None
        assessment = self._tenant.timeline.assessment_at(f"{pieces[1]}/{pieces[2]}")
        dataset = self._folders[pieces[3]]
        if assessment is None or path not in self.paths(dataset, pieces[3], assessment):
            return None
        if pieces[6] == f"_RbacGroupId={_EMPTY_GROUP}":
            return Blob(dataset, assessment, None)
        return Blob(dataset, assessment, self._tenant.parts(assessment)[int(pieces[7].split("-")[1])])

    def body(self, dataset: str, assessment: Assessment, part: AssessmentPart) -> CompressedBody:
        """The file's NDJSON, rendered once."""
        source = self._tenant.assessment_sources[dataset]

        def render() -> CompressedBody:
            fleet = self._tenant.fleet
            return compressed(
                json_lines(
                    row
                    for index in part.indices
                    for row in source.file_rows(fleet.device(index, assessment.state), assessment)
                )
            )

        return self._store.get((dataset, assessment.time_path, part.group_id, part.indices[0]), render)

    def render_all(self) -> None:
        """Renders every file of the newest assessment."""
        assessment = self._tenant.assessment
        for dataset in self._folders.values():
            for part in self._tenant.parts(assessment):
                if len(part.indices):
                    self.body(dataset, assessment, part)

    def _path(self, dataset: str, folder: str, assessment: Assessment, group: int, number: int) -> str:
        shape = self._tenant.shape
        name = UUID(guid(shape.seed, dataset, assessment.time_path, number))
        return (
            f"/temp-{shape.seed:04x}/{assessment.time_path}/{folder}/json/OrgId={shape.tenant_id}/"
            f"_RbacGroupId={group}/part-{number:05d}-{name}.c000.json.gz"
        )


def blob_response(body: CompressedBody | bytes, request: Request, active: tuple[Fault, ...]) -> ServerResponse:
    """A blob as the storage sends it, whole or the range that was asked for, changed by the active faults.

    ``Content-MD5`` is that of the stored blob, whatever becomes of it on the way.
    """
    if first_fault(active, FaultKind.PENDING):
        size = body.size if isinstance(body, CompressedBody) else 1
        progress = (("x-ms-copy-status", "pending"), ("x-ms-copy-progress", f"0/{size}"))
        return ServerResponse(200, b"", _BINARY, (*_BLOB_HEADERS, *progress))
    body = part_faults.stored(body, active) if isinstance(body, CompressedBody) else body
    md5 = body.md5 if isinstance(body, CompressedBody) else hashlib.md5(body, usedforsecurity=False).digest()
    body = part_faults.sent(body, active)
    if fault := first_fault(active, FaultKind.ERROR_BOMB):
        packed = (("Content-Encoding", "gzip"),)
        return ServerResponse(fault.status, error_bomb(fault.mebibytes), _XML, packed)
    headers: _Headers = (*_BLOB_HEADERS, ("ETag", f'"0x{md5[:16].hex().upper()}"'))
    asked = request.headers.get("x-ms-range") or request.headers.get("range")
    if asked is not None:
        return _range(body, asked, headers, md5)
    headers = (*headers, ("Content-MD5", base64.b64encode(md5).decode()))
    if fault := first_fault(active, FaultKind.CUT):
        cut = ConnectionFault(cut_after=fault.after_bytes)
        return ServerResponse(200, body, _BINARY, headers, connection_fault=cut)
    return ServerResponse(200, body, _BINARY, headers)


def _range(body: CompressedBody | bytes, asked: str, headers: _Headers, md5: bytes) -> ServerResponse:
    """The range of a blob: 206, or 416 where it begins after the end, as every range of an empty blob does. A range in
    no form that the storage knows is ignored."""
    content = body if isinstance(body, bytes) else b"".join(body.encoded("gzip"))
    headers = (*headers, ("x-ms-blob-content-md5", base64.b64encode(md5).decode()))
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.strip())
    if match is None:
        return ServerResponse(200, content, _BINARY, headers)
    start, end = int(match[1]), int(match[2] or len(content))
    if start >= len(content):
        refusal = storage_error(416, "InvalidRange", "")
        return replace(refusal, headers=(*refusal.headers, ("Content-Range", f"bytes */{len(content)}")))
    piece = content[start : end + 1]
    place = ("Content-Range", f"bytes {start}-{start + len(piece) - 1}/{len(content)}")
    return ServerResponse(206, piece, _BINARY, (*headers, place))


def storage_error(status: int, code: str, detail: str) -> ServerResponse:
    """An error as the storage words it: XML."""
    message = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly."
    )
    message = _MESSAGES.get(code, message)
    detail_element = f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>" if detail else ""
    head = '\ufeff<?xml version="1.0" encoding="utf-8"?>'
    text = f"{head}<Error><Code>{code}</Code><Message>{message}</Message>{detail_element}</Error>"
    return ServerResponse(status, text.encode(), _XML, (("x-ms-error-code", code),))
