"""FIRST's exploit prediction scores."""

import gzip
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.catalog.reference import EPSS
from defender_assets.reference import FeedCollapsed, FeedMalformed

from .conftest import feed_of
from .feed_files import epss

LINE = "CVE-2026-1001,0.94191,0.99933"


def test_given_the_scores_of_a_day_then_every_line_is_a_row(read):
    fetched = read("epss", epss("CVE-2026-1002,5e-05,0.02318", LINE))

    assert fetched.table.schema.equals(EPSS.schema)
    first, second = fetched.table.to_pylist()
    assert (first["cve_id"], first["epss"], first["percentile"]) == ("CVE-2026-1001", 0.94191, 0.99933)
    assert (second["cve_id"], second["epss"]) == ("CVE-2026-1002", 0.00005)
    assert first["model_version"] == "v2025.03.14"
    assert first["score_date"] == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("score_date", "dated"),
    [
        ("2026-03-02T12:55:00Z", datetime(2026, 3, 2, 12, 55, tzinfo=UTC)),
        ("2026-03-02T00:00:00+0000", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-01T23:00:00-05:00", datetime(2026, 3, 2, 4, tzinfo=UTC)),
    ],
)
def test_given_any_of_the_spellings_of_its_date_then_it_is_dated_by_it(read, score_date, dated):
    fetched = read("epss", epss(LINE, first=f"#model_version:v2026.06.15,score_date:{score_date}"))

    assert (fetched.dated, fetched.version) == (dated, "v2026.06.15")


def test_given_the_plain_text_with_another_column_then_it_is_read_too(read):
    text = "#model_version:v5,score_date:2026-03-02\r\nepss,cve,trend,percentile\r\n0.5,CVE-2026-1001,up,0.9\r\n"

    row = read("epss", text.encode()).table.to_pylist()[0]

    assert (row["cve_id"], row["epss"], row["percentile"]) == ("CVE-2026-1001", 0.5, 0.9)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("CVE-2026-1001,NaN,0.5", "'CVE-2026-1001': 'NaN' as epss is no number between 0 and 1"),
        ("CVE-2026-1001,inf,0.5", "'inf' as epss"),
        ("CVE-2026-1001,0.5,nan", "'CVE-2026-1001': 'nan' as percentile"),
        ("CVE-2026-1001,7.5,0.5", "'7.5' as epss"),
        ("CVE-2026-1001,-0.1,0.5", "'-0.1' as epss"),
        ("CVE-2026-1001,,0.5", "'' as epss"),
        ("CVE-2026-1001,0.5", "'CVE-2026-1001,0.5' has 2 columns in place of 3"),
        ("<script>alert(1)</script>,0.5,0.5", "'<script>alert(1)</script>' is no CVE id"),
        ("CVE-2026-9999,0.5,0.5", "CVE-2026-9999 is listed twice"),
    ],
)
def test_given_a_line_that_is_no_score_then_the_file_is_refused_and_the_line_named(read, line, words):
    with pytest.raises(FeedMalformed) as refused:
        read("epss", epss("CVE-2026-9999,0.1,0.2", line))

    assert words in str(refused.value)


def test_given_many_bad_lines_then_it_says_how_many(read):
    with pytest.raises(FeedMalformed, match=r"'CVE-2026-1001': 'NaN' .* \(and so are 2 more\)"):
        read("epss", epss(*(f"CVE-2026-{1000 + number},NaN,0.5" for number in range(1, 4))))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (epss(LINE)[:-9], "damaged or ends too early"),
        (epss(LINE)[:-9] + b"\0" * 9, "damaged or ends too early"),
        (b"<html>\n<body>moved</body></html>", "web page"),
        (gzip.compress(b"cve,epss,percentile\nCVE-2026-1001,0.1,0.2\n"), "first line"),
        (epss(LINE, first="#model_version:v1,score_date:soon"), "score_date: 'soon' is no time"),
        (gzip.compress(b"#model_version:v1,score_date:2026-03-02\ncve,score\nCVE-2026-1001,1\n"), "epss, percentile"),
        (b"#model_version:v1,score_date:2026-03-02", "header does not name cve, epss, percentile"),
        (gzip.compress(b"#model_version:v1,score_date:2026-03-02\ncve,epss,percentile\n\xff,1,1\n"), "not the CSV"),
        (b"", "first line"),
    ],
    ids=["truncated", "crc", "html", "no comment", "bad date", "columns", "no header", "not utf-8", "empty"],
)
def test_given_anything_but_the_scores_then_it_is_refused_with_what_it_is(read, content, words):
    with pytest.raises(FeedMalformed, match=words):
        read("epss", content)


def test_given_a_header_and_no_lines_then_it_is_refused(read):
    with pytest.raises(FeedCollapsed, match="no entries"):
        read("epss", epss())


@given(score=st.floats(0, 1), percentile=st.floats(0, 1))
def test_any_probability_is_read_as_python_prints_it(score, percentile):
    parsed = feed_of("epss").read(io.BytesIO(epss(f"CVE-2026-1001,{score!r},{percentile!r}")), None)

    assert parsed.rows.select(["epss", "percentile"]).to_pylist() == [{"epss": score, "percentile": percentile}]
