"""``python -m defender_assets.serve``: what ``make serve`` starts.

Here: arguments and logging. Not here: the work (``supervisor.py``).
"""

import argparse
import logging
import sys
from pathlib import Path

from . import __doc__ as description
from .supervisor import serve

HOME = Path(".dagster")
CONFIGURATION = Path("deploy/dagster.yaml")


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM; returns the exit code (``supervisor.serve``)."""
    parser = argparse.ArgumentParser(prog="python -m defender_assets.serve", description=description)
    parser.add_argument("--home", type=Path, default=HOME, help="where the history is kept (default: .dagster)")
    parser.add_argument("--configuration", type=Path, default=CONFIGURATION, help="dagster.yaml for a new home")
    parser.add_argument("--host", default="127.0.0.1", help="the UI has no login: keep it on this machine")
    parser.add_argument("--port", type=int, default=3000)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger(__package__).setLevel(logging.INFO)
    return serve(options.home.absolute(), options.configuration, options.host, options.port)


if __name__ == "__main__":
    sys.exit(main())
