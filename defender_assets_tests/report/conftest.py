"""What tests of the report share: an empty lake, and charts that are drawn once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import vl_convert

from defender_assets.lake import Lake


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="package", autouse=True)
def equal_charts_drawn_once() -> Iterator[None]:
    """For many pages that differ in something else: a chart that was drawn before is not drawn again."""
    draw, drawn = vl_convert.vegalite_to_svg, {}

    def draw_once(specification: dict[str, Any], **options: Any) -> str:
        key = json.dumps(specification)
        if key not in drawn:
            drawn[key] = draw(specification, **options)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "vegalite_to_svg", draw_once)
        yield
