"""``python -m defender_assets.simulator``: serves a simulated tenant in the foreground until SIGTERM or SIGINT.

Here: arguments, the ready file, signals. Not here: the server (``wire/server.py``).
"""

import argparse
import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from . import SimulatedTenant, Simulator, SimulatorError, TenantShape
from .tenant.shape import MOST_DEVICES


def main(arguments: list[str] | None = None) -> int:
    """Serves until a signal arrives. Writes the settings as JSON to the ready file (mode 0600) or, without one, to
    standard output. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m defender_assets.simulator", description=__doc__)
    parser.add_argument("--machines", type=int, default=200, help=f"devices, 1 to {MOST_DEVICES:,} (default 200)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same tenant (default 7)")
    parser.add_argument(
        "--as-of",
        type=datetime.fromisoformat,
        metavar="TIME",
        help="begin then; time goes on only when told to",
    )
    parser.add_argument(
        "--as-documented",
        action="store_true",
        help="leave out what the real service does but does not document: additional members, and changes of devices "
        "that have left",
    )
    parser.add_argument(
        "--until-input-ends",
        action="store_true",
        help="stop when standard input closes, that is when the process that started this has ended",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--enforce-quotas", action="store_true", help="answer 429 over the documented quotas")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="before every answer of the API")
    parser.add_argument("--prepare", action="store_true", help="render export files before listening is announced")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="gets the settings as JSON when it listens")
    options = parser.parse_args(arguments)
    try:
        tenant = SimulatedTenant(
            TenantShape(
                machines=options.machines,
                seed=options.seed,
                as_of=options.as_of or datetime.now(UTC),
                as_documented=options.as_documented,
            )
        )
    except ValueError as error:
        parser.error(str(error))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.until_input_ends:
        threading.Thread(target=_set_when_input_ends, args=(stop,), daemon=True).start()
    try:
        with Simulator(
            tenant,
            host=options.host,
            port=options.port,
            enforce_quotas=options.enforce_quotas,
            latency=options.latency,
            follows_clock=options.as_of is None,
        ) as simulator:
            if options.prepare:
                simulator.prepare()
            _announce(simulator, options.ready_file)
            stop.wait()
    except SimulatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
    return 0


def _set_when_input_ends(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()


def _announce(simulator: Simulator, ready_file: Path | None) -> None:
    text = json.dumps(simulator.settings, indent=2) + "\n"
    if ready_file is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # A process that waits for the file must never see half of it, and no other user may read the secret.
    draft = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(ready_file)


if __name__ == "__main__":
    sys.exit(main())
