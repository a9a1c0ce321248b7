"""Where an answer goes, and in which format.

Here: the options of the verbs that write one, and what they mean together. Not here: the formats (``queries/``), the
table that people read (``display.py``).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from ..queries import Format

TABLE = "table"
PRINTED_FORMATS = (TABLE, "csv", "json")
"""The formats that a terminal shows."""

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def output_options(verb: _Verb) -> _Verb:
    """Adds ``--format`` (``output_format``) and ``--output`` to a verb."""
    in_format = click.option(
        "--format",
        "output_format",
        type=click.Choice([*PRINTED_FORMATS, "parquet"]),
        help="By default table or, with --output, what the file's suffix says.",
    )
    to_file = click.option(
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write it to a .csv, .json or .parquet file: whole, or not at all.",
    )
    return in_format(to_file(verb))


def chosen_format(output_format: str | None, output: Path | None) -> "Format | None":
    """The format to write; None for the table that people read. Raises UsageError for that table in a file, QueryError
    for a file whose suffix says no format."""
    from ..queries.output_file import format_of

    if output is None:
        return None if output_format in (None, TABLE) else cast("Format", output_format)
    if output_format == TABLE:
        raise click.UsageError("--output writes csv, json or parquet; a table is for the terminal.")
    return format_of(output) if output_format is None else cast("Format", output_format)
