"""A target of the Singer SDK that writes each batch of rows as a Parquet file, like the SDK's own sample.

Here: batches. Not here: where they come from (``tap.py``).
"""

import uuid
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from members import arrow_schema
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecReader


class FloatReader(MsgSpecReader):
    """Numbers as floats: the SDK's reader makes decimals, which do not fit the columns and take longer."""

    def deserialize_json(self, line: str) -> dict[str, Any]:
        message: dict[str, Any] = msgspec.json.decode(line)
        return message


class ParquetSink(BatchSink):
    def process_batch(self, context: dict[str, Any]) -> None:
        rows = pa.Table.from_pylist(context["records"], schema=arrow_schema(self.stream_name))
        pq.write_table(rows, Path(self.config["folder"]) / f"{uuid.uuid4()}.parquet", compression="zstd")


class ParquetTarget(Target):
    name = "target-bench"
    default_sink_class = ParquetSink
    message_reader_class = FloatReader
    config_jsonschema = th.PropertiesList(th.Property("folder", th.StringType, required=True)).to_dict()


if __name__ == "__main__":
    ParquetTarget.cli()
