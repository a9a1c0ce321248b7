"""The SQL, the ``query`` commands and the Python of README and docs/, as somebody would copy them."""

from pathlib import Path

import pytest

from defender_assets.lake import Lake
from defender_assets.queries import query

from ..cli.program import invoke
from ..rules.documentation import PAGES

_OTHERS = ("readers.md", "CONTRIBUTING.md")
"""Pages whose Python is tried elsewhere: ``lake/``, ``contract/``."""


def _named(page: str, text: str) -> str:
    return f"{page}: {' '.join(text.split())}"[:90]


SQL = [pytest.param(block, id=_named(page.name, block)) for page in PAGES for block in page.blocks("sql")]
QUERIES = [
    pytest.param(words, id=_named(page.name, " ".join(words)))
    for page in PAGES
    for words in page.commands("defender-assets")
    if words[0] in ("query", "tables", "diff") and "…" not in " ".join(words)
]
PYTHON = [
    pytest.param(block, id=_named(page.name, block))
    for page in PAGES
    if page.path.name not in _OTHERS
    for block in page.blocks("python")
    if ">>>" not in block
]


@pytest.fixture
def here(judged_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake is where it is by default: ``lake`` in the working directory. A file of SQL is beside it."""
    monkeypatch.chdir(Path(judged_lake.root).parent)
    Path("mine.sql").write_text("SELECT device_name FROM devices;\n")


@pytest.mark.parametrize("sql", [case for case in SQL if "CONTRIBUTING" not in case.id])
def test_sql_of_a_page_can_be_asked(judged_lake, sql):
    assert query(judged_lake, sql).read_all().column_names


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("words", QUERIES)
def test_a_query_of_a_page_is_answered(words):
    answered = invoke(*words)
    assert answered.exit_code == 0, answered.output


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("block", PYTHON)
def test_python_of_a_page_runs(block):
    exec(block, {})
