"""What the page's script works on: one block of JSON inside the page.

Here: writing it so that no text in it can end the block or open another. Not here: lists (``work_list.py``).

The block is plain text, not compressed: mail filters rightly distrust pages that unpack themselves.
"""

from typing import Any

import orjson
from markupsafe import Markup

# In JSON these characters stand within texts alone, where an escape means the same. Without "<" no block can end early,
# and no comment begin; the two line ends are none in JSON and were some in older JavaScript.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def data_block(value: Any) -> Markup:
    """The value as JSON for a script element of type application/json."""
    # Half of a surrogate pair cannot be encoded; names are shown without.
    text = orjson.dumps(value).decode()
    # Each in turn: a look at every character for all of them takes half a second for a large fleet.
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)
