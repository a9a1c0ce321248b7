"""Object stores for tests, by their own protocols: Azurite for Azure's, moto's server for S3's.

Here: starting one as a process of its own. Not here: what a lake there has to do (``test_stores.py``).
"""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import peers

_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has; Microsoft publishes its key."""
_AZURITE = Path(__file__).parents[2] / "build" / "azurite" / "node_modules" / ".bin"
_START_SECONDS = 60


@dataclass(frozen=True)
class Store:
    """A running store with the bucket ``lake``. ``environment``: the variables with which its library reaches it."""

    kind: str
    port: int
    environment: dict[str, str]
    log: Path

    def url(self, folder: str, bucket: str = "lake") -> str:
        return f"{'abfss' if self.kind == 'azure' else 's3'}://{bucket}/{folder}"

    def requests(self) -> Counter[str]:
        """How many requests it was sent so far, by method, as its log tells."""
        return Counter(re.findall(r'"(GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1', self.log.read_text(errors="replace")))


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Store]:
    """Skips the test, or fails it in CI, where what it needs is not installed."""
    if kind == "azure":
        peers.library("adlfs", "adlfs")
        azurite = peers.installed("azurite-blob", "npm's azurite, or: make azurite", [_AZURITE])
        command = [azurite, "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", str(folder)]
        command += ["--skipApiVersionCheck", "--disableTelemetry"]
    else:
        peers.library("s3fs", "s3fs")
        peers.library("moto", "moto[s3], flask, flask-cors")
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        port = _port(server, log)
        store = Store(kind, port, _azure(port) if kind == "azure" else _s3(port), log)
        _make_bucket(store)
        yield store
    finally:
        server.kill()
        server.wait()


def _azure(port: int) -> dict[str, str]:
    return {
        "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{_ACCOUNT};"
    }


def _s3(port: int) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    """The free port that the server chose, from what it prints."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text(errors="replace").partition("istens on")[2]):
            return int(found[1])
        if found := re.search(r"Running on http://127\.0\.0\.1:(\d+)", log.read_text(errors="replace")):
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"the store did not start:\n{log.read_text(errors='replace')}")


def _make_bucket(store: Store) -> None:
    if store.kind == "azure":
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(store.environment["AZURE_STORAGE_CONNECTION_STRING"]) as service:
            service.create_container("lake")
        return
    import boto3

    environment = store.environment
    boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    ).create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": environment["AWS_REGION"]})
