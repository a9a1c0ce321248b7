"""A small measurement for every change: calls, bytes, peak memory and requests to an object store against a baseline.

    python -m benchmarks.guard          fails where a figure has grown
    python -m benchmarks.guard --keep   writes the baseline anew, to be reviewed as a diff

Here: which refreshes are measured, and when a figure has grown. Not here: seconds, which depend on the machine and on
what else it does (``make bench``).

Calls and bytes are counted by the service that was asked, not by the client.
"""

import argparse
import json
import ssl
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from defender_assets.demo.tenant import simulated_tenant
from defender_assets_tests.lake.stores import running

from .measure import FOLDER, PROGRAM, Measured, run, say, service

BASELINE = Path(__file__).with_name("baseline.json")

ALLOWED = {"calls": 1.0, "logins": 1.0, "bytes": 1.02, "peak MiB": 1.15, "requests": 1.05}
"""How many times its kept value a figure may have. Peak memory depends on how threads meet, and so does what two of
them ask an object store; bytes depend on the port."""
_WORTH_KEEPING = 0.9

_ROWS, _MACHINES, _TENANT, _SMALL_TENANT = 200_037, 20_037, 1_000, 20
_OF_EACH_KIND = "machines,software_vulnerabilities,alerts,kev,device_identity"
"""States, events of half a year, a public feed, and what is computed from tables."""

Figures = dict[str, int]


def grown(kept: Mapping[str, Figures], now: Mapping[str, Figures]) -> list[str]:
    """One sentence for each figure that is larger than it may be, and for each measurement that is not kept yet."""
    sentences = []
    for name, figures in now.items():
        for figure, value in figures.items():
            before = kept.get(name, {}).get(figure)
            if before is None:
                sentences.append(f"{name}: {figure} has no baseline (now {value:,}); write it with --keep")
            elif value > before * ALLOWED[figure.partition(" of ")[0]]:
                sentences.append(f"{name}: {figure} grew from {before:,} to {value:,}")
    return sentences


def shrunk(kept: Mapping[str, Figures], now: Mapping[str, Figures]) -> list[str]:
    """One sentence for each figure that is so much smaller that the baseline should be kept anew, lest it grow back."""
    return [
        f"{name}: {figure} fell from {kept[name][figure]:,} to {value:,}"
        for name, figures in now.items()
        for figure, value in figures.items()
        if value < kept.get(name, {}).get(figure, 0) * _WORTH_KEEPING
    ]


def measured() -> Iterator[tuple[str, Figures]]:
    """Each refresh by name, and its figures. The first reading of a table proves more than the later ones."""
    with service(rows=_ROWS, machines=_MACHINES, bodies=FOLDER) as settings, TemporaryDirectory() as folder:
        for name, table, files in (
            ("findings by pages", "software_vulnerabilities", "never"),
            ("findings by files", "software_vulnerabilities", "always"),
            ("machines", "machines", "never"),
        ):
            for reading in ("first", "second"):
                cost = _refresh(settings | {"DEFENDER_EXPORT_FILES": files}, Path(folder) / name, "--select", table)
                asked = _asked(settings, "/_asked")
                calls = sum(asked["calls"].values())
                yield f"{name}, {reading}", {"calls": calls, "bytes": asked["bytes"], "peak MiB": round(cost.mib)}
    with simulated_tenant(_TENANT, prepare_exports=True) as tenant, TemporaryDirectory() as folder:
        for reading in ("first", "second"):
            _asked(tenant.settings, "/_control/reset_counters")
            cost = _refresh(tenant.settings, Path(folder))
            counted = _asked(tenant.settings, "/_control/counters")["result"]
            calls = {f"calls of {family}": number for family, number in sorted(counted["calls"].items())}
            yield f"whole refresh, {reading}", calls | {"logins": counted["logins"], "peak MiB": round(cost.mib)}


def requests_to_a_store() -> Iterator[tuple[str, Figures]]:
    """A refresh of a small tenant into a lake on S3 (moto's server), of a table of each kind: the requests that the
    store is sent to read, list and write. They depend on tables and days, hardly on devices; how often it is asked
    whether an object is still the same (HEAD) depends on the time that has passed."""
    with (
        simulated_tenant(_SMALL_TENANT, prepare_exports=True) as tenant,
        TemporaryDirectory() as folder,
        running("s3", Path(folder)) as store,
    ):
        lake = {"DEFENDER_LAKE": store.url("lake"), **store.environment}
        before = store.requests()
        for reading in ("first", "second"):
            _refresh({**tenant.settings, **lake}, Path(folder), "--select", _OF_EACH_KIND)
            now = store.requests()
            yield f"lake on S3, {reading}", {f"requests of {kind}": now[kind] - before[kind] for kind in ("GET", "PUT")}
            before = now


def _refresh(settings: Mapping[str, str], folder: Path, *options: str) -> Measured:
    environment = {"DEFENDER_LAKE": str(folder / "lake"), "DEFENDER_BUDGET_FILE": str(folder / "budget.sqlite")}
    return run([PROGRAM, "refresh", *options], {**environment, **settings})


def _asked(settings: Mapping[str, str], path: str) -> dict:
    with httpx.Client(verify=ssl.create_default_context(cafile=settings["DEFENDER_CA_BUNDLE"])) as client:
        address = settings["DEFENDER_API_URL"] + path
        response = client.post(address, json={}) if path.startswith("/_control") else client.get(address)
        return response.raise_for_status().json() or {}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the baseline anew")
    options = parser.parse_args()
    now: dict[str, Figures] = {}
    for name, figures in chain(measured(), requests_to_a_store()):
        now[name] = figures
        say(f"{name}: " + ", ".join(f"{value:,} {figure}" for figure, value in figures.items()))
    if options.keep:
        BASELINE.write_text(json.dumps(now, indent=2) + "\n")
        return 0
    kept = json.loads(BASELINE.read_text())
    for sentence in shrunk(kept, now):
        say(f"better: {sentence}; keep it: python -m benchmarks.guard --keep")
    worse = grown(kept, now)
    for sentence in worse:
        say(f"worse: {sentence}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
