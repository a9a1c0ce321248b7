"""``defender-assets refresh --tenant all``: every tenant, side by side, each in a process of its own.

Here: how many at a time, their lines with the tenant before them, and what became of each. Not here: the refresh of one
(``refresh.py``), the list of tenants (``settings/tenants.py``).

A process each: one that runs out of memory, or waits for a service that does not answer, takes nothing from the others,
and its memory is given back when it ends.
"""

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..quantity import quantity
from .console import print_error, print_line, says_log_lines
from .errors import OK

TENANTS_SIDE_BY_SIDE = 4
_GRACE_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.1


@dataclass
class _Refresh:
    """One tenant's process. ``told`` is the first line of what it printed to standard error that is a failure."""

    tenant: str
    process: "subprocess.Popen[str]"
    told: str = ""
    readers: list[threading.Thread] = field(default_factory=list)


def refresh_all(tenants: Sequence[str], options: Sequence[str], *, at_a_time: int = TENANTS_SIDE_BY_SIDE) -> bool:
    """Refreshes the tenants with these options of ``refresh`` and prints what they print; False if any of them failed.
    After a request to stop, those under way are stopped and no other is begun."""
    from ..refresh import stop_requested

    waiting, under_way = deque(tenants), list[_Refresh]()
    width = max(len(tenant) for tenant in tenants)
    failed: dict[str, str] = {}
    while (waiting or under_way) and not stop_requested():
        while waiting and len(under_way) < at_a_time:
            under_way.append(_begun(waiting.popleft(), options, width))
        for refresh in [each for each in under_way if each.process.poll() is not None]:
            under_way.remove(refresh)
            for reader in refresh.readers:
                reader.join()
            if refresh.process.returncode != OK:
                failed[refresh.tenant] = refresh.told or f"ended with exit code {refresh.process.returncode}"
        time.sleep(_LOOK_EVERY_SECONDS)
    if stop_requested():
        _stop(under_way)
        return False
    made = len(tenants) - len(failed)
    counts = f": {made} made, {len(failed)} failed" if failed else ""
    print_line(f"\n{quantity(len(tenants), 'tenant')}{counts}.", style="bold")
    for tenant, told in failed.items():
        print_error(f"FAILED  {tenant}: {told.removeprefix('FAILED').strip()}", style="red", indent=" " * 8)
    return not failed


def _begun(tenant: str, options: Sequence[str], width: int) -> _Refresh:
    command = [sys.executable, "-m", "defender_assets", "refresh", "--tenant", tenant, *options]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        # Ctrl-C in the terminal reaches this process, which stops the others in order.
        start_new_session=True,
    )
    refresh = _Refresh(tenant, process)
    refresh.readers = [
        threading.Thread(target=_pass_on, args=(refresh, is_error, width), daemon=True) for is_error in (False, True)
    ]
    for reader in refresh.readers:
        reader.start()
    return refresh


def _pass_on(refresh: _Refresh, is_error: bool, width: int) -> None:
    lines = refresh.process.stderr if is_error else refresh.process.stdout
    assert lines is not None
    for line in lines:
        if not (text := line.rstrip()):
            continue
        if says_log_lines():
            _pass_on_log_line(refresh, text)
            continue
        if is_error and not refresh.told and text.startswith(("FAILED", "defender-assets: ")):
            refresh.told = text.removeprefix("defender-assets: ")
        (print_error if is_error else print_line)(f"{refresh.tenant:<{width}}  {text}")


def _pass_on_log_line(refresh: _Refresh, text: str) -> None:
    """Lines of a log name their tenant themselves."""
    sys.stderr.write(f"{text}\n")
    with suppress(ValueError):
        line = json.loads(text)
        if not refresh.told and isinstance(line, dict) and line.get("level") == "error":
            refresh.told = str(line.get("why") or line.get("message", "")).removeprefix("defender-assets: ")


def _stop(under_way: Sequence[_Refresh]) -> None:
    for refresh in under_way:
        refresh.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for refresh in under_way:
        try:
            refresh.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            refresh.process.kill()
            refresh.process.wait()
