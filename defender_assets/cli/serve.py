"""``defender-assets serve``: Dagster on this machine for good.

Here: options, and what is printed. Not here: the work (``serve/``).
"""

import logging
from pathlib import Path

import click

from .checked_settings import checked_settings
from .console import print_error, print_line, print_warnings
from .errors import guarded
from .lifetime import stays
from .log_lines import log_if_for_programs

HOST, PORT = "127.0.0.1", 3000
"""Where the UI listens unless it is told otherwise: Dagster's own port, on this machine alone."""


@click.command()
@click.option("--host", default=HOST, show_default=True, help="Address to listen on. The UI has no login.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65_535), help="Port of the UI.")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Where the history is kept; by default DAGSTER_HOME, else .dagster in this folder.",
)
@click.option(
    "--read-only", is_flag=True, help="The UI shows everything, and nobody can start or change anything in it."
)
@guarded
def serve(host: str, port: int, home: Path | None, read_only: bool) -> None:
    """Run Dagster on this machine for good: schedules, sensors and the UI, until Ctrl-C or SIGTERM."""
    from ..settings import DagsterHome, SettingsError, connection, dagster_home

    log_if_for_programs()
    settings = checked_settings(tenant=None)
    # Wrong settings are reported at once, before Dagster is loaded.
    from ..serve import ListenAddress, keep_serving

    if settings.tenants is None:
        try:
            connection(settings)
        except SettingsError as error:
            # The UI shows the lake without them.
            print_warnings([f"nothing can be fetched yet: {error}"])
    chosen = dagster_home() if home is None else DagsterHome(home.expanduser().absolute(), "--home")
    address = ListenAddress(host, port)
    if not address.is_local:
        what = "has no login" + ("" if read_only else "; --read-only lets nobody start or change anything")
        print_warnings([f"--host {host} may be reached from other machines, and the UI {what}."])
    log_supervision(logging.INFO, as_text=settings.log_format == "text")

    def is_starting() -> None:
        print_error("Starting Dagster; Ctrl-C ends it …", level=logging.INFO)

    def is_ready() -> None:
        print_line(f"The UI is at {address.url}")

    stays()
    keep_serving(
        chosen.folder,
        named=chosen.named,
        address=address,
        on_start=is_starting,
        on_ready=is_ready,
        read_only=read_only,
        log_format=settings.log_format,
    )


def log_supervision(level: int, *, as_text: bool = True) -> None:
    """Lets the supervisor say on standard error which processes it starts and which have ended."""
    if as_text:
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("defender_assets.serve").setLevel(level)
