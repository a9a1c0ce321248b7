"""``python -m benchmarks.service --rows 1000037 --machines 100037 --ready-file FILE``: serves until it is terminated.

Here: TLS, the login, routes, latency, what was asked for. Not here: bodies (``bodies.py``).

``/_asked`` tells the requests since it was last asked: their number by path, and the bytes of their bodies.
"""

import argparse
import asyncio
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt
import trustme
import uvicorn

from .bodies import MACHINES_A_PAGE, PAGE_ROWS, Bodies

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "99999999-8888-4777-8666-555555555555"
SECRET = "a-secret-of-the-benchmark"

_ROLES = ["Machine.Read.All", "Software.Read.All", "User.Read.All", "Vulnerability.Read.All", "Alert.Read.All"]
_FINDINGS = "/api/machines/SoftwareVulnerabilitiesByMachine"
_EXPORT = "/api/machines/SoftwareVulnerabilitiesExport"
_GZIP = [(b"content-encoding", b"gzip"), (b"content-type", b"application/json; odata.metadata=minimal")]
_JSON = [(b"content-type", b"application/json")]
_PART = [(b"content-type", b"application/octet-stream")]

Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Service:
    """The ASGI application. ``latency`` is in seconds, before every answer of the API and of the storage."""

    def __init__(self, bodies: Bodies, url: str, latency: float) -> None:
        self._bodies, self._url, self._latency = bodies, url, latency
        self._asked: Counter[str] = Counter()
        self._bytes = 0
        self._machine_pages: dict[tuple[int, int], bytes] = {}

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
    ) -> None:
        while (await receive()).get("more_body"):
            pass
        path = scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode()))
        if path == "/_asked":
            told = json.dumps({"calls": dict(self._asked), "bytes": self._bytes}).encode()
            self._asked.clear()
            self._bytes = 0
            await _reply(send, (200, _JSON, told))
            return
        if self._latency:
            await asyncio.sleep(self._latency)
        headers = dict(scope["headers"])
        answer = self._answer(path, query, headers.get(b"range"))
        self._asked[path if not path.startswith("/parts/") else "/parts"] += 1
        self._bytes += len(answer[2])
        await _reply(send, answer)

    def _answer(self, path: str, query: dict[str, str], byte_range: bytes | None) -> Answer:
        bodies = self._bodies
        if path == _FINDINGS:
            number = int(query.get("$skiptoken", 0))
            link = f"{self._url}{_FINDINGS}?pagesize={PAGE_ROWS}&$skiptoken={number + 1}"
            return 200, _GZIP, bodies.page(number, link if number + 1 < bodies.pages else None)
        if path == _EXPORT:
            files = [f"{self._url}/parts/{number}.json.gz?sig=x" for number in range(bodies.parts)]
            made = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime())
            return 200, _JSON, json.dumps({"exportFiles": files, "generatedTime": made}).encode()
        if path.startswith("/parts/"):
            part = bodies.part(int(path.removeprefix("/parts/").partition(".")[0]))
            if byte_range == b"bytes=0-0":
                return 206, [*_PART, (b"content-range", b"bytes 0-0/%d" % len(part))], part[:1]
            return 200, _PART, part
        if path == "/api/machines":
            wanted = int(query.get("$skip", 0)), min(int(query.get("$top", MACHINES_A_PAGE)), MACHINES_A_PAGE)
            if wanted not in self._machine_pages:
                self._machine_pages[wanted] = bodies.machines_page(*wanted)
            return 200, _GZIP, self._machine_pages[wanted]
        return self._login(path)

    def _login(self, path: str) -> Answer:
        base = f"{self._url}/{TENANT}"
        if path.endswith("/.well-known/openid-configuration"):
            content: dict[str, Any] = {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "issuer": f"{base}/v2.0",
            }
        elif path == "/common/discovery/instance":
            content = {"tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration", "metadata": []}
        elif path.endswith("/token"):
            now = int(time.time())
            claims = {"aud": "https://api.securitycenter.microsoft.com", "tid": TENANT, "roles": _ROLES}
            token = jwt.encode(claims | {"iat": now, "nbf": now, "exp": now + 3600}, "k" * 32, algorithm="HS256")
            content = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}
        else:
            return 404, _JSON, b'{"error":{"code":"ResourceNotFound","message":"No such resource."}}'
        return 200, _JSON, json.dumps(content).encode()


async def _reply(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    # Numbers that end no list at a full page: a client has to doubt such a list.
    parser.add_argument("--rows", type=int, default=1_000_037)
    parser.add_argument("--machines", type=int, default=100_037)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--folder", type=Path, required=True, help="where rendered bodies are kept")
    parser.add_argument("--ready-file", type=Path, required=True, help="gets the settings that reach it, as JSON")
    options = parser.parse_args()
    bodies = Bodies(options.folder, options.rows, options.machines)
    bodies.render(lambda text: print(text, file=sys.stderr, flush=True))
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    # Who reads the ready file may connect at once, and waits until the first request is taken.
    listening.listen(128)
    url = f"https://127.0.0.1:{listening.getsockname()[1]}"
    certificate, key, authority = (bodies.folder / name for name in ("chain.pem", "key.pem", "ca.pem"))
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    issued = ca.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    settings = {
        "DEFENDER_TENANT_ID": TENANT,
        "DEFENDER_CLIENT_ID": CLIENT,
        "DEFENDER_CLIENT_SECRET": SECRET,
        "DEFENDER_API_URL": url,
        "DEFENDER_AUTHORITY_URL": url,
        "DEFENDER_CA_BUNDLE": str(authority.resolve()),
    }
    config = uvicorn.Config(
        Service(bodies, url, options.latency),
        http="httptools",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        ssl_certfile=str(certificate),
        ssl_keyfile=str(key),
        timeout_keep_alive=60,
    )
    draft = options.ready_file.with_suffix(".draft")
    draft.write_text(json.dumps(settings))
    draft.replace(options.ready_file)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
