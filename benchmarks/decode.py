"""How fast answers become Arrow tables: this project's decoder beside the usual way, on the same bytes in one run.

    python -m benchmarks.decode [--rows 50000] [--repeat 3] [--threads 2] [--seed 1]

The usual way is ``orjson.loads`` and ``pyarrow.Table.from_pylist``: no times parsed, names as they come. Rows a second
are those of one thread by its processor time, best of ``--repeat``; they depend on the machine, the ratio (ours to
usual) hardly does. ``fast path`` is the share of rows that took it; ``x threads`` how much faster ``--threads`` threads
get through the same number of blocks than one, by the clock on the wall.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import pyarrow as pa

from defender_assets.catalog import DATASETS
from defender_assets.decode import Decoder

Row = dict[str, Any]

_PRODUCTS = [
    ("microsoft", "edge_chromium-based"),
    ("google", "chrome"),
    ("adobe", "acrobat_reader_dc"),
    ("oracle", "jre"),
    ("canonical", "openssl_for_ubuntu_linux"),
]


def finding(chance: random.Random, number: int) -> Row:
    """A row of software_vulnerabilities as its JSON endpoint sends it: 24 members, about 1 kB."""
    vendor, product = chance.choice(_PRODUCTS)
    device = f"{chance.getrandbits(160):040x}"
    version = f"{chance.randint(1, 140)}.{chance.randint(0, 9)}.{chance.randint(0, 9999)}.{chance.randint(0, 99)}"
    cve = f"CVE-{chance.randint(2015, 2026)}-{chance.randint(1000, 50000)}"
    update = chance.randint(5_000_000, 5_099_999)

    def moment() -> str:
        return datetime.fromtimestamp(1_700_000_000 + chance.randint(0, 60_000_000), UTC).strftime("%Y-%m-%d %H:%M:%S")

    return {
        "id": f"{device}_{vendor}_{product}_{version}_{cve}",
        "deviceId": device,
        "rbacGroupId": chance.randint(0, 40),
        "rbacGroupName": f"Group {chance.randint(0, 40)}",
        "deviceName": f"host-{number:06}.corp.contoso.example",
        "osPlatform": "Windows11",
        "osVersion": "10.0.26100.4652",
        "osArchitecture": "x64",
        "softwareVendor": vendor,
        "softwareName": product,
        "softwareVersion": version,
        "cveId": cve,
        "vulnerabilitySeverityLevel": chance.choice(["Low", "Medium", "High", "Critical"]),
        "recommendedSecurityUpdate": "September 2025 Security Updates",
        "recommendedSecurityUpdateId": str(update),
        "recommendedSecurityUpdateUrl": f"https://catalog.update.microsoft.example/v7/site/Search.aspx?q=KB{update}",
        "recommendationReference": f"va-_-{vendor}-_-{product}",
        "exploitabilityLevel": chance.choice(["NoExploit", "ExploitIsPublic", "ExploitIsInKit"]),
        "cvssScore": chance.choice([7, 5.5, 9.8, 8]),
        "securityUpdateAvailable": chance.random() < 0.8,
        "diskPaths": [f"C:\\Program Files\\{vendor}\\{product}\\{version}\\app.exe"],
        "registryPaths": [f"HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{product}"],
        "firstSeenTimestamp": moment(),
        "lastSeenTimestamp": moment(),
    }


def machine(chance: random.Random, number: int) -> Row:
    """A row of machines: flat members, tags and network interfaces."""
    seen = datetime.fromtimestamp(1_759_000_000 + chance.randint(0, 600_000), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "id": f"{chance.getrandbits(160):040x}",
        "mergedIntoMachineId": None,
        "isPotentialDuplication": False,
        "isExcluded": False,
        "exclusionReason": None,
        "computerDnsName": f"host-{number:06}.corp.contoso.example",
        "firstSeen": f"{seen}.{chance.randint(0, 9_999_999):07}Z",
        "lastSeen": f"{seen}.{chance.randint(0, 999)}Z",
        "osPlatform": "Windows11",
        "osVersion": None,
        "osProcessor": "x64",
        "version": "24H2",
        "lastIpAddress": f"10.1.{chance.randint(0, 255)}.{chance.randint(1, 254)}",
        "lastExternalIpAddress": "203.0.113.7",
        "agentVersion": f"10.8760.26100.{chance.randint(1000, 4999)}",
        "osBuild": 26100,
        "healthStatus": "Active",
        "deviceValue": "Normal",
        "rbacGroupId": chance.randint(0, 40),
        "rbacGroupName": None,
        "riskScore": "None",
        "exposureLevel": "Medium",
        "isAadJoined": True,
        "aadDeviceId": None,
        "machineTags": ["", "tier-1"] if chance.random() < 0.2 else [],
        "onboardingStatus": "Onboarded",
        "osArchitecture": "64-bit",
        "managedBy": "Intune",
        "managedByStatus": "Success",
        "ipAddresses": [
            {
                "ipAddress": f"10.1.0.{host}",
                "macAddress": f"{chance.getrandbits(48):012X}",
                "type": "Ethernet",
                "operationalStatus": "Up",
            }
            for host in range(3)
        ],
        "vmMetadata": None,
    }


def as_page(rows: list[Row]) -> bytes:
    return orjson.dumps(
        {
            "@odata.context": "https://api.example.com/$metadata",
            "value": rows,
            "@odata.nextLink": "https://next.example.com",
        }
    )


def as_file(rows: list[Row]) -> bytes:
    """As export files have it: PascalCase with irregular capitals, members without a value left out."""
    names = {name: "OS" + name[2:] if name.startswith("os") else name[0].upper() + name[1:] for name in rows[0]}
    lines = ({names[name]: value for name, value in row.items() if value is not None} for row in rows)
    return b"\n".join(map(orjson.dumps, lines)) + b"\n"


@dataclass(frozen=True)
class Case:
    """The same rows for both ways; ``body`` is a page, or a file if ``is_file``."""

    name: str
    dataset: str
    body: bytes
    rows: int
    is_file: bool = False


def cases(count: int, chance: random.Random) -> Iterator[Case]:
    findings = [finding(chance, number) for number in range(count)]
    yield Case("findings, page", "software_vulnerabilities", as_page(findings), count)
    yield Case("findings, export file", "software_vulnerabilities", as_file(findings), count, is_file=True)
    added = [{**row, "newMember": "2025-10-06", "newScore": number % 7} for number, row in enumerate(findings)]
    yield Case("findings, 2 new members", "software_vulnerabilities", as_page(added), count)
    drifted = [{**row, "cvssScore": str(row["cvssScore"])} for row in findings]
    yield Case("findings, a type changed", "software_vulnerabilities", as_page(drifted), count)
    machines = [machine(chance, number) for number in range(count // 5)]
    yield Case("machines, page", "machines", as_page(machines), len(machines))


def best_of(repeat: int, *works: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> list[float]:
    """The best time of each by the clock, taking turns so that what else the machine does hits all alike."""
    best = [float("inf")] * len(works)
    for _ in range(repeat):
        for at, work in enumerate(works):
            begin = clock()
            work()
            best[at] = min(best[at], clock() - begin)
    return best


def usual_way(case: Case) -> pa.Table:
    if case.is_file:
        return pa.Table.from_pylist([orjson.loads(line) for line in case.body.splitlines()])
    return pa.Table.from_pylist(orjson.loads(case.body)["value"])


def our_way(case: Case, decoder: Decoder) -> pa.Table:
    return decoder.lines(case.body) if case.is_file else decoder.page(case.body).table


def side_by_side(case: Case, decoder: Decoder, threads: int) -> None:
    """Twice as many blocks as threads, decoded by all of them."""
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(our_way, case, decoder) for _ in range(2 * threads)]:
            done.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000, help="rows of a block (a page of the service has 50,000)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="for the last column")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()

    print(f"{chosen.rows:,} rows, best of {chosen.repeat}, seed {chosen.seed}, pyarrow {pa.__version__}")
    print(f"{'case':26}{'MB':>6}{'usual rows/s':>14}{'our rows/s':>12}{'ratio':>7}{'fast path':>11}{'x threads':>11}")
    for case in cases(chosen.rows, random.Random(chosen.seed)):
        decoder = Decoder(DATASETS[case.dataset], observed_at=datetime(2025, 10, 6, tzinfo=UTC))
        alone = partial(our_way, case, decoder)
        ours, usual = best_of(chosen.repeat, alone, partial(usual_way, case))
        together = partial(side_by_side, case, decoder, chosen.threads)
        wall, threaded = best_of(chosen.repeat, alone, together, clock=time.perf_counter)
        counts = decoder.counts
        fast = 1 - counts.tolerant_rows / counts.rows
        print(
            f"{case.name:26}{len(case.body) / 1e6:6.1f}{case.rows / usual:14,.0f}{case.rows / ours:12,.0f}"
            f"{usual / ours:7.2f}{fast:11.0%}{wall * 2 * chosen.threads / threaded:11.2f}"
        )


if __name__ == "__main__":
    main()
