"""Which tables a run is to make.

Here: the way from a step's context to the tables of its run. Not here: making them (``assets.py``).
"""

import dagster as dg

from ..refresh import TableRefresh, table_refreshes


def tables_of_run(context: dg.AssetExecutionContext) -> dict[str, TableRefresh]:
    """The tables of the run, in the order in which they can be made; of a run that goes on where another one failed,
    those that it still makes."""
    selected = context.run.asset_selection or context.job_def.asset_layer.selected_asset_keys
    names = {key.to_user_string() for key in selected}
    if context.run.step_keys_to_execute is not None:
        names &= set(context.run.step_keys_to_execute)
    return {name: table for name, table in table_refreshes().items() if name in names}
