"""What tests of refreshes share."""

from ..reference.conftest import server

__all__ = ["server"]
