"""What the vendors' client libraries log, kept out of every log while a secret is read.

Here: their loggers, for that while. Not here: the libraries (``client_library.py``).
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# botocore logs whole answers at DEBUG, secrets in them; urllib3 the address that is tried again, which is the
# reference; azure-identity a page about every credential that it tried.
_TALKATIVE = ("azure", "boto3", "botocore", "hvac", "msal", "requests", "urllib3")

_lock = threading.Lock()
_former_levels: dict[logging.Logger, int] = {}
_readers = 0


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Their loggers tell errors alone until the last of the threads that are in such a block has left it; then each has
    its level again."""
    global _readers  # noqa: PLW0603 - loggers are the process's
    with _lock:
        _readers += 1
        for logger in map(logging.getLogger, _TALKATIVE):
            if logger.level < logging.ERROR:
                _former_levels.setdefault(logger, logger.level)
                logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            while not _readers and _former_levels:
                logger, level = _former_levels.popitem()
                logger.setLevel(level)
