"""The operating systems of the fleet, as the machine list and as vulnerability management name them.

Here: names, builds, shares. Not here: which device has which (``fleet.py``).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """``os_platform`` is the name in the machine list, ``tvm_name`` the name in assessment rows. ``build`` is None
    where the machine list has none; ``unified_agent`` marks servers whose sensor is installed separately."""

    os_platform: str
    tvm_name: str
    family: str
    kind: str
    version: str
    build: int | None
    product: str
    unified_agent: bool = False

    @property
    def is_windows(self) -> bool:
        return self.family == "windows"


_CLIENT, _SERVER, _PHONE = "workstation", "server", "phone"

WINDOWS_11_24H2 = Platform("Windows11", "Windows11", "windows", _CLIENT, "24H2", 26100, "windows_11")
WINDOWS_11_23H2 = Platform("Windows11", "Windows11", "windows", _CLIENT, "23H2", 22631, "windows_11")
WINDOWS_10 = Platform("Windows10", "Windows10", "windows", _CLIENT, "22H2", 19045, "windows_10")
SERVER_2022 = Platform(
    "WindowsServer2022", "WindowsServer2022", "windows", _SERVER, "21H2", 20348, "windows_server_2022"
)
SERVER_2019 = Platform(
    "WindowsServer2019", "WindowsServer2019", "windows", _SERVER, "1809", 17763, "windows_server_2019"
)
SERVER_2016 = Platform(
    "WindowsServer2016", "WindowsServer2016", "windows", _SERVER, "1607", 14393, "windows_server_2016", True
)
SERVER_2012_R2 = Platform(
    "WindowsServer2012R2", "WindowsServer2012R2", "windows", _SERVER, "Other", 9600, "windows_server_2012_r2", True
)
MACOS = Platform("macOS", "macOS", "macos", _CLIENT, "15.6", None, "mac_os")
UBUNTU = Platform("Ubuntu", "Linux", "linux", _SERVER, "22.04", 6, "linux_kernel")
DEBIAN = Platform("Debian", "Linux", "linux", _SERVER, "12.9", None, "linux_kernel")
RED_HAT = Platform("RedHatEnterpriseLinux", "Linux", "linux", _SERVER, "9.5", None, "linux_kernel")
ANDROID = Platform("Android", "Android", "android", _PHONE, "14.0", None, "android")
IOS = Platform("iOS", "iOS", "ios", _PHONE, "18.1", None, "iphone_os")

PLATFORM_SHARES = (
    (WINDOWS_11_24H2, 0.33),
    (WINDOWS_11_23H2, 0.12),
    (WINDOWS_10, 0.20),
    (SERVER_2022, 0.07),
    (SERVER_2019, 0.06),
    (SERVER_2016, 0.02),
    (SERVER_2012_R2, 0.01),
    (MACOS, 0.08),
    (UBUNTU, 0.045),
    (RED_HAT, 0.03),
    (DEBIAN, 0.01),
    (ANDROID, 0.015),
    (IOS, 0.01),
)

VENDORS = {"Ubuntu": "ubuntu", "Debian": "debian", "RedHatEnterpriseLinux": "red_hat"}
"""Vulnerability management names a Linux package's vendor after the distribution."""
