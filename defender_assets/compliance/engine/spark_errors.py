"""Spark's errors as the seam's own: which kind, in one sentence, and whether the driver is still there.

Here: what Spark, its gateway to Java and gRPC say. Not here: DuckDB's errors (``duckdb_engine.py``), what a failed
table says (``compliance/errors.py``).

PySpark is not imported: its errors are told by their names, so that this module loads where it is not installed.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from ...lake import LakeError
from ...sanitize import brief, redacted
from ..errors import EngineError, EngineErrorKind

_OUT_OF_MEMORY = re.compile(
    r"OutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY|Java heap space|GC overhead limit|maxResultSize"
    r"|[Ee]xit (?:code|status):? 137|_LEGACY_ERROR_TEMP_2250|Not enough memory to build",
)
_UNREADABLE = re.compile(
    r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|CANNOT_READ_FILE|PATH_NOT_FOUND|FILE_NOT_EXIST|PARQUET_TYPE_ILLEGAL"
    r"|PARQUET_COLUMN_DATA_TYPE_MISMATCH|SchemaColumnConvertNotSupportedException|is not a Parquet file"
    r"|CAST_INVALID_INPUT|CAST_OVERFLOW|FileNotFoundException|ParquetDecodingException|Parquet error"
    r"|Could not read footer"
)
_LOST = re.compile(
    r"Answer from Java side is empty|Error while sending or receiving|SparkContext was shut down|stopped SparkContext"
    r"|Cannot call methods on a stopped|All masters are unresponsive|Master removed our application|INVALID_HANDLE"
    r"|SESSION_CLOSED|SESSION_CHANGED|SESSION_NOT_FOUND|RETRIES_EXCEEDED|UNAVAILABLE"
)
_OF_SPARK = ("pyspark.", "py4j.", "grpc.", "google.")
_CONDITION = re.compile(r"^\[(?P<condition>[A-Z][A-Z0-9_.]+)\]\s*")
_GRPC_DETAILS = re.compile(r'^\s*details = "(?P<details>.+)"$', re.MULTILINE)
_NO_FILE_SYSTEM = re.compile(r"No FileSystem for scheme \"?(?P<scheme>[\w+.-]+)|Class (?P<class>[\w.]+) not found")


def is_of_spark(error: BaseException) -> bool:
    """Whether an error comes from Spark, or from one of its ways to Java and over the network."""
    return any(kind.__module__.startswith(_OF_SPARK) for kind in type(error).__mro__)


def is_lost(error: BaseException) -> bool:
    """Whether the driver (the Java process, or the server of Spark Connect) is gone, and the session with it."""
    text = str(error)
    if isinstance(error, ConnectionError | EOFError) or type(error).__name__ in ("Py4JNetworkError", "RetriesExceeded"):
        return True
    if type(error).__name__ == "Py4JError":
        return not hasattr(error, "java_exception")
    return is_of_spark(error) and _LOST.search(text) is not None


@contextmanager
def spark_errors(place: str) -> Iterator[None]:
    """Spark's errors in this block as EngineError; ``place``: where it runs, in words and without secrets."""
    try:
        yield
    except EngineError:
        raise
    except LakeError as error:  # the staging folder
        raise EngineError(EngineErrorKind.FAILED, error.sentence) from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, ConnectionError | EOFError):
            raise _engine_error(error, place) from error
        raise EngineError(EngineErrorKind.INPUT_UNREADABLE, brief(error)) from error
    except Exception as error:
        if not is_of_spark(error):
            raise
        raise _engine_error(error, place) from error


def _engine_error(error: BaseException, place: str) -> EngineError:
    text = str(error)
    detail = first_words(text)
    if is_lost(error):
        return EngineError(
            EngineErrorKind.FAILED,
            f"Spark at {place} was lost while it computed ({detail or type(error).__name__}); what is computed next "
            "begins anew there",
        )
    if _OUT_OF_MEMORY.search(text):
        return EngineError(
            EngineErrorKind.OUT_OF_MEMORY,
            f"Spark at {place} had too little memory ({detail}); raise spark.executor.memory or, where the driver "
            "computes, spark.driver.memory in spark-defaults.conf",
        )
    if unreached := _NO_FILE_SYSTEM.search(text):
        what = unreached["scheme"] or unreached["class"]
        return EngineError(
            EngineErrorKind.FAILED,
            f"Spark at {place} cannot open the lake's files, as it has no library for {what}: add the store's package "
            "to it (spark.jars.packages in spark-defaults.conf; docs/spark.md), or set DEFENDER_ENGINE=duckdb",
        )
    kind = EngineErrorKind.INPUT_UNREADABLE if _UNREADABLE.search(text) else EngineErrorKind.FAILED
    return EngineError(kind, f"Spark: {detail or type(error).__name__}", detail)


def first_words(text: str) -> str:
    """The first line that says something, redacted, without the condition's name and Java's class; of gRPC's errors
    their details."""
    if found := _GRPC_DETAILS.search(text):
        text = found["details"]
    lines = (line.strip().removeprefix(":").strip() for line in text.splitlines())
    said = (line for line in lines if line and not line.startswith(("An error occurred while calling", "at ")))
    return redacted(_CONDITION.sub("", next(said, "")))
