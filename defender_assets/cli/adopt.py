"""``defender-assets adopt``: a tenant is given the tables that were refreshed under another name.

Here: options, and what is printed. Not here: moving them (``lake/adoption.py``).
"""

import click

from ..quantity import quantity
from ..tenant import DEFAULT_TENANT
from .console import print_line
from .errors import guarded


@click.command()
@click.argument("tenant")
@click.option(
    "--from", "former", default=DEFAULT_TENANT, show_default=True, help="The name under which they were refreshed."
)
@click.option("--yes", is_flag=True, help="Move them; without it, it is only said what would be moved.")
@guarded
def adopt(tenant: str, former: str, yes: bool) -> None:
    """Give a TENANT of DEFENDER_TENANTS the tables of a lake that began with one tenant, or of one that had another
    name. Nothing is fetched or written anew: folders of the lake are renamed."""
    from ..lake import adopt_tables
    from ..settings import Settings, check_tenant

    settings = Settings.load()
    check_tenant(settings, tenant)
    if tenant == former:
        raise click.UsageError(f"--from: the tables of {former} are those of {tenant} already.")
    adopted = adopt_tables(settings.lake, former, tenant, dry_run=not yes)
    what = f"{quantity(adopted.partitions, 'partition')} of {quantity(len(adopted.tables), 'table')}"
    if not adopted.tables:
        what = "Notes"  # a move was stopped after the last partition
    if yes:
        print_line(f"{what} of {former} are those of {tenant} now.")
        print_line("In Dagster's UI they appear as lake_partitions finds them, within ten minutes.")
    else:
        print_line(
            f"{what} of {former} would be moved to {tenant}; --yes moves them. Stop what refreshes {former} first."
        )
