"""Names in one setting, separated by commas.

Here: reading them. Not here: what they name.
"""

import csv


def listed_names(text: str) -> tuple[str, ...]:
    """``PCI, "Berlin, Mitte"`` -> ``("PCI", "Berlin, Mitte")``: without the spaces around them, each once, in their
    order. A name with a comma stands in double quotes."""
    rows = csv.reader([text.replace("\n", " ")], skipinitialspace=True)
    return tuple(dict.fromkeys(name.strip() for row in rows for name in row if name.strip()))
