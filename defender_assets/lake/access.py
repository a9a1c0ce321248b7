"""Who may read a lake in a folder: its owner alone, or the members of its group too.

Here: the permissions, by ``DEFENDER_LAKE_MODE``. Not here: setting them (``local_storage.py``), object stores, whose
own rights say who reads.

Nobody but the owner may ever write. The group is that of the lake's folder: with the set-group-ID bit, what is made in
a folder is of its group (https://man7.org/linux/man-pages/man7/inode.7.html). Permissions are set and not left to the
umask, which only takes away.
"""

from dataclasses import dataclass

from ..settings import Settings


@dataclass(frozen=True)
class Access:
    """Permissions of what is published, and of the folders that it is in."""

    folders: int
    files: int


PRIVATE = Access(0o700, 0o600)
GROUP = Access(0o2750, 0o640)


def chosen_access() -> Access:
    """What the settings say. One that cannot be understood, which every verb tells first, lets nobody else read."""
    return GROUP if Settings.readable()[0].lake_mode == "group" else PRIVATE
