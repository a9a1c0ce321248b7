"""Dagster's web server, with the compliance reports of the lake beside its own pages.

Here: starting it (``python -m defender_assets.serve.webserver``, with the options of ``dagster-webserver``). Not here:
the reports' addresses (``report_pages.py``), keeping it running (``supervisor.py``).
"""

import dagster_webserver.app as webserver_app
from dagster_webserver.cli import cli
from dagster_webserver.webserver import DagsterWebserver
from starlette.routing import BaseRoute

from .report_pages import report_routes


class WebserverWithReports(DagsterWebserver):  # type: ignore[type-arg]
    """Dagster's web server answers every address that it does not know with its own page, so the reports come first."""

    def build_routes(self) -> list[BaseRoute]:
        return [*report_routes(), *super().build_routes()]  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    # dagster-webserver takes no further routes: its command makes whatever bears the name of this class.
    webserver_app.DagsterWebserver = WebserverWithReports  # type: ignore[attr-defined]
    cli(auto_envvar_prefix="DAGSTER_WEBSERVER")
