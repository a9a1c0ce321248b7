"""Nesting: no answer may end the process, however deep it is nested and wherever the depth hides."""

import json
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from defender_assets.decode import UndecodableResponse, json_shape
from defender_assets.decode.json_shape import MOST_LEVELS, is_too_deep

from .datasets import decoder, extras, page_of

BOTH_PATHS = pytest.mark.parametrize("tolerant_only", [False, True], ids=["either", "tolerant"])
DEEP = 20_000


def _nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + "1" + closing * levels


DEEP_ROWS = [
    '{"id":"a","q":' + _nested(DEEP) + "}",
    '{"id":"a","q":' + _nested(DEEP, '{"q":', "}") + "}",
    '{"id":"a","osPlatform":' + _nested(DEEP) + "}",
    '{"id":"a","evidence":' + _nested(DEEP) + "}",
    '{"id":"a","@odata.type":' + _nested(DEEP) + "}",
    '{"id":"a","q":' + "[" * DEEP,
    # Texts that seem to close every level again.
    '{"id":"a","q":' + _nested(DEEP, '["]",') + "}",
    '{"id":"a","p":"' + "]" * DEEP + '","q":' + _nested(DEEP) + "}",
    # A text with a quote, and one that ends with a backslash.
    r'{"id":"\"","q":' + _nested(DEEP) + "}",
    r'{"id":"\\","q":' + _nested(DEEP) + "}",
]


@BOTH_PATHS
@pytest.mark.parametrize("row", DEEP_ROWS, ids=lambda row: row[:24])
def test_given_json_nested_beyond_all_measure_it_is_refused_with_a_sentence(row: str, tolerant_only: bool):
    problems = []

    def decode() -> None:
        reading = decoder(tolerant_only=tolerant_only)
        reading.page(page_of([{"id": "a", "q": 1}]))
        for work in (
            lambda: decoder().page(f'{{"value":[{row}]}}'.encode()),
            lambda: reading.page(f'{{"value":[{row}]}}'.encode()),
            lambda: reading.lines(f'{{"id":"b"}}\n{row}\n'.encode()),
        ):
            with pytest.raises(UndecodableResponse) as raised:
                work()
            problems.append(raised.value.problem)

    # Most threads have a smaller stack than the main thread.
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=decode)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert problems == ["it is nested deeper than 128 levels"] * 3


@BOTH_PATHS
def test_given_the_deepest_that_is_read_its_value_is_kept(tolerant_only: bool):
    levels = MOST_LEVELS - 3  # the page, its rows and the row are levels, too
    body = f'{{"value":[{{"id":"a","q":{_nested(levels)}}}]}}'.encode()
    assert extras(decoder(tolerant_only=tolerant_only).page(body).table) == [{"q": json.loads(_nested(levels))}]
    with pytest.raises(UndecodableResponse, match="nested deeper"):
        decoder(tolerant_only=tolerant_only).page(body.replace(b"1", b"[1]"))


def test_given_brackets_in_texts_only_the_page_is_read():
    text = '\\"' + "[{" * 1_000 + "\\"
    assert decoder().page(page_of([{"id": text}, {"id": "b", "q": "]" + text}])).table["id"].to_pylist() == [text, "b"]


@given(st.text(r'[]{}"\\a', max_size=40), st.integers(0, 4), st.integers(2, 9))
@example("[" * 5, 4, 2)
@example('{"a\\\\","\\"[[[",[[[', 3, 3)
def test_given_any_text_its_depth_is_that_of_reading_it_mark_by_mark(text: str, most: int, piece: int):
    depth, deepest, within, escaped = 0, 0, False, False
    for mark in text:
        if mark == '"' and not escaped:
            within = not within
        elif not within:
            depth += (mark in "[{") - (mark in "]}")
            deepest = max(deepest, depth)
        escaped = mark == "\\" and not escaped
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_shape, "MOST_LEVELS", most)
        patch.setattr(json_shape, "_PIECE", piece)
        assert is_too_deep(memoryview(text.encode())) == (text[:1] in ("{", "[") and deepest > most)
