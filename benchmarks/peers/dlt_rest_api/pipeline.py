"""dlt's ``rest_api`` source to Parquet on disk, tuned: ``pipeline.py URL LIST WAY FOLDER``.

Here: the source, and the settings that made it fastest. Not here: its environment (``peers/__init__.py``).
"""

import os
import sys
import tempfile

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    # Fifty thousand rows are held before they are written, a page of them; the default is 5,000.
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    # Files of so many rows, so that there is one for each worker; extracted rows are not compressed in between.
    "DATA_WRITER__FILE_MAX_ITEMS": "100000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "2",
}
os.environ.update(SETTINGS)

import dlt  # noqa: E402  # reads its settings from the environment
from dlt.sources.rest_api import rest_api_source  # noqa: E402

COLUMNS = {"cvssScore": {"data_type": "double"}}
"""Whole numbers come first and would make a column of their own."""

RESOURCES = {
    "software_vulnerabilities": {
        "path": "api/machines/SoftwareVulnerabilitiesByMachine",
        "params": {"pageSize": 50_000},
        "paginator": {"type": "json_link", "next_url_path": "['@odata.nextLink']"},
        "data_selector": "value",
    },
    "machines": {
        "path": "api/machines",
        "paginator": {
            "type": "offset",
            "limit": 10_000,
            "limit_param": "$top",
            "offset_param": "$skip",
            "total_path": None,
        },
        "data_selector": "value",
    },
}


def main() -> None:
    url, table, _, folder = sys.argv[1:]
    source = rest_api_source(
        {
            "client": {"base_url": url, "headers": {"Authorization": "Bearer x"}},
            "resources": [
                {
                    "name": table,
                    "max_table_nesting": 0,
                    "columns": COLUMNS if table == "software_vulnerabilities" else {},
                    "endpoint": RESOURCES[table],
                }
            ],
        }
    )
    with tempfile.TemporaryDirectory() as working:
        pipeline = dlt.pipeline(
            "bench",
            pipelines_dir=working,
            dataset_name="bench",
            destination=dlt.destinations.filesystem(f"file://{folder}"),
        )
        pipeline.run(source, loader_file_format="parquet", write_disposition="replace")


if __name__ == "__main__":
    main()
