"""The version of this package.

Here: the number, which a release changes. Not here: anything to import, so that every room can have it.
"""

__version__ = "0.1.0"
