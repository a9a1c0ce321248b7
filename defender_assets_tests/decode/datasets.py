"""Datasets to decode into: one of each shape, and ways to decode.

Here: what several test modules need. Not here: the rules (``oracle.py``).
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NoReturn

import pyarrow as pa

from defender_assets.catalog.column import FLAG, REAL, TIME, WHOLE, Column, flag, nested, real, text, time, whole
from defender_assets.catalog.dataset import GENERAL_QUOTA, CursorPages, Dataset
from defender_assets.catalog.table import Days, Group
from defender_assets.decode import Decoder
from defender_assets.decode.fast_path import FastPathRefused

OBSERVED_AT = datetime(2025, 10, 6, 4, 5, 6, tzinfo=UTC)


def dataset(*columns: Column, key: tuple[str, ...] = ("id",), name: str = "things") -> Dataset:
    return Dataset(
        name=name,
        title="Things",
        description="Things to decode.",
        columns=columns,
        key=key,
        group=Group.DEFENDER,
        days=Days.STATE,
        path="/api/things",
        permission="Thing.Read.All",
        documentation="https://example.com/things",
        quota=GENERAL_QUOTA,
        fetch=CursorPages(),
    )


THINGS = dataset(
    text("id", "The key."),
    text("osPlatform", "A text."),
    whole("rbacGroupId", "A whole number."),
    real("cvssScore", "A real number."),
    flag("isOnboarded", "A flag."),
    time("lastSeenTimestamp", "A time.", aliases=("lastSeen", "seenAt")),
    text("machineTags", "Texts.", many=True),
    Column("ports", WHOLE, "Whole numbers.", many=True),
    Column("scores", REAL, "Real numbers.", many=True),
    Column("answers", FLAG, "Flags.", many=True),
    Column("moments", TIME, "Times.", many=True),
    nested(
        "vmMetadata",
        "An object.",
        text("vmId", "A text."),
        time("createdTime", "A time.", aliases=("createTime",)),
        nested("owner", "An object in an object.", text("userName", "A text."), whole("uid", "A whole number.")),
    ),
    nested(
        "gathered",
        "An object in a text.",
        text("osMode", "A text."),
        whole("level", "A whole number."),
        time("refreshTime", "A time.", aliases=("refreshedAt",)),
        text("rings", "Texts.", many=True),
        nested("scan", "An object in a text in a text.", real("score", "A real number."), in_text=True),
        nested("owner", "An object.", text("userName", "A text."), flag("isAdmin", "A flag.")),
        in_text=True,
    ),
    nested(
        "evidence",
        "Objects.",
        text("fileName", "A text."),
        whole("processId", "A whole number."),
        time("processCreationTime", "A time."),
        text("hashes", "Texts.", many=True),
        nested("parts", "Objects in objects.", real("weight", "A real number."), flag("isGood", "A flag."), many=True),
        many=True,
    ),
)


class _Refusing:
    """A fast path that refuses everything."""

    wants_sample = False

    def page(self, *_: object) -> NoReturn:
        raise FastPathRefused

    def lines(self, *_: object) -> NoReturn:
        raise FastPathRefused


def decoder(of: Dataset = THINGS, *, tolerant_only: bool = False) -> Decoder:
    decoder = Decoder(of, observed_at=OBSERVED_AT)
    if tolerant_only:
        decoder._fast_path = _Refusing()  # type: ignore[assignment]
    return decoder


def page_of(rows: Iterable[Any], **envelope: Any) -> bytes:
    """A page as the service sends it: the context first, the link last."""
    return json.dumps({"@odata.context": "https://api.example.com/#Things", "value": list(rows), **envelope}).encode()


def lines_of(rows: Iterable[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def extras(table: pa.Table) -> list[Any]:
    """The column ``extra``, parsed."""
    return [None if text is None else json.loads(text) for text in table["extra"].to_pylist()]
