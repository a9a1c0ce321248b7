"""One session for several small questions: opening one takes DuckDB longer than answering, and Spark far longer.

Here: an engine whose blocks all have the same session. Not here: any engine.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from .base import Engine, Limits, Session


@dataclass
class _OneSession:
    engine: Engine
    stack: ExitStack
    opened: Session | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def limits(self) -> Limits:
        return self.engine.limits

    @contextmanager
    def session(self) -> Iterator[Session]:
        if self.opened is None:
            self.opened = self.stack.enter_context(self.engine.session())
        yield self.opened


@contextmanager
def in_one_session(engine: Engine) -> Iterator[Engine]:
    """The engine with one session for all that ask for one within the block, opened for the first of them and closed at
    the block's end. They ask one after the other, and each registers everything that its SQL reads: what one of them
    registered is there for the next."""
    with ExitStack() as stack:
        yield _OneSession(engine, stack)
