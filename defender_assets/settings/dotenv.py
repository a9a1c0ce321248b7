"""The file ``.env`` of the working directory.

Here: its name, and the variables in it. Not here: what they mean (``variables.py``).
"""

from dotenv import dotenv_values

DOTENV = ".env"
"""Read from the working directory, after the environment."""


def in_dotenv() -> dict[str, str | None]:
    """The variables that ``.env`` sets; none where it cannot be read, which ``Settings.readable`` tells."""
    try:
        return dotenv_values(DOTENV)
    except (OSError, UnicodeDecodeError):
        return {}
