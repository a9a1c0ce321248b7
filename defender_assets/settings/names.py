"""Names in one setting, separated by commas.

Here: reading them. Not here: what they name.
"""

import csv

_END = "end"


def listed_names(text: str) -> tuple[str, ...]:
    """``PCI, "Berlin, Mitte"`` -> ``("PCI", "Berlin, Mitte")``: without the spaces around them, each once, in their
    order. A name with a comma stands in double quotes. Raises ValueError where these are not closed."""
    try:
        *names, end = next(csv.reader([f"{' '.join(text.splitlines())},{_END}"], skipinitialspace=True))
    except csv.Error:
        raise ValueError("no list of names") from None
    if end != _END:
        # What follows an opening quote is one name, to the end of the text.
        raise ValueError("an opening quote without a closing one")
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
