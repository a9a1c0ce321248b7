"""Rows of hardware and firmware per device.

Here: the model of each device with its BIOS and processor, and ``additionalFields``, which is JSON in a text. Not here:
which devices there are (``fleet.py``).
"""

from collections.abc import Iterator
from typing import Any

import orjson

from .device_assessment import DeviceAssessment, in_each_group
from .fleet import Device
from .formats import Row
from .installed_software import InstalledSoftware
from .randomness import rng_for, weighted_choice
from .state import Assessment

Model = tuple[str, str, str, dict[str, Any]]
"""Manufacturer, name, BIOS version, additional fields."""

_WORKSTATIONS: tuple[tuple[Model, float], ...] = (
    (
        (
            "lenovo",
            "thinkpad_t14_gen_5",
            "1.18",
            {"SystemSKU": "LENOVO_MT_21ML", "DeviceFamily": "ThinkPad T14 Gen 5", "BaseBoardProduct": "21MLS0A"},
        ),
        0.4,
    ),
    (
        (
            "dell",
            "latitude_5450",
            "1.9.1",
            {
                "SystemSKU": "0CB1",
                "BaseBoardManufacturer": "Dell Inc.",
                "BaseBoardProduct": "0M4R5K",
                "BaseBoardVersion": "A00",
                "DeviceFamily": "Latitude",
            },
        ),
        0.35,
    ),
    (
        ("microsoft", "surface_laptop_6", "16.102.143", {"SystemSKU": "Surface_Laptop_6", "DeviceFamily": "Surface"}),
        0.2,
    ),
    (("hp", "elitebook_840_g11", "W70 01.04", {"SystemSKU": "", "Chassis": {"type": 10, "lock": None}}), 0.05),
)
_SERVERS: tuple[tuple[Model, float], ...] = (
    (("vmware", "vmware_virtual_platform", "6.00", {"BaseBoardManufacturer": "Intel Corporation"}), 0.8),
    (("dell", "poweredge_r660", "2.1.5", {"SystemSKU": "SKU=0A6B;ModelName=PowerEdge R660", "Slots": 8}), 0.2),
)
_MACS: tuple[tuple[Model, float], ...] = ((("apple", "macbookpro18_3", "11881.1.1", {}), 1.0),)
_PROCESSORS = {
    "workstation": ("intel", "core_ultra_7_155u"),
    "server": ("intel", "xeon_gold_6430"),
    "macos": ("apple", "m3_pro"),
}


class Hardware(DeviceAssessment):
    """The hardware and firmware of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        if not self.software.is_assessed(device) or device.platform.kind == "phone":
            return
        rng = rng_for(self.software.shape.seed, "hardware", device.hardware)
        is_mac = device.platform.family == "macos"
        models = _MACS if is_mac else _SERVERS if device.platform.kind == "server" else _WORKSTATIONS
        manufacturer, model, bios, fields = weighted_choice(rng.random(), models)
        chip_maker, chip = _PROCESSORS["macos" if is_mac else device.platform.kind]
        more = orjson.dumps(fields).decode() if fields else ("", None)[device.number % 2]
        components = (
            ("Hardware", manufacturer, model, None, more),
            ("Bios", manufacturer, f"{model}_bios", bios, None),
            ("Processor", chip_maker, chip, None, '{"CoreCount":12, "DeviceFamily" : null}'),
        )
        names = ("componentType", "manufacturer", "componentName", "componentVersion", "additionalFields")
        yield from in_each_group(device, [dict(zip(names, row, strict=True)) for row in components], platform=False)
