"""A list of machines that answers ``$top`` and ``$skip`` as the service does, without the wire."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

from defender_assets.settings.cloud import CLOUDS

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class ListService:
    """Stands where the client stands; ``cap`` rows a page at most, whatever is asked. ``order`` sorts the list anew for
    each request; ``spoil`` changes a body, given the number of the call; ``links`` is the list that links lead to."""

    ids: list[str]
    cap: int = 10_000
    links: str = ""
    largest_skip: int | None = None
    order: Callable[[list[str]], list[str]] = list
    spoil: Callable[[int, dict], dict] = lambda _, body: body
    count: Callable[[list[str]], int] | None = None
    refuse: Exception | None = None
    after_each_page: Callable[["ListService"], None] = lambda service: None
    calls: int = 0
    last_body: bytes = b""
    asked: list[dict] = field(default_factory=list)
    connection: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(api_url="https://api.example.com", cloud=CLOUDS["commercial"])
    )

    def get(self, path, *, params=None, dataset, quota):
        self.calls += 1
        if self.refuse:
            raise self.refuse
        self.asked.append(dict(params))
        skip, top = int(params.get("$skip", 0)), min(int(params["$top"]), self.cap)
        if self.largest_skip is not None:
            skip = min(skip, self.largest_skip)
        rows = self.order(self.ids)[skip : skip + top]
        body = {"value": [{"id": device} for device in rows]}
        if self.count is not None:
            body = {"@odata.count": self.count(rows), **body}
        if self.links and skip + top < len(self.ids):
            body["@odata.nextLink"] = f"{self.links}?$skip={skip + top}"
        self.after_each_page(self)
        self.last_body = json.dumps(self.spoil(self.calls, body)).encode()
        return SimpleNamespace(status=200, body=self.last_body, content_type="application/json")
