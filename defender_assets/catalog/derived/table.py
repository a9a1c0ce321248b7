"""A table that is computed from other tables of the same day.

Here: what every derived table declares besides its columns: inputs, and the headline numbers. Not here: any SQL, which
is in files of the table's name (``compliance/tables``, ``compliance/headlines``).
"""

from dataclasses import dataclass

from ..column import text
from ..table import Table

ABSENT_INPUTS = text(
    "absent_inputs",
    "Optional inputs of this table that were absent when the row was judged, separated by commas; null if none was.",
    sampled=True,
)
"""The last column of every table with optional inputs: what its rows could not look at."""


@dataclass(frozen=True)
class Headline:
    """A number worth showing beside the table's asset: a column of ``compliance/headlines/TABLE.sql``.

    ``of`` names the headline that is its denominator.
    """

    name: str
    description: str
    of: str | None = None


@dataclass(frozen=True, kw_only=True)
class DerivedTable(Table):
    """A table computed by ``compliance/tables/NAME.sql``, summed up by ``compliance/headlines/NAME.sql``.

    Without one of ``inputs`` it cannot be computed. Without one of ``optional_inputs`` it can: columns that need it
    are null, and the result says which were absent. ``window_days`` is how many daily partitions of *event* inputs it
    looks at, ending with the snapshot's own day; of every other input it reads one.
    """

    inputs: tuple[str, ...]
    optional_inputs: tuple[str, ...] = ()
    window_days: int = 1
    headlines: tuple[Headline, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if twice := set(self.inputs) & set(self.optional_inputs):
            raise ValueError(f"{self.name}: {sorted(twice)} cannot be both needed and optional")
        if bool(self.optional_inputs) != (ABSENT_INPUTS in self.columns):
            raise ValueError(f"{self.name}: a table has {ABSENT_INPUTS.name} if, and only if, it has optional inputs")
        names = {headline.name for headline in self.headlines}
        if missing := {headline.of for headline in self.headlines if headline.of} - names:
            raise ValueError(f"{self.name}: no headline is called {sorted(missing)}")
