"""Rows of the browser extensions per device, and what their permissions mean.

Here: extensions, in the browsers that the inventory says the device has. Not here: which browsers those are
(``installed_software.py``). The service writes these rows in PascalCase, in pages and files alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from .device_assessment import DeviceAssessment, in_each_group
from .fleet import Device
from .formats import Row, file_member, iso_seconds
from .installed_software import InstalledSoftware
from .randomness import digest, rng_for
from .state import Assessment

_LEVELS = ("None", "Low", "Medium", "High", "Critical")


@dataclass(frozen=True)
class ExtensionPermission:
    """A permission that an extension may ask for."""

    id: str
    name: str
    description: str
    risk: str


PERMISSIONS = {
    permission.id: permission
    for permission in (
        ExtensionPermission("alarms", "alarms", "Schedules code to run later.", "None"),
        ExtensionPermission("storage", "storage", "Keeps data in the browser.", "Low"),
        ExtensionPermission("tabs", "tabs", "Sees the addresses and titles of all tabs.", "Medium"),
        ExtensionPermission("cookies", "cookies", "Reads and changes cookies.", "High"),
        ExtensionPermission("webRequest", "webRequest", "Sees what the browser requests.", "High"),
        ExtensionPermission("nativeMessaging", "nativeMessaging", "Talks to programs of the device.", "High"),
        ExtensionPermission("downloads", "downloads", "Starts and sees downloads.", "Medium"),
        ExtensionPermission("<all_urls>", "<all_urls>", "Reads and changes every page.", "Critical"),
    )
}


@dataclass(frozen=True)
class BrowserExtension:
    """An extension, with the share of browsers that have it; ``permissions`` maps each to whether it is required."""

    name: str
    vendor: str | None
    description: str | None
    versions: tuple[str, ...]
    permissions: tuple[tuple[str, bool], ...]
    share: float

    @property
    def id(self) -> str:
        """32 letters from a to p, as the stores make them."""
        return "".join(chr(ord("a") + (byte >> shift & 15)) for byte in digest(0, self.name) for shift in (4, 0))

    @property
    def risk(self) -> str:
        risks = [PERMISSIONS[name].risk for name, _ in self.permissions]
        return max(risks, key=_LEVELS.index, default="None")


EXTENSIONS = (
    BrowserExtension(
        "Password vault", "Contoso", "Fills in passwords.", ("5.4.1", "5.4.0", "5.2.9"),
        (("storage", True), ("tabs", True), ("nativeMessaging", True), ("<all_urls>", True)), 0.7,
    ),
    BrowserExtension(
        "Ad filter", "Fabrikam", "Takes advertisements out of pages.", ("1.62.0", "1.60.2"),
        (("webRequest", True), ("<all_urls>", True), ("storage", True), ("alarms", False)), 0.45,
    ),
    BrowserExtension(
        "Meeting notes", "Adatum", "Notes for meetings & calls\n(beta)", ("0.9.7",),
        (("storage", True), ("cookies", False)), 0.2,
    ),
    BrowserExtension("Dark pages", None, None, ("3.1", "3.0"), (("storage", True),), 0.3),
    BrowserExtension("Übersetzer <b>kostenlos</b>", "", "", ("2.0.0.1",), (("tabs", True), ("downloads", False)), 0.1),
    BrowserExtension("Clock", "Northwind", "A clock.", ("1.0",), (), 0.05),
)  # fmt: skip
_BROWSERS = {"chrome": "chrome", "edge_chromium-based": "edge", "firefox": "firefox"}


class BrowserExtensions(DeviceAssessment):
    """The browser extensions of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        if not self.software.is_assessed(device):
            return
        rng = rng_for(self.software.shape.seed, "extensions", device.number)
        installed = {product.name for product, _ in self.software.installed_on(device)}
        found = []
        for product, browser in _BROWSERS.items():
            for extension in EXTENSIONS:
                u, v, w = rng.random(), rng.random(), rng.random()
                # The first device has all of them, so that the smallest tenant has every oddity.
                if product in installed and (device.number == 0 or u < extension.share):
                    found.append(self._members(extension, browser, device, v, w))
        for row in in_each_group(device, found, platform=False):
            yield {file_member(name): value for name, value in row.items()}

    @staticmethod
    def _members(extension: BrowserExtension, browser: str, device: Device, u: float, v: float) -> Row:
        installed = device.first_seen + (device.last_seen - device.first_seen) * u
        at = f"{iso_seconds(installed + timedelta(hours=1))}.{int(v * 1000):03d}Z"
        row: Row = {
            "InstallationTime": at if v < 0.95 else None,
            "BrowserName": browser,
            "ExtensionId": extension.id,
            "ExtensionName": extension.name,
            "ExtensionDescription": extension.description,
            "ExtensionVersion": extension.versions[int(u * len(extension.versions))],
            "ExtensionRisk": extension.risk,
            "IsActivated": v < 0.9,
            "Permissions": [
                {"Id": name, "IsRequired": required, "Risk": PERMISSIONS[name].risk}
                for name, required in extension.permissions
            ],
        }
        if extension.vendor is not None:
            row["ExtensionVendor"] = extension.vendor
        return row
