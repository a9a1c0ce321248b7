"""``python -m defender_assets``: the command line where its script is not on the PATH.

Here: its name, which is the same. Not here: what it does (``cli/program.py``).
"""

import sys

from .cli import main

if __name__ == "__main__":
    sys.argv[0] = "defender-assets"
    main(prog_name="defender-assets")
