"""Faults in random company: one to four of them at random requests of one refresh, and the law as the only assertion.

``python -m defender_assets_tests.faults.company COUNT --first SEED`` tries as many compositions. A seed stands for one
composition, the same each time. ``make faults`` runs it.

Faults that nobody could detect are not among them, because they are the truth as far as anybody outside can see:

- a fault that is the same with every request (a list that always ends early, a row that is never there), unless it
  contradicts itself from page to page;
- the first page of the first reading by cursor that ends early: one call, and nothing to compare it with (``CAPS``);
- rows of another content in the only answer that has them, or one user less in the only answer about a device;
- two faults that lose the same rows from the two independent readings of them: so at most one fault of a composition is
  of those that look like an honest answer (``PLAUSIBLE``).
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from defender_assets.catalog import CursorPages, Dataset
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from .kinds import BODIES, CAPS, ENDS, FILES, LINKS, LISTS_OF_FILES, ORDERS, TRANSPORT, Kinds
from .law import TABLES, FaultyTenant, Strike, faulty_tenant, in_pages, strike

MACHINES = 24
"""Of the tenant in this room."""
PLAUSIBLE = frozenset(
    {"page_empty", "not_found", "rows_dropped", "cut_closed", "silent_cap", "page_short", "page_larger"}
    | {"link_missing", "link_null", "link_blank", "part_empty", "part_missing", "no_files"}
    | set(ORDERS)
)


@dataclass(frozen=True)
class Mode:
    """A way to read a table: page sizes to choose from, and the faults that can hit it, by where they hit."""

    table: Dataset
    sizes: tuple[int, ...]
    faults: Mapping[str, Kinds]
    export_files: str = "never"


def _list(name: str, *sizes: int) -> Mode:
    return Mode(TABLES[name], sizes, {name: {**TRANSPORT, **BODIES, **ENDS, **CAPS, **ORDERS, "link_other_list": {}}})


def _cursor(name: str, *sizes: int) -> Mode:
    return Mode(TABLES[name], sizes, {name: {**TRANSPORT, **BODIES, **ENDS, **CAPS, **LINKS}})


def _files(name: str) -> Mode:
    of_list = {**TRANSPORT, **LISTS_OF_FILES}
    return Mode(TABLES[name], (50_000,), {name: of_list, "storage": {**TRANSPORT, **FILES}}, "always")


ONE_PAGE = 10_000
_ONE_PAGE_FAULTS = {**TRANSPORT, **BODIES}
MODES = (
    Mode(TABLES["machines"], (ONE_PAGE,), {"machines": _ONE_PAGE_FAULTS}),
    Mode(TABLES["software_inventory"], (ONE_PAGE,), {"software_inventory": _ONE_PAGE_FAULTS}),
    _list("machines", 4, 6, 11),
    _list("av_health", 4, 7),
    _list("software", 30, 90),
    _list("vulnerabilities", 170, 300),
    _list("alerts", 4, 7),
    _cursor("software_inventory", 130, 200),
    _cursor("secure_configuration", 90, 140),
    _cursor("software_vulnerabilities", 150),
    _cursor("software_vulnerability_changes", 60, 90),
    _files("software_inventory"),
    _files("software_vulnerabilities"),
    _files("secure_configuration"),
    _files("information_gathering"),
    _files("hardware_firmware"),
    _list("recommendations", 20, 50),
    Mode(TABLES["exposure_score"], (0,), {"exposure_score": _ONE_PAGE_FAULTS}),
    Mode(TABLES["exposure_score_by_group"], (0,), {"exposure_score_by_group": _ONE_PAGE_FAULTS}),
    Mode(TABLES["authenticated_scans"], (0,), {"authenticated_scans": _ONE_PAGE_FAULTS}),
    Mode(TABLES["machine_users"], (0,), {"machine_users": {**TRANSPORT, **BODIES}}),
)


@dataclass(frozen=True)
class Composition:
    """What a seed stands for."""

    seed: int
    mode: Mode
    size: int
    former: bool
    strikes: tuple[Strike, ...]

    def __str__(self) -> str:
        how = "in export files" if self.mode.export_files == "always" else f"in pages of {self.size}"
        former = "with a former partition" if self.former else "for the first time"
        return f"{self.mode.table.name} {how}, {former}: {'; '.join(map(str, self.strikes))}"


def composition(seed: int) -> Composition:
    """The composition of a seed."""
    chance = random.Random(seed)
    mode, former = chance.choice(MODES), chance.random() < 0.5
    by_cursor = isinstance(mode.table.fetch, CursorPages)
    strikes: list[Strike] = []
    for _ in range(chance.randint(1, 4)):
        dataset = chance.choice(sorted(mode.faults))
        had_plausible = any(fault.kind in PLAUSIBLE for fault in strikes)
        hidden = PLAUSIBLE if had_plausible else CAPS if by_cursor and not former else ()
        kinds = [kind for kind in mode.faults[dataset] if kind not in hidden]
        kind = chance.choice(kinds)
        how = {"after": chance.randint(0, 12), "times": 1, **mode.faults[dataset][kind]}
        if kind in TRANSPORT:
            how["times"] = chance.randint(1, 2)
        if "row" in how:
            how["row"] = chance.randint(0, 20)
        strikes.append(strike(kind, dataset, **how))
    return Composition(seed, mode, chance.choice(mode.sizes), former, tuple(strikes))


def try_composition(seed: int, tenant: FaultyTenant, folder: Path) -> str:
    """Refreshes under the composition and asserts the law; after a failure the next, healthy refresh must publish.
    Returns what became of it."""
    composed = composition(seed)
    table = in_pages(composed.mode.table, composed.size) if composed.size else composed.mode.table
    needed = ["machines"] if table.name == "machine_users" else []
    lake = tenant.lake(folder / f"lake-{seed}", *needed, *([table.name] if composed.former else []))
    how = {"export_files": composed.mode.export_files, "user_calls": 1_000}
    try:
        attempt = tenant.refresh(table, lake, *composed.strikes, **how)
        tenant.check_law(attempt)
        if not attempt.published:
            healthy = tenant.refresh(table, lake, **how)
            tenant.check_law(healthy)
            assert healthy.published, f"the next refresh, without faults: {healthy.told}"
    except AssertionError as broken:
        raise AssertionError(
            f"{broken}\n  with {composed}\n  again: python -m defender_assets_tests.faults.company 1 --first {seed}"
        ) from None
    return "published" if attempt.published else type(attempt.error).__name__


def served(folder: Path) -> Iterator[FaultyTenant]:
    """A tenant on the wire, for this room and for the command line."""
    shape = TenantShape(machines=MACHINES, alerts=450, as_of=datetime.now(UTC))
    with Simulator(SimulatedTenant(shape)) as simulator, faulty_tenant(simulator, folder) as tenant:
        yield tenant


def main() -> int:
    parser = argparse.ArgumentParser(description="Tries random compositions of faults; each must leave the law whole.")
    parser.add_argument("count", type=int, nargs="?", default=1_000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    options = parser.parse_args()
    became: Counter[str] = Counter()
    broken, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for tenant in served(Path(folder)):
            for seed in range(options.first, options.first + options.count):
                try:
                    became[try_composition(seed, tenant, Path(folder))] += 1
                except AssertionError as error:
                    broken += 1
                    sys.stdout.write(f"{error}\n")
                    sys.stdout.flush()
    took = time.monotonic() - began
    outcomes = ", ".join(f"{count} {name}" for name, count in became.most_common())
    sys.stdout.write(f"{options.count} compositions in {took:.0f} s: {outcomes}; the law broke {broken} times\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
