"""Dagster on one machine, permanently: code server, daemon and webserver, kept running (``make serve``).

Here: starting the three, restarting one that exits, stopping all of them in order, and reporting runs whose process
has disappeared. Not here: what Dagster runs (``definitions.py``), production with containers (``deploy/``).

``dagster dev`` runs the same three, but exits when one of them does, and its code server, whose child processes the
runs are, belongs to the daemon. Here the code server stands alone: killing the daemon or the webserver does not touch a
run. A run that is killed is noticed within seconds and, as ``deploy/dagster.yaml`` says, started once more.
"""
