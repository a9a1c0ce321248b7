"""Times: every form recorded of the service, and nothing that only looks like a time."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from defender_assets.decode.times import _parse_common_form, microseconds_utc, parse_times

from .strategies import times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-10-06T10:43:58Z", utc(2025, 10, 6, 10, 43, 58)),
        ("2025-10-06T10:43:58.1Z", utc(2025, 10, 6, 10, 43, 58, 100_000)),
        ("2025-10-06T10:43:58.12Z", utc(2025, 10, 6, 10, 43, 58, 120_000)),
        ("2021-01-11T11:06:08.291Z", utc(2021, 1, 11, 11, 6, 8, 291_000)),
        ("2025-10-06T10:43:58.1234Z", utc(2025, 10, 6, 10, 43, 58, 123_400)),
        ("2025-10-06T10:43:58.12345Z", utc(2025, 10, 6, 10, 43, 58, 123_450)),
        ("2025-10-06T10:43:58.123456Z", utc(2025, 10, 6, 10, 43, 58, 123_456)),
        ("2025-10-06T10:43:58.1234569Z", utc(2025, 10, 6, 10, 43, 58, 123_456)),  # cut, not rounded
        ("2025-10-06T10:43:58.123456999999Z", utc(2025, 10, 6, 10, 43, 58, 123_456)),
        ("2025-10-06 10:43:58", utc(2025, 10, 6, 10, 43, 58)),
        ("2020-11-03 10:13:34.8476880", utc(2020, 11, 3, 10, 13, 34, 847_688)),
        ("2022-09-14 05:56:30Z", utc(2022, 9, 14, 5, 56, 30)),
        ("2022-09-14 05:56:30 Z", utc(2022, 9, 14, 5, 56, 30)),
        ("2021-05-11T00:00:00+00:00", utc(2021, 5, 11)),
        ("2025-10-06T10:43:58.1234567+02:00", utc(2025, 10, 6, 8, 43, 58, 123_456)),
        ("2025-10-06T23:43:58-05:30", utc(2025, 10, 7, 5, 13, 58)),
        ("2020-12-30", utc(2020, 12, 30)),
        ("9999-12-31T23:59:59.9999999Z", utc(9999, 12, 31, 23, 59, 59, 999_999)),
        ("1601-01-01T00:00:00Z", utc(1601, 1, 1)),
        ("1969-12-31T23:59:59.9999999Z", utc(1969, 12, 31, 23, 59, 59, 999_999)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01 00:00:00", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("0001-12-31T23:59:59.9999999Z", None),
        ("0002-01-01T00:00:00Z", utc(2, 1, 1)),
        ("", None),
        (" \t\u00a0", None),
    ],
)
def test_given_a_recorded_form_the_moment_is_read(text: str, moment: datetime | None):
    # Alone and beside another form, which takes the other branch.
    for texts in ([text], [text, "2020-12-30T00:00:00+00:00"], [None, text, "2025-10-06 10:43:58"]):
        read, unreadable = parse_times(pa.array(texts, pa.string()))
        assert read[texts.index(text)].as_py() == moment
        assert unreadable == []
        assert read.type == pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    "text",
    [
        "None",
        "-",
        "N/A",
        "20251006",
        "2025-1-6",
        "2025-13-01",
        "2025-02-29T00:00:00Z",
        "2025-10-06T24:00:00Z",
        "2025-10-06T10:43:60Z",
        "2025-10-06T10:43:58.Z",
        "2025-10-06T10:43:58ZZ",
        "2025-10-06T10:43:58.123456x",
        "2025-10-06T10:43:58.1234567x",
        "2025-10-06T10:43:58.123456Zé",
        "2025-10-06T10:43:58+25:00",
        "2025-10-06T10:43:58+02:60",
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00Z",
        "٢٠٢٥-10-06T10:43:58Z",
        "1759747438",
        "Mon, 06 Oct 2025 10:43:58 GMT",
    ],
)
def test_given_a_text_that_is_no_time_its_position_is_given_and_the_others_are_read(text: str):
    texts = ["2025-10-06T10:43:58Z", text, None, text]
    read, unreadable = parse_times(pa.array(texts, pa.string()))
    assert read.to_pylist() == [utc(2025, 10, 6, 10, 43, 58), None, None, None]
    assert unreadable == [1, 3]


@pytest.mark.parametrize(
    "texts",
    [
        ["2025-10-06T10:43:58.1234569Z", "2025-10-06T10:43:58Z", None, "2025-10-06T10:43:58.123Z"],
        ["2020-11-03 10:13:34.8476880", "2020-11-03 10:13:34.1", "2020-12-30 00:00:00"],
        ["2025-10-06T10:43:58Z", "0001-01-01T00:00:00Z", "2025-10-06T10:43:58Z"],
    ],
)
def test_the_forms_that_the_service_sends_most_are_read_by_arrow_not_one_by_one(texts: list[str | None]):
    read = _parse_common_form(pa.array(texts, pa.string()))
    assert read is not None
    expected = [None if text is None else microseconds_utc(text) for text in texts]
    assert read.cast(pa.int64()).to_pylist() == expected


@given(times())
def test_given_any_time_it_is_the_same_alone_and_in_an_array(text: str):
    alone = microseconds_utc(text)
    read, unreadable = parse_times(pa.array([text, None, text]))
    moment = None if alone is None else EPOCH + timedelta(microseconds=alone)
    assert read.to_pylist() == [moment, None, moment]
    assert unreadable == []


_NEARLY = st.builds(
    lambda text, at, what: text[: at % (len(text) + 1)] + what + text[at % (len(text) + 1) + (at % 2) :],
    times(),
    st.integers(0, 60),
    st.sampled_from(["", "Z", "z", " ", "T", "0", "9", ".", ":", "+", "-", "+02:00", "é", "ZZ", "00", "\n", "\x00"]),
)


@given(_NEARLY)
@example("2025-10-06T10:43")
@example("2025-10-06T10")
@example("2025-10-06 10Z")
@example("2025-10-06Z")
@example("2025-10-06T10:43:58,5")
@example("2025-10-06T1043")
@example("+2025-10-06")
@example("10000-01-01")
def test_given_what_is_nearly_a_time_arrows_cast_takes_no_more_than_the_rule(text: str):
    if not text.strip():
        return
    common = _parse_common_form(pa.array([text]))
    if common is not None:
        assert common.cast(pa.int64()).to_pylist() == [microseconds_utc(text)]


@given(_NEARLY, times())
def test_given_what_is_nearly_a_time_beside_a_time_with_seven_digits_then_no_more_is_taken(text: str, time: str):
    if not text.strip():
        return
    common = _parse_common_form(pa.array([text, "2025-10-06T10:43:58.1234567Z", time]))
    if common is not None:
        assert common.cast(pa.int64()).to_pylist()[::2] == [microseconds_utc(text), microseconds_utc(time)]
