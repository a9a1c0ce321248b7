"""The forms in which a table's rows may be passed in.

Here: Parquet paths and URLs, Arrow tables and datasets, and tables that are absent. Not here: reading them
(``engine/``), and what is computed from them (``tables/``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    import pyarrow.dataset as ds  # it imports pandas

Input: TypeAlias = "str | Path | Sequence[str | Path] | pa.Table | ds.Dataset | None"
"""A table's rows: Parquet files (paths, folders, globs, fsspec URLs), an Arrow table or dataset, or None if absent."""

Inputs: TypeAlias = Mapping[str, Input]


def is_absent(source: Input) -> bool:
    """No rows can come from it: None, or no files at all."""
    return source is None or (isinstance(source, list | tuple) and not source)


def files_of(source: str | Path | Sequence[str | Path]) -> list[str]:
    """Paths, globs and URLs of Parquet files, a folder as the glob of what lies in it."""
    paths = [source] if isinstance(source, str | Path) else list(source)
    return [str(Path(path) / "*.parquet") if _is_folder(path) else str(path) for path in paths]


def _is_folder(path: str | Path) -> bool:
    return "://" not in str(path) and Path(path).is_dir()
