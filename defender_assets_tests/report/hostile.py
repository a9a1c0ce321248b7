"""A tenant whose devices, groups, products and controls all have names that try to inject something."""

from defender_assets.lake import Lake
from defender_assets.report import Report

from .fleet import DAY, Fleet, reported

NAMES = [
    "<script>alert(1)</script>",
    '"></svg><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}",
    "{{ 7 * 7 }}{% raw %}",
    "datum.value || alert(1)",
    "']; alert(1); //",
    "&lt;b&gt;",
    "\x00\x1b[31mred\x07\r\nsecond line\tthird",
    "\u202egnp.exe\u2066 turned",
    "x" * 5_000,
    "\ud83d\ude00 \u0627\u0644\u062c\u0647\u0627\u0632 日本".encode("utf-16", "surrogatepass").decode("utf-16"),
    "   ",
    "null",
]


def hostile_report(lake: Lake) -> Report:
    fleet = Fleet()
    for number, name in enumerate(NAMES):
        device = f"device-{number}"
        fleet.device(device, name, group=name)
        fleet.finding(device, f"CVE-2026-{number:04}", "Critical", overdue=number + 1, vendor=name, product=name)
        fleet.finding(device, name[:200], "High", overdue=3, product=f"{name[:40]}!")
        fleet.known_exploited(f"CVE-2026-{number:04}", DAY, name)
        fleet.control(device, f"scid-{number}", False, name)
        fleet.antivirus(device, mode=name[:100])
        fleet.device(f"gone-{number}", name, silent=60, os_platform=name, onboarding_status=name)
        fleet.device(f"odd-{number}", name, platform=name, agent=name)
    fleet.into(lake)
    return reported(lake)
