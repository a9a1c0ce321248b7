"""An answer in a file of its own, whole or not at all.

Here: the format by the suffix, and writing beside the file before it is replaced. Not here: the formats
(``formats.py``), partitions of the lake (``lake/``).
"""

import os
import secrets
from pathlib import Path

import pyarrow as pa

from ..sanitize import brief
from .errors import QueryError
from .formats import Format, write_result

_FORMATS: dict[str, Format] = {".csv": "csv", ".json": "json", ".parquet": "parquet"}


def format_of(file: Path) -> Format:
    """The format that the file's suffix names. Raises QueryError for another suffix."""
    suffix = file.suffix.lower()
    if suffix not in _FORMATS:
        raise QueryError(f"{file}: the suffix says the format: {', '.join(_FORMATS)}. Or give --format.")
    return _FORMATS[suffix]


def write_file(result: pa.RecordBatchReader, format: Format, file: Path) -> int:
    """Writes the result to ``file``, in place of what it was, and returns the number of rows. Where that fails, the
    file is as it was. Raises QueryError."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as stream:
            rows = write_result(result, format, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        raise QueryError(f"{file} cannot be written ({brief(error)}).") from error
    finally:
        draft.unlink(missing_ok=True)
    return rows
