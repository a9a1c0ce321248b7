"""A tap of the Singer SDK at its best: msgspec reads and writes, nothing is conformed to the schema.

Here: the two lists as streams. Not here: Parquet (``target.py``).
"""

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import requests
from members import json_schema
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.pagination import BaseHATEOASPaginator, BaseOffsetPaginator
from singer_sdk.streams.core import TypeConformanceLevel

MACHINES_A_PAGE = 10_000


def page_of(response: Any) -> dict[str, Any]:
    """The page, decoded once."""
    if not hasattr(response, "decoded_page"):
        response.decoded_page = msgspec.json.decode(response.content)
    page: dict[str, Any] = response.decoded_page
    return page


class ByLink(BaseHATEOASPaginator):
    def get_next_url(self, response: requests.Response) -> str | None:
        return page_of(response).get("@odata.nextLink")


class BySkip(BaseOffsetPaginator):
    def has_more(self, response: requests.Response) -> bool:
        return len(page_of(response)["value"]) == MACHINES_A_PAGE


class ListOfTheService(RESTStream[Any]):
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    primary_keys = ("id",)

    @property
    def url_base(self) -> str:
        url: str = self.config["url"]
        return url

    @cached_property
    def requests_session(self) -> requests.Session:
        # A prepared request is sent without what the environment says of certificates.
        session = requests.Session()
        session.verify = os.environ["REQUESTS_CA_BUNDLE"]
        return session

    @property
    def http_headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer x"}

    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        yield from page_of(response)["value"]


class SoftwareVulnerabilities(ListOfTheService):
    name = "software_vulnerabilities"
    path = "/api/machines/SoftwareVulnerabilitiesByMachine"
    schema = json_schema(name)

    def get_new_paginator(self) -> ByLink:
        return ByLink()

    def get_url_params(self, context: Mapping[str, Any] | None, next_page_token: Any) -> dict[str, Any]:
        return dict(parse_qsl(next_page_token.query)) if next_page_token else {"pageSize": 50_000}


class Machines(ListOfTheService):
    name = "machines"
    path = "/api/machines"
    schema = json_schema(name)

    def get_new_paginator(self) -> BySkip:
        return BySkip(0, MACHINES_A_PAGE)

    def get_url_params(self, context: Mapping[str, Any] | None, next_page_token: Any) -> dict[str, Any]:
        return {"$top": MACHINES_A_PAGE, "$skip": next_page_token or 0}


class TapOfTheService(Tap):
    name = "tap-bench"
    message_writer_class = MsgSpecWriter
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType, required=True), th.Property("table", th.StringType, required=True)
    ).to_dict()

    def discover_streams(self) -> list[ListOfTheService]:
        return [kind(self) for kind in (SoftwareVulnerabilities, Machines) if kind.name == self.config["table"]]


if __name__ == "__main__":
    TapOfTheService.cli()
