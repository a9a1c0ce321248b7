"""The version of this package.

Here: nothing else, so that every room can have it without importing the package's face.
"""

__version__ = "0.1.0"
