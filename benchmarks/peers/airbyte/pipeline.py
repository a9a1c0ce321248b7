"""A declarative source of Airbyte's CDK, its records written as Parquet: ``pipeline.py URL LIST WAY FOLDER``.

Here: the manifest, as the connector builder makes it, and the loop over the records. Not here: its environment
(``peers/__init__.py``), Airbyte's platform and its destinations, which would come on top.
"""

import logging
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from airbyte_cdk.models import SyncMode, Type
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from members import arrow_schema, json_schema

BATCH = 50_000
PAGES = {
    "software_vulnerabilities": {
        "path": "/api/machines/SoftwareVulnerabilitiesByMachine",
        "parameters": {"pageSize": str(BATCH)},
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestPath"},
            "pagination_strategy": {
                "type": "CursorPagination",
                "cursor_value": "{{ response['@odata.nextLink'] }}",
                "stop_condition": "{{ not response.get('@odata.nextLink') }}",
            },
        },
    },
    "machines": {
        "path": "/api/machines",
        "parameters": {},
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "$skip"},
            "page_size_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "$top"},
            "pagination_strategy": {"type": "OffsetIncrement", "page_size": 10_000, "inject_on_first_request": True},
        },
    },
}


def manifest(url: str, table: str) -> dict[str, Any]:
    asked = PAGES[table]
    return {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": [table]},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": table,
                "primary_key": ["id"],
                "schema_loader": {"type": "InlineSchemaLoader", "schema": json_schema(table)},
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": url,
                        "path": asked["path"],
                        "http_method": "GET",
                        "request_parameters": asked["parameters"],
                        "request_headers": {"Authorization": "Bearer x"},
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": ["value"]},
                    },
                    "paginator": asked["paginator"],
                },
            }
        ],
    }


def main() -> None:
    url, table, _, folder = sys.argv[1:]
    catalog = CatalogBuilder().with_stream(table, SyncMode.full_refresh).build()
    source = ConcurrentDeclarativeSource(catalog=catalog, config={}, state=None, source_config=manifest(url, table))
    messages = source.read(logging.getLogger("airbyte"), {}, catalog, None)
    records = (message.record.data for message in messages if message.type == Type.RECORD)
    schema = arrow_schema(table)
    with pq.ParquetWriter(Path(folder) / f"{table}.parquet", schema, compression="zstd") as file:
        while batch := list(islice(records, BATCH)):
            file.write_table(pa.Table.from_pylist(batch, schema=schema))


if __name__ == "__main__":
    main()
