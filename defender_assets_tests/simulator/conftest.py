"""A tenant of a fixed moment, and clients that talk to it over the wire."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import pytest

from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

AS_OF = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)
SCOPE = "https://api.securitycenter.microsoft.com/.default"


def token_of(simulator: Simulator, scope: str = SCOPE) -> str:
    """A token by the plain protocol, without any library of the project."""
    settings = simulator.settings
    answer = httpx.post(
        f"{simulator.url}/{settings['DEFENDER_TENANT_ID']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": settings["DEFENDER_CLIENT_ID"],
            "client_secret": settings["DEFENDER_CLIENT_SECRET"],
            "scope": scope,
        },
        verify=simulator.ssl_context,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def client_of(simulator: Simulator, scope: str = SCOPE) -> httpx.Client:
    """A client that sends a bearer to the API."""
    return httpx.Client(
        base_url=simulator.url,
        verify=simulator.ssl_context,
        headers={"Authorization": f"Bearer {token_of(simulator, scope)}"},
        timeout=60,
    )


@pytest.fixture(scope="session")
def tenant() -> SimulatedTenant:
    """Two hundred machines; tests must not change it."""
    return SimulatedTenant(TenantShape(machines=200, as_of=AS_OF))


@pytest.fixture(scope="session")
def rows_of(tenant: SimulatedTenant) -> Callable[..., list[dict[str, Any]]]:
    """The tenant's rows of a dataset, computed once for the session: ``rows_of(dataset, form="pages")``."""
    return cache(lambda dataset, form="pages": list(tenant.rows(dataset, form)))


@pytest.fixture(scope="session")
def service(tenant: SimulatedTenant) -> Iterator[Simulator]:
    """The same on the wire."""
    with Simulator(tenant) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def api(service: Simulator) -> Iterator[httpx.Client]:
    with client_of(service) as client:
        yield client


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A simulator that the test may change and break."""
    with Simulator(SimulatedTenant(TenantShape(machines=60, as_of=AS_OF))) as simulator:
        yield simulator


@pytest.fixture
def own_api(own: Simulator) -> Iterator[httpx.Client]:
    with client_of(own) as client:
        yield client


@pytest.fixture
def fetch(own: Simulator) -> Iterator[Callable[[str], httpx.Response]]:
    """A GET without a bearer, as for storage and feeds."""
    with httpx.Client(verify=own.ssl_context, timeout=60) as client:
        yield client.get


def walked(client: httpx.Client, address: str) -> list[dict]:
    """All rows from an address on, by the next links, byte for byte."""
    rows: list[dict] = []
    following: str | None = address
    while following:
        page = client.get(following).json()
        rows += page["value"]
        following = page.get("@odata.nextLink")
    return rows


def parse_time(text: str) -> datetime | None:
    """The time in one of the service's forms, cut to microseconds; None for no time (also year 1)."""
    if not text or text.startswith("0001-"):
        return None
    whole, _, rest = text.replace(" ", "T").rstrip("Z").partition(".")
    moment = datetime.fromisoformat(whole)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment + timedelta(microseconds=int(rest[:6].ljust(6, "0"))) if rest else moment
