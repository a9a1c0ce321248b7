"""``defender-assets code-location``: the code server of a container.

Here: options. Not here: ``serve``, which runs everything on one machine (``cli/serve.py``).
"""

import click

from .errors import guarded
from .lifetime import stays
from .log_lines import log_if_for_programs


@click.command("code-location", hidden=True)
@click.option("--name", required=True, help="Name by which daemon and web server reach this container.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on. Dagster's protocol has no login."
)
@click.option("--port", default=4000, show_default=True, type=click.IntRange(1, 65_535), help="Port to listen on.")
@guarded
def code_location(name: str, host: str, port: int) -> None:
    """Serve the definitions to a daemon and a web server in other containers, and run what they launch."""
    settings = log_if_for_programs()
    from ..serve import serve_code_location

    stays()
    serve_code_location(name, host=host, port=port, log_format=settings.log_format)
