"""The members of both lists with their types, for peers that want a schema; runs in the environments of these.

Here: names and types, as a JSON schema and as an Arrow schema. Not here: rows (``benchmarks/service/rows.py``).
"""

from typing import Any

import pyarrow as pa

_MEMBERS = {
    "software_vulnerabilities": (
        "id deviceId rbacGroupId rbacGroupName deviceName osPlatform osVersion osArchitecture softwareVendor "
        "softwareName softwareVersion cveId vulnerabilitySeverityLevel recommendedSecurityUpdate "
        "recommendedSecurityUpdateId recommendedSecurityUpdateUrl recommendationReference exploitabilityLevel "
        "cvssScore securityUpdateAvailable diskPaths registryPaths firstSeenTimestamp lastSeenTimestamp"
    ),
    "machines": (
        "id mergedIntoMachineId isPotentialDuplication isExcluded exclusionReason computerDnsName firstSeen lastSeen "
        "osPlatform osVersion osProcessor version lastIpAddress lastExternalIpAddress agentVersion osBuild "
        "healthStatus deviceValue rbacGroupId rbacGroupName riskScore exposureLevel isAadJoined aadDeviceId "
        "machineTags onboardingStatus osArchitecture managedBy managedByStatus ipAddresses vmMetadata"
    ),
}
"""In the order of the service, which is the fastest to read."""

_INTERFACE = pa.struct([(name, pa.string()) for name in ("ipAddress", "macAddress", "type", "operationalStatus")])
_OTHER_THAN_TEXT = {
    "rbacGroupId": pa.int64(),
    "cvssScore": pa.float64(),
    "securityUpdateAvailable": pa.bool_(),
    "diskPaths": pa.list_(pa.string()),
    "registryPaths": pa.list_(pa.string()),
    "isPotentialDuplication": pa.bool_(),
    "isExcluded": pa.bool_(),
    "osBuild": pa.int64(),
    "isAadJoined": pa.bool_(),
    "machineTags": pa.list_(pa.string()),
    "ipAddresses": pa.list_(_INTERFACE),
}


def arrow_schema(table: str) -> pa.Schema:
    return pa.schema([(name, _OTHER_THAN_TEXT.get(name, pa.string())) for name in _MEMBERS[table].split()])


def json_schema(table: str) -> dict[str, Any]:
    return {"type": "object", "properties": {field.name: _json_type(field.type) for field in arrow_schema(table)}}


def _json_type(type_: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(type_):
        return {"type": ["null", "array"], "items": _json_type(type_.value_type)}
    if pa.types.is_struct(type_):
        return {"type": ["null", "object"], "properties": {field.name: _json_type(field.type) for field in type_}}
    name = {pa.string(): "string", pa.int64(): "integer", pa.float64(): "number", pa.bool_(): "boolean"}[type_]
    return {"type": ["null", name]}
