"""The command line: ``defender-assets``.

Here: one file per verb or two, and what a person sees at a terminal. Not here: doing the work.
"""

from .app import main

__all__ = ["main"]
