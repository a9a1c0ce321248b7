"""Faults in random company; more of them by ``make faults``."""

import pytest

from .company import try_composition
from .law import FaultyTenant

COMPOSITIONS = 200
QUICK = 60


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=() if seed < QUICK else pytest.mark.slow) for seed in range(COMPOSITIONS)]
)
def test_the_law_holds_under_faults_in_random_company(seed, tenant: FaultyTenant, tmp_path):
    try_composition(seed, tenant, tmp_path)
