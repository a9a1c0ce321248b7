"""Whether bytes are UTF-8, as JSON has to be.

Here: the test alone. Not here: what becomes of bytes that are not (``json_text.py``), who doubts them (``refresh/``).
"""

import pyarrow as pa


def is_utf8(body: memoryview) -> bool:
    """Whether all of it is UTF-8."""
    # Wrapped as the one item of an array: Arrow validates the bytes in place, Python would have to decode a copy.
    offsets = pa.array([0, len(body)], pa.int64()).buffers()[1]
    text = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(body))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
