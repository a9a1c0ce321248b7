"""From the service's JSON to Arrow tables in the catalog's schema.

Here: ``Decoder``, its results and its error. Not here: HTTP and decompression (``api``), storing (``lake``).
"""

from .decode_counts import DecodeCounts
from .decoder import DecodedPage, Decoder
from .errors import UndecodableResponse

__all__ = ["DecodeCounts", "DecodedPage", "Decoder", "UndecodableResponse"]
