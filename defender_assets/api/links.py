"""Links to the next page, as the service gives them: checked before they are followed.

Here: whether a link leads on in the list that was asked for. Not here: which host may get the bearer (``hosts.py``),
following links (``cursor.py``), whether a walk goes in circles (``cursor.py``).

A link that lost the filter leads to another list, and one without ``$expand`` to rows that lack half of what they
hold; read along it, the walk would end well and be wrong.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import httpx

from ..catalog import Dataset
from ..settings import Connection
from .errors import ForeignHost, IncompleteWalk
from .hosts import may_get_bearer, origin_of

# The service answers under both, and links name either.
_VERSION = re.compile(r"^/api/v1\.0(?=/)", re.IGNORECASE)


def checked_link(connection: Connection, dataset: Dataset, link: object, *, path: str, kept: Mapping[str, str]) -> str:
    """The link as it came, when it is an absolute address of the list ``path`` with the query options ``kept``.

    Names of options are compared without their case (the service writes ``sincetime``), values after decoding.

    Raises ForeignHost for a link to anywhere but the configured API or a host of the cloud, and IncompleteWalk for any
    other link that does not lead on in the same list.
    """
    if not isinstance(link, str):
        raise _astray(dataset, "is not a text")
    try:
        url = httpx.URL(link)
    except (httpx.InvalidURL, UnicodeError):
        url = None
    if url is None or not url.is_absolute_url:
        raise _astray(dataset, "is not a full address")
    if not may_get_bearer(str(url.copy_with(userinfo=b"")), connection):
        raise ForeignHost(
            f"{dataset.name}: the service's link to the next page leads to {origin_of(str(url))}, which is no host of "
            "the configured cloud; it was not followed",
            dataset=dataset.name,
        )
    if url.userinfo:
        raise _astray(dataset, "has a user name in it")
    # Behind a gateway, the configured address may have a path of its own, which the service's links lack.
    base = httpx.URL(connection.api_url).path.rstrip("/")
    if _plain(url.path) not in (_plain(httpx.URL(path).path), _plain(base + httpx.URL(path).path)):
        raise _astray(dataset, "leads to another list")
    options = parse_qsl(url.query.decode("ascii"), keep_blank_values=True)
    for name, value in kept.items():
        found = [text for option, text in options if option.lower() == name.lower()]
        if not found or not all(_same(text, value) for text in found):
            raise _astray(dataset, f"has lost {name}")
    return link


def _plain(path: str) -> str:
    return _VERSION.sub("/api", path).lower().rstrip("/")


def _same(text: str, value: str) -> bool:
    return text == value or (_moment(value) is not None and _moment(text) == _moment(value))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _astray(dataset: Dataset, what: str) -> IncompleteWalk:
    return IncompleteWalk(
        f"{dataset.name}: the service's link to the next page {what}; it was not followed, and without the pages "
        "after it the list is incomplete",
        dataset=dataset.name,
    )
