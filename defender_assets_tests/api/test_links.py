"""A link to the next page is followed only where it leads on in the same list."""

import pytest

from defender_assets.api import ForeignHost, IncompleteWalk, checked_link
from defender_assets.catalog import DATASETS

from .conftest import connection_to

DATASET = DATASETS["alerts"]
API = "https://api.security.microsoft.com"
SINCE = {"sinceTime": "2026-11-20T00:00:00Z"}
FILTER = {"$filter": "lastUpdateTime ge 2026-11-20T00:00:00Z and severity eq 'High'", "$expand": "evidence"}


def check(wire, link, path="/api/alerts", kept=None, api=API):
    return checked_link(connection_to(wire, api_url=api), DATASET, link, path=path, kept=kept or {})


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        (f"{API}/api/alerts?$skip=10000", {}),
        (f"{API}:443/api/alerts?$skip=10000", {}),
        ("https://api-us3.securitycenter.microsoft.com/api/alerts?$skiptoken=eyJ%3d", {}),
        (f"{API}/API/Alerts/?$skip=1", {}),
        (f"{API}/api/v1.0/alerts?$skip=1", {}),
        (f"{API}/api/%61lerts?$skip=1", {}),
        (f"{API}/api/alerts?pagesize=5&sincetime=2026-11-20T00%3a00%3a00Z&$skiptoken=eyJ=", SINCE),
        (f"{API}/api/alerts?SinceTime=2026-11-20T00:00:00.0000000%2B00:00&$skiptoken=eyJ=", SINCE),
        (
            f"{API}/api/alerts?%24filter=lastUpdateTime+ge+2026-11-20T00:00:00Z%20and+severity%20eq%20'High'"
            "&$Expand=evidence&$skip=10000",
            FILTER,
        ),
    ],
)
def test_a_link_that_leads_on_in_the_list_is_used_as_it_came(wire, link, kept):
    assert check(wire, link, kept=kept) == link


def test_a_link_behind_a_gateway_may_have_its_path_or_lack_it(wire):
    api = "https://gateway.example/defender"
    for path in ("/defender/api/alerts", "/api/alerts"):
        assert check(wire, f"https://gateway.example{path}?$skip=1", api=api)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/alerts?$skip=1",
        "https://api.security.microsoft.com@evil.example/api/alerts?$skip=1",
        "https://user:word@evil.example/api/alerts?$skip=1",
        f"{API}:8443/api/alerts?$skip=1",
        "http://api.security.microsoft.com/api/alerts?$skip=1",
        "//evil.example/api/alerts",
    ],
)
def test_a_link_to_another_origin_is_refused(wire, link):
    with pytest.raises((ForeignHost, IncompleteWalk)) as raised:
        check(wire, link)
    assert isinstance(raised.value, ForeignHost) == (not link.startswith("//"))
    assert "word" not in str(raised.value)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (5, "not a text"),
        ({"href": API}, "not a text"),
        (["x"], "not a text"),
        ("/api/alerts?$skip=1", "not a full address"),
        ("alerts?$skip=1", "not a full address"),
        ("https://[::1/api/alerts", "not a full address"),
        ("https://user@api.security.microsoft.com/api/alerts?$skip=1", "user name"),
        (f"{API}/api/machines?$skip=1", "another list"),
        (f"{API}/api/alerts/evidence?$skip=1", "another list"),
        (f"{API}/x/api/alerts?$skip=1", "another list"),
        (f"{API}/?$skip=1", "another list"),
        (f"{API}/api/v1.0/v1.0/alerts?$skip=1", "another list"),
    ],
)
def test_a_link_that_leads_elsewhere_starts_the_walk_over(wire, link, why):
    with pytest.raises(IncompleteWalk, match=why) as raised:
        check(wire, link)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("query", "kept", "lost"),
    [
        ("$skip=1&$expand=evidence", FILTER, r"\$filter"),
        ("$skip=1&$filter=lastUpdateTime%20ge%202026-11-19T00:00:00Z&$expand=evidence", FILTER, r"\$filter"),
        ("$skip=1&$expand=", {"$expand": "evidence"}, r"\$expand"),
        ("$skip=1&$expand=evidence&$expand=none", {"$expand": "evidence"}, r"\$expand"),
        ("$skip=1#?$expand=evidence", {"$expand": "evidence"}, r"\$expand"),
        ("sincetime=2026-11-20T06:00:00Z&$skiptoken=e", SINCE, "sinceTime"),
        ("$skiptoken=e", SINCE, "sinceTime"),
    ],
)
def test_a_link_that_lost_what_was_asked_for_starts_the_walk_over(wire, query, kept, lost):
    with pytest.raises(IncompleteWalk, match=lost):
        check(wire, f"{API}/api/alerts?{query}", kept=kept)
