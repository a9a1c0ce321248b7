"""From the service's JSON to Arrow tables in the catalog's schema.

Here: ``Decoder``. Not here: HTTP and decompression (``api``), storing (``lake``).
"""

from .counts import DecodeCounts
from .decoder import Decoder, Page
from .errors import UndecodableAnswer

__all__ = ["DecodeCounts", "Decoder", "Page", "UndecodableAnswer"]
