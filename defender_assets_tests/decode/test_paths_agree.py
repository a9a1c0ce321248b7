"""Both paths give the same table for the same response, and it is the one that the rules demand."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defender_assets.catalog import DATASETS
from defender_assets.catalog.dataset import Dataset
from defender_assets.decode import DecodeCounts

from . import oracle
from .datasets import OBSERVED_AT, THINGS, decoder
from .strategies import as_lines, as_page, respelled, rows

EVERY_DATASET = [THINGS, *DATASETS.values()]
# What every dataset goes through is quick: all kinds of columns are tried on THINGS, thoroughly.
THOROUGH = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def assert_decoded(table: pa.Table, dataset: Dataset, sent: list[dict[str, Any]]) -> oracle.Outcome:
    """The table is what the plain rules make of the rows."""
    assert table.schema.equals(dataset.schema, check_metadata=True)
    table.validate(full=True)
    expected = oracle.decode(dataset, sent)
    decoded = table.to_pylist()
    for row, wanted, extra in zip(decoded, expected.rows, expected.extras, strict=True):
        text = row.pop("extra")
        assert row.pop("observed_at") == OBSERVED_AT
        assert oracle.extras_comparable(dataset.columns, row) == oracle.extras_comparable(dataset.columns, wanted)
        kept = None if text is None else oracle.comparable(oracle.parse(text))
        assert kept == (None if extra is None else oracle.comparable(extra))
    return expected


def assert_counted(counts: DecodeCounts, expected: list[oracle.Outcome]) -> None:
    unreadable: dict[str, int] = {}
    for outcome in expected:
        for path, number in outcome.unreadable.items():
            unreadable[path] = unreadable.get(path, 0) + number
    assert counts.rows == sum(len(outcome.rows) for outcome in expected)
    assert counts.unreadable == unreadable
    told = all(outcome.names_told for outcome in expected)
    unknown = sorted(set().union(*(outcome.unknown for outcome in expected)))
    assert counts.unknown_members == tuple(name if told or name.endswith(".*") else "*" for name in unknown)


@THOROUGH
@given(blocks=st.lists(rows(THINGS, drift=True), min_size=1, max_size=3), as_file=st.booleans())
def test_given_a_service_that_drifts_both_paths_follow_the_rules(blocks: list[list[dict[str, Any]]], as_file: bool):
    # One decoder for all blocks: what it learns from one must not change what it makes of the next.
    either, tolerant = decoder(), decoder(tolerant_only=True)
    expected = []
    for block in blocks:
        document = as_lines(block) if as_file else as_page(block)
        if as_file:
            sent = [oracle.parse(line) for line in document.split(b"\n") if line]
            one, other = either.lines(document), tolerant.lines(document)
        else:
            sent = oracle.parse(document)["value"]
            one, other = either.page(document).table, tolerant.page(document).table
        assert one.combine_chunks().equals(other.combine_chunks())
        expected.append(assert_decoded(one, THINGS, sent))
    assert_counted(either.counts, expected)
    assert_counted(tolerant.counts, expected)
    assert tolerant.counts.tolerant_rows == tolerant.counts.rows


@pytest.mark.parametrize("dataset", EVERY_DATASET, ids=lambda dataset: dataset.name)
@QUICK
@given(data=st.data())
def test_given_rows_as_declared_the_fast_path_refuses_nothing(dataset: Dataset, data: st.DataObject):
    sent = data.draw(rows(dataset, drift=False))
    pages, files = decoder(dataset), decoder(dataset)
    page, file = as_page(sent), as_lines(respelled(sent))
    assert_decoded(pages.page(page).table, dataset, oracle.parse(page)["value"])
    assert_decoded(files.lines(file), dataset, [oracle.parse(line) for line in file.split(b"\n") if line])
    # Times with an offset or a blank before the Z, too, are no reason to read row by row.
    assert pages.counts.tolerant_rows == files.counts.tolerant_rows == 0


@pytest.mark.parametrize("dataset", list(DATASETS.values()), ids=lambda dataset: dataset.name)
@QUICK
@given(data=st.data())
def test_given_drift_every_dataset_follows_the_rules(dataset: Dataset, data: st.DataObject):
    sent = data.draw(rows(dataset, drift=True, max_size=3))
    document = as_page(sent)
    either, tolerant = decoder(dataset), decoder(dataset, tolerant_only=True)
    one, other = either.page(document).table, tolerant.page(document).table
    assert one.equals(other)
    outcome = assert_decoded(one, dataset, oracle.parse(document)["value"])
    assert_counted(either.counts, [outcome])
    assert_counted(tolerant.counts, [outcome])
