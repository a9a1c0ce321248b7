"""A day of a reference table: fresh copies of its feeds, or the former rows of those that cannot be fetched.

Here: whether the copy of a feed is fresh, kept or absent, and publishing a table's copies together. Not here: formats
and HTTP (``reference/``), the settings that say where a feed is taken from (``reference/source.py``).

A feed may fail or be switched off without breaking anything: that is an outcome, not an error. A table of several feeds
loses no row of the others by it.
"""

from .feed_refresh import FeedRefresh

__all__ = ["FeedRefresh"]
