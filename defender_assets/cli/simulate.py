"""``defender-assets simulate``: a simulated tenant in the foreground.

Here: printing the settings that reach it. Not here: starting it (``demo/tenant.py``), the tenant (``simulator/``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from .console import print_line
from .errors import guarded
from .lifetime import stays


@click.command()
@click.option("--machines", default=200, show_default=True, type=click.IntRange(10, 100_000), help="Size of the fleet.")
@click.option("--port", default=0, type=click.IntRange(0, 65_535), help="Port of the API; any free one by default.")
@guarded
def simulate(machines: int, port: int) -> None:
    """Serve a simulated tenant in the foreground and print the settings that reach it."""
    from ..demo.tenant import simulated_tenant

    with simulated_tenant(machines, port=port) as tenant:
        print_line(
            f"A simulated tenant of {machines:,} machines is served until you press Ctrl-C. These settings reach it:\n"
        )
        for name, value in tenant.settings.items():
            print_line(f"export {name}={value}")
        stays()
        with until_interrupted():
            tenant.wait()


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Ctrl-C ends the block, not the program."""
    try:
        yield
    except KeyboardInterrupt:
        print_line("\nstopped")
