"""The exact tables, row by row, against the contract written out in plain Python, over random small tenants."""

import pytest
from hypothesis import HealthCheck, given, settings

from . import oracle
from .strategies import tenants
from .tenant import Row, Tenant

KEYS = {
    "device_identity": ("device_id",),
    "patch_findings": oracle.KEY,
    "patch_compliance": ("device_id",),
    "agent_compliance": ("device_id",),
    "missing_updates": ("device_id", "update_id"),
    "software_versions": ("software_vendor", "software_name", "software_version"),
}


def _comparable(row: Row) -> Row:
    """Releases as numbers, as the oracle has them: 1.0 and 1.00 are one release."""
    newest = ("newest_release", "newest_engine", "newest_platform", "newest_intelligence")
    return row | {name: row[name] and tuple(int(part) for part in row[name].split(".")) for name in newest}


def _agrees(tenant: Tenant) -> None:
    found = tenant.derive(*KEYS)
    identity = oracle.device_identity(tenant.rows, tenant.as_of)
    findings = oracle.patch_findings(tenant.rows, tenant.as_of)
    expected = {
        "device_identity": list(identity.values()),
        "patch_findings": list(findings.values()),
        "patch_compliance": list(oracle.patch_compliance(tenant.rows, identity, findings, tenant.as_of).values()),
        "agent_compliance": list(oracle.agent_compliance(tenant.rows, identity, tenant.as_of).values()),
        "missing_updates": list(oracle.missing_updates(tenant.rows, identity, findings, tenant.as_of).values()),
        "software_versions": list(oracle.software_versions(tenant.rows, identity, tenant.as_of).values()),
    }
    found["agent_compliance"] = [_comparable(row) for row in found["agent_compliance"]]
    for table, key in KEYS.items():
        assert len(found[table]) == len(expected[table])
        rows = {tuple(row[column] for column in key): row for row in found[table]}
        differing = [
            (table, row[key[0]], column, rows[tuple(row[k] for k in key)][column], value)
            for row in expected[table]
            for column, value in row.items()
            if rows[tuple(row[k] for k in key)][column] != value
        ]
        assert not differing


@given(tenants())
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_row_is_what_the_contract_says(tenant: Tenant) -> None:
    _agrees(tenant)


@pytest.mark.slow
@given(tenants(max_machines=9, max_findings=20))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_row_of_many_tenants_is_what_the_contract_says(tenant: Tenant) -> None:
    _agrees(tenant)
