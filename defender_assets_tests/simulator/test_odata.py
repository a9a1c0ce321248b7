"""Query options mean what OData says, and what the service refuses is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.simulator.wire.odata import Filter, ODataError, moment_key, options_of, projected

MEMBERS = frozenset({"severity", "incidentId", "lastUpdateTime", "title", "assignedTo", "machineTags"})


def matches(text: str, row: dict) -> bool:
    return Filter(text, MEMBERS).matches(row)


ROW = {
    "severity": "High",
    "incidentId": 7,
    "lastUpdateTime": "2026-03-02T11:05:47.204118Z",
    "title": "Wacatac's return",
    "assignedTo": None,
    "machineTags": ["Finance"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("severity eq 'High'", True),
        ("severity ne 'High'", False),
        ("incidentId gt 6 and incidentId le 7", True),
        ("incidentId lt 7 or severity eq 'High'", True),
        ("not (incidentId eq 7)", False),
        ("severity eq 'Low' or severity eq 'High' and incidentId eq 8", False),
        ("(severity eq 'Low' or severity eq 'High') and incidentId eq 7", True),
        ("lastUpdateTime ge 2026-03-02T11:05:47.2Z", True),
        ("lastUpdateTime ge 2026-03-02T11:05:47.21Z", False),
        ("lastUpdateTime lt 2026-03-03Z", True),
        ("lastUpdateTime gt 2026-03-02", True),
        ("startswith(title,'Waca')", True),
        ("startswith(title, 'Wacatac''s')", True),
        ("endswith(title,'return')", True),
        ("contains(title,'x')", False),
        ("assignedTo eq null", True),
        ("assignedTo ne null", False),
        ("machineTags/any(tag: tag eq 'Finance')", True),
        ("machineTags/any(t: t eq 'VIP')", False),
    ],
)
def test_a_filter_means(text, expected):
    assert matches(text, ROW) is expected


@pytest.mark.parametrize(
    "text",
    [
        "description eq 'x'",
        "severity is 'High'",
        "severity eq",
        "severity eq 'High",
        "(severity eq 'High'",
        "severity eq 'High')",
        "severity eq 'High' and",
        "contains(severity)",
        "severity eq High",
        "",
        "&",
    ],
)
def test_a_filter_is_refused(text):
    with pytest.raises(ODataError):
        Filter(text, MEMBERS)


@given(
    rows=st.lists(
        st.fixed_dictionaries({"severity": st.sampled_from(["High", "Low"]), "incidentId": st.integers(0, 9)})
    ),
    low=st.integers(0, 9),
    high=st.integers(0, 9),
)
def test_a_filter_selects_what_a_predicate_selects(rows, low, high):
    wanted = Filter(f"incidentId ge {low} and (incidentId lt {high} or severity eq 'High')", MEMBERS).matches
    expected = [r for r in rows if r["incidentId"] >= low and (r["incidentId"] < high or r["severity"] == "High")]
    assert [row for row in rows if wanted(row)] == expected


@given(st.datetimes(), st.datetimes(), st.integers(0, 6), st.integers(0, 6))
def test_times_order_whatever_their_digits(a, b, digits_a, digits_b):
    def spelled(moment, digits):
        fraction = f"{moment.microsecond:06d}"[:digits]
        cut = moment.replace(microsecond=int(fraction.ljust(6, "0")))
        whole = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")
        return cut, f"{whole}{'.' if fraction else ''}{fraction}Z"

    (cut_a, text_a), (cut_b, text_b) = spelled(a, digits_a), spelled(b, digits_b)
    assert (moment_key(text_a) < moment_key(text_b)) == (cut_a < cut_b)


def test_top_over_the_maximum_is_refused():
    assert options_of({"$top": "8000"}, 8_000).top == 8_000
    with pytest.raises(ODataError, match="8000"):
        options_of({"$top": "8001"}, 8_000)


@pytest.mark.parametrize("query", [{"$skip": "1e+06"}, {"$top": "-1"}, {"$skip": ""}, {"$apply": "x"}])
def test_what_is_no_number_or_no_option_is_refused(query):
    with pytest.raises(ODataError):
        options_of(query, 10_000)


def test_select_keeps_the_members_asked_for():
    assert projected({"id": 1, "name": 2}, ("ID",)) == {"id": 1}
    assert projected({"id": 1}, ()) == {"id": 1}
