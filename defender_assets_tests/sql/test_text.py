"""Quoted names and values are read back by DuckDB as they were, whatever they contain."""

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.sql import identifier, identifiers, literal, literals

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=10)


@given(names=st.lists(TEXTS, min_size=1, max_size=3, unique_by=str.casefold), value=TEXTS)
def test_whatever_is_quoted_is_read_back(names: list[str], value: str) -> None:
    row = ", ".join(f"{literal(value)} AS {identifier(name)}" for name in names)
    found = duckdb.sql(f"SELECT {identifiers(names)} FROM (SELECT {row})")
    assert found.columns == names
    assert found.fetchall() == [(value,) * len(names)]


@given(values=st.lists(TEXTS, max_size=3))
def test_a_list_of_texts_is_read_back(values: list[str]) -> None:
    assert duckdb.sql(f"SELECT {literals(values)}").fetchall() == [(values,)]
