"""Paths as people write them.

Here: expanding ``~``. Not here: whether the path exists (``connection.py``).
"""

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """The path with ``~`` and ``~user`` replaced by the home folder; unchanged where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
