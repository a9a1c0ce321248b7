"""Which machine record is meant by an id or a name.

Here: looking it up in a day's ``device_identity``. Not here: which record stands for a device, which the table says.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from ..lake import Lake
from ..lake.scoped_fleet import left_out_devices
from ..sanitize import redacted
from ..scope.left_out import SCOPE
from ..spelling import near_names
from .errors import AmbiguousDevice, UnknownDevice
from .model import Record

_IDENTITY = "device_identity"
_COLUMNS = list(Record.__dataclass_fields__)
_NEAR_NAMES = 3
_MOST_COMPARED = 20_000


def records_of(lake: Lake, day: date, device: str) -> tuple[Record, tuple[Record, ...]]:
    """(the record to explain, every record of its device or of that name).

    An id means that very record, whatever became of it. A name (whatever its case) means the record that stands for the
    device; without the domain it is the name of each device that has it, unless one is called just that.

    Raises UnknownDevice, with names that are near, and AmbiguousDevice.
    """
    # What is no text (a name in another encoding than the terminal's) is the name of nothing.
    asked = device.strip().encode(errors="replace").decode()
    if by_id := _where(lake, day, pads.field("device_id") == asked):
        (record,) = by_id[:1]
        return record, _with_others(lake, day, [record])
    name = pc.utf8_lower(pads.field("device_name"))
    named = _where(lake, day, name == asked.lower())
    if not named and asked and "." not in asked:
        named = _where(lake, day, pc.starts_with(name, f"{asked.lower()}."))
    if not named:
        raise UnknownDevice(_unknown(lake, day, asked))
    every = _with_others(lake, day, named)
    standing = [record for record in every if record.device_id in {other.primary_device_id for other in named}]
    # Where the record that stands for a device is not listed, one that points to it has to do.
    standing = standing or named[:1]
    # Of a device that is not judged and one that is, people mean the one that is.
    judged = [record for record in standing if record.population == "eligible"] or standing
    if len(judged) > 1:
        ids = ", ".join(redacted(record.device_id) for record in judged)
        raise AmbiguousDevice(
            f"{redacted(asked)} is the name of {len(judged)} devices on {day}: {ids}. Ask for one of them by its id."
        )
    return judged[0], every


def _where(lake: Lake, day: date, condition: pads.Expression) -> list[Record]:
    rows = lake.matching(_IDENTITY, day, condition, _COLUMNS).to_pylist()
    return sorted((Record(**row) for row in rows), key=lambda record: record.device_id)


def _with_others(lake: Lake, day: date, records: Sequence[Record]) -> tuple[Record, ...]:
    """These records and all others of their devices."""
    primaries = sorted({record.primary_device_id for record in records})
    of_devices = _where(lake, day, pads.field("primary_device_id").isin(primaries))
    listed = _where(lake, day, pads.field("device_id").isin(primaries))
    found = {record.device_id: record for record in (*records, *of_devices, *listed)}
    # The record that stands for the device first.
    return tuple(sorted(found.values(), key=lambda record: (record.device_id not in primaries, record.device_id)))


def _unknown(lake: Lake, day: date, asked: str) -> str:
    near = _near_names(lake, day, asked)
    hint = f" Near names: {', '.join(redacted(name) for name in near)}." if near else ""
    return f"No device of {day} has the id or the name {redacted(asked)!r}.{hint}{_out_of_scope(lake, day, asked)}"


def _out_of_scope(lake: Lake, day: date, asked: str) -> str:
    """What a scope has to do with it: of the devices out of it the ids are known, not the names."""
    scope = lake.metadata(_IDENTITY, day).get(SCOPE)
    if not scope:
        return ""
    outside = left_out_devices(lake, day)
    if outside is not None and pc.is_in(pa.array([asked]), value_set=outside)[0].as_py():
        return f" It is out of the scope: {redacted(scope)}."
    return f" The lake holds a part of the tenant: {redacted(scope)}; a device out of it cannot be explained."


def _near_names(lake: Lake, day: date, asked: str) -> list[str]:
    """Names that a person may have meant. Only those that begin alike are compared: comparing takes time, and a fleet
    has hundreds of thousands."""
    wanted = asked.lower()
    name = pc.utf8_lower(pads.field("device_name"))
    condition = pc.starts_with(name, wanted[:1]) | pc.match_substring(name, wanted)
    names = _distinct(lake.matching(_IDENTITY, day, condition, ["device_name"])["device_name"].to_pylist())
    # The part before the first dot is what people know by heart.
    hosts = {name.lower().partition(".")[0]: name for name in names} | {name.lower(): name for name in names}
    close = near_names(wanted, hosts)
    containing = [name for name in names if wanted in name.lower()]
    return _distinct([*(hosts[key] for key in close), *containing])[:_NEAR_NAMES]


def _distinct(names: Iterable[str | None]) -> list[str]:
    """Each name once, whatever its case."""
    return list({name.lower(): name for name in names if name}.values())[:_MOST_COMPARED]
