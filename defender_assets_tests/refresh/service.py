"""A list of machines that answers ``$top`` and ``$skip`` as the service does, without the wire."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class ListService:
    """Stands where the client stands; ``cap`` rows a page at most, whatever is asked."""

    ids: list[str]
    cap: int = 10_000
    links: bool = False
    circle: bool = False
    refuse: Exception | None = None
    after_each_page: Callable[["ListService"], None] = lambda service: None
    calls: int = 0
    last_body: bytes = b""
    asked: list[dict] = field(default_factory=list)

    def get(self, path, *, params=None, dataset, quota):
        self.calls += 1
        if self.refuse:
            raise self.refuse
        self.asked.append(dict(params or {"link": path}))
        skip = int(path.rpartition("=")[2]) if params is None else int(params.get("$skip", 0))
        top = self.cap if params is None else min(int(params["$top"]), self.cap)
        rows = self.ids[skip : skip + top]
        body = {"value": [{"id": device} for device in rows]}
        if self.links and skip + top < len(self.ids):
            body["@odata.nextLink"] = (
                f"https://api.example.com/api/machines?$skip={skip if self.circle else skip + top}"
            )
        self.after_each_page(self)
        self.last_body = json.dumps(body).encode()
        return SimpleNamespace(status=200, body=self.last_body, content_type="application/json")
