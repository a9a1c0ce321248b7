"""Small files that settings name: lists, secrets, certificates, tokens.

Here: reading one in bounded time and memory, whatever it turns out to be. Not here: what it holds (``tenants.py``,
``certificate.py``, ``secrets/local.py``), ``.env`` (``dotenv.py``), which may be a pipe.
"""

import stat
from pathlib import Path

_MOST_BYTES = 2**20


class NoSmallFile(OSError):
    """What a setting names is no small file. ``strerror`` says why, as that of other errors of reading does."""

    def __init__(self, why: str) -> None:
        super().__init__(None, why)


def read_small(path: Path) -> bytes:
    """What the file holds. Raises OSError; of a pipe, whose first byte may never come, of a device, whose last may not,
    and of more than 1 MiB, NoSmallFile."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise NoSmallFile("it is a pipe or a device")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise NoSmallFile("it has more than 1 MiB")
    return content
