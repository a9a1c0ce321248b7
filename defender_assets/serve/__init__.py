"""Dagster on one machine, permanently: code server, daemon and webserver, kept running (``defender-assets serve``).

Here: starting the three, restarting one that exits, stopping all of them in order, reporting runs whose process has
disappeared, and the compliance reports as pages of the webserver. Not here: what Dagster runs (``definitions.py``), the
verb's options (``cli/serve.py``).

``dagster dev`` runs the same three, but exits when one of them does, and its code server, whose child processes the
runs are, belongs to the daemon. Here the code server stands alone: killing the daemon or the webserver does not touch a
run. A run that is killed is noticed within seconds and, as ``orchestration/dagster.yaml`` says, started once more.
"""

from .address import ListenAddress, check_free
from .code_location import serve_code_location
from .errors import AddressInUse, AlreadyServed, ProcessKeepsExiting, ServeError
from .supervisor import keep_serving

__all__ = [
    "AddressInUse",
    "AlreadyServed",
    "ListenAddress",
    "ProcessKeepsExiting",
    "ServeError",
    "check_free",
    "keep_serving",
    "serve_code_location",
]
