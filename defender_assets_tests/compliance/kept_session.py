"""DuckDB for many small tenants: opening a database takes as long as judging one.

Here: one session for all tables that are computed one after the other. Each table registers all that its SQL reads, so
nothing of the one before is seen; that its SQL reads nothing else, test_sql_files.py says. Not here: the engine itself.
"""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from defender_assets.compliance import Limits
from defender_assets.compliance.engine import DuckDBEngine, Session


class KeptSession:
    """An engine that keeps a session open until something fails in it. What is computed while that one is in use has
    another."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._engine = DuckDBEngine(limits)
        self._kept = ExitStack()
        self._session: Session | None = None
        self._in_use = False
        atexit.register(self._kept.close)

    @contextmanager
    def session(self) -> Iterator[Session]:
        if self._in_use:
            with self._engine.session() as another:
                yield another
            return
        if self._session is None:
            self._session = self._kept.enter_context(self._engine.session())
        self._in_use = True
        try:
            yield self._session
        except BaseException:
            self._session = None
            self._kept.close()
            raise
        finally:
            self._in_use = False
