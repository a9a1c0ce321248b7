"""From the service's JSON to Arrow tables in the catalog's schema.

Here: ``Decoder``, its results and its error. Not here: HTTP and decompression (``api``), storing (``lake``).
"""

from .decode_counts import DecodeCounter, DecodeCounts
from .decoder import DecodedPage, Decoder
from .errors import UndecodableResponse
from .page_frame import rows_at_a_glance

__all__ = ["DecodeCounter", "DecodeCounts", "DecodedPage", "Decoder", "UndecodableResponse", "rows_at_a_glance"]
