"""The software products that devices have, with their versions.

Here: the dimension table of products. Not here: their vulnerabilities (``cves.py``) and which device has which
(``installed_software.py``). Names and versions are written as vulnerability management writes them: lower case,
underscores, vendor apart, distribution packages under the distribution as vendor.
"""

from dataclasses import dataclass
from random import Random

from .product_lists import LINUX_PACKAGES, OPERATING_SYSTEMS, WINDOWS_AND_MAC_PRODUCTS
from .randomness import rng_for

WINDOWS, SERVERS, MACS = "windows workstation", "windows server", "macos workstation"
ANDROIDS, IPHONES = "android phone", "ios phone"
UBUNTUS, DEBIANS, RED_HATS = "Ubuntu", "Debian", "RedHatEnterpriseLinux"


@dataclass(frozen=True)
class SoftwareVersion:
    """One version of a product; ``lag`` counts versions behind the newest. ``number`` identifies it in the tenant."""

    number: int
    text: str
    lag: int
    support: str
    support_ends_days: int | None


@dataclass(frozen=True)
class SoftwareProduct:
    """``upstream`` names the source whose CVEs the product shares with others; ``spread`` is the mean number of CVEs
    that a new version fixes (0: none are ever found). ``where`` maps kinds of device to the share that has it; of
    the ``rare`` ones each device has a few, chosen at random."""

    number: int
    vendor: str | None
    name: str
    category: str
    upstream: str
    spread: float
    where: dict[str, float]
    versions: tuple[SoftwareVersion, ...]
    disk_paths: tuple[str, ...]
    registry_paths: tuple[str, ...]
    step_days: int
    rare: bool = False

    @property
    def id(self) -> str:
        return f"{self.vendor or ''}-_-{self.name}"


_KINDS = {"w": WINDOWS, "s": SERVERS, "m": MACS, "a": ANDROIDS, "i": IPHONES}
_VERSIONS = 8
_DISTRIBUTIONS = (("ubuntu", UBUNTUS), ("debian", DEBIANS), ("red_hat", RED_HATS))
# Support that has ended or is about to: by product, from which lag on, and days until (negative: since) the end.
_END_OF_SUPPORT = {
    "windows_10": ("EOS Software", 0, -40),
    "windows_server_2012_r2": ("EOS Software", 0, -700),
    "windows_server_2016": ("Upcoming EOS Software", 0, 60),
    # The service still calls it upcoming, with a date that is over.
    "notepad++": ("Upcoming EOS Version", 4, -100),
    "paint_3d": ("EOS Software", 0, -20),
    ".net": ("EOS Version", 5, -90),
    "python": ("EOS Version", 5, -400),
    "jre": ("EOS Version", 6, -30),
    "firefox": ("Upcoming EOS Version", 4, 25),
    "node.js": ("EOS Version", 4, -120),
    "openssl": ("EOS Version", 5, -300),
}


def operating_systems(products: tuple[SoftwareProduct, ...]) -> dict[str, SoftwareProduct]:
    """The products that are an operating system, by name."""
    return {product.name: product for product in products if product.category == "Operating system"}


class ProductCatalog:
    """Builds the products of a tenant; larger fleets have a longer tail of rare ones."""

    def __init__(self, seed: int, machines: int) -> None:
        self.seed = seed
        self._next_version = 0
        self._products: list[SoftwareProduct] = []
        for line in OPERATING_SYSTEMS.splitlines():
            vendor, name, spread, form, kind = line.split("|")
            self._add(vendor, name, "Operating system", float(spread), form, {_KINDS[kind]: 0.0}, 30)
        for vendor, distribution in _DISTRIBUTIONS:
            form = "rpm" if vendor == "red_hat" else "deb"
            self._add(vendor, "linux_kernel", "Operating system", 5, form, {distribution: 0.0}, 25)
        for line in WINDOWS_AND_MAC_PRODUCTS.splitlines():
            vendor, name, category, spread, form, shares = line.split("|")
            where = {_KINDS[part[0]]: float(part[1:]) for part in shares.split()}
            self._add(vendor or None, name.replace("\\0", "\0"), category, float(spread), form, where, 28)
        for package in LINUX_PACKAGES.split():
            name, _, spread = package.partition("|")
            self._add_package(name, float(spread))
        for number in range(min(1_200, machines // 25)):
            self._add_rare(number)
        self.products = tuple(self._products)

    def _add_package(self, name: str, spread: float) -> None:
        rng = rng_for(self.seed, "package", name)
        common = rng.random() < 0.4
        for vendor, distribution in _DISTRIBUTIONS:
            fraction_of_devices = 0.97 if common else 0.15 + 0.5 * rng.random()
            form = "rpm" if vendor == "red_hat" else "deb"
            self._add(vendor, name, "Package", spread, form, {distribution: fraction_of_devices}, 40)

    def _add_rare(self, number: int) -> None:
        rng = rng_for(self.seed, "rare product", number)
        kinds = (WINDOWS, SERVERS, MACS)
        where = {kind: 0.0 for kind in kinds if rng.random() < 0.6}
        spread = round(rng.random(), 2) if rng.random() < 0.5 else 0.0
        self._add(f"vendor_{number // 3}", f"tool_{number}", "Business", spread, "semver", where, 60, rare=True)

    def _add(
        self,
        vendor: str | None,
        name: str,
        category: str,
        spread: float,
        form: str,
        where: dict[str, float],
        step_days: int,
        *,
        rare: bool = False,
    ) -> None:
        rng = rng_for(self.seed, "product", vendor, name)
        disk, registry = _paths(name, where)
        texts = _version_texts(form, rng)
        support, from_lag, ends = _END_OF_SUPPORT.get(name, ("None", 99, None))
        versions = []
        for lag, text in enumerate(texts):
            ended = lag >= from_lag and category != "Package"
            versions.append(
                SoftwareVersion(self._next_version, text, lag, support if ended else "None", ends if ended else None)
            )
            self._next_version += 1
        self._products.append(
            SoftwareProduct(
                number=len(self._products),
                vendor=vendor,
                name=name,
                category=category,
                # Windows editions share most CVEs, Edge is built on Chrome, distributions ship the same sources.
                upstream="windows" if form.startswith("windows") else _UPSTREAMS.get(name, name),
                spread=spread,
                where=where,
                versions=tuple(versions),
                disk_paths=disk,
                registry_paths=registry,
                step_days=step_days,
                rare=rare,
            )
        )


_UPSTREAMS = {
    "edge_chromium-based": "chrome",
    "android_system_webview": "chrome",
    "asp.net_core": ".net",
    "python3": "python",
}


def _paths(name: str, where: dict[str, float]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    file = name.rstrip("\0").replace("<", "_").replace(">", "_").replace("/", "_")
    if WINDOWS in where or SERVERS in where:
        uninstall = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\"
        return (f"C:\\Program Files\\{file}\\{file}.exe",), (uninstall + file,) if len(name) % 3 else ()
    if MACS in where:
        return (f"/Applications/{file}.app",), ()
    if UBUNTUS in where or DEBIANS in where or RED_HATS in where:
        return (f"/usr/lib/{file}", f"/usr/share/doc/{file}") if len(name) % 4 == 0 else (), ()
    return (), ()


def _version_texts(form: str, rng: Random) -> list[str]:
    """Versions newest first, in the vendor's form."""
    a, b, c = 2 + int(rng.random() * 20), int(rng.random() * 40), int(rng.random() * 900)
    form, _, detail = form.partition(":")
    texts = []
    for lag in range(_VERSIONS):
        left = _VERSIONS - lag
        match form:
            case "windows":
                texts.append(f"10.0.{detail}.{3000 + 97 * left + c % 50}")
            case "macos":
                texts.append(f"15.{left - 1}.{left % 3}.0")
            case "browser":
                texts.append(f"{134 + left}.0.{6800 + 60 * left}.{90 + c % 80}")
            case "office":
                texts.append(f"16.0.{17000 + 200 * left}.{20100 + c % 200}")
            case "calendar":
                texts.append(f"25.{left:03d}.{20300 + c % 300}.0")
            case "calendar2":
                texts.append(f"2{left // 2 + 1}.{left % 10:02d}")
            case "dotnet":
                texts.append(f"{8 + left // 4}.0.{6 + left}.{33000 + c}")
            case "java":
                texts.append(f"8.0.{300 + 11 * left}.{c % 10}")
            case "openssl":
                texts.append(f"3.{left % 4}.{left}" if left > 3 else f"1.1.1{'tuvw'[left]}")
            case "build":
                texts.append(f"{15 + a % 17}.0.{4000 + 11 * left}.{left}")
            case "deb":
                texts.append(f"1:{a}.{b}-0ubuntu{left}+esm{1 + c % 4}")
            case "rpm":
                texts.append(f"0:{a}.{b}.{c % 10}-{10 + left}.el9_{left % 6}")
            case "four":
                texts.append(f"{a}.{b}.{1000 + 40 * left}.{left * 3}")
            case _:
                texts.append(f"{a}.{b + left}.{c % 10}")
    return texts
