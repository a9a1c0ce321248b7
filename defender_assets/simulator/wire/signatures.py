"""Shared access signatures of the storage's addresses.

Here: signing a path, and refusing a bad signature in the storage's words. Not here: which paths there are
(``export_blobs.py``).
"""

import base64
import hmac
import time
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote

from .http_messages import Request

_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class Signatures:
    """A signed address is valid until it expires, or until all signatures are declared void."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._void_before = 0.0
        self.issued: set[str] = set()

    def sign(self, path: str, hours: float) -> str:
        """The query of a signed address of the path."""
        start = time.time()
        st, se = _stamp(start), _stamp(start + hours * 3_600)
        nonce = f"{start:.6f}"
        signature = self._signature(path, se, nonce)
        self.issued.add(signature)
        window = f"st={quote(st, safe='')}&se={quote(se, safe='')}"
        return f"sv=2020-08-04&{window}&sr=b&sp=r&srn={nonce}&sig={quote(signature, safe='')}"

    def refusal(self, request: Request) -> str | None:
        """Why the address is not valid, None if it is."""
        se, nonce = request.query.get("se", ""), request.query.get("srn", "0")
        if not hmac.compare_digest(request.query.get("sig", ""), self._signature(request.path, se, nonce)):
            return "Signature did not match. String to sign used was r"
        now = time.time()
        expired = datetime.strptime(se, _STAMP).replace(tzinfo=UTC).timestamp() <= now
        if expired or float(nonce) < self._void_before:
            start, current = request.query.get("st", ""), _stamp(now)
            return (
                "Signature not valid in the specified key time frame: "
                f"Key start [{start}] - Key expiry [{se}] - Current [{current}]"
            )
        return None

    def expire(self) -> None:
        """Makes every address that was given out so far invalid."""
        self._void_before = time.time()

    def _signature(self, path: str, se: str, nonce: str) -> str:
        digest = hmac.new(self._secret, f"{unquote(path)}\n{se}\n{nonce}".encode(), sha256).digest()
        return base64.b64encode(digest).decode()


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime(_STAMP)
