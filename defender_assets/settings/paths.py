"""Paths as people write them.

Here: the home folder's sign. Not here: whether anything lies there.
"""

from pathlib import Path


def expanded(written: str | Path) -> Path:
    """``~`` and ``~user`` become the home folder; where there is no such user, the path stays as it is written."""
    path = Path(written)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
