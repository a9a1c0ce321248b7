"""The kinds of faults by what they hit, each with how it is switched on in small pages.

Here: kinds and their numbers. Not here: where they hit (the tests), what they do (``simulator/wire/faults.py``).
"""

from collections.abc import Mapping
from typing import Any

Kinds = Mapping[str, Mapping[str, Any]]

EVERY = -1
"""As often as it is asked."""
TRANSPORT: Kinds = {
    "status": {"status": 503},
    "throttled": {"seconds": 3},
    "html": {"status": 502},
    "reset": {},
    "cut": {"after_bytes": 90},
    "truncated": {},
}
BODIES: Kinds = {
    "malformed": {},
    "error_in_200": {},
    "error_row": {},
    "error_beside": {},
    "error_after": {},
    "empty_answer": {},
    "repeated_row": {},
    "row_differs": {},
    "not_found": {},
    "page_empty": {},
}
ENDS: Kinds = {
    "page_short": {"rows": 3},
    "page_larger": {"rows": 3},
    "rows_dropped": {"rows": 2},
}
CAPS: Kinds = {
    "cut_closed": {"rows": 2},
    "silent_cap": {"rows": 7},
}
"""Ends that look like the true one, whatever page they are of."""
ORDERS: Kinds = {
    "order_shuffled": {},
    "order_rotated": {"rows": 5},
    "order_reversed": {},
    "rows_swapped": {},
    "row_missing": {"row": 7},
    "row_extra": {"row": 7},
    "skip_ignored": {},
    "skip_clamped": {"rows": 5},
    "count_more": {"rows": 2},
}
LINKS: Kinds = {
    f"link_{name}": {}
    for name in (
        *("missing", "null", "blank", "renamed", "number", "twice", "loop", "back", "endless"),
        *("unchanged_place", "other_list", "bare", "relative", "user", "foreign"),
    )
}
FILES: Kinds = {
    "part_empty": {},
    "part_members": {"members": 3},
    "part_member_lost": {"members": 3},
    "rows_dropped": {"rows": 2},
    "error_row": {},
    "blanks": {"mebibytes": 1},
    "pending": {},
    "expired_signature": {},
    "not_found": {},
}
LISTS_OF_FILES: Kinds = {
    name: {} for name in ("no_files", "error_beside", "malformed", "error_in_200", "not_found", "empty_answer")
} | {"part_missing": {"row": 1}}
